// The contracts of the depthwise kernels: each channel is a convolution of its own, so vectors run over channels.
// Sizes, offsets and strides are in floats.
#pragma once

#include <cstdint>

#include "gemm_tile.h"

namespace lanewise {

/// y[p][c] = activation(bias[c] + chain over taps t of x[p][t.x + c] * w[t.w + c]), 0 <= c < channels.
struct DepthwisePanel {
  const float* const* x;  // [pixels]
  float* const* y;        // [pixels]; never overlaps x or w
  int64_t pixels;
  const Tap* taps;
  int64_t n_taps;
  const float* w;
  int64_t channels;
  const float* bias;  // or nullptr
  int32_t activation;
  float slope;
};

/// dw[t * dw_stride + c] = chain over segments s, then p < lengths[s] of x[s][x_taps[t] + p * x_stride + c] *
/// dy[s][p * dy_stride + c], 0 <= t < n_taps, 0 <= c < channels.
struct DepthwisePanelDw {
  const float* const* x;
  const float* const* dy;
  const int64_t* lengths;
  int64_t segments;
  const int64_t* x_taps;
  int64_t n_taps;
  int64_t x_stride;
  int64_t dy_stride;
  int64_t x_offset;   // added to every x
  int64_t dy_offset;  // added to every dy
  float* dw;
  int64_t dw_stride;
  int64_t channels;
};

}  // namespace lanewise
