// The contracts of the Winograd kernels (winograd.inl; winograd_transforms.inl has the mathematics). F(m, r) gives m
// outputs of r taps from a patch of m + r - 1 inputs, along one axis or along both. Transformed, a tile is as many
// positions as its patch has pixels, `stride` floats apart. Pixels are pointers to channel 0, row by row: the caller
// points those outside the map at zeros, or at memory that nobody reads. `next` are the pixels of the tile that will be
// transformed next, to be fetched from memory.
//   winograd_input            to = B^T d B of a patch; writes channels rounded up to whole vectors (16 floats at most)
//   winograd_output_gradient  to = A dy A^T of a tile of outputs; likewise
//   winograd_weights          to = G g G^T, elementwise over `count` floats of each tap
#pragma once

#include <cstdint>

namespace lanewise {

enum WinogradForm : int { kWinograd4x3, kWinograd3x2, kWinograd5x2, kWinograd4x3Line };

struct WinogradSide {
  int out, taps;
  constexpr int in() const { return out + taps - 1; }
};

/// F(4x4, 3x3), F(3x3, 2x2), F(5x5, 2x2), and F(4, 3) along the columns of single rows.
inline constexpr WinogradSide kWinogradCols[] = {{4, 3}, {3, 2}, {5, 2}, {4, 3}};
inline constexpr WinogradSide kWinogradRows[] = {{4, 3}, {3, 2}, {5, 2}, {1, 1}};
inline constexpr int kWinogradMostPositions = 36;

/// y = activation(A^T m A + bias) for n channels of one tile.
struct WinogradOutputTask {
  WinogradForm form;
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
/// tap (i, j), i < tap_rows, j < tap_cols, and 0 <= c < n.
struct WinogradWeightsGradientTask {
  WinogradForm form;
  int64_t tap_rows, tap_cols;
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
