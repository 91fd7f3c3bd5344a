// The contracts of the two matrix building blocks: every convolution, linear layer and GEMM is made of these.
// Vocabulary: a pixel is one output position (a row of the matrix product), n columns are output channels, k runs over
// the reduction. Sizes, offsets and strides are in floats. Pointers may have any alignment.
#pragma once

#include <cstdint>

namespace lanewise {

enum Activation : int32_t { kNoActivation = 0, kReluActivation = 1, kLeakyReluActivation = 2 };

/// Where a tap's input lies relative to its pixel's pointer, and where its klen rows of weights start.
struct Tap {
  int64_t x;
  int64_t w;
};

/// Levels whose tile_m is less than this can copy operands, their tiles on the way.
constexpr int kCopyingTile = 8;

/// y[p][j] = activation(bias[j] + chain over taps t, then k < klen of x[p][t.x + k] * w[t.w + k * ldw + j]), 0 <= j <
/// n. The chain is fused multiply-adds from +0 in exactly that order, whatever the tile. Pixels are pointers, so any
/// pixels may share a panel: rows, images, strides and phases are the caller's business.
struct GemmPanel {
  const float* const* x;  // [pixels], each moved by x_offset
  float* const* y;        // [pixels], each moved by y_offset; never overlaps x or w
  int64_t pixels;
  int64_t x_offset;
  int64_t y_offset;
  const Tap* taps;  // [n_taps]
  int64_t n_taps;
  int64_t klen;
  const float* w;  // rows ldw apart
  int64_t ldw;
  bool w_padded;        // rows of w can be read up to a whole number of vectors
  float* w_copy;        // [klen][whole vectors] for one tap: the first tile copies w, the others read that; or nullptr
  int n;                // 1..tile_n
  bool resume;          // the chain starts from y instead of +0
  bool add;             // y + chain instead of chain
  bool prefetch_x;      // x comes from memory: fetch the next tile's while this one is computed
  const float* next_w;  // klen rows next_ldw apart that are read afterwards, fetched meanwhile; or nullptr
  int64_t next_ldw;
  const float* bias;  // or nullptr
  int32_t activation;
  float slope;
};

/// Rows of whole cache lines that are read afterwards and fetched meanwhile, a line now and then.
struct Ahead {
  const float* at;
  int64_t stride;
  int64_t lines;  // of a row
  int64_t rows;   // left
  int64_t line;   // the next one
};

/// dw[m][j] = chain over segments s, then p < lengths[s] of x[s][p * x_stride + m] * dy[s][p * dy_stride + j].
struct GemmPanelDw {
  const float* const* x;   // [segments], each moved by x_offset
  const float* const* dy;  // [segments], each moved by dy_offset
  const int64_t* lengths;  // [segments], at least 1
  int64_t segments;
  int64_t x_offset;
  int64_t dy_offset;
  int64_t x_stride;
  int64_t dy_stride;
  bool dy_padded;  // rows of dy can be read up to a whole number of vectors
  bool fetch;      // rows of x and dy go on: fetch what the next positions and the next columns will need
  /// The first tile that reads an operand copies it, for those after it and for other panels.
  float* x_copy;   // [positions, in tiles][pixels][tile_m] and a vector more; or nullptr: nothing is copied
  float* dy_copy;  // [pixels][tile_n]
  bool fill_x;     // else the copy is there
  bool fill_dy;
  int64_t pixels;  // of all segments
  Ahead* ahead;    // [2], or nullptr
  float* dw;       // rows ldw apart
  int64_t ldw;
  int64_t positions;  // 0 <= m < positions
  int n;              // 1..tile_n
  bool resume;        // the chain starts from dw instead of +0
  bool add;           // dw = dw + chain
};

}  // namespace lanewise
