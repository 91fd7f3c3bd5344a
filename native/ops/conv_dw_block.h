// The reduction blocks of the weight gradient. They define its result, for every backend: a row of output pixels is cut
// into segments of at most 1024, a block is as many consecutive segments, across rows and images, as fit in 1024
// pixels; each block is a chain of its own, and blocks are added to dw from left to right.
// In memory a block is a list of pieces: runs of pixels of one row, short enough for L1. Pieces group into chunks.
#pragma once

#include "conv_dw.h"
#include "workspace.h"

namespace lanewise {

/// Everything that follows from the shape.
struct DwTiling {
  int64_t in_c, out_c;
  int64_t segment, segments_per_row, segments, block_segments, blocks, block_pixels, max_pieces;
  bool direct_x, direct_dy;
  // x panels: k_tile channels of every pixel that the block's taps read, zero padded. repeat > 1: a panel's channel j is
  // channel j / repeat of x.
  int64_t k, k_tile, k_tiles, repeat, x_panels, x_rows, x_cols, x_panel_floats;
  bool sparse_rows;
  // dy panels: panel_width output channels of every pixel of the block
  int64_t panel_width, panels_per_group, panels, dy_panel_floats;
};

struct DwLayout {
  int64_t at_x, at_dy, at_lengths, at_x_panels, at_dy_panels, bytes;
};

struct DwChoice {
  bool direct_x, direct_dy;
  int64_t k;       // channels of x (after repeating) that a group of panels covers
  int64_t groups;  // groups of x panels
  int64_t k_tile;  // at most so many channels to a panel
  int64_t repeat;
};

DwTiling make_dw_tiling(const ConvDw& shape, const Kernels& kernels, const DwChoice& choice);
/// Memory of one block with room for `x_panels` and `dy_panels`.
DwLayout make_dw_layout(const DwTiling& tiling, int64_t x_panels, int64_t dy_panels);
bool reads_padding(const ConvDw& shape);

class DwBlock {
 public:
  DwBlock(const ConvDw& shape, const DwTiling& tiling, const DwLayout& layout, const float* x, const float* dy,
          int64_t index, std::byte* memory);

  /// Lists the pieces; the panels need not be filled yet. Panel pointers are to slot 0.
  void list_pieces();
  void copy_x(int64_t panel, int64_t slot, const Kernels& kernels) const;
  void copy_dy(int64_t panel, int64_t slot, const Kernels& kernels) const;

  const float* const* x() const { return xs_; }
  const float* const* dy() const { return dys_; }
  const int64_t* lengths() const { return lengths_; }
  int64_t pieces() const { return pieces_; }
  /// The first piece after the chunk that starts at `piece`.
  int64_t chunk_end(int64_t piece) const;

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
  void copy_x_row(const float* image, int64_t row, int64_t in_col, int64_t from, int64_t channels, float* to,
                  const Kernels& kernels) const;
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
  int64_t pieces_ = 0;
};

/// dw = partials[0] + partials[1] + ... from left to right; continues dw unless `first`.
void fold_blocks(float* dw, const float* partials, int64_t blocks, bool first, int64_t dw_floats, Parallel& parallel);

}  // namespace lanewise
