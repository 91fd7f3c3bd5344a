// The weight gradient where no tap reaches into padding (linear, gemm, 1x1, valid convolutions): x and dy are read
// where they lie. An item owns a part of dw (some taps x some positions x some columns) and goes through the pixels in
// chunks that stay in L2 together with it. Where that makes too few items, each reduction block is worked on
// separately.
#include <cstring>

#include "conv_dw.h"
#include "conv_dw_chunk.h"

namespace lanewise {
namespace {

constexpr int64_t kPartPositions = 224;
constexpr int64_t kPartColumns = 256;
constexpr int64_t kPartFloats = 64 * 1024;
constexpr int64_t kLeastPositions = 48;
constexpr int64_t kLeastColumns = 64;
constexpr int64_t kChunkFloats = 96 * 1024;  // of x and dy
constexpr int64_t kLeastChunk = 64;          // pixels: the sums are loaded and stored once a chunk
constexpr int64_t kItemsPerThread = 8;
constexpr int64_t kConflictFloats = 1024;  // rows of dw so far apart push each other out of the caches
constexpr int64_t kSmallTile = 8;
constexpr int64_t kFarFloats = 128;  // pixels so far apart are copied together for a small register tile ...
constexpr int64_t kRepaysCopy = 64;  // ... if each float is used so often
constexpr int64_t kPartialFloats = 2 * 1024 * 1024;

struct Plan {
  // dw[taps][positions][columns]; the taps of a kernel row are one where they are neighbours in memory.
  int64_t taps, positions, columns, dw_floats;
  bool fold_cols;
  DwBlocks blocks;
  int64_t tap_parts, position_parts, column_parts, parts, panel_width;
  int64_t part_positions, part_columns;  // at most
  int64_t chunk;                         // pixels
  bool by_block;                         // an item is a part of one block's sums
  bool staged;                           // the first block's sums, too, are made in the worker's memory
  int64_t wave;                          // blocks at a time
  bool copy_x, copy_dy;
  int64_t at_partials, at_workers, at_dy, at_lengths, at_sums, at_x_copy, at_dy_copy, worker_bytes, bytes;
};

/// Cuts dw further until there are `wanted` parts, if they do not become too small to be efficient.
void cut(Plan* plan, int64_t wanted) {
  const int64_t column_panels = ceil_div(plan->columns, plan->panel_width);
  for (;;) {
    plan->part_positions = ceil_div(plan->positions, plan->position_parts);
    plan->part_columns = ceil_div(column_panels, plan->column_parts) * plan->panel_width;
    plan->parts = plan->tap_parts * plan->position_parts * plan->column_parts;
    if (plan->parts >= wanted) return;
    if (plan->tap_parts < plan->taps) {
      plan->tap_parts = min_of(plan->taps, plan->tap_parts * 2);
    } else if (plan->part_positions >= 2 * kLeastPositions && plan->part_positions >= plan->part_columns) {
      ++plan->position_parts;
    } else if (plan->part_columns >= 2 * kLeastColumns) {
      ++plan->column_parts;
    } else if (plan->part_positions >= 2 * kLeastPositions) {
      ++plan->position_parts;
    } else {
      return;
    }
  }
}

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.fold_cols = shape.cols.kernel == 1 || shape.cols.dilation == 1;
  plan.taps = sat_mul(shape.rows.kernel, plan.fold_cols ? 1 : shape.cols.kernel);
  plan.positions = sat_mul(shape.k, plan.fold_cols ? shape.cols.kernel : 1);
  plan.columns = shape.columns;
  plan.dw_floats = sat_mul(sat_mul(plan.taps, plan.positions), plan.columns);
  plan.blocks = make_dw_blocks(shape);
  plan.panel_width = shape.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.position_parts = ceil_div(plan.positions, kPartPositions);
  plan.column_parts = ceil_div(plan.columns, kPartColumns);
  plan.tap_parts = 1;
  cut(&plan, 1);
  const int64_t taps_at_once = max_of(kPartFloats / sat_mul(plan.part_positions, plan.part_columns), 1);
  plan.tap_parts = ceil_div(plan.taps, taps_at_once);
  const Plan whole = plan;
  const int64_t wanted = threads == 1 ? 1 : kItemsPerThread * threads;
  cut(&plan, wanted);
  plan.by_block = plan.parts < wanted && plan.blocks.blocks > 1;
  plan.wave = 1;
  if (plan.by_block) {
    plan = whole;
    plan.by_block = true;
    plan.wave = min_of(plan.blocks.blocks, max_of(kPartialFloats / plan.dw_floats, 4));
    cut(&plan, ceil_div(wanted, plan.wave));
  }

  const int64_t block_pixels = sat_mul(plan.blocks.block_segments, plan.blocks.segment);
  const int64_t floats_per_pixel =
      sat_add(min_of(plan.part_positions, sat_mul(shape.k, shape.cols.stride)), plan.part_columns);
  const int64_t chunk = max_of(kChunkFloats / floats_per_pixel, kLeastChunk);
  plan.chunk = ceil_div(block_pixels, ceil_div(block_pixels, chunk));
  plan.staged = plan.columns % kConflictFloats == 0 && plan.chunk < block_pixels;

  Layout layout;
  plan.at_partials = layout.take(plan.by_block ? sat_mul(plan.wave, plan.dw_floats) : 0, sizeof(float));
  plan.at_workers = layout.bytes;
  const int64_t pieces = min_of(plan.blocks.block_segments, plan.chunk / plan.blocks.segment + 2);
  Layout worker;
  worker.take(pieces, sizeof(float*));
  plan.at_dy = worker.take(pieces, sizeof(float*));
  plan.at_lengths = worker.take(pieces, sizeof(int64_t));
  const int64_t part_taps = ceil_div(plan.taps, plan.tap_parts);
  const int64_t sums = sat_mul(part_taps, sat_mul(plan.part_positions, plan.part_columns));
  plan.at_sums = worker.take(plan.by_block || (plan.blocks.blocks == 1 && !plan.staged) ? 0 : sums, sizeof(float));
  const bool small_tile = kernels.tile_m < kSmallTile;
  plan.copy_x = small_tile && shape.cols.stride * shape.k >= kFarFloats && plan.part_columns >= kRepaysCopy;
  plan.copy_dy = small_tile && plan.columns >= kFarFloats && plan.part_positions >= kRepaysCopy;
  plan.at_x_copy = worker.take(plan.copy_x ? sat_mul(plan.chunk, plan.part_positions) : 0, sizeof(float));
  plan.at_dy_copy = worker.take(plan.copy_dy ? sat_mul(plan.chunk, plan.part_columns) : 0, sizeof(float));
  plan.worker_bytes = worker.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(worker.bytes, threads));
  return plan;
}

struct Part {
  int64_t tap_from, tap_to, position_from, position_to, column_from, column_to;
};

Part part_of(const Plan& plan, int64_t index) {
  const int64_t column = index % plan.column_parts * plan.part_columns;
  index /= plan.column_parts;
  const int64_t position = index % plan.position_parts;
  const int64_t tap = index / plan.position_parts;
  return {plan.taps * tap / plan.tap_parts,
          plan.taps * (tap + 1) / plan.tap_parts,
          plan.positions * position / plan.position_parts,
          plan.positions * (position + 1) / plan.position_parts,
          min_of(column, plan.columns),
          min_of(column + plan.part_columns, plan.columns)};
}

/// Where the sums of a part go: element (tap, position, column) of the part.
struct Sums {
  float* to;
  int64_t tap_stride, position_stride;
};

class Worker {
 public:
  Worker(const ConvDw& shape, const Plan& plan, const Kernels& kernels, const float* x, const float* dy,
         std::byte* memory)
      : shape_(shape),
        plan_(plan),
        kernels_(kernels),
        x_(x),
        dy_(dy),
        xs_(reinterpret_cast<const float**>(memory)),
        dys_(reinterpret_cast<const float**>(memory + plan.at_dy)),
        lengths_(reinterpret_cast<int64_t*>(memory + plan.at_lengths)),
        x_copy_(reinterpret_cast<float*>(memory + plan.at_x_copy)),
        dy_copy_(reinterpret_cast<float*>(memory + plan.at_dy_copy)) {}

  /// The chains of a block for one part of dw.
  void sum_block(int64_t block, const Part& part, const Sums& sums) const {
    const int64_t first = block * plan_.blocks.block_segments;
    const int64_t last = min_of(first + plan_.blocks.block_segments, plan_.blocks.segments);
    int64_t segment = first, col = 0;
    while (segment < last) {
      const bool resume = segment > first || col > 0;
      const int64_t pieces = list_chunk(last, &segment, &col);
      sum_chunk(pieces, part, resume, sums);
    }
  }

 private:
  /// Lists the runs of the next chunk's pixels and moves on to the pixel after them.
  int64_t list_chunk(int64_t last, int64_t* segment, int64_t* col) const {
    const int64_t x_step = shape_.cols.stride * shape_.k;
    int64_t pieces = 0;
    for (int64_t left = plan_.chunk; left > 0 && *segment < last;) {
      const int64_t row = *segment / plan_.blocks.segments_per_row;
      const int64_t col_from = *segment % plan_.blocks.segments_per_row * plan_.blocks.segment + *col;
      const int64_t in_segment = min_of(shape_.cols.out - col_from, plan_.blocks.segment - *col);
      const int64_t length = min_of(in_segment, left);
      const int64_t in_row = row / shape_.rows.out * shape_.rows.in + row % shape_.rows.out * shape_.rows.stride;
      const float* const x = x_ + in_row * shape_.cols.in * shape_.k + col_from * x_step;
      if (pieces > 0 && xs_[pieces - 1] + lengths_[pieces - 1] * x_step == x) {
        lengths_[pieces - 1] += length;
      } else {
        xs_[pieces] = x;
        dys_[pieces] = dy_ + (row * shape_.cols.out + col_from) * plan_.columns;
        lengths_[pieces++] = length;
      }
      left -= length;
      *col += length;
      if (length == in_segment) ++*segment, *col = 0;
    }
    return pieces;
  }

  void sum_chunk(int64_t pieces, const Part& part, bool resume, const Sums& sums) const {
    const int64_t width = plan_.panel_width;
    int64_t pixels = 0;
    for (int64_t i = 0; i < pieces; ++i) pixels += lengths_[i];
    if (plan_.copy_dy) copy_dy(pieces, part);
    GemmPanelDw task = {};
    task.x = xs_;
    task.dy = dys_;
    task.lengths = plan_.copy_x ? &pixels : lengths_;
    task.segments = plan_.copy_x ? 1 : pieces;  // dy's pieces follow each other, here and there
    task.x_stride = shape_.cols.stride * shape_.k;
    task.dy_stride = plan_.copy_dy ? width : plan_.columns;
    task.dy_padded = plan_.copy_dy;
    task.ldw = sums.position_stride;
    task.positions = part.position_to - part.position_from;
    task.resume = resume;
    task.fetch = !plan_.copy_x && !plan_.copy_dy;
    for (int64_t tap = part.tap_from; tap < part.tap_to; ++tap) {
      const int64_t row = plan_.fold_cols ? tap : tap / shape_.cols.kernel;
      const int64_t col = plan_.fold_cols ? 0 : tap % shape_.cols.kernel;
      task.x_offset =
          (row * shape_.rows.dilation * shape_.cols.in + col * shape_.cols.dilation) * shape_.k + part.position_from;
      if (plan_.copy_x) {
        copy_x(pieces, task.x_offset, task.positions);
        task.x = &x_copy_;
        task.x_offset = 0;
        task.x_stride = task.positions;
      }
      for (int64_t column = part.column_from; column < part.column_to; column += width) {
        const int64_t in_part = column - part.column_from;
        task.dy_offset = plan_.copy_dy ? in_part * pixels : column;
        task.n = static_cast<int>(min_of(part.column_to - column, width));
        task.dw = sums.to + (tap - part.tap_from) * sums.tap_stride + in_part;
        kernels_.gemm_panel_dw(task);
      }
    }
  }

  /// The part's positions of every pixel, side by side.
  void copy_x(int64_t pieces, int64_t offset, int64_t positions) const {
    const int n = static_cast<int>(positions);
    float* to = x_copy_;
    for (int64_t i = 0; i < pieces; to += lengths_[i++] * positions) {
      kernels_.pack_rows(to, xs_[i] + offset, shape_.cols.stride * shape_.k, lengths_[i], n, n);
    }
  }

  /// The part's columns in panels [pixels][panel_width]; lists the pieces of the first.
  void copy_dy(int64_t pieces, const Part& part) const {
    const int64_t width = plan_.panel_width;
    float* to = dy_copy_;
    for (int64_t column = part.column_from; column < part.column_to; column += width) {
      const int n = static_cast<int>(min_of(part.column_to - column, width));
      for (int64_t i = 0; i < pieces; to += lengths_[i++] * width) {
        kernels_.pack_rows(to, dys_[i] + column, plan_.columns, lengths_[i], n, static_cast<int>(width));
      }
    }
    to = dy_copy_;
    for (int64_t i = 0; i < pieces; to += lengths_[i++] * width) dys_[i] = to;
  }

  const ConvDw& shape_;
  const Plan& plan_;
  const Kernels& kernels_;
  const float* const x_;
  const float* const dy_;
  const float** const xs_;
  const float** const dys_;
  int64_t* const lengths_;
  float* const x_copy_;
  float* const dy_copy_;
};

/// The part inside a whole dw.
Sums sums_in(const Plan& plan, const Part& part, float* dw) {
  return {dw + (part.tap_from * plan.positions + part.position_from) * plan.columns + part.column_from,
          plan.positions * plan.columns, plan.columns};
}

/// Adds the sums of a block to dw, or makes them dw when it is the first.
void add_part(const Part& part, const Sums& sums, bool first, const Sums& dw, const Kernels& kernels) {
  const int64_t columns = part.column_to - part.column_from;
  for (int64_t tap = 0; tap < part.tap_to - part.tap_from; ++tap) {
    for (int64_t position = 0; position < part.position_to - part.position_from; ++position) {
      float* const to = dw.to + tap * dw.tap_stride + position * dw.position_stride;
      const float* const from = sums.to + tap * sums.tap_stride + position * sums.position_stride;
      if (first) {
        std::memcpy(to, from, static_cast<size_t>(columns) * sizeof(float));
      } else {
        kernels.add_forward(to, from, to, columns, kNoActivation, 0.0f);
      }
    }
  }
}

}  // namespace

bool dw_direct_applies(const ConvDw& shape) {
  return shape.groups == 1 && !shape.dy_transposed && !reads_padding(shape);
}

int64_t dw_direct_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  return make_plan(shape, kernels, threads).bytes;
}

void dw_direct_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                   Parallel& parallel, std::byte* workspace) {
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  const auto worker_memory = [&](int worker) { return workspace + plan.at_workers + worker * plan.worker_bytes; };
  if (!plan.by_block) {
    parallel.run(plan.parts, [&](int64_t item, int index) {
      const Worker worker(shape, plan, kernels, x, dy, worker_memory(index));
      const Part part = part_of(plan, item);
      const int64_t columns = part.column_to - part.column_from;
      const Sums sums = {reinterpret_cast<float*>(worker_memory(index) + plan.at_sums),
                         (part.position_to - part.position_from) * columns, columns};
      for (int64_t block = 0; block < plan.blocks.blocks; ++block) {
        const bool in_place = block == 0 && !plan.staged;
        worker.sum_block(block, part, in_place ? sums_in(plan, part, dw) : sums);
        if (!in_place) add_part(part, sums, block == 0, sums_in(plan, part, dw), kernels);
      }
    });
    return;
  }
  float* const partials = reinterpret_cast<float*>(workspace + plan.at_partials);
  for (int64_t wave = 0; wave < plan.blocks.blocks; wave += plan.wave) {
    const int64_t count = min_of(plan.wave, plan.blocks.blocks - wave);
    parallel.run(count * plan.parts, [&](int64_t item, int index) {
      const Worker worker(shape, plan, kernels, x, dy, worker_memory(index));
      const Part part = part_of(plan, item % plan.parts);
      const int64_t block = item / plan.parts;
      worker.sum_block(wave + block, part, sums_in(plan, part, partials + block * plan.dw_floats));
    });
    fold_blocks(dw, partials, count, wave == 0, plan.dw_floats, parallel);
  }
}

}  // namespace lanewise
