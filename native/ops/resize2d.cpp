// resize2d and its gradient are the same walk with other tables: a row of the result is a weighted sum of rows, in
// scratch, and its pixels are weighted sums of that row's.
#include <cmath>
#include <cstring>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "resize_taps.h"
#include "split.h"

namespace lanewise {
namespace {

constexpr int64_t kLargest = int64_t{1} << 24;

template <class Attrs>
const char* verify_resize(const Attrs& attrs, const Tensor& x, const Tensor& y) {
  if (!is_f32(x) || !is_f32(y) || x.rank != 4 || y.rank != 4) return "the tensors must be f32 of rank 4";
  if (attrs.mode < kNearest || attrs.mode > kCorners) return "unknown mode";
  if (!std::isfinite(attrs.step_h) || !std::isfinite(attrs.step_w) || attrs.step_h < 0 || attrs.step_w < 0)
    return "the steps must be finite and not negative";
  if (x.dims[0] != y.dims[0] || x.dims[3] != y.dims[3]) return "images and channels must stay as they are";
  for (const Tensor* t : {&x, &y}) {
    if (t->dims[1] > kLargest || t->dims[2] > kLargest) return "a map is too large";
  }
  return nullptr;
}

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<Resize2dAttrs>();
  const Tensor& y = args.outputs[0];
  if (const char* wrong = verify_resize(attrs, *args.inputs[0], y)) return wrong;
  return y.dims[1] == attrs.out_h && y.dims[2] == attrs.out_w ? nullptr : "y has another size than the attributes say";
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<Resize2dDxAttrs>();
  const Tensor& dx = args.outputs[0];
  if (const char* wrong = verify_resize(attrs, *args.inputs[0], dx)) return wrong;
  return dx.dims[1] == attrs.in_h && dx.dims[2] == attrs.in_w ? nullptr : "dx has another size than the attributes say";
}

/// The tables of both axes, and those they are made from for the gradient.
struct Plan {
  AxisResize rows, columns;
  bool gradient;
  Layout layout;
  TapsLayout row_taps, column_taps, row_back, column_back;
  int64_t row_floats, at_scratch, scratch_bytes;

  Plan(const AxisResize& r, const AxisResize& c, bool back, int64_t floats, int threads)
      : rows(r),
        columns(c),
        gradient(back),
        row_taps(layout, r.to, 2 * r.to),
        column_taps(layout, c.to, 2 * c.to),
        row_back(layout, back ? r.from : 0, back ? 2 * r.to : 0),
        column_back(layout, back ? c.from : 0, back ? 2 * c.to : 0),
        row_floats(floats) {
    at_scratch = layout.bytes;
    scratch_bytes = sat_mul(ceil_div(floats, 16), 64);
    layout.bytes = sat_add(layout.bytes, sat_mul(scratch_bytes, threads));
  }
};

/// `in` is what is read: x, or dy for the gradient.
template <class Attrs>
Plan make_plan(const OpArgs& args, bool gradient, int threads) {
  const auto& attrs = args.attrs_as<Attrs>();
  const Tensor &in = *args.inputs[0], &out = args.outputs[0];
  const Tensor &x = gradient ? out : in, &y = gradient ? in : out;
  return {{attrs.mode, x.dims[1], y.dims[1], attrs.step_h},
          {attrs.mode, x.dims[2], y.dims[2], attrs.step_w},
          gradient,
          sat_mul(in.dims[2], in.dims[3]),
          threads};
}

template <class Attrs, bool kGradient>
int64_t workspace(const OpArgs& args, const Kernels&, int threads) {
  const int64_t bytes = make_plan<Attrs>(args, kGradient, threads).layout.bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

template <class Attrs, bool kGradient>
bool run(const OpContext& context) {
  const Plan plan = make_plan<Attrs>(context, kGradient, context.parallel.threads());
  const Tensor &in = *context.inputs[0], &out = context.outputs[0];
  Taps rows = plan.row_taps.in(context.workspace), columns = plan.column_taps.in(context.workspace);
  plan.rows.fill(rows);
  plan.columns.fill(columns);
  if (kGradient) {
    const Taps row_back = plan.row_back.in(context.workspace), column_back = plan.column_back.in(context.workspace);
    plan.rows.transpose(rows, row_back);
    plan.columns.transpose(columns, column_back);
    rows = row_back, columns = column_back;
  }
  const Kernels& kernels = context.kernels;
  const bool picks = !kGradient && plan.rows.mode == kNearest;
  const int64_t in_h = in.dims[1], in_w = in.dims[2], out_h = out.dims[1], out_w = out.dims[2], c = out.dims[3];
  const int64_t in_row = plan.row_floats, out_row = out_w * c;
  const float* const x = in.as<float>();
  float* const y = out.as<float>();

  const auto resize_rows = [&](int64_t begin, int64_t end, int worker) {
    float* const scratch = reinterpret_cast<float*>(context.workspace + plan.at_scratch + worker * plan.scratch_bytes);
    for (int64_t row = begin; row < end; ++row) {
      const int64_t p = row % out_h;
      const float* const from = x + (row / out_h * in_h + rows.first[p]) * in_row;
      float* const to = y + row * out_row;
      if (!picks) {
        const int32_t at = rows.offsets[p];
        kernels.blend_rows(from, in_row, rows.weights + at, rows.offsets[p + 1] - at, in_row, scratch);
        kernels.blend_pixels(scratch, in_w, columns.first, columns.offsets, columns.weights, out_w, c, to);
      } else if (row > begin && p > 0 && rows.first[p] == rows.first[p - 1]) {
        std::memcpy(to, to - out_row, static_cast<size_t>(out_row) * sizeof(float));
      } else {
        kernels.pick_pixels(from, in_w, columns.first, out_w, c, to);
      }
    }
  };
  const int64_t all_rows = in.dims[0] * out_h, work = in.count > out.count ? in.count : out.count;
  if (work < kSharedElements) {
    resize_rows(0, all_rows, 0);
    return true;
  }
  const int64_t taken = max_of(1, kItemElements / max_of(1, work / all_rows));
  context.parallel.run(ceil_div(all_rows, taken), [&](int64_t item, int worker) {
    resize_rows(item * taken, min_of(all_rows, (item + 1) * taken), worker);
  });
  return true;
}

}  // namespace

const OpImpl resize2d_impl = {verify, workspace<Resize2dAttrs, false>, run<Resize2dAttrs, false>};
const OpImpl resize2d_dx_impl = {verify_dx, workspace<Resize2dDxAttrs, true>, run<Resize2dDxAttrs, true>};

}  // namespace lanewise
