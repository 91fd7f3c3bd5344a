// The weight gradient of a depthwise convolution: work item = (reduction block, tile of channels). With a channel
// multiplier x is repeated on its way into the panel, so that x, dy and dw have the same channels.
#include "conv_dw.h"
#include "conv_dw_chunk.h"

namespace lanewise {
namespace {

constexpr int64_t kChannelTile = 64;
constexpr int64_t kPartialFloats = 512 * 1024;

struct Plan {
  DwTiling tiling;
  DwLayout layout;  // of a worker
  int64_t channels, taps, tiles, dw_floats, wave;
  int64_t at_taps, at_partials, at_workers, bytes;
};

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.channels = sat_mul(shape.groups, shape.columns);
  plan.taps = sat_mul(shape.rows.kernel, shape.cols.kernel);
  DwChoice choice = {};
  choice.direct_x = !reads_padding(shape) && shape.columns == 1;
  choice.direct_dy = true;
  choice.k = plan.channels;
  choice.groups = 1;
  choice.k_tile = kChannelTile;
  choice.repeat = shape.columns;
  choice.chunk_floats = kHuge;
  plan.tiling = make_dw_tiling(shape, kernels, choice);
  plan.layout = make_dw_layout(plan.tiling, 1, 0);
  plan.tiles = plan.tiling.k_tiles;
  plan.dw_floats = sat_mul(plan.taps, plan.channels);
  plan.wave = min_of(plan.tiling.blocks, max_of(kPartialFloats / plan.dw_floats, 4));
  Layout layout;
  plan.at_taps = layout.take(plan.taps, sizeof(int64_t));
  plan.at_partials = layout.take(sat_mul(plan.wave, plan.dw_floats), sizeof(float));
  plan.at_workers = layout.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.layout.bytes, threads));
  return plan;
}

}  // namespace

int64_t depthwise_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  const int64_t bytes = make_plan(shape, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void depthwise_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                      Parallel& parallel, std::byte* workspace) {
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  const DwTiling& tiling = plan.tiling;
  int64_t* const taps = reinterpret_cast<int64_t*>(workspace + plan.at_taps);
  float* const partials = reinterpret_cast<float*>(workspace + plan.at_partials);
  const DwChunk any(shape, tiling, plan.layout, x, dy, 0, 1, workspace + plan.at_workers);
  for (int64_t tap = 0; tap < plan.taps; ++tap) {
    taps[tap] = any.tap_offset(tap / shape.cols.kernel, tap % shape.cols.kernel);
  }
  for (int64_t from = 0; from < tiling.blocks; from += plan.wave) {
    const int64_t count = min_of(plan.wave, tiling.blocks - from);
    parallel.run(count * plan.tiles, [&](int64_t item, int worker) {
      const int64_t i = item / plan.tiles;
      const int64_t tile = item % plan.tiles;
      const int64_t channel = tile * tiling.k_tile;
      const int64_t first = (from + i) * tiling.block_segments;
      DwChunk block(shape, tiling, plan.layout, x, dy, first, min_of(tiling.block_segments, tiling.segments - first),
                    workspace + plan.at_workers + worker * plan.layout.bytes);
      block.list_segments();
      for (int64_t copy = 0; !tiling.direct_x && copy < block.segments() * block.parts(); ++copy) {
        block.copy_x(copy / block.parts(), copy % block.parts(), tile, tile + 1, kernels);
      }
      DepthwisePanelDw task = {};
      task.x = block.x();
      task.dy = block.dy();
      task.lengths = block.lengths();
      task.segments = block.segments();
      task.x_taps = taps;
      task.n_taps = plan.taps;
      task.x_stride = block.x_stride();
      task.dy_stride = block.dy_stride();
      task.x_offset = tiling.direct_x ? channel : 0;
      task.dy_offset = channel;
      task.dw = partials + i * plan.dw_floats + channel;
      task.dw_stride = plan.channels;
      task.channels = min_of(tiling.k_tile, plan.channels - channel);
      kernels.depthwise_panel_dw(task);
    });
    fold_blocks(dw, partials, count, from == 0, plan.dw_floats, parallel);
  }
}

}  // namespace lanewise
