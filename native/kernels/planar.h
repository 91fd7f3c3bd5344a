// The contracts of the planar kernels: a convolution pass with few columns, vectorised over pixels. The input lies in
// planes, one for each k, so that a vector is the same channel of kLanes pixels: neighbours in a row, or the same pixel
// of many images. Sizes, offsets and strides are in floats.
#pragma once

#include <cstdint>

#include "gemm_tile.h"

namespace lanewise {

/// More columns than this are left to gemm_panel.
inline constexpr int kPlanarColumns = 8;

/// For each column j < n, vector i < vectors and lane l,
///   y[i / group * y_group + i % group * lanes + j * y_column + l] = activation(bias[j] + chain over rows r, cols s,
///   then k of x[rows[r].x + cols[s].x + k * plane + i * lanes + l] * w[rows[r].w + cols[s].w + k * n + j]).
/// The chain is fused multiply-adds from +0 in exactly that order. y never overlaps x or w.
struct PlanarPanel {
  const float* x;
  int64_t plane;
  int64_t vectors;
  const Tap* rows;  // [n_rows]
  int64_t n_rows;
  const Tap* cols;  // [n_cols]
  int64_t n_cols;
  int64_t k;
  const float* w;
  int n;      // 1..kPlanarColumns
  int lanes;  // of a vector: all, or half of them where the level has such vectors
  float* y;
  int64_t y_column;
  int64_t group;
  int64_t y_group;
  const float* bias;  // or nullptr
  int32_t activation;
  float slope;
};

}  // namespace lanewise
