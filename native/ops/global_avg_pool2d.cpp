// global_avg_pool2d: the mean over h and w of each channel, x[n,h,w,c] -> y[n,c], and its gradient.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

bool fits(const Tensor& x, const Tensor& y) {
  return is_f32(x) && is_f32(y) && x.rank == 4 && y.rank == 2 && x.dims[0] == y.dims[0] && x.dims[3] == y.dims[1];
}

const char* verify(const OpArgs& args) {
  return fits(*args.inputs[0], args.outputs[0]) ? nullptr : "x must be f32 [n,h,w,c], y f32 [n,c]";
}

bool run(const OpContext& context) {
  const Tensor& x = *context.inputs[0];
  const int64_t positions = x.dims[1] * x.dims[2];
  const int64_t c = x.dims[3];
  float* y = context.outputs[0].as<float>();
  for_rows(context.parallel, x.dims[0], positions * c, [&](int64_t begin, int64_t end) {
    float* to = y + begin * c;
    context.kernels.column_sum(x.as<float>() + begin * positions * c, end - begin, positions, c, c, to, c);
    context.kernels.divide_by(to, to, (end - begin) * c, static_cast<float>(positions));
  });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<GlobalAvgPool2dDxAttrs>();
  const Tensor& dx = args.outputs[0];
  if (!fits(dx, *args.inputs[0])) return "dx must be f32 [n,h,w,c], dy f32 [n,c]";
  return dx.dims[1] == attrs.in_h && dx.dims[2] == attrs.in_w ? nullptr : "dx is not in_h x in_w";
}

bool run_dx(const OpContext& context) {
  const Tensor& dx = context.outputs[0];
  const int64_t positions = dx.dims[1] * dx.dims[2];
  const int64_t c = dx.dims[3];
  const float* dy = context.inputs[0]->as<float>();
  for_rows(context.parallel, dx.dims[0], positions * c, [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image) {
      context.kernels.global_avg_pool_backward(dy + image * c, positions, c, dx.as<float>() + image * positions * c);
    }
  });
  return true;
}

}  // namespace

const OpImpl global_avg_pool2d_impl = {verify, nullptr, run};
const OpImpl global_avg_pool2d_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
