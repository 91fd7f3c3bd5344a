// Tiles of 4x4 outputs over the maps of all images, and where the pixels of a tile lie. Tiles at the edges reach
// outside: a pixel outside the map is a pointer to something else, so the kernels have no borders.
// A convolution with dilation d is d interleaved ones without, along each axis: a tile has every d-th pixel.
#pragma once

#include "../kernels/kernels.h"
#include "conv_axis.h"
#include "workspace.h"

namespace lanewise {

struct Map {
  int64_t h, w, c;
};

/// Tiles along one axis: those of phase 0 (outputs 0, step, 2 step, ...), then those of phase 1, and so on.
struct TileAxis {
  int64_t step;       // the dilation
  int64_t per_phase;  // the same for all phases: the last tile of one may be all outside
  int64_t tiles;
  int64_t first_tap;  // the input position of the first tap of output 0

  int64_t output(int64_t tile) const { return tile / per_phase + tile % per_phase * kWinogradOut * step; }
};

TileAxis tile_axis(const Axis& axis);

struct TileGrid {
  Map in, out;
  TileAxis rows, cols;
  int64_t tiles;

  /// The 6x6 patch of tile `tile`; `zeros` has room for in.c floats.
  void input(int64_t tile, const float* x, const float* zeros, const float** pixels) const;
  /// Its 4x4 outputs; `outside` has room for out.c floats.
  void output(int64_t tile, float* y, float* outside, float** pixels) const;
  void output(int64_t tile, const float* dy, const float* zeros, const float** pixels) const;
};

TileGrid make_tile_grid(const Axis& rows, const Axis& cols, int64_t images, int64_t in_c, int64_t out_c);

/// Floats rounded up to an odd number of cache lines: arrays that far apart do not fall into the same cache sets.
inline int64_t odd_lines(int64_t floats) { return sat_mul(ceil_div(floats, 16) | 1, 16); }

/// Divides `total` into pieces of nearly equal size, at most `most` each; returns the size.
inline int64_t even_piece(int64_t total, int64_t most) {
  return ceil_div(total, ceil_div(total, max_of(min_of(most, total), 1)));
}

}  // namespace lanewise
