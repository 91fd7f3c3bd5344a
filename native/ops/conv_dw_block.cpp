// Listing a reduction block's pieces and copying its inputs into panels.
#include "conv_dw_block.h"

#include <cstring>

namespace lanewise {
namespace {

constexpr int64_t kSegment = 1024;
constexpr int64_t kPiece = 128;
constexpr int64_t kChunkPixels = 64;  // a chunk of x and dy panels stays in L1

int64_t block_count(const DwTiling& tiling, int64_t first) { return min_of(tiling.block_segments, tiling.segments - first); }

}  // namespace

bool reads_padding(const ConvDw& shape) { return bounds_of(shape.rows).pads || bounds_of(shape.cols).pads; }

DwTiling make_dw_tiling(const ConvDw& shape, const Kernels& kernels, const DwChoice& choice) {
  DwTiling tiling = {};
  tiling.in_c = sat_mul(shape.groups, shape.k);
  tiling.out_c = sat_mul(shape.groups, shape.columns);
  tiling.segment = min_of(shape.cols.out, kSegment);
  tiling.segments_per_row = ceil_div(shape.cols.out, kSegment);
  tiling.segments = sat_mul(sat_mul(shape.images, shape.rows.out), tiling.segments_per_row);
  tiling.block_segments = min_of(max_of(1, kSegment / tiling.segment), tiling.segments);
  tiling.blocks = ceil_div(tiling.segments, tiling.block_segments);
  tiling.block_pixels = tiling.block_segments * tiling.segment;
  tiling.max_pieces = tiling.block_segments * ceil_div(tiling.segment, kPiece);

  tiling.direct_x = choice.direct_x;
  tiling.direct_dy = choice.direct_dy;
  tiling.k = choice.k;
  tiling.repeat = choice.repeat;
  tiling.k_tiles = ceil_div(choice.k, choice.k_tile);
  tiling.k_tile = ceil_div(choice.k, tiling.k_tiles);
  tiling.x_panels = sat_mul(choice.groups, tiling.k_tiles);
  const AxisBounds rows = bounds_of(shape.rows);
  const AxisBounds cols = bounds_of(shape.cols);
  const int64_t runs = tiling.block_segments / sat_mul(shape.rows.out, tiling.segments_per_row) + 2;
  const int64_t dense = sat_add(sat_mul(tiling.block_segments, shape.rows.stride), sat_mul(runs, rows.extent));
  const int64_t sparse = sat_mul(tiling.block_segments, shape.rows.kernel);
  tiling.sparse_rows = sparse <= dense;
  tiling.x_rows = min_of(sparse, dense);
  tiling.x_cols = sat_add(sat_mul(tiling.segment - 1, shape.cols.stride), cols.extent);
  tiling.x_panel_floats = sat_mul(sat_mul(tiling.x_rows, tiling.x_cols), tiling.k_tile);

  tiling.panel_width = shape.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  tiling.panels_per_group = ceil_div(shape.columns, tiling.panel_width);
  tiling.panels = sat_mul(shape.groups, tiling.panels_per_group);
  tiling.dy_panel_floats = tiling.block_pixels * tiling.panel_width;
  return tiling;
}

DwLayout make_dw_layout(const DwTiling& tiling, int64_t x_panels, int64_t dy_panels) {
  Layout layout;
  DwLayout at = {};
  at.at_x = layout.take(tiling.max_pieces, sizeof(float*));
  at.at_dy = layout.take(tiling.max_pieces, sizeof(float*));
  at.at_lengths = layout.take(tiling.max_pieces, sizeof(int64_t));
  at.at_x_panels = layout.take(tiling.direct_x ? 0 : sat_mul(x_panels, tiling.x_panel_floats), sizeof(float));
  at.at_dy_panels = layout.take(tiling.direct_dy ? 0 : sat_mul(dy_panels, tiling.dy_panel_floats), sizeof(float));
  at.bytes = layout.bytes;
  return at;
}

DwBlock::DwBlock(const ConvDw& shape, const DwTiling& tiling, const DwLayout& layout, const float* x, const float* dy,
                 int64_t index, std::byte* memory)
    : shape_(shape),
      tiling_(tiling),
      x_(x),
      dy_(dy),
      first_(index * tiling.block_segments),
      count_(block_count(tiling, first_)),
      xs_(reinterpret_cast<const float**>(memory + layout.at_x)),
      dys_(reinterpret_cast<const float**>(memory + layout.at_dy)),
      lengths_(reinterpret_cast<int64_t*>(memory + layout.at_lengths)),
      x_panels_(reinterpret_cast<float*>(memory + layout.at_x_panels)),
      dy_panels_(reinterpret_cast<float*>(memory + layout.at_dy_panels)),
      rows_(span_of(shape.rows, 0)),
      cols_(span_of(shape.cols, 0)) {}

DwBlock::Segment DwBlock::segment_of(int64_t i) const {
  const int64_t index = first_ + i;
  const int64_t row = index / tiling_.segments_per_row;
  const int64_t col = index % tiling_.segments_per_row * kSegment;
  return {row / shape_.rows.out, row % shape_.rows.out, col, min_of(shape_.cols.out - col, kSegment)};
}

/// Rows of x that segment i adds to a panel: those before the next segment's first row, all that its taps read at the
/// end of an image or of the block. A block with several segments has whole rows, so each of them is one output row.
int64_t DwBlock::x_rows_until_next(int64_t i, const Segment& segment) const {
  if (tiling_.sparse_rows) return shape_.rows.kernel;
  const bool last = i + 1 == count_ || segment.row + 1 == shape_.rows.out;
  return last ? rows_.max - rows_.min + 1 : shape_.rows.stride;
}

void DwBlock::list_pieces() {
  const int64_t stride = x_stride();
  const float* dy_panel = dy_panels_;
  const float* x_row = x_panels_;
  pieces_ = 0;
  for (int64_t i = 0; i < count_; ++i) {
    const Segment segment = segment_of(i);
    const int64_t pixel = (segment.image * shape_.rows.out + segment.row) * shape_.cols.out + segment.col;
    const int64_t in_row = segment.image * shape_.rows.in + segment.row * shape_.rows.stride;
    const float* const x = tiling_.direct_x
                               ? x_ + (in_row * shape_.cols.in + segment.col * shape_.cols.stride) * tiling_.in_c
                               : x_row;
    const float* const dy = tiling_.direct_dy ? dy_ + pixel * tiling_.out_c : dy_panel;
    for (int64_t at = 0; at < segment.length; at += kPiece, ++pieces_) {
      xs_[pieces_] = x + at * stride;
      dys_[pieces_] = dy + at * dy_stride();
      lengths_[pieces_] = min_of(kPiece, segment.length - at);
    }
    if (!tiling_.direct_dy) dy_panel += segment.length * tiling_.panel_width;
    if (!tiling_.direct_x) x_row += x_rows_until_next(i, segment) * row_floats();
  }
}

int64_t DwBlock::chunk_end(int64_t piece) const {
  int64_t pixels = 0;
  while (piece < pieces_ && pixels < kChunkPixels) pixels += lengths_[piece++];
  return piece;
}

void DwBlock::copy_x(int64_t panel, int64_t slot, const Kernels& kernels) const {
  const int64_t group = panel / tiling_.k_tiles;
  const int64_t from = panel % tiling_.k_tiles * tiling_.k_tile;
  const int64_t channels = min_of(tiling_.k_tile, tiling_.k - from);
  float* to = x_panels_ + slot * tiling_.x_panel_floats;
  for (int64_t i = 0; i < count_; ++i) {
    const Segment segment = segment_of(i);
    const float* const image = x_ + segment.image * shape_.rows.in * shape_.cols.in * tiling_.in_c + group * shape_.k;
    const int64_t in_col = segment.col * shape_.cols.stride + cols_.min;
    const int64_t rows = x_rows_until_next(i, segment);
    for (int64_t row = 0; row < rows; ++row, to += row_floats()) {
      const int64_t offset = tiling_.sparse_rows ? row * shape_.rows.dilation - shape_.rows.pad : row + rows_.min;
      copy_x_row(image, segment.row * shape_.rows.stride + offset, in_col, from, channels, to, kernels);
    }
  }
}

void DwBlock::copy_x_row(const float* image, int64_t row, int64_t in_col, int64_t from, int64_t channels, float* to,
                         const Kernels& kernels) const {
  const bool outside = row < 0 || row >= shape_.rows.in;
  const int64_t valid_from = outside ? tiling_.x_cols : min_of(max_of(-in_col, 0), tiling_.x_cols);
  const int64_t valid_to = max_of(min_of(shape_.cols.in - in_col, tiling_.x_cols), valid_from);
  const int64_t width = tiling_.k_tile;
  std::memset(to, 0, static_cast<size_t>(valid_from * width) * sizeof(float));
  std::memset(to + valid_to * width, 0, static_cast<size_t>((tiling_.x_cols - valid_to) * width) * sizeof(float));
  if (valid_to <= valid_from) return;
  const float* pixels = image + (row * shape_.cols.in + in_col + valid_from) * tiling_.in_c;
  to += valid_from * width;
  const int64_t count = valid_to - valid_from;
  if (tiling_.repeat > 1) {
    for (int64_t col = 0; col < count; ++col, pixels += tiling_.in_c, to += width) {
      for (int64_t c = 0; c < channels; ++c) to[c] = pixels[(from + c) / tiling_.repeat];
    }
  } else if (channels == width && width == tiling_.in_c) {
    std::memcpy(to, pixels, static_cast<size_t>(count * width) * sizeof(float));
  } else {
    kernels.pack_rows(to, pixels + from, tiling_.in_c, count, static_cast<int>(channels), static_cast<int>(width));
  }
}

void DwBlock::copy_dy(int64_t panel, int64_t slot, const Kernels& kernels) const {
  const int width = static_cast<int>(tiling_.panel_width);
  const int64_t in_group = panel % tiling_.panels_per_group * width;
  const int64_t column = panel / tiling_.panels_per_group * shape_.columns + in_group;
  const int n = static_cast<int>(min_of(shape_.columns - in_group, width));
  float* const to = dy_panels_ + slot * tiling_.dy_panel_floats;
  const Segment first = segment_of(0);
  const int64_t pixel = (first.image * shape_.rows.out + first.row) * shape_.cols.out + first.col;
  if (shape_.dy_transposed) {
    kernels.pack_columns(to, dy_ + column * shape_.cols.out + pixel, shape_.cols.out, first.length, n, width);
    return;
  }
  // The pixels of a block follow each other.
  const int64_t pixels = count_ == 1 ? first.length : count_ * shape_.cols.out;
  kernels.pack_rows(to, dy_ + pixel * tiling_.out_c + column, tiling_.out_c, pixels, n, width);
}

void fold_blocks(float* dw, const float* partials, int64_t blocks, bool first, int64_t dw_floats, Parallel& parallel) {
  constexpr int64_t kChunk = 4096;
  parallel.run(ceil_div(dw_floats, kChunk), [&](int64_t chunk, int) {
    const int64_t from = chunk * kChunk;
    const int64_t to = min_of(from + kChunk, dw_floats);
    for (int64_t block = 0; block < blocks; ++block) {
      const float* const partial = partials + block * dw_floats;
      if (first && block == 0) {
        std::memcpy(dw + from, partial + from, static_cast<size_t>(to - from) * sizeof(float));
      } else {
        for (int64_t i = from; i < to; ++i) dw[i] = dw[i] + partial[i];
      }
    }
  });
}

}  // namespace lanewise
