// What the adaptive pooling ops verify and hand to their kernels: x[n,h,w,c] -> y[n,oh,ow,c].
#pragma once

#include "../kernels/pool_shape.h"
#include "checks.h"

namespace lanewise {

inline const char* verify_adaptive(const Tensor& x, const Tensor& y, int64_t out_h, int64_t out_w) {
  if (!is_f32(x) || !is_f32(y) || x.rank != 4 || y.rank != 4) return "x and y must be f32 [n,h,w,c]";
  if (x.dims[0] != y.dims[0] || x.dims[3] != y.dims[3]) return "x and y must agree in batch and channels";
  return y.dims[1] == out_h && y.dims[2] == out_w ? nullptr : "y is not out_h x out_w";
}

inline AdaptivePoolShape adaptive_shape(const Tensor& x, const Tensor& y) {
  return {x.dims[0], x.dims[1], x.dims[2], x.dims[3], y.dims[1], y.dims[2]};
}

/// Elements of x that are read for one row of y, for splitting.
inline int64_t adaptive_row_elements(const AdaptivePoolShape& s) { return (s.h + s.oh - 1) / s.oh * s.w * s.c; }

}  // namespace lanewise
