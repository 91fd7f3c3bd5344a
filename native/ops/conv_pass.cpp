// How a pass is cut: work item = (stride phase, block of output pixels, range of output-channel panels). A block is
// some images, or some rows of one image, or a part of one row, so that its input fits in L2 beside a panel of weights.
// Where taps reach into the padding the item first copies its input into a zero-padded scratch of its worker; then all
// register tiles are uniform, and pixels of a block share tiles across rows and images. Weights are packed once per
// run into panels [panel][tap][k][panel_width], or used in place when there are too few pixels to repay packing.
#include "conv_pass.h"

#include <cstring>

#include "workspace.h"

namespace lanewise {
namespace {

constexpr int64_t kBlockFloats = 48 * 1024;  // input of a block: 192 KiB, part of L2
constexpr int64_t kBlockPixels = 1024;
constexpr int64_t kMinItems = 16;

int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

/// Everything that follows from the shape and the register tile.
struct Plan {
  int64_t in_c, out_c, taps;
  bool direct;  // pixels point into the input; else into the scratch
  bool packed;
  bool sparse_rows;  // the scratch holds only the rows that taps read, in the order (output row, tap)
  int64_t block_images, block_rows, block_cols;
  int64_t image_blocks, row_blocks, col_blocks, col_phases, phases;
  int64_t panel_width, panels_per_group, panels, splits;
  int64_t items;
  // scratch of one worker
  int64_t scratch_rows, scratch_cols, pixels;
  int64_t packed_floats;
  int64_t at_packed, at_workers, worker_bytes, at_taps, at_x, at_y, at_scratch, bytes;
};

/// Divides `total` into pieces of nearly equal size, at most `most` each; returns the size.
int64_t even_block(int64_t total, int64_t most) {
  if (most >= total) return total;
  return ceil_div(total, ceil_div(total, max_of(most, 1)));
}

void choose_blocks(const ConvPass& pass, const Kernels& kernels, Plan* plan) {
  const int64_t rows = pass.rows.count(0);
  const int64_t cols = pass.cols.count(0);
  const int64_t map = sat_mul(rows, cols);
  const int64_t floats_per_pixel =
      sat_mul(plan->in_c, sat_mul(min_of(pass.rows.in_step(), pass.rows.kernel), min_of(pass.cols.in_step(), pass.cols.kernel)));
  int64_t target = min_of(kBlockPixels, max_of(kBlockFloats / max_of(floats_per_pixel, 1), 8 * kernels.tile_m));
  const int64_t all = sat_mul(sat_mul(pass.images, map), plan->phases);
  target = min_of(target, max_of(ceil_div(all, kMinItems), 4 * kernels.tile_m));
  plan->block_images = 1;
  plan->block_rows = rows;
  plan->block_cols = cols;
  if (map <= target) {
    plan->block_images = even_block(pass.images, target / map);
  } else if (cols <= target) {
    plan->block_rows = even_block(rows, target / cols);
  } else {
    plan->block_rows = 1;
    plan->block_cols = even_block(cols, target);
  }
  plan->image_blocks = ceil_div(pass.images, plan->block_images);
  plan->row_blocks = ceil_div(rows, plan->block_rows);
  plan->col_blocks = ceil_div(cols, plan->block_cols);
  plan->pixels = plan->block_images * plan->block_rows * plan->block_cols;
}

Plan make_plan(const ConvPass& pass, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.in_c = sat_mul(pass.groups, pass.k);
  plan.out_c = sat_mul(pass.groups, pass.columns);
  plan.taps = sat_mul(pass.rows.kernel, pass.cols.kernel);
  plan.col_phases = pass.cols.phases();
  plan.phases = sat_mul(pass.rows.phases(), plan.col_phases);
  choose_blocks(pass, kernels, &plan);

  const AxisBounds row_bounds = bounds_of(pass.rows);
  const AxisBounds col_bounds = bounds_of(pass.cols);
  plan.direct = !row_bounds.pads && !col_bounds.pads;
  const int64_t dense = sat_add(sat_mul(plan.block_rows - 1, pass.rows.in_step()), row_bounds.extent);
  const int64_t sparse = sat_mul(plan.block_rows, row_bounds.taps);
  plan.sparse_rows = sparse < dense;
  plan.scratch_rows = plan.sparse_rows ? sparse : dense;
  plan.scratch_cols = sat_add(sat_mul(plan.block_cols - 1, pass.cols.in_step()), col_bounds.extent);

  const int64_t all_pixels = sat_mul(sat_mul(pass.images, pass.rows.out), pass.cols.out);
  plan.packed = pass.transposed || all_pixels > 2 * kernels.tile_m;
  plan.panel_width = pass.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.panels_per_group = ceil_div(pass.columns, plan.panel_width);
  plan.panels = sat_mul(pass.groups, plan.panels_per_group);
  const int64_t blocks = sat_mul(plan.phases, sat_mul(plan.image_blocks, sat_mul(plan.row_blocks, plan.col_blocks)));
  plan.splits = blocks >= kMinItems ? 1 : min_of(plan.panels, ceil_div(kMinItems, blocks));
  plan.items = sat_mul(blocks, plan.splits);

  Layout layout;
  plan.packed_floats =
      plan.packed ? sat_mul(sat_mul(plan.panels, plan.panel_width), sat_mul(plan.taps, pass.k)) : 0;
  plan.at_packed = layout.take(plan.packed_floats, sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  plan.at_taps = worker.take(sat_mul(row_bounds.taps, col_bounds.taps), sizeof(Tap));
  plan.at_x = worker.take(plan.pixels, sizeof(float*));
  plan.at_y = worker.take(plan.pixels, sizeof(float*));
  const int64_t image_floats = sat_mul(sat_mul(plan.scratch_rows, plan.scratch_cols), plan.in_c);
  plan.at_scratch = worker.take(plan.direct ? 0 : sat_mul(plan.block_images, image_floats), sizeof(float));
  plan.worker_bytes = worker.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

void pack_weights(const ConvPass& pass, const Plan& plan, const float* w, const Kernels& kernels, Parallel& parallel,
                  float* packed) {
  const int64_t panel_floats = plan.taps * pass.k * plan.panel_width;
  parallel.run(plan.panels * plan.taps, [&](int64_t item, int) {
    const int64_t panel = item / plan.taps;
    const int64_t tap = item % plan.taps;
    const int64_t group = panel / plan.panels_per_group;
    const int64_t column = panel % plan.panels_per_group * plan.panel_width;
    const int n = static_cast<int>(min_of(pass.columns - column, plan.panel_width));
    float* const to = packed + panel * panel_floats + tap * pass.k * plan.panel_width;
    const int width = static_cast<int>(plan.panel_width);
    if (pass.transposed) {
      const float* const from = w + (tap * pass.columns + column) * plan.in_c + group * pass.k;
      kernels.pack_columns(to, from, plan.in_c, pass.k, n, width);
    } else {
      const float* const from = w + tap * pass.k * plan.out_c + group * pass.columns + column;
      kernels.pack_rows(to, from, plan.out_c, pass.k, n, width);
    }
  });
}

/// The block of one item, in positions of its phase: [from, to) per axis.
struct Block {
  int64_t row_phase, col_phase;
  int64_t image_from, image_to, row_from, row_to, col_from, col_to;
};

bool block_of(const ConvPass& pass, const Plan& plan, int64_t index, Block* block) {
  const int64_t col_block = index % plan.col_blocks;
  index /= plan.col_blocks;
  const int64_t row_block = index % plan.row_blocks;
  index /= plan.row_blocks;
  const int64_t image_block = index % plan.image_blocks;
  const int64_t phase = index / plan.image_blocks;
  block->row_phase = phase / plan.col_phases;
  block->col_phase = phase % plan.col_phases;
  block->image_from = image_block * plan.block_images;
  block->image_to = min_of(block->image_from + plan.block_images, pass.images);
  block->row_from = row_block * plan.block_rows;
  block->row_to = min_of(block->row_from + plan.block_rows, pass.rows.count(block->row_phase));
  block->col_from = col_block * plan.block_cols;
  block->col_to = min_of(block->col_from + plan.block_cols, pass.cols.count(block->col_phase));
  return block->row_from < block->row_to && block->col_from < block->col_to;
}

/// Copies input row `row` (may lie outside), columns [col_from, col_from + cols), zeros outside.
void copy_row(const float* image, const ConvPass& pass, int64_t channels, int64_t row, int64_t col_from, int64_t cols,
              float* to) {
  if (row < 0 || row >= pass.rows.in) {
    std::memset(to, 0, static_cast<size_t>(cols * channels) * sizeof(float));
    return;
  }
  const int64_t valid_from = min_of(max_of(-col_from, 0), cols);
  const int64_t valid_to = max_of(min_of(pass.cols.in - col_from, cols), valid_from);
  std::memset(to, 0, static_cast<size_t>(valid_from * channels) * sizeof(float));
  if (valid_to > valid_from) {
    std::memcpy(to + valid_from * channels, image + (row * pass.cols.in + col_from + valid_from) * channels,
                static_cast<size_t>((valid_to - valid_from) * channels) * sizeof(float));
  }
  std::memset(to + valid_to * channels, 0, static_cast<size_t>((cols - valid_to) * channels) * sizeof(float));
}

class Item {
 public:
  Item(const ConvPass& pass, const Plan& plan, const ConvPassData& data, const Block& block, std::byte* memory)
      : pass_(pass),
        plan_(plan),
        data_(data),
        block_(block),
        rows_(span_of(pass.rows, block.row_phase)),
        cols_(span_of(pass.cols, block.col_phase)),
        taps_(reinterpret_cast<Tap*>(memory + plan.at_taps)),
        x_(reinterpret_cast<const float**>(memory + plan.at_x)),
        y_(reinterpret_cast<float**>(memory + plan.at_y)),
        scratch_(reinterpret_cast<float*>(memory + plan.at_scratch)) {}

  void prepare() {
    if (plan_.direct) {
      pitch_ = pass_.cols.in * plan_.in_c;
      row_step_ = pass_.rows.in_step() * pitch_;
    } else {
      pitch_ = plan_.scratch_cols * plan_.in_c;
      row_step_ = (plan_.sparse_rows ? rows_.taps : pass_.rows.in_step()) * pitch_;
      fill_scratch();
    }
    list_pixels();
    list_taps();
  }

  void compute(const float* packed, const Kernels& kernels, int64_t panel_from, int64_t panel_to) const {
    GemmPanel task = {};
    task.x = x_;
    task.y = y_;
    task.pixels = pixels_;
    task.taps = taps_;
    task.n_taps = n_taps_;
    task.klen = klen_;
    task.ldw = plan_.packed ? plan_.panel_width : plan_.out_c;
    task.w_padded = plan_.packed;
    task.activation = data_.activation;
    task.slope = data_.slope;
    const int64_t panel_floats = plan_.taps * pass_.k * plan_.panel_width;
    for (int64_t panel = panel_from; panel < panel_to; ++panel) {
      const int64_t group = panel / plan_.panels_per_group;
      const int64_t column = panel % plan_.panels_per_group * plan_.panel_width;
      const int64_t out_column = group * pass_.columns + column;
      task.x_offset = group * pass_.k;
      task.y_offset = out_column;
      task.w = plan_.packed ? packed + panel * panel_floats : data_.w + out_column;
      task.n = static_cast<int>(min_of(pass_.columns - column, plan_.panel_width));
      task.bias = data_.bias == nullptr ? nullptr : data_.bias + out_column;
      kernels.gemm_panel(task);
    }
  }

 private:
  /// Row of the scratch, or of the input, that holds what the tap with row offset `offset` reads for output row 0.
  int64_t tap_row(int64_t nth_tap, int64_t offset) const {
    if (plan_.direct) return offset;
    return plan_.sparse_rows ? nth_tap : offset - rows_.min;
  }

  void fill_scratch() {
    const int64_t in_row = block_.row_from * pass_.rows.in_step();
    const int64_t in_col = block_.col_from * pass_.cols.in_step() + cols_.min;
    const int64_t image_floats = pass_.rows.in * pass_.cols.in * plan_.in_c;
    float* to = scratch_;
    for (int64_t image = block_.image_from; image < block_.image_to; ++image) {
      const float* const from = data_.in + image * image_floats;
      float* const image_to = to;
      if (plan_.sparse_rows) {
        for (int64_t row = block_.row_from; row < block_.row_to; ++row) {
          for (int64_t tap = 0; tap < pass_.rows.kernel; ++tap) {
            int64_t offset;
            if (!pass_.rows.hits(block_.row_phase, tap, &offset)) continue;
            copy_row(from, pass_, plan_.in_c, row * pass_.rows.in_step() + offset, in_col, plan_.scratch_cols, to);
            to += pitch_;
          }
        }
      } else {
        const int64_t rows = (block_.row_to - block_.row_from - 1) * pass_.rows.in_step() + rows_.max - rows_.min + 1;
        for (int64_t row = 0; row < rows; ++row, to += pitch_) {
          copy_row(from, pass_, plan_.in_c, in_row + rows_.min + row, in_col, plan_.scratch_cols, to);
        }
      }
      to = image_to + plan_.scratch_rows * pitch_;
    }
  }

  void list_pixels() {
    const int64_t col_step = pass_.cols.in_step() * plan_.in_c;
    const int64_t image_floats = plan_.direct ? pass_.rows.in * pitch_ : plan_.scratch_rows * pitch_;
    const int64_t out_step = pass_.cols.out_step() * plan_.out_c;
    pixels_ = 0;
    for (int64_t image = block_.image_from; image < block_.image_to; ++image) {
      for (int64_t row = block_.row_from; row < block_.row_to; ++row) {
        const float* x = plan_.direct ? data_.in + image * image_floats + row * row_step_ + block_.col_from * col_step
                                      : scratch_ + (image - block_.image_from) * image_floats +
                                            (row - block_.row_from) * row_step_;
        const int64_t out_row = block_.row_phase + row * pass_.rows.out_step();
        const int64_t out_col = block_.col_phase + block_.col_from * pass_.cols.out_step();
        float* y = data_.out + ((image * pass_.rows.out + out_row) * pass_.cols.out + out_col) * plan_.out_c;
        for (int64_t col = block_.col_from; col < block_.col_to; ++col, x += col_step, y += out_step) {
          x_[pixels_] = x;
          y_[pixels_] = y;
          ++pixels_;
        }
      }
    }
  }

  /// Taps in kernel order; those whose inputs and weights follow each other become one run.
  void list_taps() {
    const int64_t ldw = plan_.packed ? plan_.panel_width : plan_.out_c;
    const int64_t col_base = plan_.direct ? 0 : cols_.min;
    n_taps_ = 0;
    klen_ = pass_.k;
    int64_t nth_row = 0;
    for (int64_t r = 0; r < pass_.rows.kernel; ++r) {
      int64_t row_offset;
      if (!pass_.rows.hits(block_.row_phase, r, &row_offset)) continue;
      const int64_t row = tap_row(nth_row++, row_offset) * pitch_;
      for (int64_t s = 0; s < pass_.cols.kernel; ++s) {
        int64_t col_offset;
        if (!pass_.cols.hits(block_.col_phase, s, &col_offset)) continue;
        const int64_t x = row + (col_offset - col_base) * plan_.in_c;
        taps_[n_taps_++] = {x, (r * pass_.cols.kernel + s) * pass_.k * ldw};
      }
    }
    merge_taps(cols_.taps, ldw);
  }

  void merge_taps(int64_t run, int64_t ldw) {
    if (run <= 1) return;
    for (int64_t first = 0; first < n_taps_; first += run) {
      for (int64_t i = first + 1; i < first + run; ++i) {
        if (taps_[i].x != taps_[i - 1].x + klen_ || taps_[i].w != taps_[i - 1].w + klen_ * ldw) return;
      }
    }
    n_taps_ /= run;
    klen_ *= run;
    for (int64_t i = 0; i < n_taps_; ++i) taps_[i] = taps_[i * run];
  }

  const ConvPass& pass_;
  const Plan& plan_;
  const ConvPassData& data_;
  const Block block_;
  const AxisSpan rows_;
  const AxisSpan cols_;
  Tap* const taps_;
  const float** const x_;
  float** const y_;
  float* const scratch_;
  int64_t pitch_ = 0;     // between rows of the input or scratch
  int64_t row_step_ = 0;  // between the inputs of two output rows
  int64_t pixels_ = 0;
  int64_t n_taps_ = 0;
  int64_t klen_ = 0;
};

}  // namespace

int64_t conv_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads) {
  const int64_t bytes = make_plan(pass, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void conv_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                   std::byte* workspace) {
  const Plan plan = make_plan(pass, kernels, parallel.threads());
  float* const packed = reinterpret_cast<float*>(workspace + plan.at_packed);
  if (plan.packed) pack_weights(pass, plan, data.w, kernels, parallel, packed);
  parallel.run(plan.items, [&](int64_t index, int worker) {
    Block block;
    if (!block_of(pass, plan, index / plan.splits, &block)) return;
    Item item(pass, plan, data, block, workspace + plan.at_workers + worker * plan.worker_bytes);
    item.prepare();
    const int64_t split = index % plan.splits;
    item.compute(packed, kernels, plan.panels * split / plan.splits, plan.panels * (split + 1) / plan.splits);
  });
}

}  // namespace lanewise
