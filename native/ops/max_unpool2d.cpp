// max_unpool2d: x[n,oh,ow,c] put back at its positions in y[n,h,w,c], and the gradient, fetched from there.
#include <cstring>

#include "../generated/op_table.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify_shapes(const Tensor& pooled, const Tensor& position, const Tensor& whole) {
  if (pooled.rank != 4 || whole.rank != 4) return "the tensors must be [n,h,w,c]";
  if (position.dtype != kI32 || !same_shape(position, pooled)) return "position must be i32 and have the pooled shape";
  if (whole.dims[0] != pooled.dims[0] || whole.dims[3] != pooled.dims[3]) return "batch and channels must agree";
  return whole.dims[1] * whole.dims[2] <= INT32_MAX ? nullptr : "an image has 2^31 pixels or more";
}

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<MaxUnpool2dAttrs>();
  const Tensor &x = *args.inputs[0], &y = args.outputs[0];
  if (!is_f32(x) || !is_f32(y)) return "x and y must be f32";
  if (const char* refused = verify_shapes(x, *args.inputs[1], y)) return refused;
  return y.dims[1] == attrs.out_h && y.dims[2] == attrs.out_w ? nullptr : "y is not out_h x out_w";
}

/// The pixel of a position, which may be any number.
int64_t pixel_of(int32_t position, int32_t pixels) {
  const int32_t pixel = position % pixels;
  return pixel < 0 ? pixel + pixels : pixel;
}

bool run(const OpContext& context) {
  const Tensor &x = *context.inputs[0], &y = context.outputs[0];
  const int32_t* position = context.inputs[1]->as<int32_t>();
  const int64_t c = x.dims[3], rows = x.dims[1] * x.dims[2];
  const auto pixels = static_cast<int32_t>(y.dims[1] * y.dims[2]);
  // Channels never meet: cut into runs of whole cache lines, so that a small batch keeps all threads busy.
  constexpr int64_t kRun = 64;
  const int64_t runs = (c + kRun - 1) / kRun;
  share(context.parallel, x.dims[0] * runs, y.count, [&](int64_t item) {
    const int64_t image = item / runs, first = item % runs * kRun, width = std::min(kRun, c - first);
    float* to = y.as<float>() + image * pixels * c + first;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      std::memset(to + pixel * c, 0, static_cast<size_t>(width) * sizeof(float));
    }
    for (int64_t row = 0, at = image * rows * c + first; row < rows; ++row, at += c) {
      for (int64_t k = 0; k < width; ++k) {
        to[pixel_of(position[at + k], pixels) * c + k] += x.as<float>()[at + k];
      }
    }
  });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const Tensor &dy = *args.inputs[0], &dx = args.outputs[0];
  if ((dy.dtype != kF32 && dy.dtype != kI32) || dx.dtype != dy.dtype) return "dy and dx must both be f32 or i32";
  return verify_shapes(dx, *args.inputs[1], dy);
}

bool run_dx(const OpContext& context) {
  const Tensor &dy = *context.inputs[0], &dx = context.outputs[0];
  const int32_t* position = context.inputs[1]->as<int32_t>();
  const int64_t c = dx.dims[3], rows = dx.dims[1] * dx.dims[2];
  const auto pixels = static_cast<int32_t>(dy.dims[1] * dy.dims[2]);
  for_rows(context.parallel, dx.dims[0] * rows, c, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t start = row / rows * pixels * c;
      for (int64_t k = 0, at = row * c; k < c; ++k, ++at) {
        // Moved as bits: both types have four bytes.
        dx.as<int32_t>()[at] = dy.as<int32_t>()[start + pixel_of(position[at], pixels) * c + k];
      }
    }
  });
  return true;
}

}  // namespace

const OpImpl max_unpool2d_impl = {verify, nullptr, run};
const OpImpl max_unpool2d_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
