// The weight gradient of dense groups. Work is cut in one of two ways. Many blocks and few weights: a reduction block
// is an item and writes partial sums, which are then folded in order. Else: block after block, its register tiles are
// the items. x and dy are copied into panels where that is repaid, so that a register tile reads two dense streams.
#include "conv_dw.h"

#include "conv_dw_chunk.h"
#include "grouped_dw.h"

namespace lanewise {
namespace {

constexpr int64_t kSmallWeights = 96 * 1024;   // floats of dw that a worker keeps in its L2 ...
constexpr int64_t kChunkFloats = 96 * 1024;    // ... beside a chunk of x and dy,
constexpr int64_t kLargeWeights = 512 * 1024;  // or goes through chunk after chunk rather than read what others copied
constexpr int64_t kLargeChunkFloats = 2 * kChunkFloats;
constexpr int64_t kManyBlocks = 4;
constexpr int64_t kChannelTile = 28;
constexpr int64_t kFewPositions = 5;  // of a kernel row, less than a register tile has room for
constexpr int64_t kRepaysCopy = 64;   // uses of an element of x or dy that repay copying it

struct Plan {
  DwTiling tiling;
  DwLayout layout;  // of a block
  bool fold_cols;   // the taps of a kernel row are neighbours in memory
  bool fold_rows;   // a task is all kernel rows, because one has too few positions
  int64_t dw_floats, row_positions;
  bool by_block;
  int64_t wave;  // blocks at a time
  int64_t at_partials, at_regions, region_bytes, at_blocks, block_bytes, bytes;
};

/// Whether as good as all threads work on a block at any time.
bool shares_blocks(int64_t blocks, int threads) {
  return threads > 1 && 4 * blocks >= 3 * threads * ceil_div(blocks, threads);
}

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  const int64_t taps = sat_mul(shape.rows.kernel, shape.cols.kernel);
  const int64_t out_c = sat_mul(shape.groups, shape.columns);
  plan.row_positions = sat_mul(shape.cols.kernel, shape.k);
  plan.dw_floats = sat_mul(sat_mul(taps, shape.k), out_c);
  DwChoice choice = {};
  choice.k = shape.k;
  choice.groups = shape.groups;
  choice.k_tile = max_of(kChannelTile / kernels.tile_m, 1) * kernels.tile_m;
  choice.chunk_floats = kHuge;
  choice.direct_x = !reads_padding(shape) && (shape.k <= choice.k_tile || sat_mul(taps, shape.columns) < kRepaysCopy);
  choice.direct_dy = !shape.dy_transposed && (out_c <= kernels.tile_n || sat_mul(taps, shape.k) < kRepaysCopy);
  plan.tiling = make_dw_tiling(shape, kernels, choice);
  const bool small = plan.dw_floats <= kSmallWeights;
  plan.by_block = small ? plan.tiling.blocks >= kManyBlocks
                        : plan.dw_floats <= kLargeWeights && shares_blocks(plan.tiling.blocks, threads);
  if (plan.by_block) {
    choice.chunk_floats = small ? kChunkFloats : kLargeChunkFloats;
    plan.tiling = make_dw_tiling(shape, kernels, choice);
  }
  plan.layout = make_dw_layout(plan.tiling, plan.tiling.x_panels, plan.tiling.panels);
  const int64_t pixel_floats = choice.direct_x ? plan.tiling.in_c : plan.tiling.k_tile;
  plan.fold_cols = pixel_floats == shape.k && shape.cols.dilation == 1;
  plan.fold_rows = plan.by_block && plan.fold_cols && plan.row_positions <= kFewPositions;

  plan.wave = plan.by_block ? blocks_at_once(plan.tiling.blocks, plan.dw_floats, threads) : 1;
  Layout layout;
  plan.at_partials = layout.take(plan.by_block ? sat_mul(plan.wave, plan.dw_floats) : 0, sizeof(float));
  plan.at_regions = layout.bytes;
  Layout region;
  region.take(plan.by_block ? 0 : sat_mul(plan.row_positions, plan.tiling.panel_width), sizeof(float));
  plan.region_bytes = region.bytes;
  plan.at_blocks = sat_add(plan.at_regions, sat_mul(plan.region_bytes, threads));
  plan.block_bytes = apart(plan.layout.bytes);
  plan.bytes = sat_add(plan.at_blocks, sat_mul(plan.block_bytes, plan.by_block ? threads : 1));
  return plan;
}

/// One task: the weights of kernel row r, or of all, for one panel of output channels.
struct Task {
  int64_t r, panel, group, column;
  int n;
};

Task task_of(const ConvDw& shape, const DwTiling& tiling, int64_t tasks_per_panel, int64_t index) {
  const int64_t panel = index / tasks_per_panel;
  const int64_t group = panel / tiling.panels_per_group;
  const int64_t in_group = panel % tiling.panels_per_group * tiling.panel_width;
  return {index % tasks_per_panel, panel, group, group * shape.columns + in_group,
          static_cast<int>(min_of(shape.columns - in_group, tiling.panel_width))};
}

/// to[(s * k + channel) * ld + column of the panel] = the chunk's chains, from +0 or continued.
void compute(const ConvDw& shape, const Plan& plan, const DwChunk& chunk, const Task& task, bool resume,
             const Kernels& kernels, float* to, int64_t ld) {
  const DwTiling& tiling = plan.tiling;
  GemmRowsDw panel = {};
  panel.x = chunk.x();
  panel.dy = chunk.dy();
  panel.lengths = chunk.lengths();
  panel.segments = chunk.segments();
  panel.dy_offset = tiling.direct_dy ? task.column : task.panel * tiling.dy_panel_floats;
  panel.x_stride = chunk.x_stride();
  panel.dy_stride = chunk.dy_stride();
  panel.dy_padded = !tiling.direct_dy;
  panel.ldw = ld;
  panel.n = task.n;
  panel.resume = resume;
  if (plan.fold_rows) {
    panel.x_offset = (tiling.direct_x ? 0 : task.group * tiling.x_panel_floats) + chunk.tap_offset(0, 0);
    panel.x_row = chunk.tap_offset(1, 0) - chunk.tap_offset(0, 0);
    panel.run = plan.row_positions;
    panel.rows = shape.rows.kernel;
    panel.dw = to;
    return kernels.gemm_rows_dw(panel);
  }
  const int64_t cols = plan.fold_cols ? 1 : shape.cols.kernel;
  const int64_t k_tiles = tiling.direct_x ? 1 : tiling.k_tiles;
  for (int64_t tile = 0; tile < k_tiles; ++tile) {
    const int64_t channel = tile * tiling.k_tile;
    const int64_t base =
        tiling.direct_x ? task.group * shape.k : (task.group * tiling.k_tiles + tile) * tiling.x_panel_floats;
    panel.positions = plan.fold_cols    ? plan.row_positions
                      : tiling.direct_x ? shape.k
                                        : min_of(tiling.k_tile, shape.k - channel);
    for (int64_t s = 0; s < cols; ++s) {
      panel.x_offset = base + chunk.tap_offset(task.r, s);
      panel.dw = to + (s * shape.k + channel) * ld;
      kernels.gemm_panel_dw(panel);
    }
  }
}

void run_by_block(const ConvDw& shape, const Plan& plan, const float* x, const float* dy, float* dw,
                  const Kernels& kernels, Parallel& parallel, std::byte* workspace) {
  const DwTiling& tiling = plan.tiling;
  float* const partials = reinterpret_cast<float*>(workspace + plan.at_partials);
  for (int64_t wave = 0; wave < tiling.blocks; wave += plan.wave) {
    const int64_t count = min_of(plan.wave, tiling.blocks - wave);
    parallel.run(count, [&](int64_t i, int worker) {
      const int64_t from = (wave + i) * tiling.block_segments;
      const int64_t to = min_of(from + tiling.block_segments, tiling.segments);
      for (int64_t first = from; first < to; first += tiling.chunk_segments) {
        DwChunk chunk(shape, tiling, plan.layout, x, dy, first, min_of(tiling.chunk_segments, to - first),
                      workspace + plan.at_blocks + worker * plan.block_bytes);
        chunk.list_segments();
        for (int64_t copy = 0; copy < chunk.segments() * chunk.parts(); ++copy) {
          chunk.copy_all(copy / chunk.parts(), copy % chunk.parts(), kernels);
        }
        const int64_t tasks = plan.fold_rows ? 1 : shape.rows.kernel;
        for (int64_t index = 0; index < tiling.panels * tasks; ++index) {
          const Task task = task_of(shape, tiling, tasks, index);
          float* const partial =
              partials + i * plan.dw_floats + task.r * plan.row_positions * tiling.out_c + task.column;
          compute(shape, plan, chunk, task, first > from, kernels, partial, tiling.out_c);
        }
      }
    });
    fold_blocks(dw, partials, count, wave == 0, plan.dw_floats, parallel);
  }
}

void run_by_task(const ConvDw& shape, const Plan& plan, const float* x, const float* dy, float* dw,
                 const Kernels& kernels, Parallel& parallel, std::byte* workspace) {
  const DwTiling& tiling = plan.tiling;
  for (int64_t from = 0; from < tiling.segments; from += tiling.block_segments) {
    DwChunk block(shape, tiling, plan.layout, x, dy, from, min_of(tiling.block_segments, tiling.segments - from),
                  workspace + plan.at_blocks);
    block.list_segments();
    if (!tiling.direct_x || !tiling.direct_dy) {
      parallel.run(block.segments() * block.parts(),
                   [&](int64_t copy, int) { block.copy_all(copy / block.parts(), copy % block.parts(), kernels); });
    }
    parallel.run(tiling.panels * shape.rows.kernel, [&](int64_t item, int worker) {
      const Task task = task_of(shape, tiling, shape.rows.kernel, item);
      float* const region = reinterpret_cast<float*>(workspace + plan.at_regions + worker * plan.region_bytes);
      compute(shape, plan, block, task, false, kernels, region, tiling.panel_width);
      float* out = dw + task.r * plan.row_positions * tiling.out_c + task.column;
      const float* sums = region;
      for (int64_t row = 0; row < plan.row_positions; ++row, out += tiling.out_c, sums += tiling.panel_width) {
        for (int j = 0; j < task.n; ++j) out[j] = from == 0 ? sums[j] : out[j] + sums[j];
      }
    });
  }
}

}  // namespace

int64_t conv_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  if (shape.depthwise()) return depthwise_dw_workspace(shape, kernels, threads);
  const int64_t bytes = grouped_dw_applies(shape)  ? grouped_dw_workspace(shape, kernels, threads)
                        : dw_direct_applies(shape) ? dw_direct_workspace(shape, kernels, threads)
                                                   : make_plan(shape, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void conv_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                 Parallel& parallel, std::byte* workspace) {
  if (shape.depthwise()) return depthwise_dw_run(shape, x, dy, dw, kernels, parallel, workspace);
  if (grouped_dw_applies(shape)) return grouped_dw_run(shape, x, dy, dw, kernels, parallel, workspace);
  if (dw_direct_applies(shape)) return dw_direct_run(shape, x, dy, dw, kernels, parallel, workspace);
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  const auto run = plan.by_block ? run_by_block : run_by_task;
  run(shape, plan, x, dy, dw, kernels, parallel, workspace);
}

}  // namespace lanewise
