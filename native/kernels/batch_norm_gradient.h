// What the kernels of batch_norm2d's gradients read: two matrices and a vector per channel each. No memory is owned.
#pragma once

#include <cstdint>

namespace lanewise {

struct BatchNormGradient {
  const float *dy, *x;
  const float *mean, *rstd, *gamma, *beta;
  int32_t activation;
  float slope;

  /// The same from column `column` and element `at` of the matrices on.
  BatchNormGradient from(int64_t at, int64_t column) const {
    return {dy + at, x + at, mean + column, rstd + column, gamma + column, beta + column, activation, slope};
  }
};

}  // namespace lanewise
