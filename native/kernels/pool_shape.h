// Geometry of a windowed pooling op, as kernels see it: x[n,h,w,c] -> y[n,oh,ow,c].
// Verified by the op: every window covers at least one element of x, and no size product overflows.
#pragma once

#include <cstdint>

namespace lanewise {

struct PoolShape {
  int64_t n, h, w, c, oh, ow;
  int64_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
  /// Average pooling divides by kernel_h * kernel_w instead of the number of elements that exist.
  bool count_padding;
};

}  // namespace lanewise
