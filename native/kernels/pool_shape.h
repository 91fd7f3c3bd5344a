// Geometry of windowed pooling ops, as kernels see it: x[n,h,w,c] -> y[n,oh,ow,c].
// Verified by the op: every window covers at least one element of x, and no size product overflows.
#pragma once

#include <cstdint>

namespace lanewise {

struct PoolShape {
  int64_t n, h, w, c, oh, ow;
  int64_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
  /// The windows with a tap on one position are this far apart: dilation / gcd(dilation, stride).
  int64_t period_h, period_w;
  /// What an average divides by; 0: the number of elements that count.
  int64_t divisor = 0;
  /// Elements count, padding included, up to this row and column; 0: those of x only.
  int64_t count_h = 0, count_w = 0;
  /// A gradient is written around the caches.
  bool around = false;
};

/// Windows that share the rows and columns out among them: window i has positions floor(i * size / windows) up to
/// ceil((i + 1) * size / windows).
struct AdaptivePoolShape {
  int64_t n, h, w, c, oh, ow;
};

}  // namespace lanewise
