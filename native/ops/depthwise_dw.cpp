// The weight gradient of a depthwise convolution: work item = (reduction block, tile of channels). The rows of dy in a
// block follow each other, and with them the rows of x, so that a row of x stays in L1 for all rows of the kernel.
// With a channel multiplier x's channels are repeated on their way, so that x, dy and dw have the same.
#include <cstring>

#include "conv_dw.h"
#include "conv_dw_chunk.h"

namespace lanewise {
namespace {

constexpr int64_t kChannelTile = 64;
constexpr int64_t kPartialFloats = 512 * 1024;

struct Plan {
  DwTiling tiling;  // for its blocks and segments
  int64_t multiplier, channels, tiles, dw_floats, wave;
  int64_t at_partials, at_workers, bytes;
  int64_t at_x, at_dw, at_repeated, worker_bytes;  // memory of a worker
};

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.multiplier = shape.columns;
  plan.channels = sat_mul(shape.groups, plan.multiplier);
  plan.tiles = ceil_div(plan.channels, kChannelTile);
  plan.tiling = make_dw_tiling(shape, kernels, {true, true, plan.channels, 1, kChannelTile, kHuge});
  const int64_t kernel_rows = shape.rows.kernel;
  plan.dw_floats = sat_mul(sat_mul(kernel_rows, shape.cols.kernel), plan.channels);
  plan.wave = blocks_at_once(plan.tiling.blocks, plan.dw_floats, threads, kPartialFloats);
  Layout layout;
  plan.at_partials = layout.take(sat_mul(plan.wave, plan.dw_floats), sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  plan.at_x = worker.take(kernel_rows, sizeof(float*));
  plan.at_dw = worker.take(kernel_rows, sizeof(float*));
  plan.at_repeated =
      worker.take(plan.multiplier == 1 ? 0 : sat_mul(kernel_rows, sat_mul(shape.cols.in, kChannelTile)), sizeof(float));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

/// to[col][j] = channel (from + j) / multiplier of x.
void repeat_row(const ConvDw& shape, const float* x, int64_t from, int64_t channels, float* to) {
  for (int64_t col = 0; col < shape.cols.in; ++col, x += shape.groups, to += kChannelTile) {
    for (int64_t j = 0; j < channels; ++j) to[j] = x[(from + j) / shape.columns];
  }
}

/// One tile of channels of one block, from +0.
void run_item(const ConvDw& shape, const Plan& plan, const float* x, const float* dy, int64_t block, int64_t tile,
              float* partial, const Kernels& kernels, std::byte* memory) {
  const DwTiling& tiling = plan.tiling;
  const int64_t from = tile * kChannelTile;
  const float** const x_rows = reinterpret_cast<const float**>(memory + plan.at_x);
  float** const dw_rows = reinterpret_cast<float**>(memory + plan.at_dw);
  float* const repeated = reinterpret_cast<float*>(memory + plan.at_repeated);
  DepthwiseRowDw task = {};
  task.x = x_rows;
  task.dw = dw_rows;
  task.taps = shape.cols.kernel;
  task.stride = shape.cols.stride;
  task.dilation = shape.cols.dilation;
  task.width = shape.cols.in;
  task.x_step = plan.multiplier == 1 ? plan.channels : kChannelTile;
  task.dw_step = plan.channels;
  task.dy_step = plan.channels;
  task.channels = min_of(kChannelTile, plan.channels - from);
  for (int64_t tap = 0; tap < shape.rows.kernel * shape.cols.kernel; ++tap) {
    std::memset(partial + tap * plan.channels + from, 0, static_cast<size_t>(task.channels) * sizeof(float));
  }
  const int64_t first = block * tiling.block_segments;
  const int64_t end = min_of(first + tiling.block_segments, tiling.segments);
  for (int64_t segment = first; segment < end; ++segment) {
    const int64_t row = segment / tiling.segments_per_row;
    const int64_t col = segment % tiling.segments_per_row * tiling.segment;
    const int64_t image = row / shape.rows.out;
    task.rows = 0;
    for (int64_t r = 0; r < shape.rows.kernel; ++r) {
      const int64_t in_row = row % shape.rows.out * shape.rows.stride + r * shape.rows.dilation - shape.rows.pad;
      if (in_row < 0 || in_row >= shape.rows.in) continue;
      const float* const at = x + (image * shape.rows.in + in_row) * shape.cols.in * shape.groups;
      float* const copy = repeated + task.rows * shape.cols.in * kChannelTile;
      if (plan.multiplier > 1) repeat_row(shape, at, from, task.channels, copy);
      x_rows[task.rows] = plan.multiplier == 1 ? at + from : copy;
      dw_rows[task.rows++] = partial + r * shape.cols.kernel * plan.channels + from;
    }
    task.first = col * shape.cols.stride - shape.cols.pad;
    task.dy = dy + (row * shape.cols.out + col) * plan.channels + from;
    task.pixels = min_of(tiling.segment, shape.cols.out - col);
    kernels.depthwise_row_dw(task);
  }
}

}  // namespace

int64_t depthwise_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  const int64_t bytes = make_plan(shape, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void depthwise_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                      Parallel& parallel, std::byte* workspace) {
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  float* const partials = reinterpret_cast<float*>(workspace + plan.at_partials);
  for (int64_t from = 0; from < plan.tiling.blocks; from += plan.wave) {
    const int64_t count = min_of(plan.wave, plan.tiling.blocks - from);
    parallel.run(count * plan.tiles, [&](int64_t item, int worker) {
      const int64_t block = item / plan.tiles;
      run_item(shape, plan, x, dy, from + block, item % plan.tiles, partials + block * plan.dw_floats, kernels,
               workspace + plan.at_workers + worker * plan.worker_bytes);
    });
    fold_blocks(dw, partials, count, from == 0, plan.dw_floats, parallel);
  }
}

}  // namespace lanewise
