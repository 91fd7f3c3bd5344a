// binary: y = f(a, b), the operands broadcast to the shape of y.
// Axes that neither operand tells apart are merged, so that what is left is a few long rows: one row for operands of
// one shape, [n, h w, c] for a factor of each channel and image.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "broadcast_axes.h"
#include "channel_rows.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

/// The merged axes, outermost first; those of one position are dropped, but one is always left.
struct Walk {
  int rank = 0;
  int64_t dims[kMaxRank] = {1};
  int64_t a[kMaxRank] = {1};
  int64_t b[kMaxRank] = {1};

  explicit Walk(const OpArgs& args) {
    const Tensor& y = args.outputs[0];
    const BroadcastStrides from_a(*args.inputs[0], y), from_b(*args.inputs[1], y);
    for (int axis = 0; axis < y.rank; ++axis) append(y.dims[axis], from_a.of[axis], from_b.of[axis]);
    if (rank == 0) rank = 1;
  }

  /// Rows of a few channels, an operand with a value for each channel; which one: -1 for a, 1 for b, 0 for neither.
  int per_channel() const {
    constexpr int64_t kFew = 128;
    if (rank != 2 || dims[1] >= kFew || a[1] != 1 || b[1] != 1) return 0;
    return a[0] == 0 ? -1 : b[0] == 0 ? 1 : 0;
  }

 private:
  void append(int64_t size, int64_t a_stride, int64_t b_stride) {
    if (size == 1) return;
    if (rank > 0 && a[rank - 1] == size * a_stride && b[rank - 1] == size * b_stride) {
      dims[rank - 1] *= size;
    } else {
      dims[rank++] = size;
    }
    a[rank - 1] = a_stride;
    b[rank - 1] = b_stride;
  }
};

const char* verify(const OpArgs& args) {
  const int32_t kind = args.attrs_as<BinaryAttrs>().kind;
  if (kind < 0 || kind >= kBinaryKinds) return "unknown kind";
  const Tensor &a = *args.inputs[0], &b = *args.inputs[1], &y = args.outputs[0];
  if (!is_f32(a) || !is_f32(b) || !is_f32(y)) return "a, b and y must be f32";
  if (!broadcasts_to(a, y) || !broadcasts_to(b, y)) return "a and b must broadcast to y";
  for (int axis = 0; axis < y.rank; ++axis) {
    const auto size = [&](const Tensor& x) { return axis < y.rank - x.rank ? 1 : x.dims[axis - (y.rank - x.rank)]; };
    if (size(a) != y.dims[axis] && size(b) != y.dims[axis]) return "y must be no larger than a and b make it";
  }
  return nullptr;
}

int64_t workspace_bytes(const OpArgs& args, const Kernels& kernels, int) {
  const Walk walk(args);
  if (walk.per_channel() == 0) return 0;
  return ChannelRows(walk.dims[0], walk.dims[1], kernels.lanes).width() * static_cast<int64_t>(sizeof(float));
}

void run_channels(const OpContext& context, const Walk& walk) {
  const ChannelRows channel_rows(walk.dims[0], walk.dims[1], context.kernels.lanes);
  const bool first = walk.per_channel() < 0;
  const float* values =
      channel_rows.repeat(context.inputs[first ? 0 : 1]->as<float>(), reinterpret_cast<float*>(context.workspace));
  const float* rows = context.inputs[first ? 1 : 0]->as<float>();
  float* y = context.outputs[0].as<float>();
  const auto kind = static_cast<BinaryKind>(context.attrs_as<BinaryAttrs>().kind);
  channel_rows.run(context.parallel, [&](int64_t at, int64_t count, int64_t c) {
    const BinaryOperand one{values, 1, 0}, other{rows + at, 1, c};
    context.kernels.binary_rows({first ? one : other, first ? other : one, y + at, count, c, kind});
  });
}

void run_rows(const OpContext& context, const Walk& walk) {
  const float* a = context.inputs[0]->as<float>();
  const float* b = context.inputs[1]->as<float>();
  float* y = context.outputs[0].as<float>();
  const auto kind = static_cast<BinaryKind>(context.attrs_as<BinaryAttrs>().kind);
  const int last = walk.rank - 1;
  const int64_t whole = walk.dims[last];
  const int64_t length = std::min(whole, kItemElements);
  const int64_t pieces = (whole + length - 1) / length;
  // Rows that follow one another along the axis before the last go to the kernel together.
  const int64_t neighbours = last > 0 ? walk.dims[last - 1] : 1;
  const int64_t a_row = last > 0 ? walk.a[last - 1] : 0, b_row = last > 0 ? walk.b[last - 1] : 0;
  const auto run = [&](int64_t row, int64_t rows, int64_t first, int64_t count) {
    int64_t a_at = first * walk.a[last], b_at = first * walk.b[last], index = row;
    for (int axis = last - 1; axis >= 0; --axis) {
      a_at += index % walk.dims[axis] * walk.a[axis];
      b_at += index % walk.dims[axis] * walk.b[axis];
      index /= walk.dims[axis];
    }
    context.kernels.binary_rows(
        {{a + a_at, walk.a[last], a_row}, {b + b_at, walk.b[last], b_row}, y + row * whole + first, rows, count, kind});
  };
  for_rows(context.parallel, context.outputs[0].count / whole * pieces, length, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t row = begin / pieces, first = begin % pieces * length;
      const int64_t rows = pieces > 1 ? 1 : std::min(end - begin, neighbours - row % neighbours);
      run(row, rows, first, std::min(length, whole - first));
      begin += rows;
    }
  });
}

bool run(const OpContext& context) {
  const Walk walk(context);
  if (walk.per_channel() != 0) {
    run_channels(context, walk);
  } else {
    run_rows(context, walk);
  }
  return true;
}

}  // namespace

const OpImpl binary_impl = {verify, workspace_bytes, run};

}  // namespace lanewise
