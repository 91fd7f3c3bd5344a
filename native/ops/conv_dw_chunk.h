// The reduction blocks of the weight gradient. They define its result, for every backend: a row of output pixels is cut
// into segments of at most 1024, a block is as many consecutive segments, across rows and images, as fit in 1024
// pixels; each block is a chain of its own, and blocks are added to dw from left to right.
// A block is worked on in chunks of its segments: each chunk continues the chains of the one before.
#pragma once

#include "conv_dw.h"
#include "workspace.h"

namespace lanewise {

/// How the pixels are cut into segments and blocks.
struct DwBlocks {
  int64_t segment, segments_per_row, segments, block_segments, blocks;
};
DwBlocks make_dw_blocks(const ConvDw& shape);

/// Everything that follows from the shape.
struct DwTiling {
  int64_t in_c, out_c;
  int64_t segment, segments_per_row, segments, block_segments, blocks;
  int64_t chunk_segments;
  bool direct_x, direct_dy;
  // x panels: k_tile channels of every pixel that the chunk's taps read, zero padded
  int64_t k, k_tile, k_tiles, x_panels, x_rows, x_cols, x_panel_floats;
  bool sparse_rows;
  // dy panels: panel_width output channels of every pixel of the chunk
  int64_t panel_width, panels_per_group, panels, dy_panel_floats;
};

struct DwLayout {
  int64_t at_x, at_dy, at_lengths, at_x_panels, at_dy_panels, bytes;
};

struct DwChoice {
  bool direct_x, direct_dy;
  int64_t k;             // channels of x that a group of panels covers
  int64_t groups;        // groups of x panels
  int64_t k_tile;        // at most so many channels to a panel
  int64_t chunk_floats;  // of x and dy, to aim for
};

DwTiling make_dw_tiling(const ConvDw& shape, const Kernels& kernels, const DwChoice& choice);
/// Memory of one chunk with room for `x_panels` and `dy_panels`.
DwLayout make_dw_layout(const DwTiling& tiling, int64_t x_panels, int64_t dy_panels);
bool reads_padding(const ConvDw& shape);

/// Segments [first, first + count) of dy, and their memory.
class DwChunk {
 public:
  DwChunk(const ConvDw& shape, const DwTiling& tiling, const DwLayout& layout, const float* x, const float* dy,
          int64_t first, int64_t count, std::byte* memory);

  /// Lists the segments; the panels need not be filled yet. Pointers are to the first panel.
  void list_segments();
  /// Copies are made by (segment, part) so that threads can share them.
  int64_t parts() const { return ceil_div(tiling_.segment, 128); }
  void copy_x(int64_t segment, int64_t part, const Kernels& kernels) const;
  void copy_dy(int64_t segment, int64_t part, const Kernels& kernels) const;
  /// Everything of one (segment, part) that is not read in place.
  void copy_all(int64_t segment, int64_t part, const Kernels& kernels) const;

  const float* const* x() const { return xs_; }
  const float* const* dy() const { return dys_; }
  const int64_t* lengths() const { return lengths_; }
  int64_t segments() const { return count_; }

  /// Distance from tap (0, 0) to tap (r, s) in x.
  int64_t tap_offset(int64_t r, int64_t s) const {
    const int64_t row = tiling_.direct_x || !tiling_.sparse_rows ? r * shape_.rows.dilation : r;
    return row * row_floats() + s * shape_.cols.dilation * pixel_floats();
  }
  int64_t x_stride() const { return shape_.cols.stride * pixel_floats(); }
  int64_t dy_stride() const { return tiling_.direct_dy ? tiling_.out_c : tiling_.panel_width; }

 private:
  struct Segment {
    int64_t image, row, col, length;
  };
  Segment segment_of(int64_t i) const;
  int64_t x_rows_until_next(int64_t i, const Segment& segment) const;
  void copy_x_row(const float* image, int64_t row, int64_t in_col, int64_t col_from, int64_t col_to, float* to,
                  const Kernels& kernels) const;
  void copy_x_pixels(const float* from, int64_t pixels, float* to, const Kernels& kernels) const;
  int64_t pixel_floats() const { return tiling_.direct_x ? tiling_.in_c : tiling_.k_tile; }
  int64_t row_floats() const { return (tiling_.direct_x ? shape_.cols.in : tiling_.x_cols) * pixel_floats(); }

  const ConvDw& shape_;
  const DwTiling& tiling_;
  const float* const x_;
  const float* const dy_;
  const int64_t first_;
  const int64_t count_;
  const float** const xs_;
  const float** const dys_;
  int64_t* const lengths_;
  float* const x_panels_;
  float* const dy_panels_;
  const AxisSpan rows_;
  const AxisSpan cols_;
};

/// Of `blocks`, how many have their partial sums in memory at a time: some `floats` of them, but at least 4 blocks, and
/// as many for each thread.
int64_t blocks_at_once(int64_t blocks, int64_t dw_floats, int threads, int64_t floats = 2 * 1024 * 1024);

/// dw = partials[0] + partials[1] + ... from left to right; continues dw unless `first`.
void fold_blocks(float* dw, const float* partials, int64_t blocks, bool first, int64_t dw_floats, Parallel& parallel);

}  // namespace lanewise
