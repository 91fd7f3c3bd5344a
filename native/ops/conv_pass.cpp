// A pass over dense groups: work item = (block of output pixels, range of output-channel panels). Weights are packed
// into panels once per run, or in advance, [panel][tap][k][panel_width], zero padded, or used in place when there are
// too few pixels to repay it.
#include "conv_pass.h"

#include "conv_tiling.h"
#include "grouped_pass.h"
#include "planar_pass.h"

namespace lanewise {
namespace {

constexpr int64_t kItemsPerThread = 4;  // each of a block's items copies all its input

/// Everything that follows from the shape and the register tile.
struct Plan {
  bool grouped;   // grouped_pass.cpp does the rest
  Tiling tiling;  // else
  bool packed;
  int64_t taps, panel_width, panels_per_group, panels, panel_floats;
  int64_t splits;  // ranges of panels per block
  int64_t at_packed, at_workers, bytes;
};

Plan make_plan(const ConvPass& pass, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.grouped = grouped_pass_applies(pass);
  plan.taps = sat_mul(pass.rows.kernel, pass.cols.kernel);
  const int64_t all_pixels = sat_mul(sat_mul(pass.images, pass.rows.out), pass.cols.out);
  plan.packed = plan.grouped || pass.prepared || pass.transposed || all_pixels > 2 * kernels.tile_m;
  plan.panel_width = plan.grouped && pass.columns <= kernels.least_lanes ? kernels.least_lanes
                     : plan.grouped || pass.columns <= kernels.lanes     ? kernels.lanes
                                                                         : kernels.tile_n;
  plan.panels_per_group = ceil_div(pass.columns, plan.panel_width);
  plan.panels = sat_mul(pass.groups, plan.panels_per_group);
  plan.panel_floats = sat_mul(sat_mul(plan.taps, pass.k), plan.panel_width);
  Layout layout;
  plan.at_packed =
      layout.take(plan.packed && !pass.prepared ? sat_mul(plan.panels, plan.panel_floats) : 0, sizeof(float));
  plan.at_workers = layout.bytes;
  if (plan.grouped) {
    plan.bytes = sat_add(layout.bytes, sat_mul(grouped_pass_worker_bytes(pass), threads));
    return plan;
  }
  plan.tiling = make_tiling(pass, kernels.tile_m, ChannelCopy::kPlain, 1);
  const int64_t wanted = threads == 1 ? 1 : kItemsPerThread * threads;
  plan.splits = min_of(plan.panels, ceil_div(wanted, plan.tiling.blocks));
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.tiling.bytes, threads));
  return plan;
}

void pack_weights(const ConvPass& pass, const Plan& plan, const float* w, const Kernels& kernels, Parallel& parallel,
                  float* packed) {
  const int width = static_cast<int>(plan.panel_width);
  const int64_t in_c = pass.groups * pass.k, out_c = pass.groups * pass.columns;
  parallel.run(plan.panels * plan.taps, [&](int64_t item, int) {
    const int64_t panel = item / plan.taps;
    const int64_t tap = item % plan.taps;
    const int64_t group = panel / plan.panels_per_group;
    const int64_t column = panel % plan.panels_per_group * width;
    const int n = static_cast<int>(min_of(pass.columns - column, width));
    float* const to = packed + panel * plan.panel_floats + tap * pass.k * width;
    if (pass.transposed) {
      const float* const from = w + (tap * pass.columns + column) * in_c + group * pass.k;
      kernels.pack_columns(to, from, in_c, pass.k, n, width);
    } else {
      const float* const from = w + tap * pass.k * out_c + group * pass.columns + column;
      kernels.pack_rows(to, from, out_c, pass.k, n, width);
    }
  });
}

ConvPass prepared_pass(ConvPass pass) {
  pass.prepared = true;
  return pass;
}

}  // namespace

int64_t conv_pass_prepared_bytes(const ConvPass& pass, const Kernels& kernels) {
  if (pass.depthwise() || planar_pays(pass, kernels)) return 0;
  const Plan plan = make_plan(prepared_pass(pass), kernels, 1);
  const int64_t bytes = sat_mul(sat_mul(plan.panels, plan.panel_floats), sizeof(float));
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void conv_pass_prepare(const ConvPass& pass, const float* w, const Kernels& kernels, Parallel& parallel,
                       std::byte* to) {
  const Plan plan = make_plan(prepared_pass(pass), kernels, parallel.threads());
  pack_weights(pass, plan, w, kernels, parallel, reinterpret_cast<float*>(to));
}

int64_t conv_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads) {
  if (pass.depthwise()) return depthwise_pass_workspace(pass, kernels, threads);
  if (planar_pays(pass, kernels)) return planar_pass_workspace(pass, kernels, threads);
  int64_t bytes = matrix_pass_applies(pass) ? matrix_pass_workspace(pass, kernels, threads)
                                            : make_plan(pass, kernels, threads).bytes;
  // Which of the two runs is known with the data.
  if (turned_pass_applies(pass, kernels)) bytes = max_of(bytes, turned_pass_workspace(pass, kernels, threads));
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void conv_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                   std::byte* workspace) {
  if (pass.depthwise()) return depthwise_pass_run(pass, data, kernels, parallel, workspace);
  if (planar_pays(pass, kernels)) return planar_pass_run(pass, data, kernels, parallel, workspace);
  const bool bare = data.bias == nullptr && data.activation == kNoActivation;
  if (bare && turned_pass_applies(pass, kernels)) return turned_pass_run(pass, data, kernels, parallel, workspace);
  if (matrix_pass_applies(pass)) return matrix_pass_run(pass, data, kernels, parallel, workspace);
  const Plan plan = make_plan(pass, kernels, parallel.threads());
  const float* packed = reinterpret_cast<const float*>(data.prepared);
  if (plan.packed && !pass.prepared) {
    float* const made = reinterpret_cast<float*>(workspace + plan.at_packed);
    pack_weights(pass, plan, data.w, kernels, parallel, made);
    packed = made;
  }

  if (plan.grouped) {
    return grouped_pass_run(pass, data, packed, plan.panel_width, kernels, parallel, workspace + plan.at_workers);
  }
  const int64_t ldw = plan.packed ? plan.panel_width : plan.tiling.out_c;
  parallel.run(plan.tiling.blocks * plan.splits, [&](int64_t item, int worker) {
    TileBlock block(pass, plan.tiling, data.in, data.out, workspace + plan.at_workers + worker * plan.tiling.bytes);
    if (!block.prepare(item / plan.splits, pass.k * ldw)) return;
    GemmPanel task = {};
    task.klen = pass.k;
    block.merge_taps(&task.klen, ldw);
    task.x = block.x();
    task.y = block.y();
    task.pixels = block.pixels();
    task.taps = block.taps();
    task.n_taps = block.n_taps();
    task.ldw = ldw;
    task.w_padded = plan.packed;
    task.activation = data.activation;
    task.slope = data.slope;
    const int64_t split = item % plan.splits;
    const int64_t panels_from = plan.panels * split / plan.splits;
    const int64_t panels_to = plan.panels * (split + 1) / plan.splits;
    for (int64_t panel = panels_from; panel < panels_to; ++panel) {
      const int64_t group = panel / plan.panels_per_group;
      const int64_t column = panel % plan.panels_per_group * plan.panel_width;
      const int64_t out_column = group * pass.columns + column;
      task.x_offset = group * pass.k;
      task.y_offset = out_column;
      task.w = plan.packed ? packed + panel * plan.panel_floats : data.w + out_column;
      task.n = static_cast<int>(min_of(pass.columns - column, plan.panel_width));
      task.prefetch_x = plan.tiling.direct && task.n_taps == 1 && panel == panels_from;
      task.bias = data.bias == nullptr ? nullptr : data.bias + out_column;
      kernels.gemm_panel(task);
    }
  });
}

}  // namespace lanewise
