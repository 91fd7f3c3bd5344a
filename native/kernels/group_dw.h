// The contract of the kernel for the weight gradient of groups of few channels: one group, some rows of dy.
// Sizes, offsets and strides are in floats.
#pragma once

#include <cstdint>

namespace lanewise {

/// sums[o * ld + r * run + j] = chain over i < rows, then p < cols of
///   x[i * x_next + r * x_row + p * x_step + j] * dy[i * dy_row + p * dy_step + o]
/// for o < outputs, r < kernel_rows, j < run: a kernel row's taps and channels are neighbours in x. Whole vectors of x
/// are read, up to the last one of each run.
struct GroupDw {
  const float* x;
  int64_t x_next, x_row, x_step;
  const float* dy;
  int64_t dy_row, dy_step;
  int64_t rows, cols;
  int64_t kernel_rows, run, outputs;
  float* sums;
  int64_t ld;
  bool resume;  // the chain starts from sums instead of +0
};

}  // namespace lanewise
