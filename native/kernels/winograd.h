// The contracts of the Winograd kernels (winograd.inl has the mathematics). A tile is 4x4 outputs and the 6x6 patch of
// inputs that they need; transformed it is 36 positions, `stride` floats apart. Pixels are pointers to channel 0, row
// by row: the caller points those outside the map at zeros, or at memory that nobody reads. `next` are the pixels of
// the tile that will be transformed next, to be fetched from memory.
//   winograd_input            to = B^T d B of 6x6 pixels; writes channels rounded up to whole vectors (16 floats at
//   most) winograd_output_gradient  to = A dy A^T of 4x4 pixels; likewise winograd_weights          to = G g G^T,
//   elementwise over `count` floats of each of 3x3 taps
#pragma once

#include <cstdint>

namespace lanewise {

inline constexpr int kWinogradOut = 4;
inline constexpr int kWinogradIn = 6;
inline constexpr int kWinogradPositions = 36;

/// y = activation(A^T m A + bias) for n channels of one tile.
struct WinogradOutputTask {
  const float* m;  // positions m_stride apart
  int64_t m_stride;
  int n;
  const float* bias;  // or nullptr
  int32_t activation;
  float slope;
  float* const* y;       // 4x4, each moved by y_offset
  float* const* next_y;  // those of the next tile
  int64_t y_offset;
};

/// dw[tap * tap_stride + row * ldw + j] = G^T s G of the 36 sums[position * stride + row * width + j], 0 <= j < n.
struct WinogradWeightsGradientTask {
  const float* sums;
  int64_t stride;
  int64_t rows;
  int64_t width;
  int n;
  float* dw;
  int64_t tap_stride;
  int64_t ldw;
};

}  // namespace lanewise
