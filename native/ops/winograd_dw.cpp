// Weight gradient: V = transformed input [36][tile][k], Z = transformed dy [36][panel][tile][width], S = sums over
// tiles of V Z [region][36][k of the region][width], transformed back into dw. Tiles are taken in blocks that follow
// from the shape alone: a chain within a block, blocks added from left to right. V and Z of a block are made first and
// then shared. One block: an item is a region of weights, whose S stays in L2. More: an item is one position of one
// region.
#include <cstring>

#include "winograd.h"
#include "winograd_tiles.h"

namespace lanewise {
namespace {

constexpr int64_t kChain = 128;  // tiles of a block: longer chains add up rounding errors, and V and Z leave the cache
constexpr int64_t kRegionChannels = 64;

struct Plan {
  TileGrid grid;
  int64_t k, columns, panel_width, panels;
  int64_t block_tiles, blocks;
  int64_t pitch, v_stride, z_panel, z_stride;  // between tiles and positions of V, panels and positions of Z
  int64_t region_k, k_regions, regions;        // a region: region_k channels x one panel
  int64_t s_position, s_region;                // floats
  int64_t at_zeros, at_v, at_z, at_s, at_workers, worker_bytes, bytes;
};

Plan make_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.k = shape.k;
  plan.columns = shape.columns;
  plan.grid = make_tile_grid(shape.rows, shape.cols, shape.images, shape.k, shape.columns);
  plan.panel_width = shape.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.panels = ceil_div(shape.columns, plan.panel_width);
  plan.block_tiles = even_piece(plan.grid.tiles, kChain);
  plan.blocks = ceil_div(plan.grid.tiles, plan.block_tiles);
  plan.pitch = odd_lines(shape.k);
  plan.v_stride = odd_lines(plan.block_tiles * plan.pitch);
  plan.z_panel = plan.block_tiles * plan.panel_width;
  plan.z_stride = odd_lines(plan.panels * plan.z_panel);
  plan.region_k = even_piece(shape.k, kRegionChannels);
  plan.k_regions = ceil_div(shape.k, plan.region_k);
  plan.regions = sat_mul(plan.k_regions, plan.panels);
  plan.s_position = odd_lines(plan.region_k * plan.panel_width);
  plan.s_region = kWinogradPositions * plan.s_position;

  const bool one_block = plan.blocks == 1;
  Layout layout;
  plan.at_zeros = layout.take(max_of(shape.k, shape.columns), sizeof(float));
  plan.at_v = layout.take(sat_mul(kWinogradPositions, plan.v_stride), sizeof(float));
  plan.at_z = layout.take(sat_mul(kWinogradPositions, plan.z_stride), sizeof(float));
  plan.at_s = layout.take(one_block ? 0 : sat_mul(plan.regions, plan.s_region), sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  worker.take(one_block ? plan.s_region : 0, sizeof(float));
  plan.worker_bytes = worker.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

class Dw {
 public:
  Dw(const Plan& plan, const float* x, const float* dy, float* dw, const Kernels& kernels, std::byte* workspace)
      : plan_(plan), x_(x), dy_(dy), dw_(dw), kernels_(kernels), workspace_(workspace) {}

  void clear_zeros() const {
    std::memset(workspace_ + plan_.at_zeros, 0, static_cast<size_t>(max_of(plan_.k, plan_.columns)) * sizeof(float));
  }
  float* region_s(int64_t region) const { return floats(plan_.at_s) + region * plan_.s_region; }
  float* worker_s(int worker) const { return floats(plan_.at_workers + worker * plan_.worker_bytes); }

  /// V and Z of tiles [from, to), the first of which is the i-th of its block.
  void transform(int64_t from, int64_t to, int64_t i) const {
    const float* const zeros = floats(plan_.at_zeros);
    const float* pixels[2][kWinogradPositions];
    plan_.grid.input(from, x_, zeros, pixels[from % 2]);
    float* v = floats(plan_.at_v) + i * plan_.pitch;
    for (int64_t tile = from; tile < to; ++tile, v += plan_.pitch) {
      plan_.grid.input(min_of(tile + 1, plan_.grid.tiles - 1), x_, zeros, pixels[(tile + 1) % 2]);
      kernels_.winograd_input(pixels[tile % 2], pixels[(tile + 1) % 2], plan_.k, v, plan_.v_stride);
    }
    plan_.grid.output(from, dy_, zeros, pixels[from % 2]);
    float* z = floats(plan_.at_z) + i * plan_.panel_width;
    for (int64_t tile = from; tile < to; ++tile, z += plan_.panel_width) {
      const float** const now = pixels[tile % 2];
      const float** const next = pixels[(tile + 1) % 2];
      plan_.grid.output(min_of(tile + 1, plan_.grid.tiles - 1), dy_, zeros, next);
      for (int64_t panel = 0; panel < plan_.panels; ++panel) {
        kernels_.winograd_output_gradient(now, next, columns_of(panel), z + panel * plan_.z_panel, plan_.z_stride);
        for (int j = 0; j < kWinogradOut * kWinogradOut; ++j) now[j] += plan_.panel_width, next[j] += plan_.panel_width;
      }
      for (int j = 0; j < kWinogradOut * kWinogradOut; ++j) next[j] -= plan_.panels * plan_.panel_width;
    }
  }

  /// to[channel of the region][column] = the chain over the block's tiles at one position, or `to` plus it.
  void multiply(bool add, int64_t tiles, int64_t region, int64_t position, float* to) const {
    const int64_t panel = region % plan_.panels;
    const float* const x = floats(plan_.at_v) + position * plan_.v_stride + channel_of(region);
    const float* const dy = floats(plan_.at_z) + position * plan_.z_stride + panel * plan_.z_panel;
    GemmPanelDw task = {};
    task.x = &x;
    task.dy = &dy;
    task.lengths = &tiles;
    task.segments = 1;
    task.x_stride = plan_.pitch;
    task.dy_stride = plan_.panel_width;
    task.dy_padded = true;
    task.dw = to;
    task.ldw = plan_.panel_width;
    task.positions = channels_of(region);
    task.n = columns_of(panel);
    task.add = add;
    kernels_.gemm_panel_dw(task);
  }

  void finish(int64_t region, const float* s) const {
    const int64_t panel = region % plan_.panels;
    WinogradWeightsGradientTask task = {};
    task.sums = s;
    task.stride = plan_.s_position;
    task.rows = channels_of(region);
    task.width = plan_.panel_width;
    task.n = columns_of(panel);
    task.dw = dw_ + channel_of(region) * plan_.columns + panel * plan_.panel_width;
    task.tap_stride = plan_.k * plan_.columns;
    task.ldw = plan_.columns;
    kernels_.winograd_weights_gradient(task);
  }

 private:
  float* floats(int64_t offset) const { return reinterpret_cast<float*>(workspace_ + offset); }
  int64_t channel_of(int64_t region) const { return region / plan_.panels * plan_.region_k; }
  int64_t channels_of(int64_t region) const { return min_of(plan_.region_k, plan_.k - channel_of(region)); }
  int columns_of(int64_t panel) const {
    return static_cast<int>(min_of(plan_.columns - panel * plan_.panel_width, plan_.panel_width));
  }

  const Plan& plan_;
  const float* const x_;
  const float* const dy_;
  float* const dw_;
  const Kernels& kernels_;
  std::byte* const workspace_;
};

}  // namespace

int64_t winograd_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  const int64_t bytes = make_plan(shape, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void winograd_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                     Parallel& parallel, std::byte* workspace) {
  const Plan plan = make_plan(shape, kernels, parallel.threads());
  const Dw work(plan, x, dy, dw, kernels, workspace);
  work.clear_zeros();
  for (int64_t first = 0; first < plan.grid.tiles; first += plan.block_tiles) {
    constexpr int64_t kItemTiles = 4;
    const int64_t tiles = min_of(plan.block_tiles, plan.grid.tiles - first);
    parallel.run(ceil_div(tiles, kItemTiles), [&](int64_t item, int) {
      const int64_t end = min_of((item + 1) * kItemTiles, tiles);
      work.transform(first + item * kItemTiles, first + end, item * kItemTiles);
    });
    if (plan.blocks == 1) {
      parallel.run(plan.regions, [&](int64_t region, int worker) {
        float* const s = work.worker_s(worker);
        for (int64_t p = 0; p < kWinogradPositions; ++p)
          work.multiply(false, tiles, region, p, s + p * plan.s_position);
        work.finish(region, s);
      });
      return;
    }
    parallel.run(plan.regions * kWinogradPositions, [&](int64_t item, int) {
      const int64_t region = item % plan.regions;
      const int64_t position = item / plan.regions;
      work.multiply(first > 0, tiles, region, position, work.region_s(region) + position * plan.s_position);
    });
  }
  parallel.run(plan.regions, [&](int64_t region, int) { work.finish(region, work.region_s(region)); });
}

}  // namespace lanewise
