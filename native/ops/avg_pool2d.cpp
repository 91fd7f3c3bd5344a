// avg_pool2d: the mean of each window, and its gradient.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "pool_geometry.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AvgPool2dAttrs>();
  if (!is_flag(attrs.count_padding)) return "count_padding must be 0 or 1";
  return verify_pool(*args.inputs[0], args.outputs[0], attrs);
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<AvgPool2dAttrs>();
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  PoolShape shape = pool_shape(*context.inputs[0], context.outputs[0], attrs);
  shape.count_padding = attrs.count_padding != 0;
  for_rows(context.parallel, shape.n * shape.oh, window_row_elements(shape),
           [&](int64_t begin, int64_t end) { context.kernels.avg_pool_rows(shape, x, y, begin, end); });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AvgPool2dDxAttrs>();
  if (!is_flag(attrs.count_padding)) return "count_padding must be 0 or 1";
  return verify_pool_gradient(*args.inputs[0], args.outputs[0], attrs);
}

bool run_dx(const OpContext& context) {
  const auto& attrs = context.attrs_as<AvgPool2dDxAttrs>();
  const float* dy = context.inputs[0]->as<float>();
  float* dx = context.outputs[0].as<float>();
  PoolShape shape = pool_shape(context.outputs[0], *context.inputs[0], attrs);
  shape.count_padding = attrs.count_padding != 0;
  for_rows(context.parallel, shape.n * shape.h, shape.w * shape.c,
           [&](int64_t begin, int64_t end) { context.kernels.avg_pool_backward_rows(shape, dy, dx, begin, end); });
  return true;
}

}  // namespace

const OpImpl avg_pool2d_impl = {verify, nullptr, run};
const OpImpl avg_pool2d_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
