// pad: positions added around a tensor; pad_dx adds the gradients of all positions that show an element.
// Both go by rows: the last padded axis with what lies inside it, of which only the ends are not one copy.
#include <cstring>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"
#include "strided_copy.h"

namespace lanewise {
namespace {

enum PadMode : int32_t { kConstant = 0, kReflect = 1, kReplicate = 2, kCircular = 3 };

/// Half-open range of positions of the padded axis.
struct Span {
  int64_t begin, end;
};

/// One axis: `size` positions and what is added to them. Positions of the padded axis are counted from its first one.
struct PaddedAxis {
  int32_t mode;
  int64_t before, size, after;

  int64_t padded() const { return before + size + after; }

  bool valid() const {
    if (before < 0 || after < 0) return false;
    const int64_t most = before > after ? before : after;
    return mode == kReflect ? most < size : mode != kCircular || most <= size;
  }

  /// The inner position that `at` shows, -1 for none.
  int64_t shown(int64_t at) const {
    at -= before;
    if (at >= 0 && at < size) return at;
    if (mode == kReflect) return at < 0 ? -at : 2 * (size - 1) - at;
    if (mode == kReplicate) return at < 0 ? 0 : size - 1;
    if (mode == kCircular) return at < 0 ? at + size : at - size;
    return -1;
  }

  /// The positions in front that show inner position `i`, and those behind.
  Span in_front(int64_t i) const {
    if (mode == kReplicate) return {0, i == 0 ? before : 0};
    const int64_t at = mode == kReflect ? before - i : before + i - size;
    return {at, at >= 0 && at < before ? at + 1 : at};
  }
  Span behind(int64_t i) const {
    const int64_t end = padded();
    if (mode == kReplicate) return {before + size, i == size - 1 ? end : before + size};
    const int64_t at = mode == kReflect ? before + 2 * (size - 1) - i : before + i + size;
    return {at, at >= before + size && at < end ? at + 1 : at};
  }
};

/// The axes of a padding, `inner` being the tensor without it and `words` six sides before and six after.
struct Padding {
  PaddedAxis axes[kMaxRank];
  /// The last axis that is padded: a row is this axis and `run` elements for each of its positions.
  int last = 0;
  int64_t run = 1;

  Padding(int32_t mode, const int32_t* words, const Tensor& inner) {
    for (int axis = 0; axis < kMaxRank; ++axis) {
      const bool used = axis < inner.rank;
      axes[axis] = {mode, used ? words[axis] : 0, inner.dims[axis], used ? words[kMaxRank + axis] : 0};
      if (axes[axis].padded() > axes[axis].size) last = axis;
    }
    for (int axis = last + 1; axis < inner.rank; ++axis) run *= inner.dims[axis];
  }

  int64_t inner_row() const { return axes[last].size * run; }
  int64_t padded_row() const { return axes[last].padded() * run; }
};

const char* verify_sides(const Padding& padding, const Tensor& inner, const Tensor& padded) {
  if (!is_f32(inner) || !is_f32(padded) || inner.rank != padded.rank) return "the tensors must be f32 of one rank";
  for (int axis = 0; axis < inner.rank; ++axis) {
    if (!padding.axes[axis].valid()) return "the padding is negative or larger than its mode allows";
    if (padding.axes[axis].padded() != padded.dims[axis]) return "the sizes differ by something else than the padding";
  }
  return nullptr;
}

Padding forward_padding(const OpArgs& args) {
  return {args.attrs_as<PadAttrs>().mode, attr_words(args) + 2, *args.inputs[0]};
}

Padding dx_padding(const OpArgs& args) {
  return {args.attrs_as<PadDxAttrs>().mode, attr_words(args) + 1, args.outputs[0]};
}

const char* verify(const OpArgs& args) {
  const PadAttrs& attrs = args.attrs_as<PadAttrs>();
  if (attrs.mode < kConstant || attrs.mode > kCircular || !std::isfinite(attrs.value)) return "unknown mode or value";
  return verify_sides(forward_padding(args), *args.inputs[0], args.outputs[0]);
}

const char* verify_dx(const OpArgs& args) {
  const int32_t mode = args.attrs_as<PadDxAttrs>().mode;
  if (mode < kReflect || mode > kCircular) return "unknown mode";
  return verify_sides(dx_padding(args), args.outputs[0], *args.inputs[0]);
}

/// The inner row that row `row` of the padded tensor shows, -1 for none.
int64_t shown_row(const Padding& padding, int64_t row) {
  int64_t shown = 0, stride = 1;
  for (int axis = padding.last - 1; axis >= 0; --axis) {
    const PaddedAxis& a = padding.axes[axis];
    const int64_t at = a.shown(row % a.padded());
    if (at < 0) return -1;
    row /= a.padded();
    shown += at * stride;
    stride *= a.size;
  }
  return shown;
}

bool run(const OpContext& context) {
  const Padding padding = forward_padding(context);
  const Kernels& kernels = context.kernels;
  const float value = context.attrs_as<PadAttrs>().value;
  const float* const x = context.inputs[0]->as<float>();
  float* const y = context.outputs[0].as<float>();
  const PaddedAxis& axis = padding.axes[padding.last];
  const int64_t run = padding.run, padded_row = padding.padded_row(), inner_row = padding.inner_row();
  const auto ends = [&](const float* from, float* to, int64_t begin, int64_t end) {
    if (axis.mode == kConstant) return kernels.fill_value(to + begin * run, (end - begin) * run, value);
    for (int64_t at = begin; at < end; ++at) {
      std::memcpy(to + at * run, from + axis.shown(at) * run, static_cast<size_t>(run) * sizeof(float));
    }
  };
  for_rows(context.parallel, context.outputs[0].count / padded_row, padded_row, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* const to = y + row * padded_row;
      const int64_t shown = shown_row(padding, row);
      if (shown < 0) {
        kernels.fill_value(to, padded_row, value);
        continue;
      }
      const float* const from = x + shown * inner_row;
      ends(from, to, 0, axis.before);
      std::memcpy(to + axis.before * run, from, static_cast<size_t>(inner_row) * sizeof(float));
      ends(from, to, axis.before + axis.size, axis.padded());
    }
  });
  return true;
}

/// One row of dx: the rows of dy that show it, in order, added position by position.
class RowGradient {
 public:
  RowGradient(const Padding& padding, const Kernels& kernels, const float* dy, float* dx)
      : padding_(padding), ends_(padding.axes[padding.last]), kernels_(kernels), dy_(dy), dx_(dx) {}

  void run(int64_t row) {
    to_ = dx_ + row * padding_.inner_row();
    kernels_.fill_value(to_, padding_.inner_row(), 0.0f);
    for (int axis = padding_.last - 1; axis >= 0; --axis) {
      position_[axis] = row % padding_.axes[axis].size;
      row /= padding_.axes[axis].size;
    }
    add_rows(0, 0);
  }

 private:
  /// All rows whose positions along the axes before `axis` give `row`.
  void add_rows(int axis, int64_t row) {
    // `last` is below kMaxRank, which the compiler does not know and warns of.
    if (axis >= padding_.last || axis >= kMaxRank) return add_row(dy_ + row * padding_.padded_row());
    const PaddedAxis& a = padding_.axes[axis];
    const int64_t i = position_[axis], first = row * a.padded();
    const Span front = a.in_front(i), behind = a.behind(i);
    for (int64_t at = front.begin; at < front.end; ++at) add_rows(axis + 1, first + at);
    add_rows(axis + 1, first + a.before + i);
    for (int64_t at = behind.begin; at < behind.end; ++at) add_rows(axis + 1, first + at);
  }

  void add_row(const float* from) {
    add_ends(from, 0, ends_.before);
    add(from + ends_.before * padding_.run, to_, padding_.inner_row());
    add_ends(from, ends_.before + ends_.size, ends_.padded());
  }

  void add_ends(const float* from, int64_t begin, int64_t end) {
    const int64_t run = padding_.run;
    for (int64_t at = begin; at < end; ++at) add(from + at * run, to_ + ends_.shown(at) * run, run);
  }

  void add(const float* from, float* to, int64_t count) { kernels_.add_forward(to, from, to, count, 0, 0.0f, false); }

  const Padding& padding_;
  const PaddedAxis& ends_;
  const Kernels& kernels_;
  const float* const dy_;
  float* const dx_;
  float* to_ = nullptr;
  int64_t position_[kMaxRank] = {};
};

bool run_dx(const OpContext& context) {
  const Padding padding = dx_padding(context);
  const float* const dy = context.inputs[0]->as<float>();
  float* const dx = context.outputs[0].as<float>();
  const int64_t rows = context.outputs[0].count / padding.inner_row();
  for_rows(context.parallel, rows, padding.padded_row(), [&](int64_t begin, int64_t end) {
    RowGradient gradient(padding, context.kernels, dy, dx);
    for (int64_t row = begin; row < end; ++row) gradient.run(row);
  });
  return true;
}

}  // namespace

const OpImpl pad_impl = {verify, nullptr, run};
const OpImpl pad_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
