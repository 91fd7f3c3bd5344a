// The contracts of the Winograd kernels (winograd.inl has the mathematics). Two forms, named by the taps of their
// kernel: 3 is F(4x4, 3x3), tiles of 4x4 outputs and the 6x6 patches of inputs that they need; 2 is F(3x3, 2x2), 3x3
// and 4x4. Transformed, a tile is as many positions as its patch has pixels, `stride` floats apart. Pixels are pointers
// to channel 0, row by row: the caller points those outside the map at zeros, or at memory that nobody reads. `next`
// are the pixels of the tile that will be transformed next, to be fetched from memory.
//   winograd_input            to = B^T d B of a patch; writes channels rounded up to whole vectors (16 floats at most)
//   winograd_output_gradient  to = A dy A^T of a tile of outputs; likewise
//   winograd_weights          to = G g G^T, elementwise over `count` floats of each tap
#pragma once

#include <cstdint>

namespace lanewise {

inline constexpr int winograd_out(int taps) { return taps == 3 ? 4 : 3; }
inline constexpr int winograd_in(int taps) { return taps == 3 ? 6 : 4; }
inline constexpr int kWinogradMostPositions = 36;

/// y = activation(A^T m A + bias) for n channels of one tile.
struct WinogradOutputTask {
  int taps;
  const float* m;  // positions m_stride apart
  int64_t m_stride;
  int n;
  const float* bias;  // or nullptr
  int32_t activation;
  float slope;
  float* const* y;       // each moved by y_offset
  float* const* next_y;  // those of the next tile
  int64_t y_offset;
};

/// dw[i * tap_row_stride + j * tap_stride + row * ldw + c] = G^T s G of sums[position * stride + row * width + c] for
/// tap (i, j) and 0 <= c < n.
struct WinogradWeightsGradientTask {
  int taps;
  const float* sums;
  int64_t stride;
  int64_t rows;
  int64_t width;
  int n;
  float* dw;
  int64_t tap_row_stride;
  int64_t tap_stride;
  int64_t ldw;
};

}  // namespace lanewise
