// The task of the kernels of local_response_norm: rows of c channels, and scratch memory for one row.
#pragma once

#include <cstdint>

namespace lanewise {

struct LocalResponseNorm {
  int64_t c;
  /// Neighbours in the window of a channel.
  int64_t before, after;
  /// alpha / size, and 2 * alpha * beta / size.
  float weight, factor;
  float beta, k;
  /// A row of x with `before` zeros in front and `after` behind.
  float* padded;
  /// For the gradient: a row of terms with `after` zeros in front and `before` behind, the rest of `before + after +
  /// c`.
  float* terms;
};

}  // namespace lanewise
