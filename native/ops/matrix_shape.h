// A matrix product as a convolution on one row: m pixels, k input channels, n output channels, a 1x1 kernel.
#pragma once

#include "conv_dw.h"
#include "conv_pass.h"

namespace lanewise {

inline Axis matrix_axis(int64_t size) { return {false, size, size, 1, 1, 0, 1}; }

/// out[m,n] = in[m,k] * w[k,n], or w[n,k] when transposed.
inline ConvPass matrix_pass(int64_t m, int64_t k, int64_t n, bool transposed) {
  return {1, matrix_axis(1), matrix_axis(m), 1, k, n, transposed};
}

/// out[k,n] = x[m,k]^T * dy[m,n], or dy[n,m] when dy_transposed: a reduction over m.
inline ConvDw matrix_dw(int64_t m, int64_t k, int64_t n, bool dy_transposed) {
  return {1, matrix_axis(1), matrix_axis(m), 1, k, n, dy_transposed};
}

}  // namespace lanewise
