// What the pooling ops verify and hand to their kernels: a window over x[n,h,w,c] giving y[n,oh,ow,c].
#pragma once

#include <algorithm>
#include <numeric>

#include "../kernels/pool_shape.h"
#include "op.h"

namespace lanewise {

/// Positions in a window must be exact in fp32.
inline constexpr int64_t kMaxPositions = int64_t{1} << 24;

template <class Attrs>
PoolShape pool_shape(const Tensor& x, const Tensor& y, const Attrs& a) {
  // Of one tap there is no next one to be apart from.
  const int32_t dilation_h = a.kernel_h == 1 ? 1 : a.dilation_h, dilation_w = a.kernel_w == 1 ? 1 : a.dilation_w;
  return {x.dims[0],
          x.dims[1],
          x.dims[2],
          x.dims[3],
          y.dims[1],
          y.dims[2],
          a.kernel_h,
          a.kernel_w,
          a.stride_h,
          a.stride_w,
          a.pad_top,
          a.pad_left,
          dilation_h,
          dilation_w,
          dilation_h / std::gcd(dilation_h, a.stride_h),
          dilation_w / std::gcd(dilation_w, a.stride_w)};
}

/// Whether `kernel` taps, `dilation` apart, every `stride` over `size` elements padded by `before` and `after` give
/// exactly `outputs` windows, each of which holds at least one element.
inline bool window_fits(int64_t size, int64_t outputs, int64_t kernel, int64_t stride, int64_t before, int64_t after,
                        int64_t dilation) {
  constexpr int64_t kLargest = 1 << 16;
  if (kernel < 1 || stride < 1 || dilation < 1 || before < 0 || after < 0) return false;
  if (std::max({kernel, stride, dilation, before, after}) > kLargest) return false;
  const int64_t reach = (kernel - 1) * dilation + 1;
  const int64_t room = size + before + after - reach;
  if (before >= reach || after >= reach || room < 0 || room / stride + 1 != outputs) return false;
  if (size >= dilation) return true;
  // A window that begins in the padding may have one tap before the elements and the next one behind them.
  for (int64_t window = 0, start = -before; window < outputs && start < 0; ++window, start += stride) {
    if ((start % dilation + dilation) % dilation >= size) return false;
  }
  return true;
}

/// nullptr when the attributes lead from the sizes [n,h,w,c] to [n,oh,ow,c].
template <class Attrs>
const char* verify_windows(const int64_t* x, const int64_t* y, const Attrs& a) {
  if (!window_fits(x[1], y[1], a.kernel_h, a.stride_h, a.pad_top, a.pad_bottom, a.dilation_h) ||
      !window_fits(x[2], y[2], a.kernel_w, a.stride_w, a.pad_left, a.pad_right, a.dilation_w)) {
    return "the window does not fit: its size, stride, dilation and padding do not lead from x to y";
  }
  if (int64_t{a.kernel_h} * a.kernel_w > kMaxPositions) return "the window has more than 2^24 elements";
  return nullptr;
}

/// nullptr when x[n,h,w,c] -> y[n,oh,ow,c] is what the attributes say.
template <class Attrs>
const char* verify_pool(const Tensor& x, const Tensor& y, const Attrs& a) {
  if (x.dtype != kF32 || y.dtype != kF32 || x.rank != 4 || y.rank != 4) return "x and y must be f32 [n,h,w,c]";
  if (x.dims[0] != y.dims[0] || x.dims[3] != y.dims[3]) return "x and y must agree in batch and channels";
  return verify_windows(x.dims, y.dims, a);
}

/// As verify_pool for a gradient, whose attributes repeat the size of dx.
template <class Attrs>
const char* verify_pool_gradient(const Tensor& dy, const Tensor& dx, const Attrs& a) {
  if (dx.rank == 4 && (dx.dims[1] != a.in_h || dx.dims[2] != a.in_w)) return "dx is not in_h x in_w";
  return verify_pool(dx, dy, a);
}

/// Positions are bytes when they fit.
template <class Attrs>
int32_t index_dtype(const Attrs& a) {
  return int64_t{a.kernel_h} * a.kernel_w <= 256 ? kU8 : kI32;
}

/// Elements a window row costs, for splitting: what is read of x for one row of y.
inline int64_t window_row_elements(const PoolShape& s) {
  const int64_t rows = s.kernel_h < s.h ? s.kernel_h : s.h;
  return rows * s.w * s.c;
}

}  // namespace lanewise
