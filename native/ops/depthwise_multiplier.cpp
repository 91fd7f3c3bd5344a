// Depthwise forward pass and input gradient with several channels of y (the multiplier) to one of x. Forward repeats
// each channel of x on its way into a scratch, so that x, w and y have the same channels; the gradient splits dy and w
// into `multiplier` planes, each a depthwise pass of its own whose terms follow each other in the chain.
#include "conv_tiling.h"

namespace lanewise {
namespace {

constexpr int64_t kListed = 64;  // pixels at a time

struct Plan {
  Tiling tiling;
  int64_t multiplier;
  int64_t channels;    // of the pass's vectors: y in forward, dx in the gradient
  int64_t tap_floats;  // of w
  bool planes;
  int64_t taps;  // of a block, at most
  int64_t at_w, at_workers, bytes;
  // memory of a worker, after the block's
  int64_t at_lists, at_rows, at_w_rows, worker_bytes;
};

Plan make_plan(const ConvPass& pass, int threads) {
  constexpr int64_t kTileM = 8;
  Plan plan = {};
  plan.multiplier = pass.transposed ? pass.k : pass.columns;
  plan.channels = pass.transposed ? pass.groups : sat_mul(pass.groups, plan.multiplier);
  plan.tap_floats = sat_mul(pass.groups, plan.multiplier);
  plan.planes = pass.transposed;
  plan.tiling =
      make_tiling(pass, kTileM, plan.planes ? ChannelCopy::kDeinterleave : ChannelCopy::kRepeat, plan.multiplier);
  plan.taps = sat_mul(plan.tiling.max_taps, plan.planes ? plan.multiplier : 1);
  Layout worker = {plan.tiling.bytes};
  plan.at_lists = worker.take(sat_mul(plan.taps, kListed), sizeof(float*));
  plan.at_rows = worker.take(plan.taps, sizeof(float**));
  plan.at_w_rows = worker.take(plan.taps, sizeof(float*));
  plan.worker_bytes = worker.bytes;
  Layout layout;
  const int64_t taps = sat_mul(pass.rows.kernel, pass.cols.kernel);
  plan.at_w = layout.take(plan.planes ? sat_mul(taps, plan.tap_floats) : 0, sizeof(float));
  plan.at_workers = layout.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

/// w[tap][c][multiplier] -> planes[tap][multiplier][c]
void split_weights(const ConvPass& pass, const Plan& plan, const float* w, float* planes) {
  const int64_t taps = pass.rows.kernel * pass.cols.kernel;
  for (int64_t tap = 0; tap < taps; ++tap, w += plan.tap_floats) {
    for (int64_t j = 0; j < plan.multiplier; ++j) {
      for (int64_t c = 0; c < pass.groups; ++c) *planes++ = w[c * plan.multiplier + j];
    }
  }
}

/// The block's pixels, each tap as a row of the kernel.
void run_block(const TileBlock& block, const Plan& plan, const ConvPassData& data, const float* w,
               const Kernels& kernels, std::byte* memory) {
  const float** const lists = reinterpret_cast<const float**>(memory + plan.at_lists);
  const float* const** const rows = reinterpret_cast<const float* const**>(memory + plan.at_rows);
  const float** const w_rows = reinterpret_cast<const float**>(memory + plan.at_w_rows);
  for (int64_t tap = 0; tap < block.n_taps(); ++tap) {
    rows[tap] = lists + tap * kListed;
    w_rows[tap] = w + block.taps()[tap].w;
  }
  for (int64_t from = 0; from < block.pixels(); from += kListed) {
    const int64_t pixels = min_of(kListed, block.pixels() - from);
    for (int64_t tap = 0; tap < block.n_taps(); ++tap) {
      for (int64_t i = 0; i < pixels; ++i) lists[tap * kListed + i] = block.x()[from + i] + block.taps()[tap].x;
    }
    kernels.depthwise_row({rows, w_rows, block.n_taps(), 1, 1, false, 0, block.y() + from, pixels, 0, plan.channels,
                           data.bias, data.activation, data.slope, false});
  }
}

}  // namespace

int64_t depthwise_multiplier_workspace(const ConvPass& pass, const Kernels&, int threads) {
  const int64_t bytes = make_plan(pass, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void depthwise_multiplier_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels,
                              Parallel& parallel, std::byte* workspace) {
  const Plan plan = make_plan(pass, parallel.threads());
  const float* w = data.w;
  if (plan.planes) {
    float* const planes = reinterpret_cast<float*>(workspace + plan.at_w);
    split_weights(pass, plan, data.w, planes);
    w = planes;
  }
  parallel.run(plan.tiling.blocks, [&](int64_t item, int worker) {
    std::byte* const memory = workspace + plan.at_workers + worker * plan.worker_bytes;
    TileBlock block(pass, plan.tiling, data.in, data.out, memory);
    if (!block.prepare(item, plan.tap_floats)) return;
    if (plan.planes) block.multiply_taps(plan.multiplier, plan.channels, plan.channels);
    run_block(block, plan, data, w, kernels, memory);
  });
}

}  // namespace lanewise
