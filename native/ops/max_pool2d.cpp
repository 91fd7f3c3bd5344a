// max_pool2d: the largest value of each window and its position in the window, and the gradient, which goes there.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "around.h"
#include "checks.h"
#include "pool_geometry.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<MaxPool2dAttrs>();
  if (const char* refused = verify_pool(*args.inputs[0], args.outputs[0], attrs)) return refused;
  const bool fits = args.outputs[1].dtype == index_dtype(attrs) && same_shape(args.outputs[1], args.outputs[0]);
  return fits ? nullptr : "index must have the shape of y, u8 for windows of up to 256 elements, else i32";
}

bool run(const OpContext& context) {
  const Tensor& y = context.outputs[0];
  const Tensor& index = context.outputs[1];
  const PoolShape shape = pool_shape(*context.inputs[0], y, context.attrs_as<MaxPool2dAttrs>());
  const float* x = context.inputs[0]->as<float>();
  for_rows(context.parallel, shape.n * shape.oh, window_row_elements(shape), [&](int64_t begin, int64_t end) {
    if (index.dtype == kU8) {
      context.kernels.max_pool_rows_u8(shape, x, y.as<float>(), index.as<uint8_t>(), begin, end);
    } else {
      context.kernels.max_pool_rows_i32(shape, x, y.as<float>(), index.as<int32_t>(), begin, end);
    }
  });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<MaxPool2dDxAttrs>();
  const Tensor& dy = *args.inputs[0];
  const Tensor& index = *args.inputs[1];
  if (const char* refused = verify_pool_gradient(dy, args.outputs[0], attrs)) return refused;
  const bool fits = index.dtype == index_dtype(attrs) && same_shape(index, dy);
  return fits ? nullptr : "index must have the shape of dy, u8 for windows of up to 256 elements, else i32";
}

bool run_dx(const OpContext& context) {
  const float* dy = context.inputs[0]->as<float>();
  const Tensor& index = *context.inputs[1];
  float* dx = context.outputs[0].as<float>();
  PoolShape shape = pool_shape(context.outputs[0], *context.inputs[0], context.attrs_as<MaxPool2dDxAttrs>());
  shape.around = goes_around(context);
  for_rows(context.parallel, shape.n * shape.h, shape.w * shape.c, [&](int64_t begin, int64_t end) {
    if (index.dtype == kU8) {
      context.kernels.max_pool_backward_rows_u8(shape, dy, index.as<uint8_t>(), dx, begin, end);
    } else {
      context.kernels.max_pool_backward_rows_i32(shape, dy, index.as<int32_t>(), dx, begin, end);
    }
  });
  return true;
}

}  // namespace

const OpImpl max_pool2d_impl = {verify, nullptr, run};
const OpImpl max_pool2d_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
