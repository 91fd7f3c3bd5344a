// adaptive_max_pool2d: the largest values of windows that share the image out among them, their places in the image,
// and the gradient, which goes there.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "adaptive_pool.h"
#include "checks.h"
#include "pool_geometry.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify_index(const Tensor& x, const Tensor& y, const Tensor& index) {
  if (index.dtype != kI32 || !same_shape(index, y)) return "index must be i32 and have the shape of y";
  return x.dims[1] * x.dims[2] <= kMaxPositions ? nullptr : "an image has more than 2^24 positions";
}

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AdaptiveMaxPool2dAttrs>();
  const Tensor &x = *args.inputs[0], &y = args.outputs[0];
  if (const char* refused = verify_adaptive(x, y, attrs.out_h, attrs.out_w)) return refused;
  return verify_index(x, y, args.outputs[1]);
}

bool run(const OpContext& context) {
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  int32_t* index = context.outputs[1].as<int32_t>();
  const AdaptivePoolShape shape = adaptive_shape(*context.inputs[0], context.outputs[0]);
  for_rows(context.parallel, shape.n * shape.oh, adaptive_row_elements(shape),
           [&](int64_t begin, int64_t end) { context.kernels.adaptive_max_pool_rows(shape, x, y, index, begin, end); });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AdaptiveMaxPool2dDxAttrs>();
  const Tensor &dy = *args.inputs[0], &dx = args.outputs[0];
  if (dx.rank != 4 || dx.dims[1] != attrs.in_h || dx.dims[2] != attrs.in_w) return "dx is not in_h x in_w";
  if (const char* refused = verify_adaptive(dx, dy, dy.dims[1], dy.dims[2])) return refused;
  return verify_index(dx, dy, *args.inputs[1]);
}

bool run_dx(const OpContext& context) {
  const float* dy = context.inputs[0]->as<float>();
  const int32_t* index = context.inputs[1]->as<int32_t>();
  float* dx = context.outputs[0].as<float>();
  const AdaptivePoolShape shape = adaptive_shape(context.outputs[0], *context.inputs[0]);
  for_rows(context.parallel, shape.n * shape.h, shape.w * shape.c, [&](int64_t begin, int64_t end) {
    context.kernels.adaptive_max_pool_backward_rows(shape, dy, index, dx, begin, end);
  });
  return true;
}

}  // namespace

const OpImpl adaptive_max_pool2d_impl = {verify, nullptr, run};
const OpImpl adaptive_max_pool2d_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
