// adaptive_avg_pool2d: the means of windows that share the image out among them, and the gradient.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "adaptive_pool.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AdaptiveAvgPool2dAttrs>();
  return verify_adaptive(*args.inputs[0], args.outputs[0], attrs.out_h, attrs.out_w);
}

bool run(const OpContext& context) {
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  const AdaptivePoolShape shape = adaptive_shape(*context.inputs[0], context.outputs[0]);
  for_rows(context.parallel, shape.n * shape.oh, adaptive_row_elements(shape),
           [&](int64_t begin, int64_t end) { context.kernels.adaptive_avg_pool_rows(shape, x, y, begin, end); });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AdaptiveAvgPool2dDxAttrs>();
  const Tensor &dy = *args.inputs[0], &dx = args.outputs[0];
  if (dx.rank != 4 || dx.dims[1] != attrs.in_h || dx.dims[2] != attrs.in_w) return "dx is not in_h x in_w";
  return verify_adaptive(dx, dy, dy.dims[1], dy.dims[2]);
}

bool run_dx(const OpContext& context) {
  const float* dy = context.inputs[0]->as<float>();
  float* dx = context.outputs[0].as<float>();
  const AdaptivePoolShape shape = adaptive_shape(context.outputs[0], *context.inputs[0]);
  for_rows(context.parallel, shape.n * shape.h, shape.w * shape.c, [&](int64_t begin, int64_t end) {
    context.kernels.adaptive_avg_pool_backward_rows(shape, dy, dx, begin, end);
  });
  return true;
}

}  // namespace

const OpImpl adaptive_avg_pool2d_impl = {verify, nullptr, run};
const OpImpl adaptive_avg_pool2d_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
