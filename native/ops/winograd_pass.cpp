// Forward and input gradient: V = transformed input [36][tile][k], U = transformed weights [36][k][panel], M = V U
// [36][tile][panel], transformed back into y.
// An item is a block of tiles and some panels of output channels. Many tiles: U is made once, an item makes its own V,
// keeps it and M in L2 and goes through all panels. Where that would leave threads idle: V is made once too, so that
// blocks can be cut by panels. Few tiles with many channels: U would be the largest traffic, so an item makes its part.
#include <cstring>

#include "winograd.h"
#include "winograd_tiles.h"

namespace lanewise {
namespace {

constexpr int64_t kBlockFloats = 128 * 1024;        // V and M of a block: 512 KiB, part of L2
constexpr int64_t kBlockTiles = 28;                 // at least so many for each reading of U
constexpr int64_t kSharedFloats = 8 * 1024 * 1024;  // V of all tiles: 32 MiB
constexpr int64_t kOwnUTiles = 64;                  // tiles of an item that makes its own U
constexpr int64_t kOwnUWeights = 1024;              // and weights per tile that make this the smaller traffic
constexpr int64_t kOwnUEnough = 32;                 // tiles that repay making U each time, even if it could be kept
constexpr int64_t kChain = 64;                      // channels of one chain: longer ones add up rounding errors

struct Plan {
  TileGrid grid;
  int64_t k, columns, panel_width, panels;
  bool share_v, share_u;  // made once; else by each item
  int64_t block_tiles, blocks, splits;
  int64_t pitch, v_stride, m_stride;  // between tiles of V, between positions of V and M
  int64_t chunk, chunks;              // channels of one chain, made into U at a time
  int64_t u_stride, u_floats;
  int64_t at_zeros, at_v, at_u, at_workers, bytes;
  // memory of one worker
  int64_t at_worker_v, at_worker_u, at_m, at_taps, at_outside, at_xs, at_ms, at_ys, worker_bytes;
};

Plan make_plan(const ConvPass& pass, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.k = pass.k;
  plan.columns = pass.columns;
  plan.grid = make_tile_grid(pass.rows, pass.cols, pass.images, pass.k, pass.columns);
  plan.panel_width = pass.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.panels = ceil_div(pass.columns, plan.panel_width);
  plan.pitch = pass.k < 256 ? ceil_div(pass.k, 16) * 16 : odd_lines(pass.k);
  const int64_t tiles = plan.grid.tiles;
  const bool few = sat_mul(kWinogradPositions * plan.pitch, tiles) <= kSharedFloats;
  plan.share_u = pass.prepared || !few || tiles > pass.k * pass.columns / kOwnUWeights;
  const int64_t fit = kBlockFloats / (kWinogradPositions * (plan.pitch + plan.panel_width));
  const int64_t most = plan.share_u ? max_of(fit, kBlockTiles) : kOwnUTiles;
  plan.block_tiles = even_piece(tiles, max_of(most / kernels.tile_m, 1) * kernels.tile_m);
  plan.blocks = ceil_div(tiles, plan.block_tiles);
  const int64_t idle = ceil_div(plan.blocks, threads) * threads - plan.blocks;  // threads in the last round
  plan.share_v = !plan.share_u || (few && idle > plan.blocks / 16);
  plan.splits = plan.share_v ? min_of(plan.panels, ceil_div(8 * threads, plan.blocks)) : 1;
  plan.v_stride = odd_lines((plan.share_v ? tiles : plan.block_tiles) * plan.pitch);
  plan.m_stride = odd_lines(plan.block_tiles * plan.panel_width);
  plan.chunk = even_piece(pass.k, kChain);
  plan.chunks = ceil_div(pass.k, plan.chunk);
  plan.u_stride = odd_lines((plan.share_u ? pass.k : plan.chunk) * plan.panel_width);
  plan.u_floats = kWinogradPositions * plan.u_stride;

  const int64_t v_floats = sat_mul(kWinogradPositions, plan.v_stride);
  Layout layout;
  plan.at_zeros = layout.take(pass.k, sizeof(float));
  plan.at_v = layout.take(plan.share_v ? v_floats : 0, sizeof(float));
  plan.at_u = layout.take(plan.share_u && !pass.prepared ? sat_mul(plan.panels, plan.u_floats) : 0, sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  plan.at_worker_v = worker.take(plan.share_v ? 0 : v_floats, sizeof(float));
  plan.at_worker_u = worker.take(plan.share_u ? 0 : plan.u_floats, sizeof(float));
  plan.at_m = worker.take(kWinogradPositions * plan.m_stride, sizeof(float));
  plan.at_taps = worker.take(9 * plan.chunk * plan.panel_width, sizeof(float));
  plan.at_outside = worker.take(pass.columns, sizeof(float));
  plan.at_xs = worker.take(plan.block_tiles, sizeof(float*));
  plan.at_ms = worker.take(plan.block_tiles, sizeof(float*));
  plan.at_ys = worker.take(plan.block_tiles * 16, sizeof(float*));
  plan.worker_bytes = worker.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

class Pass {
 public:
  Pass(const ConvPass& pass, const Plan& plan, const ConvPassData& data, const Kernels& kernels, std::byte* workspace)
      : pass_(pass), plan_(plan), data_(data), kernels_(kernels), workspace_(workspace) {}

  void clear_zeros() const {
    std::memset(workspace_ + plan_.at_zeros, 0, static_cast<size_t>(plan_.k) * sizeof(float));
  }
  float* shared_v() const { return floats(plan_.at_v); }
  const float* shared_u(int64_t panel) const {
    const float* const u = pass_.prepared ? reinterpret_cast<const float*>(data_.prepared) : floats(plan_.at_u);
    return u + panel * plan_.u_floats;
  }
  /// Makes U of all panels, at `to`.
  void make_shared_u(Parallel& parallel, float* to) const {
    parallel.run(plan_.panels * plan_.chunks, [&](int64_t item, int worker) {
      const int64_t panel = item / plan_.chunks;
      const int64_t chunk = item % plan_.chunks;
      make_u(panel, chunk, to + panel * plan_.u_floats + chunk * plan_.chunk * plan_.panel_width, worker);
    });
  }
  float* made_u() const { return floats(plan_.at_u); }
  float* worker_v(int worker) const { return floats(at(worker, plan_.at_worker_v)); }
  float* worker_u(int worker) const { return floats(at(worker, plan_.at_worker_u)); }

  /// The channels of one chunk of one panel: to[position * u_stride + channel of the chunk * panel_width + column].
  void make_u(int64_t panel, int64_t chunk, float* to, int worker) const {
    const int64_t from = chunk * plan_.chunk;
    const int64_t channels = min_of(plan_.chunk, plan_.k - from);
    const int64_t column = panel * plan_.panel_width;
    const int width = static_cast<int>(plan_.panel_width);
    const int n = static_cast<int>(min_of(plan_.columns - column, width));
    const int64_t tap_floats = channels * width;
    float* const taps = floats(at(worker, plan_.at_taps));
    for (int64_t tap = 0; tap < 9; ++tap) {
      float* const tap_to = taps + tap * tap_floats;
      if (pass_.transposed) {
        const float* const w = data_.w + ((8 - tap) * plan_.columns + column) * plan_.k + from;
        kernels_.pack_columns(tap_to, w, plan_.k, channels, n, width);
      } else {
        const float* const w = data_.w + (tap * plan_.k + from) * plan_.columns + column;
        kernels_.pack_rows(tap_to, w, plan_.columns, channels, n, width);
      }
    }
    kernels_.winograd_weights(taps, tap_floats, tap_floats, to, plan_.u_stride);
  }

  /// Tiles [from, to), written from v on.
  void make_v(int64_t from, int64_t to, float* v) const {
    const float* pixels[2][kWinogradPositions];
    const float* const zeros = floats(plan_.at_zeros);
    plan_.grid.input(from, data_.in, zeros, pixels[from % 2]);
    for (int64_t tile = from; tile < to; ++tile, v += plan_.pitch) {
      const auto& next = pixels[(tile + 1) % 2];
      plan_.grid.input(min_of(tile + 1, plan_.grid.tiles - 1), data_.in, zeros, pixels[(tile + 1) % 2]);
      kernels_.winograd_input(pixels[tile % 2], next, plan_.k, v, plan_.v_stride);
    }
  }

  /// Lists where the worker finds V (from v on), M and y of the block that starts with tile `from`; returns its number
  /// of tiles.
  int64_t list_block(int64_t from, const float* v, int worker) const {
    const int64_t tiles = min_of(plan_.block_tiles, plan_.grid.tiles - from);
    float* const m = floats(at(worker, plan_.at_m));
    float* const outside = floats(at(worker, plan_.at_outside));
    for (int64_t i = 0; i < tiles; ++i) {
      xs(worker)[i] = v + i * plan_.pitch;
      ms(worker)[i] = m + i * plan_.panel_width;
      plan_.grid.output(from + i, data_.out, outside, ys(worker) + i * 16);
    }
    return tiles;
  }

  /// M of a panel by the chunks [from, to), the first of which u starts with; adds to M unless `from` is 0.
  void multiply(int64_t tiles, int64_t panel, int64_t from, int64_t to, const float* u, int worker) const {
    constexpr Tap kTap = {0, 0};
    GemmPanel task = {};
    task.x = xs(worker);
    task.y = ms(worker);
    task.pixels = tiles;
    task.taps = &kTap;
    task.n_taps = 1;
    task.ldw = plan_.panel_width;
    task.w_padded = true;
    task.n = columns_of(panel);
    for (int64_t position = 0; position < kWinogradPositions; ++position) {
      task.y_offset = position * plan_.m_stride;
      for (int64_t chunk = from; chunk < to; ++chunk) {
        const int64_t k = chunk * plan_.chunk;
        task.x_offset = position * plan_.v_stride + k;
        task.w = u + position * plan_.u_stride + (chunk - from) * plan_.chunk * plan_.panel_width;
        task.klen = min_of(plan_.chunk, plan_.k - k);
        task.add = chunk > 0;
        kernels_.gemm_panel(task);
      }
    }
  }

  void finish(int64_t tiles, int64_t panel, int worker) const {
    const int64_t column = panel * plan_.panel_width;
    WinogradOutputTask task = {};
    task.m_stride = plan_.m_stride;
    task.n = columns_of(panel);
    task.bias = data_.bias == nullptr ? nullptr : data_.bias + column;
    task.activation = data_.activation;
    task.slope = data_.slope;
    task.y_offset = column;
    for (int64_t i = 0; i < tiles; ++i) {
      task.m = ms(worker)[i];
      task.y = ys(worker) + i * 16;
      task.next_y = i + 1 < tiles ? task.y + 16 : task.y;
      kernels_.winograd_output(task);
    }
  }

 private:
  float* floats(int64_t offset) const { return reinterpret_cast<float*>(workspace_ + offset); }
  int64_t at(int worker, int64_t offset) const { return plan_.at_workers + worker * plan_.worker_bytes + offset; }
  const float** xs(int worker) const { return reinterpret_cast<const float**>(workspace_ + at(worker, plan_.at_xs)); }
  float** ms(int worker) const { return reinterpret_cast<float**>(workspace_ + at(worker, plan_.at_ms)); }
  float** ys(int worker) const { return reinterpret_cast<float**>(workspace_ + at(worker, plan_.at_ys)); }
  int columns_of(int64_t panel) const {
    return static_cast<int>(min_of(plan_.columns - panel * plan_.panel_width, plan_.panel_width));
  }

  const ConvPass& pass_;
  const Plan& plan_;
  const ConvPassData& data_;
  const Kernels& kernels_;
  std::byte* const workspace_;
};

}  // namespace

int64_t winograd_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads) {
  const int64_t bytes = make_plan(pass, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

int64_t winograd_pass_prepared_bytes(const ConvPass& pass, const Kernels& kernels) {
  Plan plan = make_plan(pass, kernels, 1);
  if (!plan.share_u && plan.grid.tiles >= kOwnUEnough) return 0;
  ConvPass prepared = pass;
  prepared.prepared = true;
  plan = make_plan(prepared, kernels, 1);
  const int64_t bytes = sat_mul(sat_mul(plan.panels, plan.u_floats), sizeof(float));
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void winograd_pass_prepare(const ConvPass& pass, const float* w, const Kernels& kernels, Parallel& parallel,
                           std::byte* workspace, std::byte* to) {
  const Plan plan = make_plan(pass, kernels, parallel.threads());
  const ConvPassData data = {nullptr, w, nullptr, nullptr, kNoActivation, 0.0f};
  Pass(pass, plan, data, kernels, workspace).make_shared_u(parallel, reinterpret_cast<float*>(to));
}

void winograd_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                       std::byte* workspace) {
  const Plan plan = make_plan(pass, kernels, parallel.threads());
  const Pass work(pass, plan, data, kernels, workspace);
  work.clear_zeros();
  if (plan.share_u && !pass.prepared) work.make_shared_u(parallel, work.made_u());
  if (plan.share_v) {
    constexpr int64_t kItemTiles = 4;
    parallel.run(ceil_div(plan.grid.tiles, kItemTiles), [&](int64_t item, int) {
      const int64_t from = item * kItemTiles;
      work.make_v(from, min_of(from + kItemTiles, plan.grid.tiles), work.shared_v() + from * plan.pitch);
    });
  }
  parallel.run(plan.blocks * plan.splits, [&](int64_t item, int worker) {
    const int64_t first_tile = item / plan.splits * plan.block_tiles;
    float* const v = plan.share_v ? work.shared_v() + first_tile * plan.pitch : work.worker_v(worker);
    const int64_t tiles = work.list_block(first_tile, v, worker);
    if (!plan.share_v) work.make_v(first_tile, first_tile + tiles, v);
    const int64_t split = item % plan.splits;
    const int64_t panels_end = plan.panels * (split + 1) / plan.splits;
    for (int64_t panel = plan.panels * split / plan.splits; panel < panels_end; ++panel) {
      if (plan.share_u) {
        work.multiply(tiles, panel, 0, plan.chunks, work.shared_u(panel), worker);
      } else {
        for (int64_t chunk = 0; chunk < plan.chunks; ++chunk) {
          work.make_u(panel, chunk, work.worker_u(worker), worker);
          work.multiply(tiles, panel, chunk, chunk + 1, work.worker_u(worker), worker);
        }
      }
      work.finish(tiles, panel, worker);
    }
  });
}

}  // namespace lanewise
