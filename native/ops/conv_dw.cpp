// Reduction blocks: a row of output pixels is cut into segments of at most 1024, and a block is as many consecutive
// segments, across rows and images, as fit in 1024 pixels. Each block is a chain of its own; blocks are added to dw
// from left to right. That is the definition of the result, for every backend.
// Work is cut in one of two ways. Many blocks and few weights: a block is one item and writes partial sums, which are
// then folded in order. Else: block after block, its register tiles are the items.
// x and dy of a block are first copied into panels (tile_n output channels; a tile of input channels, zero padded), so
// that a register tile reads two dense streams.
#include "conv_dw.h"

#include <cstring>

#include "workspace.h"

namespace lanewise {
namespace {

constexpr int64_t kSegment = 1024;
constexpr int64_t kPartialFloats = 2 * 1024 * 1024;  // 8 MiB of partial sums at a time
constexpr int64_t kSmallWeights = 96 * 1024;         // floats of dw that a worker can keep in its L2
constexpr int64_t kManyBlocks = 4;
constexpr int64_t kSlack = 64;  // floats after a panel that whole-vector copies may touch

int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

struct Plan {
  int64_t in_c, out_c;
  int64_t segment, segments_per_row, segments, block_segments, blocks, block_pixels;
  bool direct_x, direct_dy, sparse_rows, fold_cols;
  int64_t k_tile, k_tiles, x_rows, x_cols, x_panel_floats;
  int64_t panel_width, panels_per_group, panels, dy_panel_floats;
  int64_t dw_floats;
  bool by_block;
  int64_t wave;  // blocks at a time
  int64_t block_bytes, at_x, at_dy, at_x_panels, at_dy_panels, at_lengths;
  int64_t at_partials, at_blocks, bytes;
};

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.in_c = sat_mul(shape.groups, shape.k);
  plan.out_c = sat_mul(shape.groups, shape.columns);
  plan.segment = min_of(shape.cols.out, kSegment);
  plan.segments_per_row = ceil_div(shape.cols.out, kSegment);
  plan.segments = sat_mul(sat_mul(shape.images, shape.rows.out), plan.segments_per_row);
  plan.block_segments = min_of(max_of(1, kSegment / plan.segment), plan.segments);
  plan.blocks = ceil_div(plan.segments, plan.block_segments);
  plan.block_pixels = plan.block_segments * plan.segment;

  const AxisBounds row_bounds = bounds_of(shape.rows);
  const AxisBounds col_bounds = bounds_of(shape.cols);
  const bool pads = row_bounds.pads || col_bounds.pads;
  plan.panel_width = shape.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.panels_per_group = ceil_div(shape.columns, plan.panel_width);
  plan.panels = sat_mul(shape.groups, plan.panels_per_group);
  plan.direct_dy = !shape.dy_transposed && plan.panels == 1;
  plan.direct_x = !pads && (plan.panels_per_group == 1 || plan.in_c <= kernels.tile_m);

  // Panels of x hold k_tile channels. All channels in one panel: the taps of a kernel row are neighbours.
  plan.k_tiles = plan.direct_x ? 1 : ceil_div(shape.k, kernels.tile_m);
  plan.k_tile = ceil_div(shape.k, plan.k_tiles);
  plan.fold_cols = shape.groups == 1 && plan.k_tiles == 1 && shape.cols.dilation == 1;
  const int64_t runs = plan.block_segments / sat_mul(shape.rows.out, plan.segments_per_row) + 2;
  const int64_t dense = sat_add(sat_mul(plan.block_segments, shape.rows.stride), sat_mul(runs, row_bounds.extent));
  const int64_t sparse = sat_mul(plan.block_segments, shape.rows.kernel);
  plan.sparse_rows = sparse <= dense;
  plan.x_rows = plan.sparse_rows ? sparse : dense;
  plan.x_cols = sat_add(sat_mul(plan.segment - 1, shape.cols.stride), col_bounds.extent);
  plan.x_panel_floats = sat_add(sat_mul(sat_mul(plan.x_rows, plan.x_cols), plan.k_tile), kSlack);
  plan.dy_panel_floats = sat_mul(plan.block_pixels, plan.panel_width);
  plan.dw_floats = sat_mul(sat_mul(shape.rows.kernel, shape.cols.kernel), sat_mul(shape.k, plan.out_c));

  plan.by_block = plan.blocks >= kManyBlocks && plan.dw_floats <= kSmallWeights;
  plan.wave = plan.by_block ? min_of(plan.blocks, max_of(kPartialFloats / max_of(plan.dw_floats, 1), 4)) : 1;

  Layout block;
  plan.at_x = block.take(plan.block_segments, sizeof(float*));
  plan.at_dy = block.take(plan.block_segments, sizeof(float*));
  plan.at_lengths = block.take(plan.block_segments, sizeof(int64_t));
  plan.at_x_panels = block.take(
      plan.direct_x ? 0 : sat_mul(sat_mul(shape.groups, plan.k_tiles), plan.x_panel_floats), sizeof(float));
  plan.at_dy_panels = block.take(plan.direct_dy ? 0 : sat_mul(plan.panels, plan.dy_panel_floats), sizeof(float));
  plan.block_bytes = block.bytes;
  Layout layout;
  plan.at_partials = layout.take(plan.by_block ? sat_mul(plan.wave, plan.dw_floats) : 0, sizeof(float));
  plan.at_blocks = layout.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.block_bytes, plan.by_block ? threads : 1));
  return plan;
}

/// One reduction block and its memory: where its segments lie, its panels, and its register tiles.
class Block {
 public:
  Block(const ConvDw& shape, const Plan& plan, const float* x, const float* dy, int64_t index, std::byte* memory)
      : shape_(shape),
        plan_(plan),
        x_(x),
        dy_(dy),
        first_(index * plan.block_segments),
        count_(min_of(plan.block_segments, plan.segments - first_)),
        xs_(reinterpret_cast<const float**>(memory + plan.at_x)),
        dys_(reinterpret_cast<const float**>(memory + plan.at_dy)),
        lengths_(reinterpret_cast<int64_t*>(memory + plan.at_lengths)),
        x_panels_(reinterpret_cast<float*>(memory + plan.at_x_panels)),
        dy_panels_(reinterpret_cast<float*>(memory + plan.at_dy_panels)),
        cols_(span_of(shape.cols, 0)),
        rows_(span_of(shape.rows, 0)) {}

  int64_t x_copies() const { return plan_.direct_x ? 0 : shape_.groups * plan_.k_tiles; }
  int64_t dy_copies() const { return plan_.direct_dy ? 0 : plan_.panels; }
  /// Register tiles come in tasks: (panel of dy, kernel row).
  int64_t tasks() const { return plan_.panels * shape_.rows.kernel; }

  /// Lists the segments; the panels need not be filled yet.
  void list_segments() {
    const float* dy_panel = dy_panels_;
    int64_t x_row = 0;
    for (int64_t i = 0; i < count_; ++i) {
      const Segment segment = segment_of(i);
      lengths_[i] = segment.length;
      const int64_t pixel = (segment.image * shape_.rows.out + segment.row) * shape_.cols.out + segment.col;
      dys_[i] = plan_.direct_dy ? dy_ + pixel * plan_.out_c : dy_panel;
      dy_panel += segment.length * plan_.panel_width;
      if (plan_.direct_x) {
        xs_[i] = x_ + ((segment.image * shape_.rows.in + segment.row * shape_.rows.stride) * shape_.cols.in +
                       segment.col * shape_.cols.stride) * plan_.in_c;
      } else {
        xs_[i] = x_panels_ + x_row * plan_.x_cols * plan_.k_tile;
        x_row += x_rows_until_next(i, segment);
      }
    }
  }

  void copy_x(int64_t panel) const {
    const int64_t group = panel / plan_.k_tiles;
    const int64_t tile = panel % plan_.k_tiles;
    const int64_t from = tile * plan_.k_tile;
    const int64_t channels = min_of(plan_.k_tile, shape_.k - from);
    float* to = x_panels_ + panel * plan_.x_panel_floats;
    for (int64_t i = 0; i < count_; ++i) {
      const Segment segment = segment_of(i);
      const float* const image =
          x_ + segment.image * shape_.rows.in * shape_.cols.in * plan_.in_c + group * shape_.k + from;
      const int64_t in_col = segment.col * shape_.cols.stride + cols_.min;
      const int64_t rows = x_rows_until_next(i, segment);
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t offset = plan_.sparse_rows ? row * shape_.rows.dilation - shape_.rows.pad : row + rows_.min;
        copy_x_row(image, segment.row * shape_.rows.stride + offset, in_col, channels, to);
        to += plan_.x_cols * plan_.k_tile;
      }
    }
  }

  void copy_dy(int64_t panel, const Kernels& kernels) const {
    const int64_t column = panel / plan_.panels_per_group * shape_.columns +
                           panel % plan_.panels_per_group * plan_.panel_width;
    const int n = columns_of(panel);
    const int width = static_cast<int>(plan_.panel_width);
    float* to = dy_panels_ + panel * plan_.dy_panel_floats;
    if (shape_.dy_transposed) {
      const int64_t pixel = first_ * kSegment;
      kernels.pack_columns(to, dy_ + column * shape_.cols.out + pixel, shape_.cols.out, lengths_[0], n, width);
      return;
    }
    for (int64_t i = 0; i < count_; ++i) {
      const Segment segment = segment_of(i);
      const int64_t pixel = (segment.image * shape_.rows.out + segment.row) * shape_.cols.out + segment.col;
      kernels.pack_rows(to, dy_ + pixel * plan_.out_c + column, plan_.out_c, segment.length, n, width);
      to += segment.length * width;
    }
  }

  void compute(int64_t task_index, const Kernels& kernels, float* dw, DwMode mode) const {
    const int64_t panel = task_index / shape_.rows.kernel;
    const int64_t r = task_index % shape_.rows.kernel;
    const int64_t group = panel / plan_.panels_per_group;
    const int64_t column = group * shape_.columns + panel % plan_.panels_per_group * plan_.panel_width;
    GemmPanelDw task = {};
    task.x = xs_;
    task.dy = dys_;
    task.lengths = lengths_;
    task.segments = count_;
    task.dy_offset = plan_.direct_dy ? 0 : panel * plan_.dy_panel_floats;
    task.dy_stride = plan_.direct_dy ? plan_.out_c : plan_.panel_width;
    task.dy_padded = !plan_.direct_dy;
    task.ldw = plan_.out_c;
    task.n = columns_of(panel);
    task.mode = mode;
    const int64_t pixel_floats = plan_.direct_x ? plan_.in_c : plan_.k_tile;
    const int64_t row_floats = (plan_.direct_x ? shape_.cols.in : plan_.x_cols) * pixel_floats;
    task.x_stride = shape_.cols.stride * pixel_floats;
    const int64_t row = !plan_.direct_x && plan_.sparse_rows ? r : r * shape_.rows.dilation;
    const int64_t taps = plan_.fold_cols ? 1 : shape_.cols.kernel;
    for (int64_t s = 0; s < taps; ++s) {
      for (int64_t tile = 0; tile < plan_.k_tiles; ++tile) {
        const int64_t channel = tile * plan_.k_tile;
        task.x_offset = row * row_floats + s * shape_.cols.dilation * pixel_floats;
        task.x_offset += plan_.direct_x ? group * shape_.k : (group * plan_.k_tiles + tile) * plan_.x_panel_floats;
        task.positions = plan_.fold_cols ? shape_.cols.kernel * shape_.k : min_of(plan_.k_tile, shape_.k - channel);
        task.dw = dw + ((r * shape_.cols.kernel + s) * shape_.k + channel) * plan_.out_c + column;
        kernels.gemm_panel_dw(task);
      }
    }
  }

 private:
  struct Segment {
    int64_t image, row, col, length;
  };

  Segment segment_of(int64_t i) const {
    const int64_t index = first_ + i;
    const int64_t row = index / plan_.segments_per_row;
    const int64_t col = index % plan_.segments_per_row * kSegment;
    return {row / shape_.rows.out, row % shape_.rows.out, col, min_of(shape_.cols.out - col, kSegment)};
  }

  /// Rows of x that segment i adds to a panel: those before the next segment's first row, all of them at the end of an
  /// image. A block with several segments has whole rows, so each of its segments is one output row.
  int64_t x_rows_until_next(int64_t i, const Segment& segment) const {
    if (plan_.sparse_rows) return shape_.rows.kernel;
    const bool last = i + 1 == count_ || segment.row + 1 == shape_.rows.out;
    return last ? rows_.max - rows_.min + 1 : shape_.rows.stride;
  }

  int columns_of(int64_t panel) const {
    const int64_t column = panel % plan_.panels_per_group * plan_.panel_width;
    return static_cast<int>(min_of(shape_.columns - column, plan_.panel_width));
  }

  void copy_x_row(const float* image, int64_t row, int64_t in_col, int64_t channels, float* to) const {
    const size_t all = static_cast<size_t>(plan_.x_cols * plan_.k_tile) * sizeof(float);
    if (row < 0 || row >= shape_.rows.in) {
      std::memset(to, 0, all);
      return;
    }
    const int64_t valid_from = min_of(max_of(-in_col, 0), plan_.x_cols);
    const int64_t valid_to = max_of(min_of(shape_.cols.in - in_col, plan_.x_cols), valid_from);
    if (valid_from > 0 || valid_to < plan_.x_cols) std::memset(to, 0, all);
    const float* from = image + (row * shape_.cols.in + in_col + valid_from) * plan_.in_c;
    to += valid_from * plan_.k_tile;
    for (int64_t col = valid_from; col < valid_to; ++col, from += plan_.in_c, to += plan_.k_tile) {
      std::memcpy(to, from, static_cast<size_t>(channels) * sizeof(float));
    }
  }

  const ConvDw& shape_;
  const Plan& plan_;
  const float* const x_;
  const float* const dy_;
  const int64_t first_;
  const int64_t count_;
  const float** const xs_;
  const float** const dys_;
  int64_t* const lengths_;
  float* const x_panels_;
  float* const dy_panels_;
  const AxisSpan cols_;
  const AxisSpan rows_;
};

void fold(float* dw, const float* partials, int64_t blocks, bool first, int64_t dw_floats, Parallel& parallel) {
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

}  // namespace

int64_t conv_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  const int64_t bytes = make_plan(shape, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void conv_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                 Parallel& parallel, std::byte* workspace) {
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  std::byte* const memory = workspace + plan.at_blocks;
  if (plan.by_block) {
    float* const partials = reinterpret_cast<float*>(workspace + plan.at_partials);
    for (int64_t from = 0; from < plan.blocks; from += plan.wave) {
      const int64_t count = min_of(plan.wave, plan.blocks - from);
      parallel.run(count, [&](int64_t i, int worker) {
        Block block(shape, plan, x, dy, from + i, memory + worker * plan.block_bytes);
        block.list_segments();
        for (int64_t panel = 0; panel < block.x_copies(); ++panel) block.copy_x(panel);
        for (int64_t panel = 0; panel < block.dy_copies(); ++panel) block.copy_dy(panel, kernels);
        float* const partial = partials + i * plan.dw_floats;
        for (int64_t task = 0; task < block.tasks(); ++task) block.compute(task, kernels, partial, DwMode::kStore);
      });
      fold(dw, partials, count, from == 0, plan.dw_floats, parallel);
    }
    return;
  }
  for (int64_t index = 0; index < plan.blocks; ++index) {
    Block block(shape, plan, x, dy, index, memory);
    block.list_segments();
    const int64_t x_copies = block.x_copies();
    parallel.run(x_copies + block.dy_copies(), [&](int64_t copy, int) {
      if (copy < x_copies) {
        block.copy_x(copy);
      } else {
        block.copy_dy(copy - x_copies, kernels);
      }
    });
    parallel.run(block.tasks(), [&](int64_t task, int) {
      block.compute(task, kernels, dw, index == 0 ? DwMode::kStore : DwMode::kAdd);
    });
  }
}

}  // namespace lanewise
