// The weight gradient where no tap reaches into padding (linear, gemm, 1x1, valid convolutions): x and dy are read
// where they lie, or copied by the first register tile that reads them. An item owns a part of dw (some taps x some
// positions x some columns) and goes through the pixels in chunks, and through its positions in blocks that stay in L2.
// Where that makes too few items, each reduction block is worked on separately.
#include <cstring>

#include "conv_dw_direct_plan.h"

namespace lanewise {
namespace {

constexpr int64_t kLineFloats = 16;  // of a cache line

struct Part {
  int64_t tap_from, tap_to, position_from, position_to, column_from, column_to;
};

Part part_of(const DwDirectPlan& plan, int64_t index) {
  const int64_t column = index % plan.column_parts * plan.part_columns;
  index /= plan.column_parts;
  const int64_t position = index % plan.position_parts;
  const int64_t tap = index / plan.position_parts;
  const int64_t tiles = ceil_div(plan.positions, plan.tile_m);
  return {plan.taps * tap / plan.tap_parts,
          plan.taps * (tap + 1) / plan.tap_parts,
          tiles * position / plan.position_parts * plan.tile_m,
          min_of(tiles * (position + 1) / plan.position_parts * plan.tile_m, plan.positions),
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
  Worker(const ConvDw& shape, const DwDirectPlan& plan, const Kernels& kernels, const float* x, const float* dy,
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
      const bool more = segment < last || (!plan_.by_block && last < plan_.blocks.segments);
      sum_chunk(pieces, part, resume, more, sums);
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

  /// Some positions of a part, from its first one, for one tap.
  struct Block {
    int64_t tap, from, to;
  };
  Block block_of(const Part& part, int64_t per_tap, int64_t index) const {
    const int64_t count = part.position_to - part.position_from;
    const int64_t tiles = ceil_div(count, plan_.tile_m);
    const int64_t i = index % per_tap;
    return {part.tap_from + index / per_tap, tiles * i / per_tap * plan_.tile_m,
            min_of(tiles * (i + 1) / per_tap * plan_.tile_m, count)};
  }

  /// From a piece's x to that of a tap.
  int64_t tap_offset(int64_t tap) const {
    const int64_t row = plan_.fold_cols ? tap : tap / shape_.cols.kernel;
    const int64_t col = plan_.fold_cols ? 0 : tap % shape_.cols.kernel;
    return (row * shape_.rows.dilation * shape_.cols.in + col * shape_.cols.dilation) * shape_.k;
  }

  void sum_chunk(int64_t pieces, const Part& part, bool resume, bool more, const Sums& sums) const {
    const int64_t x_step = shape_.cols.stride * shape_.k, width = plan_.panel_width;
    GemmPanelDw task = {};
    task.x = xs_;
    task.dy = dys_;
    task.lengths = lengths_;
    task.segments = pieces;
    task.x_stride = x_step;
    task.dy_stride = plan_.columns;
    task.ldw = sums.position_stride;
    task.resume = resume;
    task.fetch = !plan_.copies;
    task.x_copy = plan_.copies ? x_copy_ : nullptr;
    for (int64_t i = 0; i < pieces; ++i) task.pixels += lengths_[i];
    // Where a chunk is one piece, it is known where the rest of its rows lie, and that the next chunk follows.
    const auto rows_of = [&](const float* at, int64_t stride, int64_t floats) -> Ahead {
      return {at, stride, ceil_div(floats, kLineFloats), task.pixels, 0};
    };
    Ahead ahead[2] = {};
    if (plan_.copies && pieces == 1) {
      const float* const next = dys_[0] + task.pixels * plan_.columns + part.column_from;
      if (more) ahead[1] = rows_of(next, plan_.columns, part.column_to - part.column_from);
      task.ahead = ahead;
    }
    const int64_t per_tap = ceil_div(part.position_to - part.position_from, plan_.block_positions);
    const int64_t blocks = (part.tap_to - part.tap_from) * per_tap;
    for (int64_t i = 0; i < blocks; ++i) {
      const Block block = block_of(part, per_tap, i);
      task.x_offset = tap_offset(block.tap) + part.position_from + block.from;
      task.positions = block.to - block.from;
      const Block next = block_of(part, per_tap, (i + 1) % blocks);
      const int64_t next_x = tap_offset(next.tap) + part.position_from + next.from;
      if (i + 1 < blocks) {
        ahead[0] = rows_of(xs_[0] + next_x, x_step, next.to - next.from);
      } else if (more) {
        ahead[0] = rows_of(xs_[0] + task.pixels * x_step + next_x, x_step, next.to - next.from);
      }
      task.fill_dy = i == 0;
      for (int64_t column = part.column_from; column < part.column_to; column += width) {
        const int64_t in_part = column - part.column_from;
        task.dy_offset = column;
        task.dy_copy = dy_copy_ + in_part * task.pixels;
        task.fill_x = column == part.column_from;
        task.n = static_cast<int>(min_of(part.column_to - column, width));
        task.dw = sums.to + (block.tap - part.tap_from) * sums.tap_stride + block.from * sums.position_stride + in_part;
        kernels_.gemm_panel_dw(task);
      }
    }
  }

  const ConvDw& shape_;
  const DwDirectPlan& plan_;
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
Sums sums_in(const DwDirectPlan& plan, const Part& part, float* dw) {
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
        kernels.add_forward(to, from, to, columns, kNoActivation, 0.0f, false);
      }
    }
  }
}

}  // namespace

void dw_direct_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                   Parallel& parallel, std::byte* workspace) {
  const DwDirectPlan plan = dw_direct_plan(shape, kernels, parallel.threads());
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
