// The weight gradient of dense groups. Work is cut in one of two ways. Many blocks and few weights: a reduction block is
// an item and writes partial sums, which are then folded in order. Else: block after block, its register tiles are the
// items. x and dy of a block are copied into panels where that is repaid, so that a register tile reads two dense
// streams from L1: a task goes through the block in chunks and continues its chains from one to the next.
#include "conv_dw.h"

#include "conv_dw_block.h"

namespace lanewise {
namespace {

constexpr int64_t kPartialFloats = 2 * 1024 * 1024;  // 8 MiB of partial sums at a time
constexpr int64_t kSmallWeights = 96 * 1024;         // floats of dw that a worker can keep in its L2
constexpr int64_t kManyBlocks = 4;
constexpr int64_t kChannelTile = 32;
constexpr int64_t kRepaysCopy = 64;  // uses of an element of x or dy that repay copying it

struct Plan {
  DwTiling tiling;
  DwLayout layout;  // of a block
  bool fold_cols;   // the taps of a kernel row are neighbours in memory
  int64_t dw_floats, row_positions;
  bool by_block;
  int64_t wave;  // blocks at a time
  int64_t at_partials, at_regions, region_bytes, at_blocks, bytes;
};

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  const int64_t taps = sat_mul(shape.rows.kernel, shape.cols.kernel);
  DwChoice choice = {};
  choice.k = shape.k;
  choice.groups = shape.groups;
  choice.k_tile = kChannelTile;
  choice.repeat = 1;
  choice.direct_x = !reads_padding(shape) && (shape.k <= kChannelTile || sat_mul(taps, shape.columns) < kRepaysCopy);
  choice.direct_dy = !shape.dy_transposed && (sat_mul(shape.groups, shape.columns) <= kernels.tile_n ||
                                              sat_mul(taps, shape.k) < kRepaysCopy);
  plan.tiling = make_dw_tiling(shape, kernels, choice);
  plan.layout = make_dw_layout(plan.tiling, plan.tiling.x_panels, plan.tiling.panels);
  const int64_t pixel_floats = choice.direct_x ? plan.tiling.in_c : plan.tiling.k_tile;
  plan.fold_cols = pixel_floats == shape.k && shape.cols.dilation == 1;
  plan.row_positions = sat_mul(shape.cols.kernel, shape.k);
  plan.dw_floats = sat_mul(sat_mul(taps, shape.k), plan.tiling.out_c);

  plan.by_block = plan.tiling.blocks >= kManyBlocks && plan.dw_floats <= kSmallWeights;
  plan.wave = plan.by_block ? min_of(plan.tiling.blocks, max_of(kPartialFloats / plan.dw_floats, kManyBlocks)) : 1;
  Layout layout;
  plan.at_partials = layout.take(plan.by_block ? sat_mul(plan.wave, plan.dw_floats) : 0, sizeof(float));
  plan.at_regions = layout.bytes;
  Layout region;
  region.take(plan.by_block ? 0 : sat_mul(plan.row_positions, plan.tiling.panel_width), sizeof(float));
  plan.region_bytes = region.bytes;
  plan.at_blocks = sat_add(plan.at_regions, sat_mul(plan.region_bytes, threads));
  plan.bytes = sat_add(plan.at_blocks, sat_mul(plan.layout.bytes, plan.by_block ? threads : 1));
  return plan;
}

/// One task: the weights of kernel row r for one panel of output channels.
struct Task {
  int64_t r, panel, group, column;
  int n;
};

Task task_of(const ConvDw& shape, const DwTiling& tiling, int64_t index) {
  const int64_t panel = index / shape.rows.kernel;
  const int64_t group = panel / tiling.panels_per_group;
  const int64_t in_group = panel % tiling.panels_per_group * tiling.panel_width;
  return {index % shape.rows.kernel, panel, group, group * shape.columns + in_group,
          static_cast<int>(min_of(shape.columns - in_group, tiling.panel_width))};
}

/// to[(s * k + channel) * ld + column of the panel] = the block's chains.
void compute(const ConvDw& shape, const Plan& plan, const DwBlock& block, const Task& task, const Kernels& kernels,
             float* to, int64_t ld) {
  const DwTiling& tiling = plan.tiling;
  GemmPanelDw panel = {};
  panel.dy_offset = tiling.direct_dy ? task.column : task.panel * tiling.dy_panel_floats;
  panel.x_stride = block.x_stride();
  panel.dy_stride = block.dy_stride();
  panel.dy_padded = !tiling.direct_dy;
  panel.ldw = ld;
  panel.n = task.n;
  const int64_t cols = plan.fold_cols ? 1 : shape.cols.kernel;
  const int64_t k_tiles = tiling.direct_x ? 1 : tiling.k_tiles;
  for (int64_t piece = 0; piece < block.pieces();) {
    const int64_t end = block.chunk_end(piece);
    panel.x = block.x() + piece;
    panel.dy = block.dy() + piece;
    panel.lengths = block.lengths() + piece;
    panel.segments = end - piece;
    panel.resume = piece > 0;
    for (int64_t tile = 0; tile < k_tiles; ++tile) {
      const int64_t channel = tile * tiling.k_tile;
      const int64_t base = tiling.direct_x ? task.group * shape.k
                                           : (task.group * tiling.k_tiles + tile) * tiling.x_panel_floats;
      panel.positions = plan.fold_cols    ? plan.row_positions
                        : tiling.direct_x ? shape.k
                                          : min_of(tiling.k_tile, shape.k - channel);
      for (int64_t s = 0; s < cols; ++s) {
        panel.x_offset = base + block.tap_offset(task.r, s);
        panel.dw = to + (s * shape.k + channel) * ld;
        kernels.gemm_panel_dw(panel);
      }
    }
    piece = end;
  }
}

void run_by_block(const ConvDw& shape, const Plan& plan, const float* x, const float* dy, float* dw,
                  const Kernels& kernels, Parallel& parallel, std::byte* workspace) {
  const DwTiling& tiling = plan.tiling;
  float* const partials = reinterpret_cast<float*>(workspace + plan.at_partials);
  for (int64_t from = 0; from < tiling.blocks; from += plan.wave) {
    const int64_t count = min_of(plan.wave, tiling.blocks - from);
    parallel.run(count, [&](int64_t i, int worker) {
      DwBlock block(shape, tiling, plan.layout, x, dy, from + i, workspace + plan.at_blocks + worker * plan.layout.bytes);
      block.list_pieces();
      for (int64_t panel = 0; !tiling.direct_x && panel < tiling.x_panels; ++panel) block.copy_x(panel, panel, kernels);
      for (int64_t panel = 0; !tiling.direct_dy && panel < tiling.panels; ++panel) block.copy_dy(panel, panel, kernels);
      for (int64_t index = 0; index < tiling.panels * shape.rows.kernel; ++index) {
        const Task task = task_of(shape, tiling, index);
        float* const to = partials + i * plan.dw_floats + task.r * plan.row_positions * tiling.out_c + task.column;
        compute(shape, plan, block, task, kernels, to, tiling.out_c);
      }
    });
    fold_blocks(dw, partials, count, from == 0, plan.dw_floats, parallel);
  }
}

void run_by_task(const ConvDw& shape, const Plan& plan, const float* x, const float* dy, float* dw,
                 const Kernels& kernels, Parallel& parallel, std::byte* workspace) {
  const DwTiling& tiling = plan.tiling;
  const int64_t x_copies = tiling.direct_x ? 0 : tiling.x_panels;
  const int64_t dy_copies = tiling.direct_dy ? 0 : tiling.panels;
  for (int64_t index = 0; index < tiling.blocks; ++index) {
    DwBlock block(shape, tiling, plan.layout, x, dy, index, workspace + plan.at_blocks);
    block.list_pieces();
    parallel.run(x_copies + dy_copies, [&](int64_t copy, int) {
      if (copy < x_copies) {
        block.copy_x(copy, copy, kernels);
      } else {
        block.copy_dy(copy - x_copies, copy - x_copies, kernels);
      }
    });
    parallel.run(tiling.panels * shape.rows.kernel, [&](int64_t item, int worker) {
      const Task task = task_of(shape, tiling, item);
      float* const region = reinterpret_cast<float*>(workspace + plan.at_regions + worker * plan.region_bytes);
      compute(shape, plan, block, task, kernels, region, tiling.panel_width);
      float* to = dw + task.r * plan.row_positions * tiling.out_c + task.column;
      const float* from = region;
      for (int64_t row = 0; row < plan.row_positions; ++row, to += tiling.out_c, from += tiling.panel_width) {
        for (int j = 0; j < task.n; ++j) to[j] = index == 0 ? from[j] : to[j] + from[j];
      }
    });
  }
}

}  // namespace

int64_t conv_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  if (shape.depthwise()) return depthwise_dw_workspace(shape, kernels, threads);
  const int64_t bytes = make_plan(shape, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void conv_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                 Parallel& parallel, std::byte* workspace) {
  if (shape.depthwise()) return depthwise_dw_run(shape, x, dy, dw, kernels, parallel, workspace);
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  const auto run = plan.by_block ? run_by_block : run_by_task;
  run(shape, plan, x, dy, dw, kernels, parallel, workspace);
}

}  // namespace lanewise
