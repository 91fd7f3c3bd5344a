// global_max_pool2d: the largest value over h and w of each channel and its position, x[n,h,w,c] -> y[n,c], index[n,c],
// and the gradient, which goes there.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "pool_geometry.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify_shapes(const Tensor& x, const Tensor& y, const Tensor& index) {
  if (!is_f32(x) || !is_f32(y) || x.rank != 4 || y.rank != 2 || x.dims[0] != y.dims[0] || x.dims[3] != y.dims[1]) {
    return "x must be f32 [n,h,w,c], y f32 [n,c]";
  }
  if (index.dtype != kI32 || !same_shape(index, y)) return "index must be i32 [n,c]";
  return x.dims[1] * x.dims[2] <= kMaxPositions ? nullptr : "an image has more than 2^24 positions";
}

const char* verify(const OpArgs& args) { return verify_shapes(*args.inputs[0], args.outputs[0], args.outputs[1]); }

bool run(const OpContext& context) {
  const Tensor& x = *context.inputs[0];
  const int64_t positions = x.dims[1] * x.dims[2];
  const int64_t c = x.dims[3];
  float* y = context.outputs[0].as<float>();
  int32_t* index = context.outputs[1].as<int32_t>();
  for_rows(context.parallel, x.dims[0], positions * c, [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      context.kernels.global_max_pool(x.as<float>() + image * positions * c, positions, c, y + image * c,
                                      index + image * c);
    }
  });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<GlobalMaxPool2dDxAttrs>();
  const Tensor& dx = args.outputs[0];
  if (const char* refused = verify_shapes(dx, *args.inputs[0], *args.inputs[1])) return refused;
  return dx.dims[1] == attrs.in_h && dx.dims[2] == attrs.in_w ? nullptr : "dx is not in_h x in_w";
}

bool run_dx(const OpContext& context) {
  const Tensor& dx = context.outputs[0];
  const int64_t positions = dx.dims[1] * dx.dims[2];
  const int64_t c = dx.dims[3];
  const float* dy = context.inputs[0]->as<float>();
  const int32_t* index = context.inputs[1]->as<int32_t>();
  for_rows(context.parallel, dx.dims[0], positions * c, [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      context.kernels.global_max_pool_backward(dy + image * c, index + image * c, positions, c,
                                               dx.as<float>() + image * positions * c);
    }
  });
  return true;
}

}  // namespace

const OpImpl global_max_pool2d_impl = {verify, nullptr, run};
const OpImpl global_max_pool2d_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
