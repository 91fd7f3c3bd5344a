// Depthwise forward pass and input gradient: one channel of x per group, `multiplier` channels of y.
// With a multiplier above 1, forward repeats each channel of x on its way into the scratch, so that x, w and y have
// the same channels; the gradient splits dy and w into `multiplier` planes, each a depthwise pass of its own whose
// terms follow each other in the chain.
#include "conv_tiling.h"

namespace lanewise {
namespace {

struct Plan {
  Tiling tiling;
  int64_t multiplier;
  int64_t channels;    // of the pass's vectors: y in forward, dx in the gradient
  int64_t tap_floats;  // of w
  bool planes;
  int64_t at_w, at_workers, bytes;
};

Plan make_plan(const ConvPass& pass, int threads) {
  constexpr int64_t kTileM = 8;
  Plan plan = {};
  plan.multiplier = pass.transposed ? pass.k : pass.columns;
  plan.channels = pass.transposed ? pass.groups : sat_mul(pass.groups, plan.multiplier);
  plan.tap_floats = sat_mul(pass.groups, plan.multiplier);
  plan.planes = pass.transposed && plan.multiplier > 1;
  const ChannelCopy copy = plan.multiplier == 1 ? ChannelCopy::kPlain
                           : plan.planes        ? ChannelCopy::kDeinterleave
                                                : ChannelCopy::kRepeat;
  plan.tiling = make_tiling(pass, kTileM, copy, plan.multiplier);
  Layout layout;
  const int64_t taps = sat_mul(pass.rows.kernel, pass.cols.kernel);
  plan.at_w = layout.take(plan.planes ? sat_mul(taps, plan.tap_floats) : 0, sizeof(float));
  plan.at_workers = layout.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.tiling.bytes, threads));
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

}  // namespace

int64_t depthwise_pass_workspace(const ConvPass& pass, const Kernels&, int threads) {
  const int64_t bytes = make_plan(pass, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void depthwise_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                        std::byte* workspace) {
  const Plan plan = make_plan(pass, parallel.threads());
  const float* w = data.w;
  if (plan.planes) {
    float* const planes = reinterpret_cast<float*>(workspace + plan.at_w);
    split_weights(pass, plan, data.w, planes);
    w = planes;
  }
  parallel.run(plan.tiling.blocks, [&](int64_t item, int worker) {
    TileBlock block(pass, plan.tiling, data.in, data.out, workspace + plan.at_workers + worker * plan.tiling.bytes);
    if (!block.prepare(item, plan.tap_floats)) return;
    if (plan.planes) block.multiply_taps(plan.multiplier, plan.channels, plan.channels);
    kernels.depthwise_panel({block.x(), block.y(), block.pixels(), block.taps(), block.n_taps(), w, plan.channels,
                             data.bias, data.activation, data.slope});
  });
}

}  // namespace lanewise
