// avg_pool2d: the mean of each window, and its gradient.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "around.h"
#include "checks.h"
#include "pool_geometry.h"
#include "split.h"

namespace lanewise {
namespace {

template <class Attrs>
const char* verify_counting(const Attrs& a) {
  if (!is_flag(a.count_padding)) return "count_padding must be 0 or 1";
  if (a.divisor < 0 || a.divisor > kMaxPositions) return "divisor must be from 0 to 2^24";
  const bool within =
      a.ceil_bottom >= 0 && a.ceil_bottom <= a.pad_bottom && a.ceil_right >= 0 && a.ceil_right <= a.pad_right;
  return within ? nullptr : "ceil_bottom and ceil_right must be parts of the padding";
}

template <class Attrs>
PoolShape avg_shape(const Tensor& x, const Tensor& y, const Attrs& a) {
  PoolShape shape = pool_shape(x, y, a);
  shape.divisor = a.divisor;
  if (a.divisor != 0 || a.count_padding == 0) return shape;
  if (a.ceil_bottom == 0 && a.ceil_right == 0) {
    shape.divisor = shape.kernel_h * shape.kernel_w;
  } else {
    shape.count_h = shape.h + a.pad_bottom - a.ceil_bottom;
    shape.count_w = shape.w + a.pad_right - a.ceil_right;
  }
  return shape;
}

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AvgPool2dAttrs>();
  if (const char* refused = verify_counting(attrs)) return refused;
  return verify_pool(*args.inputs[0], args.outputs[0], attrs);
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<AvgPool2dAttrs>();
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  const PoolShape shape = avg_shape(*context.inputs[0], context.outputs[0], attrs);
  for_rows(context.parallel, shape.n * shape.oh, window_row_elements(shape),
           [&](int64_t begin, int64_t end) { context.kernels.avg_pool_rows(shape, x, y, begin, end); });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AvgPool2dDxAttrs>();
  if (const char* refused = verify_counting(attrs)) return refused;
  return verify_pool_gradient(*args.inputs[0], args.outputs[0], attrs);
}

bool run_dx(const OpContext& context) {
  const auto& attrs = context.attrs_as<AvgPool2dDxAttrs>();
  const float* dy = context.inputs[0]->as<float>();
  float* dx = context.outputs[0].as<float>();
  PoolShape shape = avg_shape(context.outputs[0], *context.inputs[0], attrs);
  shape.around = goes_around(context);
  for_rows(context.parallel, shape.n * shape.h, shape.w * shape.c,
           [&](int64_t begin, int64_t end) { context.kernels.avg_pool_backward_rows(shape, dy, dx, begin, end); });
  return true;
}

}  // namespace

const OpImpl avg_pool2d_impl = {verify, nullptr, run};
const OpImpl avg_pool2d_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
