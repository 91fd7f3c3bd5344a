// Tiles of outputs over the maps of all images, and where the pixels of a tile lie. Tiles at the edges reach outside: a
// pixel outside the map is a pointer to something else, so the kernels have no borders.
// A convolution with dilation d is d interleaved ones without, along each axis: a tile has every d-th pixel.
// A kernel of 2 s taps with stride s is one of 2 taps with stride 1 over blocks of s pixels: what counts as a pixel of
// a tile is a block, its pixels' channels together are its channels (forward those of x, backward those of dx).
#pragma once

#include "../kernels/kernels.h"
#include "conv_axis.h"
#include "workspace.h"

namespace lanewise {

struct Map {
  int64_t h, w, c;
};

/// Where the pixels of a tile lie along an axis: the first at scale * (the tile's origin) + start, then every step-th.
struct TileSide {
  int64_t scale, start, step;
};

/// Tiles along one axis: those of phase 0 (origins 0, stride, 2 stride, ...), then those of phase 1, and so on.
struct TileAxis {
  TileSide in, out;
  int64_t stride;
  int64_t per_phase;  // the same for all phases: the last tile of one may be all outside
  int64_t tiles;

  int64_t origin(int64_t tile) const { return tile / per_phase + tile % per_phase * stride; }
};

/// The channels of a block, in parts that are contiguous in memory: rows of pixels, or single ones where an edge of the
/// map may go through a block.
struct Parts {
  int64_t down, across;
  int64_t length;  // channels of a part

  int64_t count() const { return down * across; }
  int64_t channels() const { return count() * length; }

  /// f(part, first channel in the part, offset from `from`, channels) for what [from, from + count) has of each part.
  template <class F>
  void each(int64_t from, int64_t count, F f) const {
    for (int64_t at = 0; at < count;) {
      const int64_t first = (from + at) % length;
      const int64_t n = min_of(length - first, count - at);
      f((from + at) / length, first, at, n);
      at += n;
    }
  }
};

struct TileGrid {
  int taps;
  Map in, out;
  Parts in_parts, out_parts;
  int64_t block_h, block_w;  // pixels of a block, which are taps of the convolution for each tap of the tiles' kernel
  TileAxis rows, cols;
  int64_t tiles;

  int64_t positions() const { return int64_t{winograd_in(taps)} * winograd_in(taps); }
  int64_t out_pixels() const { return int64_t{winograd_out(taps)} * winograd_out(taps); }

  /// Where a tile lies: its image and its origin.
  struct Place {
    int64_t image, row, col;
  };
  Place place(int64_t tile) const;

  /// The patch of a tile; `zeros` has room for the channels of a part.
  void input(const Place& at, int64_t part, const float* x, const float* zeros, const float** pixels) const;
  /// Its outputs; `outside` has room for the channels of a part.
  void output(const Place& at, int64_t part, float* y, float* outside, float** pixels) const;
  void output(const Place& at, int64_t part, const float* dy, const float* zeros, const float** pixels) const;

  /// V of the channels [first, first + channels) of a block: v[tile * pitch + channel], positions `stride` apart, for
  /// the tiles [from, to). A tile needs room for 15 more channels where blocks have several parts.
  void transform_input(const Kernels& kernels, const float* x, const float* zeros, int64_t from, int64_t to,
                       int64_t first, int64_t channels, float* v, int64_t pitch, int64_t stride) const;

  /// The position in the convolution's kernel of tap (i, j) of a part of a block.
  int64_t tap(int64_t i, int64_t j, const Parts& parts, int64_t part) const {
    return ((i * block_h + part / parts.across) * taps + j) * block_w + part % parts.across;
  }
};

/// `in_c` and `out_c` are channels of a pixel.
TileGrid make_tile_grid(const Axis& rows, const Axis& cols, int64_t images, int64_t in_c, int64_t out_c);

/// Floats rounded up to an odd number of cache lines: arrays that far apart do not fall into the same cache sets.
inline int64_t odd_lines(int64_t floats) { return sat_mul(ceil_div(floats, 16) | 1, 16); }

/// Divides `total` into pieces of nearly equal size, at most `most` each; returns the size.
inline int64_t even_piece(int64_t total, int64_t most) {
  return ceil_div(total, ceil_div(total, max_of(min_of(most, total), 1)));
}

}  // namespace lanewise
