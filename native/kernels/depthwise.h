// The contracts of the depthwise kernels: each channel is a convolution of its own, so vectors run over channels.
// Sizes, offsets and strides are in floats.
#pragma once

#include <cstdint>

namespace lanewise {

/// y[p][c] = activation(bias[c] + chain over rows r, then taps t of x[r][p * step + t][c] * w[r][t * w_step + c]),
/// from <= c < to; flipped: of x[r][p * step + taps - 1 - t][c]. Neighbouring pixels of one row of the map share most
/// of what they read: step < taps.
struct DepthwiseRow {
  const float* const* const* x;  // [rows]: a list of pixels for each row of the kernel
  const float* const* w;         // [rows]
  int64_t rows;
  int64_t taps;  // of a row
  int64_t step;  // in the list, from a pixel's inputs to the next one's
  bool flipped;
  int64_t w_step;
  float* const* y;  // [pixels]; never overlaps x or w
  int64_t pixels;
  int64_t from, to;
  const float* bias;  // or nullptr
  int32_t activation;
  float slope;
  bool around;  // written around the caches: pixels are whole cache lines
};

/// dw[rows of the kernel r][tap t][c] continues with the chain over p < pixels of x[r][first + p * stride + t *
/// dilation][c] * dy[p][c], 0 <= c < channels, where columns outside [0, width) of x are left out.
struct DepthwiseRowDw {
  const float* const* x;  // [rows]: column 0 of the row
  float* const* dw;       // [rows]
  int64_t rows;
  int64_t taps;
  int64_t first, stride, dilation, width;
  int64_t x_step;   // between columns
  int64_t dw_step;  // between taps
  const float* dy;
  int64_t dy_step;
  int64_t pixels;
  int64_t channels;
};

}  // namespace lanewise
