// The task of kernel cross_entropy_backward_rows.
#pragma once

#include <cstdint>

namespace lanewise {

/// dx = (p sum(t) - t) * scale; t is own * w[label] at the row's label, on top of w * off everywhere, and sums to that
/// plus `shared`. Without weights w is 1, and t at the label is `on`. Rows labelled `ignored` are 0. A label outside
/// [0,k) is on nowhere. dx may be p.
struct CrossEntropyGradient {
  const int32_t* labels;
  const float* weights;
  int64_t k;
  int32_t ignored;
  float on = 0, off = 0, scale = 0;
  double own = 0, shared = 0;
};

}  // namespace lanewise
