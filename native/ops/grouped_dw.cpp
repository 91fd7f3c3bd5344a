// Work item = (reduction block, some groups). Rows of x and dy are taken apart into panels in the worker's memory, as
// many as fit, from which a kernel call continues the sums of a group:
//   x panel   [row][column][k]        --vectors-->    a kernel row's taps and channels are neighbours
//   dy panel  [row][column][columns]  --broadcast-->
#include "grouped_dw.h"

#include <cstring>

#include "conv_dw_chunk.h"
#include "group_panels.h"

namespace lanewise {
namespace {

constexpr int64_t kLeastChannels = 4;        // fewer leave vectors as empty as columns do
constexpr int64_t kFewColumns = 16;          // more of them fill vectors themselves
constexpr int64_t kPartFloats = 128;         // of a pixel of an item: longer pieces are read faster
constexpr int64_t kPanelFloats = 48 * 1024;  // the panels of an item: 192 KiB, part of L2
constexpr int64_t kItemsPerThread = 4;

struct Plan {
  DwBlocks blocks;
  int64_t in_c, out_c, run, positions, dw_floats;
  int64_t part_groups, parts;  // groups of an item, at most
  int64_t chunk;               // segments
  int64_t x_rows, x_pitch, x_panel, dy_pitch, dy_panel, sums;
  int64_t wave;  // blocks at a time
  int64_t at_partials, at_workers, bytes;
  int64_t at_x, at_dy, at_sums, worker_bytes;  // memory of a worker
};

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.blocks = make_dw_blocks(shape);
  plan.in_c = sat_mul(shape.groups, shape.k);
  plan.out_c = sat_mul(shape.groups, shape.columns);
  plan.run = sat_mul(shape.cols.kernel, shape.k);
  plan.positions = sat_mul(shape.rows.kernel, plan.run);
  plan.dw_floats = sat_mul(plan.positions, plan.out_c);
  plan.sums = sat_mul(plan.positions, shape.columns);

  const int64_t most = max_of(1, kPartFloats / max_of(shape.k, shape.columns));
  plan.parts = max_of(ceil_div(shape.groups, most), ceil_div(kItemsPerThread * threads, plan.blocks.blocks));
  plan.part_groups = ceil_div(shape.groups, min_of(plan.parts, shape.groups));
  plan.parts = ceil_div(shape.groups, plan.part_groups);
  const int64_t x_cols = sat_add(sat_mul(plan.blocks.segment - 1, shape.cols.stride), shape.cols.kernel);
  plan.x_pitch = sat_mul(x_cols, shape.k);
  plan.dy_pitch = sat_mul(plan.blocks.segment, shape.columns);
  const int64_t row_floats = sat_add(sat_mul(plan.x_pitch, shape.rows.stride), plan.dy_pitch);
  const int64_t fit =
      min_of(max_of(kPanelFloats / sat_mul(row_floats, plan.part_groups), 1), plan.blocks.block_segments);
  plan.chunk = min_of(ceil_div(plan.blocks.block_segments, ceil_div(plan.blocks.block_segments, fit)), shape.rows.out);
  plan.x_rows = sat_add(sat_mul(plan.chunk - 1, shape.rows.stride), shape.rows.kernel);
  plan.x_panel = odd_lines(sat_mul(plan.x_rows, plan.x_pitch));
  plan.dy_panel = odd_lines(sat_mul(plan.chunk, plan.dy_pitch));

  plan.wave = blocks_at_once(plan.blocks.blocks, plan.dw_floats, threads);
  Layout layout;
  plan.at_partials = layout.take(sat_mul(plan.wave, plan.dw_floats), sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  // Vectors of positions may reach beyond the last pixel's.
  plan.at_x = worker.take(sat_add(sat_mul(plan.part_groups, plan.x_panel), kernels.lanes), sizeof(float));
  plan.at_dy = worker.take(sat_mul(plan.part_groups, plan.dy_panel), sizeof(float));
  plan.at_sums = worker.take(sat_mul(plan.part_groups, plan.sums), sizeof(float));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

/// Some groups, all of one block's segments.
class GroupedDwItem {
 public:
  GroupedDwItem(const ConvDw& shape, const Plan& plan, int64_t part, std::byte* memory)
      : shape_(shape),
        plan_(plan),
        from_(shape.groups * part / plan.parts),
        groups_(shape.groups * (part + 1) / plan.parts - from_),
        x_(reinterpret_cast<float*>(memory + plan.at_x)),
        dy_(reinterpret_cast<float*>(memory + plan.at_dy)),
        sums_(reinterpret_cast<float*>(memory + plan.at_sums)) {}

  /// sums[group][output][position] = the chains of segments [from, to). They are one, or whole rows.
  void sum_block(const float* x, const float* dy, int64_t from, int64_t to, const Kernels& kernels) const {
    const int64_t col = from % plan_.blocks.segments_per_row * plan_.blocks.segment;
    const Columns columns = columns_of(col, min_of(shape_.cols.out - col, plan_.blocks.segment));
    zero_edges(columns);
    int64_t count;
    for (int64_t first = from; first < to; first += count) {
      const int64_t row = first / plan_.blocks.segments_per_row;
      count = min_of(min_of(plan_.chunk, shape_.rows.out - row % shape_.rows.out), to - first);
      fill_x(x, row, count, columns);
      fill_dy(dy, row, count, columns);
      add(count, columns.pixels, first > from, kernels);
    }
  }

  void store(float* dw) const {
    for (int64_t group = 0; group < groups_; ++group) {
      const float* from = sums_ + group * plan_.sums;
      float* to = dw + (from_ + group) * shape_.columns;
      for (int64_t position = 0; position < plan_.positions; ++position, ++from, to += plan_.out_c) {
        for (int64_t o = 0; o < shape_.columns; ++o) to[o] = from[o * plan_.positions];
      }
    }
  }

 private:
  /// Columns of dy and what their taps read of x, where columns [from, end) are inside.
  struct Columns {
    int64_t col, pixels;
    int64_t in_col, count, from, end;
  };
  Columns columns_of(int64_t col, int64_t pixels) const {
    Columns columns = {
        col, pixels, col * shape_.cols.stride - shape_.cols.pad, (pixels - 1) * shape_.cols.stride + shape_.cols.kernel,
        0,   0};
    columns.from = min_of(max_of(-columns.in_col, 0), columns.count);
    columns.end = max_of(min_of(shape_.cols.in - columns.in_col, columns.count), columns.from);
    return columns;
  }

  /// The columns outside, which stay zero: only those inside are ever written.
  void zero_edges(const Columns& columns) const {
    for (int64_t row = 0; row < plan_.x_rows; ++row) {
      zero_row(row, 0, columns.from);
      zero_row(row, columns.end, columns.count);
    }
  }

  void zero_row(int64_t row, int64_t from, int64_t end) const {
    for (int64_t group = 0; group < groups_; ++group) {
      float* const at = x_ + group * plan_.x_panel + row * plan_.x_pitch + from * shape_.k;
      std::memset(at, 0, static_cast<size_t>((end - from) * shape_.k) * sizeof(float));
    }
  }

  void fill_x(const float* x, int64_t row, int64_t rows, const Columns& columns) const {
    const float* const image = x + row / shape_.rows.out * shape_.rows.in * shape_.cols.in * plan_.in_c;
    const int64_t in_row = row % shape_.rows.out * shape_.rows.stride - shape_.rows.pad;
    for (int64_t i = 0; i < (rows - 1) * shape_.rows.stride + shape_.rows.kernel; ++i) {
      if (in_row + i < 0 || in_row + i >= shape_.rows.in) {
        zero_row(i, columns.from, columns.end);
        continue;
      }
      const float* const from =
          image + ((in_row + i) * shape_.cols.in + columns.in_col + columns.from) * plan_.in_c + from_ * shape_.k;
      to_group_panels(x_ + i * plan_.x_pitch + columns.from * shape_.k, plan_.x_panel, from, plan_.in_c,
                      columns.end - columns.from, groups_, shape_.k);
    }
  }

  void fill_dy(const float* dy, int64_t row, int64_t rows, const Columns& columns) const {
    for (int64_t i = 0; i < rows; ++i) {
      to_group_panels(dy_ + i * plan_.dy_pitch, plan_.dy_panel,
                      dy + ((row + i) * shape_.cols.out + columns.col) * plan_.out_c + from_ * shape_.columns,
                      plan_.out_c, columns.pixels, groups_, shape_.columns);
    }
  }

  /// The products of what the panels hold.
  void add(int64_t rows, int64_t pixels, bool resume, const Kernels& kernels) const {
    GroupDw task = {};
    task.x_next = shape_.rows.stride * plan_.x_pitch;
    task.x_row = plan_.x_pitch;
    task.x_step = shape_.cols.stride * shape_.k;
    task.dy_row = plan_.dy_pitch;
    task.dy_step = shape_.columns;
    task.rows = rows;
    task.cols = pixels;
    task.kernel_rows = shape_.rows.kernel;
    task.run = plan_.run;
    task.outputs = shape_.columns;
    task.ld = plan_.positions;
    task.resume = resume;
    for (int64_t group = 0; group < groups_; ++group) {
      task.x = x_ + group * plan_.x_panel;
      task.dy = dy_ + group * plan_.dy_panel;
      task.sums = sums_ + group * plan_.sums;
      kernels.group_dw(task);
    }
  }

  const ConvDw& shape_;
  const Plan& plan_;
  const int64_t from_, groups_;
  float* const x_;
  float* const dy_;
  float* const sums_;
};

}  // namespace

bool grouped_dw_applies(const ConvDw& shape) {
  return shape.groups > 1 && shape.k >= kLeastChannels && shape.k <= kFewChannels && shape.columns <= kFewColumns &&
         shape.columns <= 2 * shape.k && shape.cols.kernel > 1 && shape.rows.dilation == 1 &&
         shape.cols.dilation == 1 && shape.rows.stride <= shape.rows.kernel && shape.cols.stride <= shape.cols.kernel;
}

int64_t grouped_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  return make_plan(shape, kernels, threads).bytes;
}

void grouped_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                    Parallel& parallel, std::byte* workspace) {
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  const DwBlocks& blocks = plan.blocks;
  float* const partials = reinterpret_cast<float*>(workspace + plan.at_partials);
  for (int64_t wave = 0; wave < blocks.blocks; wave += plan.wave) {
    const int64_t count = min_of(plan.wave, blocks.blocks - wave);
    parallel.run(count * plan.parts, [&](int64_t index, int worker) {
      const GroupedDwItem item(shape, plan, index % plan.parts,
                               workspace + plan.at_workers + worker * plan.worker_bytes);
      const int64_t block = index / plan.parts;
      const int64_t from = (wave + block) * blocks.block_segments;
      item.sum_block(x, dy, from, min_of(from + blocks.block_segments, blocks.segments), kernels);
      item.store(partials + block * plan.dw_floats);
    });
    fold_blocks(dw, partials, count, wave == 0, plan.dw_floats, parallel);
  }
}

}  // namespace lanewise
