// Tiles of outputs over the maps of all images, and where the pixels of a tile lie. Tiles at the edges reach outside: a
// pixel outside the map is a pointer to something else, so the kernels have no borders. Where the tiles along an axis
// would reach beyond the map, some have one output less each: that saves the products at its point at infinity.
// A convolution with dilation d is d interleaved ones without, along each axis: a tile has every d-th pixel.
// A kernel of 2 s taps with stride s is one of 2 taps with stride 1 over blocks of s pixels: what counts as a pixel of
// a tile is a block, its pixels' channels together are its channels (forward those of x, backward those of dx).
// Likewise a kernel of more than 3 taps is one of 3 taps over as many pixels as it has pieces of 3, 3 apart.
#pragma once

#include "../kernels/kernels.h"
#include "conv_axis.h"
#include "workspace.h"

namespace lanewise {

struct Map {
  int64_t h, w, c;
};

/// Where the pixels of a tile lie along an axis: the first at scale * (the tile's origin) + start, then every step-th;
/// those of the next part of a block part_step further.
struct TileSide {
  int64_t scale, start, step, part_step;
};

/// Tiles along one axis: all outputs that a form has, or one less. In each phase the whole ones come first.
struct TileAxis {
  TileSide in, out;
  int64_t phases, dilation;
  int64_t whole, cut;  // tiles of a phase; the last one may be all outside
  int64_t outputs;     // of a whole tile
  int64_t first_tap, tap_step, part_taps, kernel;

  int64_t tiles(bool are_whole) const { return phases * (are_whole ? whole : cut); }
  /// Of the `index`-th of those tiles.
  int64_t origin(int64_t index, bool is_whole) const {
    const int64_t per_phase = is_whole ? whole : cut;
    const int64_t at = index % per_phase;
    return index / per_phase + dilation * (is_whole ? at * outputs : whole * outputs + at * (outputs - 1));
  }
  /// The kernel's tap that tap i of the tiles' kernel is for a part of a block; beyond the kernel: not in [0, kernel).
  int64_t tap(int64_t i, int64_t part) const { return first_tap + i * tap_step + part * part_taps; }
};

/// The channels of a block, in parts that are contiguous in memory: rows of pixels, or single ones where they lie apart
/// or an edge of the map may go through a block.
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
  WinogradForm form;
  Map in, out;
  Parts in_parts, out_parts;
  TileAxis rows, cols;
  /// Where the tiles of each kind begin: cut down the rows; whole; cut across the columns; cut both ways. Those that
  /// need a position lie side by side.
  int64_t starts[5];
  int64_t tiles;

  WinogradSide down() const { return kWinogradRows[form]; }
  WinogradSide across() const { return kWinogradCols[form]; }
  int64_t positions() const { return int64_t{down().in()} * across().in(); }
  int64_t out_pixels() const { return int64_t{down().out} * across().out; }
  int64_t taps() const { return int64_t{down().taps} * across().taps; }
  /// Of all tiles together, for each pair of channels.
  int64_t products() const;

  /// Where a tile lies: its image, its origin and how many outputs it has.
  struct Place {
    int64_t image, row, col;
    int64_t height, width;
  };
  Place place(int64_t tile) const;

  /// The tiles of [from, to) that need a position.
  struct Range {
    int64_t from, to;
    int64_t count() const { return to - from; }
  };
  Range tiles_at(int64_t position, int64_t from, int64_t to) const;

  /// The patch of a tile; `zeros` has room for the channels of a part.
  void input(const Place& at, int64_t part, const float* x, const float* zeros, const float** pixels) const;
  /// Its outputs; `outside` has room for the channels of a part.
  void output(const Place& at, int64_t part, float* y, float* outside, float** pixels) const;
  void output(const Place& at, int64_t part, const float* dy, const float* zeros, const float** pixels) const;

  /// V of the channels [first, first + channels) of a block: v[tile * pitch + channel], positions `stride` apart, for
  /// the tiles [from, to). A tile needs room for 15 more channels where blocks have several parts.
  void transform_input(const Kernels& kernels, const float* x, const float* zeros, int64_t from, int64_t to,
                       int64_t first, int64_t channels, float* v, int64_t pitch, int64_t stride) const;

  /// The position in the convolution's kernel of tap (i, j) for these parts of blocks; negative where it has none.
  int64_t tap(int64_t i, int64_t j, int64_t in_part, int64_t out_part) const;
};

/// Whether there is a form for the axes.
bool tile_grid_exists(const Axis& rows, const Axis& cols);

/// The grid of the form with the least work. `in_c` and `out_c` are channels of a pixel.
TileGrid make_tile_grid(const Axis& rows, const Axis& cols, int64_t images, int64_t in_c, int64_t out_c);

/// Divides `total` into pieces of nearly equal size, at most `most` each; returns the size.
inline int64_t even_piece(int64_t total, int64_t most) {
  return ceil_div(total, ceil_div(total, max_of(min_of(most, total), 1)));
}

}  // namespace lanewise
