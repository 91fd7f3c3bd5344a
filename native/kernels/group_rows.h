// The contract of the kernel for grouped convolutions with few channels a group: one group, down the rows of a map.
// Sizes, offsets and strides are in floats; strides may be negative.
#pragma once

#include <cstdint>

namespace lanewise {

/// Rows of the kernel, and rows of outputs that are computed side by side.
inline constexpr int64_t kGroupRows = 3;

/// y[i * y_row + p * y_step + j] = activation(bias[j] + chain over r < kGroupRows, taps t, then c < k of
///   x[(i + r) * x_row + p * x_step + taps[t] + c] * w[((r * n_taps + t) * k + c) * ldw + j])
/// for i < rows, p < cols, j < n. The chain is fused multiply-adds from +0 in exactly that order. Rows of w can be read
/// up to a whole number of vectors. y never overlaps x or w.
struct GroupRows {
  const float* x;
  int64_t x_row, x_step;
  const int64_t* taps;  // [n_taps]
  int64_t n_taps;
  int64_t k;  // at least 1
  const float* w;
  int64_t ldw;
  float* y;
  int64_t y_row, y_step;
  int64_t rows, cols;
  int n;              // 1..lanes
  const float* bias;  // or nullptr
  int32_t activation;
  float slope;
};

}  // namespace lanewise
