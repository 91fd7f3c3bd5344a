// Listing a chunk's segments and copying its inputs into panels.
#include "conv_dw_chunk.h"

#include <cstring>

#include "group_panels.h"

namespace lanewise {
namespace {

constexpr int64_t kSegment = 1024;

/// Part `part` of `parts` nearly equal parts of [0, total).
int64_t part_of(int64_t total, int64_t part, int64_t parts) { return total * part / parts; }

}  // namespace

bool reads_padding(const ConvDw& shape) { return bounds_of(shape.rows).pads || bounds_of(shape.cols).pads; }

DwBlocks make_dw_blocks(const ConvDw& shape) {
  DwBlocks blocks = {};
  blocks.segment = min_of(shape.cols.out, kSegment);
  blocks.segments_per_row = ceil_div(shape.cols.out, kSegment);
  blocks.segments = sat_mul(sat_mul(shape.images, shape.rows.out), blocks.segments_per_row);
  blocks.block_segments = min_of(max_of(1, kSegment / blocks.segment), blocks.segments);
  blocks.blocks = ceil_div(blocks.segments, blocks.block_segments);
  return blocks;
}

DwTiling make_dw_tiling(const ConvDw& shape, const Kernels& kernels, const DwChoice& choice) {
  DwTiling tiling = {};
  tiling.in_c = sat_mul(shape.groups, shape.k);
  tiling.out_c = sat_mul(shape.groups, shape.columns);
  const DwBlocks blocks = make_dw_blocks(shape);
  tiling.segment = blocks.segment;
  tiling.segments_per_row = blocks.segments_per_row;
  tiling.segments = blocks.segments;
  tiling.block_segments = blocks.block_segments;
  tiling.blocks = blocks.blocks;
  const int64_t inputs_per_pixel =
      sat_mul(min_of(shape.rows.stride, shape.rows.kernel), min_of(shape.cols.stride, shape.cols.kernel));
  const int64_t floats_per_pixel = sat_add(sat_mul(tiling.in_c, inputs_per_pixel), tiling.out_c);
  const int64_t chunk = max_of(choice.chunk_floats / sat_mul(floats_per_pixel, tiling.segment), 1);
  tiling.chunk_segments = ceil_div(tiling.block_segments, ceil_div(tiling.block_segments, chunk));

  tiling.direct_x = choice.direct_x;
  tiling.direct_dy = choice.direct_dy;
  tiling.k = choice.k;
  tiling.k_tiles = ceil_div(choice.k, choice.k_tile);
  tiling.k_tile = ceil_div(choice.k, tiling.k_tiles);
  tiling.x_panels = sat_mul(choice.groups, tiling.k_tiles);
  const AxisBounds rows = bounds_of(shape.rows);
  const AxisBounds cols = bounds_of(shape.cols);
  const int64_t runs = tiling.chunk_segments / sat_mul(shape.rows.out, tiling.segments_per_row) + 2;
  const int64_t dense = sat_add(sat_mul(tiling.chunk_segments, shape.rows.stride), sat_mul(runs, rows.extent));
  const int64_t sparse = sat_mul(tiling.chunk_segments, shape.rows.kernel);
  tiling.sparse_rows = sparse <= dense;
  tiling.x_rows = min_of(sparse, dense);
  tiling.x_cols = sat_add(sat_mul(tiling.segment - 1, shape.cols.stride), cols.extent);
  tiling.x_panel_floats = sat_mul(sat_mul(tiling.x_rows, tiling.x_cols), tiling.k_tile);

  tiling.panel_width = shape.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  tiling.panels_per_group = ceil_div(shape.columns, tiling.panel_width);
  tiling.panels = sat_mul(shape.groups, tiling.panels_per_group);
  tiling.dy_panel_floats = sat_mul(tiling.chunk_segments * tiling.segment, tiling.panel_width);
  return tiling;
}

DwLayout make_dw_layout(const DwTiling& tiling, int64_t x_panels, int64_t dy_panels) {
  Layout layout;
  DwLayout at = {};
  at.at_x = layout.take(tiling.chunk_segments, sizeof(float*));
  at.at_dy = layout.take(tiling.chunk_segments, sizeof(float*));
  at.at_lengths = layout.take(tiling.chunk_segments, sizeof(int64_t));
  at.at_x_panels = layout.take(tiling.direct_x ? 0 : sat_mul(x_panels, tiling.x_panel_floats), sizeof(float));
  at.at_dy_panels = layout.take(tiling.direct_dy ? 0 : sat_mul(dy_panels, tiling.dy_panel_floats), sizeof(float));
  at.bytes = layout.bytes;
  return at;
}

DwChunk::DwChunk(const ConvDw& shape, const DwTiling& tiling, const DwLayout& layout, const float* x, const float* dy,
                 int64_t first, int64_t count, std::byte* memory)
    : shape_(shape),
      tiling_(tiling),
      x_(x),
      dy_(dy),
      first_(first),
      count_(count),
      xs_(reinterpret_cast<const float**>(memory + layout.at_x)),
      dys_(reinterpret_cast<const float**>(memory + layout.at_dy)),
      lengths_(reinterpret_cast<int64_t*>(memory + layout.at_lengths)),
      x_panels_(reinterpret_cast<float*>(memory + layout.at_x_panels)),
      dy_panels_(reinterpret_cast<float*>(memory + layout.at_dy_panels)),
      rows_(span_of(shape.rows, 0)),
      cols_(span_of(shape.cols, 0)) {}

DwChunk::Segment DwChunk::segment_of(int64_t i) const {
  const int64_t index = first_ + i;
  const int64_t row = index / tiling_.segments_per_row;
  const int64_t col = index % tiling_.segments_per_row * kSegment;
  return {row / shape_.rows.out, row % shape_.rows.out, col, min_of(shape_.cols.out - col, kSegment)};
}

/// Rows of x that segment i adds to a panel: those before the next segment's first row, all that its taps read at the
/// end of an image or of the chunk. A chunk with several segments has whole rows, so each of them is one output row.
int64_t DwChunk::x_rows_until_next(int64_t i, const Segment& segment) const {
  if (tiling_.sparse_rows) return shape_.rows.kernel;
  const bool last = i + 1 == count_ || segment.row + 1 == shape_.rows.out;
  return last ? rows_.max - rows_.min + 1 : shape_.rows.stride;
}

void DwChunk::list_segments() {
  const float* dy_panel = dy_panels_;
  const float* x_row = x_panels_;
  for (int64_t i = 0; i < count_; ++i) {
    const Segment segment = segment_of(i);
    const int64_t pixel = (segment.image * shape_.rows.out + segment.row) * shape_.cols.out + segment.col;
    const int64_t in_row = segment.image * shape_.rows.in + segment.row * shape_.rows.stride;
    xs_[i] =
        tiling_.direct_x ? x_ + (in_row * shape_.cols.in + segment.col * shape_.cols.stride) * tiling_.in_c : x_row;
    dys_[i] = tiling_.direct_dy ? dy_ + pixel * tiling_.out_c : dy_panel;
    lengths_[i] = segment.length;
    if (!tiling_.direct_x) x_row += x_rows_until_next(i, segment) * row_floats();
    if (!tiling_.direct_dy) dy_panel += segment.length * tiling_.panel_width;
  }
}

void DwChunk::copy_all(int64_t i, int64_t part, const Kernels& kernels) const {
  if (!tiling_.direct_x) copy_x(i, part, kernels);
  if (!tiling_.direct_dy) copy_dy(i, part, kernels);
}

void DwChunk::copy_x(int64_t i, int64_t part, const Kernels& kernels) const {
  const Segment segment = segment_of(i);
  const int64_t col_from = part_of(tiling_.x_cols, part, parts());
  const int64_t col_to = part_of(tiling_.x_cols, part + 1, parts());
  const int64_t in_col = segment.col * shape_.cols.stride + cols_.min;
  const int64_t rows = x_rows_until_next(i, segment);
  const float* const image = x_ + segment.image * shape_.rows.in * shape_.cols.in * tiling_.in_c;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t offset = tiling_.sparse_rows ? row * shape_.rows.dilation - shape_.rows.pad : row + rows_.min;
    const int64_t in_row = segment.row * shape_.rows.stride + offset;
    copy_x_row(image, in_row, in_col, col_from, col_to, x_panels_ + (xs_[i] - x_panels_) + row * row_floats(), kernels);
  }
}

/// Columns [col_from, col_to) of a row of all panels; column 0 is column `in_col` of x and may lie outside.
void DwChunk::copy_x_row(const float* image, int64_t row, int64_t in_col, int64_t col_from, int64_t col_to, float* to,
                         const Kernels& kernels) const {
  const bool outside = row < 0 || row >= shape_.rows.in;
  const int64_t valid_from = outside ? col_to : min_of(max_of(-in_col, col_from), col_to);
  const int64_t valid_to = max_of(min_of(shape_.cols.in - in_col, col_to), valid_from);
  const int64_t width = tiling_.k_tile;
  for (int64_t panel = 0; panel < tiling_.x_panels; ++panel) {
    float* const at = to + panel * tiling_.x_panel_floats;
    std::memset(at + col_from * width, 0, static_cast<size_t>((valid_from - col_from) * width) * sizeof(float));
    std::memset(at + valid_to * width, 0, static_cast<size_t>((col_to - valid_to) * width) * sizeof(float));
  }
  if (valid_to == valid_from) return;
  copy_x_pixels(image + (row * shape_.cols.in + in_col + valid_from) * tiling_.in_c, valid_to - valid_from,
                to + valid_from * width, kernels);
}

void DwChunk::copy_x_pixels(const float* pixels, int64_t count, float* to, const Kernels& kernels) const {
  const int64_t width = tiling_.k_tile;
  if (width == tiling_.in_c) {
    std::memcpy(to, pixels, static_cast<size_t>(count * width) * sizeof(float));
    return;
  }
  if (width == shape_.k && width <= kFewChannels) {
    return to_group_panels(to, tiling_.x_panel_floats, pixels, tiling_.in_c, count, tiling_.x_panels, width);
  }
  for (int64_t panel = 0; panel < tiling_.x_panels; ++panel, to += tiling_.x_panel_floats) {
    const int64_t from = panel % tiling_.k_tiles * width;
    kernels.pack_rows(to, pixels + panel / tiling_.k_tiles * shape_.k + from, tiling_.in_c, count,
                      static_cast<int>(min_of(width, tiling_.k - from)), static_cast<int>(width));
  }
}

void DwChunk::copy_dy(int64_t i, int64_t part, const Kernels& kernels) const {
  const Segment segment = segment_of(i);
  const int64_t col_from = part_of(segment.length, part, parts());
  const int64_t count = part_of(segment.length, part + 1, parts()) - col_from;
  const int64_t pixel = (segment.image * shape_.rows.out + segment.row) * shape_.cols.out + segment.col + col_from;
  const int width = static_cast<int>(tiling_.panel_width);
  float* to = dy_panels_ + (dys_[i] - dy_panels_) + col_from * width;
  if (width == shape_.columns && width <= kFewChannels && !shape_.dy_transposed) {
    return to_group_panels(to, tiling_.dy_panel_floats, dy_ + pixel * tiling_.out_c, tiling_.out_c, count,
                           tiling_.panels, width);
  }
  for (int64_t panel = 0; panel < tiling_.panels; ++panel, to += tiling_.dy_panel_floats) {
    const int64_t in_group = panel % tiling_.panels_per_group * width;
    const int64_t column = panel / tiling_.panels_per_group * shape_.columns + in_group;
    const int n = static_cast<int>(min_of(shape_.columns - in_group, width));
    if (shape_.dy_transposed) {
      kernels.pack_columns(to, dy_ + column * shape_.cols.out + pixel, shape_.cols.out, count, n, width);
    } else {
      kernels.pack_rows(to, dy_ + pixel * tiling_.out_c + column, tiling_.out_c, count, n, width);
    }
  }
}

int64_t blocks_at_once(int64_t blocks, int64_t dw_floats, int threads, int64_t floats) {
  constexpr int64_t kLeast = 4;
  return min_of(blocks, ceil_div(max_of(floats / dw_floats, kLeast), threads) * threads);
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
