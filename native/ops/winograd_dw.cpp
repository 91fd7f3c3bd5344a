// Weight gradient: V = transformed input [position][tile][k], Z = transformed dy [position][tile][width] of a panel of
// output channels, S = sums over tiles of V Z [panel][position][k][width], transformed back into dw. An item is a part
// of the weights, some k by some panels, and a group of tiles. It makes all that it needs, block by block, in its
// worker's L2: what other items transform too is cheaper to make again than to fetch from another core. Groups and
// blocks follow from the shape alone: a chain within a block, blocks and groups added from left to right.
#include <cstring>

#include "split.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace lanewise {
namespace {

constexpr int64_t kChain = 128;       // tiles of a block: longer chains add up rounding errors
constexpr int64_t kGroupTiles = 192;  // at least so many pay for a transform of their sums
constexpr int64_t kMostGroups = 16;
constexpr int64_t kMostWeights = 64 * 64 * 64;  // of all groups: many weights are enough items without them
constexpr int64_t kPartChannels = 64;           // of k: V of a block stays near
constexpr int64_t kPartColumns = 256;           // so that V pays; half of it where that gives every thread its share
constexpr int64_t kItemsPerThread = 4;

struct Plan {
  TileGrid grid;
  int64_t k, columns, panel_width, panels;
  int64_t groups, block_tiles;
  int64_t part_k, k_parts, part_panels, panel_parts;
  bool one_block;                               // per group: S is finished at once, panel by panel
  int64_t pitch, v_stride, z_stride, s_stride;  // between tiles of V, between positions of V, Z and S
  int64_t dw_floats;
  int64_t copy_stride;  // between positions of V's copy by register tiles; 0: none is made
  int64_t at_zeros, at_dw, at_workers, at_v, at_v_copy, at_z, at_s, worker_bytes, bytes;

  int64_t items() const { return groups * k_parts * panel_parts; }
};

/// Groups of tiles, each with a gradient of its own: a power of two, fewer where the weights give enough items.
int64_t groups_of(int64_t tiles, int64_t k, int64_t columns) {
  const int64_t weights = k * columns;
  int64_t groups = 1;
  while (groups < kMostGroups && groups * weights < kMostWeights && tiles >= 2 * groups * kGroupTiles) groups *= 2;
  return groups;
}

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.grid = make_tile_grid(shape.rows, shape.cols, shape.images, shape.k, shape.columns);
  plan.k = plan.grid.in_parts.channels();
  plan.columns = shape.columns;
  const int64_t positions = plan.grid.positions();
  plan.panel_width = shape.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.panels = ceil_div(shape.columns, plan.panel_width);
  plan.groups = groups_of(plan.grid.tiles, plan.k, plan.columns);
  const int64_t group_tiles = ceil_div(plan.grid.tiles, plan.groups);
  plan.block_tiles = even_piece(group_tiles, kChain);
  plan.one_block = group_tiles <= plan.block_tiles;
  int64_t part_k = kPartChannels, part_columns = kPartColumns;
  const auto cut = [&] {
    plan.part_k = even_piece(plan.k, part_k);
    plan.k_parts = ceil_div(plan.k, plan.part_k);
    plan.part_panels = even_piece(plan.panels, ceil_div(part_columns, plan.panel_width));
    plan.panel_parts = ceil_div(plan.panels, plan.part_panels);
    return plan.groups * plan.k_parts * plan.panel_parts;
  };
  if (cut() < kItemsPerThread * threads) part_columns /= 2;
  // Still smaller parts repeat a good deal of the transforms, but idle threads would be worse.
  while (cut() < threads && part_k > 16) (part_columns > 32 ? part_columns : part_k) /= 2;
  // Whole vectors are written for each of a block's parts.
  plan.pitch = ceil_div(plan.part_k + (plan.grid.in_parts.count() > 1 ? 15 : 0), 16) * 16;
  plan.v_stride = odd_lines(plan.block_tiles * plan.pitch);
  if (kernels.tile_m < kCopyingTile && plan.part_panels > 1) {
    const int64_t tiles = ceil_div(plan.part_k, kernels.tile_m);
    plan.copy_stride = odd_lines(plan.block_tiles * tiles * kernels.tile_m + kernels.tile_n);
  }
  plan.z_stride = odd_lines(plan.block_tiles * plan.panel_width);
  plan.s_stride = odd_lines(plan.part_k * plan.panel_width);
  plan.dw_floats = sat_mul(sat_mul(shape.rows.kernel, shape.cols.kernel), shape.k * shape.columns);

  Layout layout;
  plan.at_zeros = layout.take(max_of(plan.k, plan.columns), sizeof(float));
  plan.at_dw = layout.take(sat_mul(plan.groups - 1, plan.dw_floats), sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  plan.at_v = worker.take(positions * plan.v_stride, sizeof(float));
  plan.at_v_copy = worker.take(positions * plan.copy_stride, sizeof(float));
  plan.at_z = worker.take(positions * plan.z_stride, sizeof(float));
  plan.at_s = worker.take(positions * plan.s_stride * (plan.one_block ? 1 : plan.part_panels), sizeof(float));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

/// One item: the gradient of one part of the weights by one group of tiles.
class Part {
 public:
  Part(const Plan& plan, const float* x, const float* dy, float* dw, const Kernels& kernels, std::byte* workspace,
       int64_t item, int worker)
      : plan_(plan), kernels_(kernels) {
    const int64_t part = item % (plan.k_parts * plan.panel_parts);
    const int64_t group = item / (plan.k_parts * plan.panel_parts);
    k_ = part / plan.panel_parts * plan.part_k;
    channels_ = min_of(plan.part_k, plan.k - k_);
    first_panel_ = part % plan.panel_parts * plan.part_panels;
    panels_ = min_of(plan.part_panels, plan.panels - first_panel_);
    first_tile_ = plan.grid.tiles * group / plan.groups;
    tiles_end_ = plan.grid.tiles * (group + 1) / plan.groups;
    x_ = x;
    dy_ = dy;
    dw_ = group == 0 ? dw : reinterpret_cast<float*>(workspace + plan.at_dw) + (group - 1) * plan.dw_floats;
    zeros_ = reinterpret_cast<const float*>(workspace + plan.at_zeros);
    std::byte* const memory = workspace + plan.at_workers + worker * plan.worker_bytes;
    v_ = reinterpret_cast<float*>(memory + plan.at_v);
    v_copy_ = reinterpret_cast<float*>(memory + plan.at_v_copy);
    z_ = reinterpret_cast<float*>(memory + plan.at_z);
    s_ = reinterpret_cast<float*>(memory + plan.at_s);
  }

  void run() const {
    for (int64_t tile = first_tile_; tile < tiles_end_; tile += plan_.block_tiles) {
      const int64_t end = min_of(tile + plan_.block_tiles, tiles_end_);
      plan_.grid.transform_input(kernels_, x_, zeros_, tile, end, k_, channels_, v_, plan_.pitch, plan_.v_stride);
      for (int64_t i = 0; i < panels_; ++i) {
        float* const s = s_ + (plan_.one_block ? 0 : i) * plan_.grid.positions() * plan_.s_stride;
        make_z(tile, end, first_panel_ + i);
        multiply(tile, end, first_panel_ + i, s);
        if (end == tiles_end_) finish(first_panel_ + i, s);
      }
    }
  }

 private:
  void make_z(int64_t from, int64_t to, int64_t panel) const {
    const float* pixels[2][kWinogradMostPositions];
    const float* const dy = dy_ + panel * plan_.panel_width;
    plan_.grid.output(plan_.grid.place(from), 0, dy, zeros_, pixels[from % 2]);
    float* z = z_;
    for (int64_t tile = from; tile < to; ++tile, z += plan_.panel_width) {
      plan_.grid.output(plan_.grid.place(min_of(tile + 1, plan_.grid.tiles - 1)), 0, dy, zeros_,
                        pixels[(tile + 1) % 2]);
      kernels_.winograd_output_gradient(plan_.grid.form, pixels[tile % 2], pixels[(tile + 1) % 2], columns_of(panel), z,
                                        plan_.z_stride);
    }
  }

  /// s[position][channel][column] = the chain over the block's tiles, or `s` plus it.
  void multiply(int64_t from, int64_t to, int64_t panel, float* s) const {
    for (int64_t position = 0; position < plan_.grid.positions(); ++position) {
      const TileGrid::Range range = plan_.grid.tiles_at(position, from, to);
      const bool add = plan_.grid.tiles_at(position, first_tile_, from).count() > 0;
      float* const sums = s + position * plan_.s_stride;
      const int64_t tiles = range.count();
      if (tiles == 0) {
        if (!add) std::memset(sums, 0, static_cast<size_t>(channels_ * plan_.panel_width) * sizeof(float));
        continue;
      }
      const float* const x = v_ + position * plan_.v_stride + (range.from - from) * plan_.pitch;
      const float* const dy = z_ + position * plan_.z_stride + (range.from - from) * plan_.panel_width;
      GemmPanelDw task = {};
      task.x = &x;
      task.dy = &dy;
      task.lengths = &tiles;
      task.segments = 1;
      task.x_stride = plan_.pitch;
      task.dy_stride = plan_.panel_width;
      task.dy_padded = true;
      if (plan_.copy_stride > 0) {
        task.x_copy = v_copy_ + position * plan_.copy_stride;
        task.dy_copy = const_cast<float*>(dy);
        task.fill_x = panel == first_panel_;
        task.pixels = tiles;
      }
      task.dw = sums;
      task.ldw = plan_.panel_width;
      task.positions = channels_;
      task.n = columns_of(panel);
      task.add = add;
      kernels_.gemm_panel_dw(task);
    }
  }

  void finish(int64_t panel, const float* s) const {
    const TileGrid& grid = plan_.grid;
    const int64_t c = grid.in.c * plan_.columns;  // floats of a tap
    WinogradWeightsGradientTask task = {};
    task.form = grid.form;
    task.stride = plan_.s_stride;
    task.width = plan_.panel_width;
    task.n = columns_of(panel);
    task.tap_row_stride = grid.rows.tap_step * grid.cols.kernel * c;
    task.tap_stride = grid.cols.tap_step * c;
    task.ldw = plan_.columns;
    grid.in_parts.each(k_, channels_, [&](int64_t part, int64_t first, int64_t at, int64_t n) {
      // The last piece of an axis may have less taps.
      task.tap_rows = grid.rows.kernel - grid.rows.tap(0, part / grid.in_parts.across);
      task.tap_cols = grid.cols.kernel - grid.cols.tap(0, part % grid.in_parts.across);
      task.sums = s + at * plan_.panel_width;
      task.rows = n;
      task.dw = dw_ + grid.tap(0, 0, part, 0) * c + first * plan_.columns + panel * plan_.panel_width;
      kernels_.winograd_weights_gradient(task);
    });
  }

  int columns_of(int64_t panel) const {
    return static_cast<int>(min_of(plan_.columns - panel * plan_.panel_width, plan_.panel_width));
  }

  const Plan& plan_;
  const Kernels& kernels_;
  const float* x_;
  const float* dy_;
  const float* zeros_;
  float *dw_, *v_, *v_copy_, *z_, *s_;
  int64_t k_, channels_, first_panel_, panels_, first_tile_, tiles_end_;
};

}  // namespace

int64_t winograd_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  const int64_t bytes = make_plan(shape, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void winograd_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                     Parallel& parallel, std::byte* workspace) {
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  std::memset(workspace + plan.at_zeros, 0, static_cast<size_t>(max_of(plan.k, plan.columns)) * sizeof(float));
  parallel.run(plan.items(),
               [&](int64_t item, int worker) { Part(plan, x, dy, dw, kernels, workspace, item, worker).run(); });
  if (plan.groups == 1) return;
  const float* const others = reinterpret_cast<const float*>(workspace + plan.at_dw);
  for_elements(parallel, plan.dw_floats, [&](int64_t begin, int64_t count) {
    for (int64_t group = 1; group < plan.groups; ++group) {
      const float* const from = others + (group - 1) * plan.dw_floats + begin;
      kernels.add_forward(dw + begin, from, dw + begin, count, kNoActivation, 0.0f, false);
    }
  });
}

}  // namespace lanewise
