// Forward and input gradient: V = transformed input [position][tile][k], U = transformed weights [position][k][panel],
// M = V U [position][tile][panel], transformed back into y. An item is a block of tiles and some panels of output
// channels. Many tiles: it makes its own V, keeps it and M in L2 and goes through U of all panels. Few tiles with many
// channels: U would be the largest traffic, so it makes its part of U, and blocks are cut by panels, whose items share
// V. What items share each worker makes for itself while that is a small part of its work: cheaper than to fetch it
// from another core's cache, and nobody waits. With more workers it is made together first.
#include <cstring>

#include "winograd.h"
#include "winograd_tiles.h"

namespace lanewise {
namespace {

constexpr int64_t kBlockFloats = 128 * 1024;        // V and M of a block: 512 KiB, part of L2
constexpr int64_t kBlockTiles = 28;                 // at least so many for each reading of U
constexpr int64_t kSharedFloats = 8 * 1024 * 1024;  // V of all tiles: 32 MiB
constexpr int64_t kItemUTiles = 128;                // tiles of an item that makes its own U
constexpr int64_t kItemUWeights = 1024;  // and weights per tile and worker that make this the smaller traffic
constexpr int64_t kWorkerUTiles = 64;    // tiles of a worker that repay a U of its own
constexpr int64_t kWorkerUFloats = 4 * 1024 * 1024;  // 16 MiB
constexpr int64_t kWorkerVColumns = 48;              // columns of a worker that repay a V of its own
constexpr int64_t kEnoughTiles = 32;  // tiles that repay an item's own U even where it could have been prepared
constexpr int64_t kChain = 64;        // channels of one chain: longer ones add up rounding errors

/// Who makes U or V: all workers together before the items, each worker once for itself, each item; or nobody, because
/// U was prepared from weights that do not change.
enum class Owner { kAll, kWorker, kItem, kPrepared };

struct Plan {
  TileGrid grid;
  int64_t k, panel_width, part_panels, panels;  // panels of a part of a block, and in all
  Owner u, v;
  int64_t block_tiles, blocks, splits;
  int64_t pitch, v_stride, m_stride;  // between tiles of V, between positions of V and M
  int64_t chunk, chunks;              // channels of one chain, made into U at a time
  int64_t u_stride, u_floats;
  int64_t at_zeros, at_v, at_u, at_workers, bytes;
  // memory of one worker
  int64_t at_begun, at_worker_v, at_worker_u, at_m, at_taps, at_outside, at_xs, at_ms, at_ys, worker_bytes;
};

Plan make_plan(const ConvPass& pass, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.grid = make_tile_grid(pass.rows, pass.cols, pass.images, pass.k, pass.columns);
  const Parts& in = plan.grid.in_parts;
  const Parts& out = plan.grid.out_parts;
  const int64_t positions = plan.grid.positions();
  plan.k = in.channels();
  plan.panel_width = out.length <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.part_panels = ceil_div(out.length, plan.panel_width);
  plan.panels = out.count() * plan.part_panels;
  // Whole vectors are written for each of a block's parts.
  const int64_t room = plan.k + (in.count() > 1 ? 15 : 0);
  plan.pitch = room < 256 ? ceil_div(room, 16) * 16 : odd_lines(room);
  const int64_t tiles = plan.grid.tiles;
  const bool few = sat_mul(positions * plan.pitch, tiles) <= kSharedFloats;
  if (pass.prepared) {
    plan.u = Owner::kPrepared;
  } else if (few && tiles <= sat_mul(plan.k * out.channels(), threads) / kItemUWeights) {
    plan.u = Owner::kItem;
  } else {
    const bool small = positions * plan.k * out.channels() <= kWorkerUFloats;
    plan.u = threads > 1 && small && tiles >= kWorkerUTiles * threads ? Owner::kWorker : Owner::kAll;
  }
  const int64_t fit = kBlockFloats / (positions * (plan.pitch + plan.panel_width));
  const int64_t most = plan.u == Owner::kItem ? kItemUTiles : max_of(fit, kBlockTiles);
  plan.block_tiles = even_piece(tiles, max_of(most / kernels.tile_m, 1) * kernels.tile_m);
  plan.blocks = ceil_div(tiles, plan.block_tiles);
  const int64_t idle = ceil_div(plan.blocks, threads) * threads - plan.blocks;  // threads in the last round
  plan.v = Owner::kItem;
  if (plan.u == Owner::kItem || (plan.u != Owner::kWorker && few && idle > plan.blocks / 16)) {
    plan.v = threads > 1 && out.channels() >= kWorkerVColumns * threads ? Owner::kWorker : Owner::kAll;
  }
  plan.splits = plan.v == Owner::kItem ? 1 : min_of(plan.panels, ceil_div(8 * threads, plan.blocks));
  plan.v_stride = odd_lines((plan.v == Owner::kItem ? plan.block_tiles : tiles) * plan.pitch);
  plan.m_stride = odd_lines(plan.block_tiles * plan.panel_width);
  plan.chunk = even_piece(plan.k, kChain);
  plan.chunks = ceil_div(plan.k, plan.chunk);
  plan.u_stride = odd_lines((plan.u == Owner::kItem ? plan.chunk : plan.k) * plan.panel_width);
  plan.u_floats = positions * plan.u_stride;

  const int64_t v_floats = sat_mul(positions, plan.v_stride);
  const int64_t u_floats = plan.u == Owner::kItem ? plan.u_floats : sat_mul(plan.panels, plan.u_floats);
  Layout layout;
  plan.at_zeros = layout.take(plan.k, sizeof(float));
  plan.at_v = layout.take(plan.v == Owner::kAll ? v_floats : 0, sizeof(float));
  plan.at_u = layout.take(plan.u == Owner::kAll ? u_floats : 0, sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  plan.at_begun = worker.take(1, sizeof(bool));
  plan.at_worker_v = worker.take(plan.v == Owner::kAll ? 0 : v_floats, sizeof(float));
  const bool own_u = plan.u == Owner::kWorker || plan.u == Owner::kItem;
  plan.at_worker_u = worker.take(own_u ? u_floats : 0, sizeof(float));
  plan.at_m = worker.take(positions * plan.m_stride, sizeof(float));
  plan.at_taps = worker.take(plan.grid.taps * plan.grid.taps * plan.chunk * plan.panel_width, sizeof(float));
  plan.at_outside = worker.take(out.length, sizeof(float));
  plan.at_xs = worker.take(plan.block_tiles, sizeof(float*));
  plan.at_ms = worker.take(plan.block_tiles, sizeof(float*));
  plan.at_ys = worker.take(plan.block_tiles * plan.grid.out_pixels(), sizeof(float*));
  plan.worker_bytes = worker.bytes;
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

class Pass {
 public:
  Pass(const ConvPass& pass, const Plan& plan, const ConvPassData& data, const Kernels& kernels, std::byte* workspace)
      : pass_(pass), plan_(plan), data_(data), kernels_(kernels), workspace_(workspace) {}

  /// Before anything else.
  void clear(int threads) const {
    std::memset(workspace_ + plan_.at_zeros, 0, static_cast<size_t>(plan_.k) * sizeof(float));
    for (int worker = 0; worker < threads; ++worker) *begun(worker) = false;
  }
  float* v(int worker) const { return floats(plan_.v == Owner::kAll ? plan_.at_v : at(worker, plan_.at_worker_v)); }
  float* u(int worker) const { return floats(plan_.u == Owner::kAll ? plan_.at_u : at(worker, plan_.at_worker_u)); }

  /// What the worker makes for itself, once.
  void begin(int worker) const {
    if (*begun(worker)) return;
    *begun(worker) = true;
    if (plan_.v == Owner::kWorker) make_v(0, plan_.grid.tiles, v(worker));
    if (plan_.u == Owner::kWorker) {
      for (int64_t part = 0; part < plan_.panels * plan_.chunks; ++part) make_u_part(part, u(worker), worker);
    }
  }

  /// Part `part` of U of all panels and chunks, which starts at `all`.
  void make_u_part(int64_t part, float* all, int worker) const {
    const int64_t panel = part / plan_.chunks, chunk = part % plan_.chunks;
    make_u(panel, chunk, all + panel * plan_.u_floats + chunk * plan_.chunk * plan_.panel_width, worker);
  }

  /// The same by all workers together.
  void make_all_u(Parallel& parallel, float* all) const {
    parallel.run(plan_.panels * plan_.chunks, [&](int64_t part, int worker) { make_u_part(part, all, worker); });
  }

  /// U of a panel, where it is made for all panels.
  const float* u_of(int64_t panel, int worker) const {
    const bool prepared = plan_.u == Owner::kPrepared;
    return (prepared ? reinterpret_cast<const float*>(data_.prepared) : u(worker)) + panel * plan_.u_floats;
  }

  /// The channels of one chunk of one panel: to[position * u_stride + channel of the chunk * panel_width + column].
  void make_u(int64_t panel, int64_t chunk, float* to, int worker) const {
    const int64_t from = chunk * plan_.chunk;
    const int64_t channels = min_of(plan_.chunk, plan_.k - from);
    const int64_t tap_floats = channels * plan_.panel_width;
    const TileGrid& grid = plan_.grid;
    float* tap_to = floats(at(worker, plan_.at_taps));
    for (int64_t i = 0; i < grid.taps; ++i) {
      for (int64_t j = 0; j < grid.taps; ++j, tap_to += tap_floats) pack_tap(i, j, panel, from, channels, tap_to);
    }
    kernels_.winograd_weights(grid.taps, floats(at(worker, plan_.at_taps)), tap_floats, tap_floats, to, plan_.u_stride);
  }

  /// to[channel - from][column of the panel] of tap (i, j).
  void pack_tap(int64_t i, int64_t j, int64_t panel, int64_t from, int64_t channels, float* to) const {
    const TileGrid& grid = plan_.grid;
    const int width = static_cast<int>(plan_.panel_width);
    const int n = columns_of(panel);
    if (pass_.transposed) {
      const int64_t tap = grid.tap(grid.taps - 1 - i, grid.taps - 1 - j, grid.out_parts, panel / plan_.part_panels);
      const float* const w = data_.w + (tap * grid.out.c + column_of(panel)) * grid.in.c + from;
      return kernels_.pack_columns(to, w, grid.in.c, channels, n, width);
    }
    grid.in_parts.each(from, channels, [&](int64_t part, int64_t first, int64_t at, int64_t rows) {
      const int64_t tap = grid.tap(i, j, grid.in_parts, part);
      const float* const w = data_.w + (tap * grid.in.c + first) * grid.out.c + column_of(panel);
      kernels_.pack_rows(to + at * width, w, grid.out.c, rows, n, width);
    });
  }

  /// Tiles [from, to), written from v on.
  void make_v(int64_t from, int64_t to, float* v) const {
    plan_.grid.transform_input(kernels_, data_.in, floats(plan_.at_zeros), from, to, 0, plan_.k, v, plan_.pitch,
                               plan_.v_stride);
  }

  /// Lists where the worker finds V (from v on) and M of the block that starts with tile `from`; returns its number of
  /// tiles.
  int64_t list_block(int64_t from, const float* v, int worker) const {
    const int64_t tiles = min_of(plan_.block_tiles, plan_.grid.tiles - from);
    float* const m = floats(at(worker, plan_.at_m));
    for (int64_t i = 0; i < tiles; ++i) {
      xs(worker)[i] = v + i * plan_.pitch;
      ms(worker)[i] = m + i * plan_.panel_width;
    }
    return tiles;
  }

  /// Lists the outputs of one part of a block's pixels.
  void list_outputs(int64_t from, int64_t tiles, int64_t part, int worker) const {
    float* const outside = floats(at(worker, plan_.at_outside));
    for (int64_t i = 0; i < tiles; ++i) {
      plan_.grid.output(plan_.grid.place(from + i), part, data_.out, outside, ys(worker) + i * plan_.grid.out_pixels());
    }
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
    for (int64_t position = 0; position < plan_.grid.positions(); ++position) {
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
    const int64_t column = column_of(panel);
    const int64_t pixels = plan_.grid.out_pixels();
    WinogradOutputTask task = {};
    task.taps = plan_.grid.taps;
    task.m_stride = plan_.m_stride;
    task.n = columns_of(panel);
    task.bias = data_.bias == nullptr ? nullptr : data_.bias + column;
    task.activation = data_.activation;
    task.slope = data_.slope;
    task.y_offset = column;
    for (int64_t i = 0; i < tiles; ++i) {
      task.m = ms(worker)[i];
      task.y = ys(worker) + i * pixels;
      task.next_y = i + 1 < tiles ? task.y + pixels : task.y;
      kernels_.winograd_output(task);
    }
  }

 private:
  float* floats(int64_t offset) const { return reinterpret_cast<float*>(workspace_ + offset); }
  int64_t at(int worker, int64_t offset) const { return plan_.at_workers + worker * plan_.worker_bytes + offset; }
  bool* begun(int worker) const { return reinterpret_cast<bool*>(workspace_ + at(worker, plan_.at_begun)); }
  const float** xs(int worker) const { return reinterpret_cast<const float**>(workspace_ + at(worker, plan_.at_xs)); }
  float** ms(int worker) const { return reinterpret_cast<float**>(workspace_ + at(worker, plan_.at_ms)); }
  float** ys(int worker) const { return reinterpret_cast<float**>(workspace_ + at(worker, plan_.at_ys)); }
  /// The first column of a panel, in its part of a block.
  int64_t column_of(int64_t panel) const { return panel % plan_.part_panels * plan_.panel_width; }
  int columns_of(int64_t panel) const {
    return static_cast<int>(min_of(plan_.grid.out_parts.length - column_of(panel), plan_.panel_width));
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
  if (plan.u == Owner::kItem && plan.grid.tiles >= kEnoughTiles) return 0;
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
  Pass(pass, plan, data, kernels, workspace).make_all_u(parallel, reinterpret_cast<float*>(to));
}

void winograd_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                       std::byte* workspace) {
  const Plan plan = make_plan(pass, kernels, parallel.threads());
  const Pass work(pass, plan, data, kernels, workspace);
  work.clear(parallel.threads());
  if (plan.u == Owner::kAll) work.make_all_u(parallel, work.u(0));
  if (plan.v == Owner::kAll) {
    constexpr int64_t kItemTiles = 4;
    parallel.run(ceil_div(plan.grid.tiles, kItemTiles), [&](int64_t item, int worker) {
      const int64_t from = item * kItemTiles;
      work.make_v(from, min_of(from + kItemTiles, plan.grid.tiles), work.v(worker) + from * plan.pitch);
    });
  }
  parallel.run(plan.blocks * plan.splits, [&](int64_t item, int worker) {
    work.begin(worker);
    const int64_t first_tile = item / plan.splits * plan.block_tiles;
    float* const v = work.v(worker) + (plan.v == Owner::kItem ? 0 : first_tile * plan.pitch);
    const int64_t tiles = work.list_block(first_tile, v, worker);
    if (plan.v == Owner::kItem) work.make_v(first_tile, first_tile + tiles, v);
    const int64_t split = item % plan.splits;
    const int64_t panels_end = plan.panels * (split + 1) / plan.splits;
    const int64_t panels_from = plan.panels * split / plan.splits;
    for (int64_t panel = panels_from; panel < panels_end; ++panel) {
      if (panel == panels_from || panel % plan.part_panels == 0) {
        work.list_outputs(first_tile, tiles, panel / plan.part_panels, worker);
      }
      if (plan.u != Owner::kItem) {
        work.multiply(tiles, panel, 0, plan.chunks, work.u_of(panel, worker), worker);
      } else {
        float* const u = work.u(worker);
        for (int64_t chunk = 0; chunk < plan.chunks; ++chunk) {
          work.make_u(panel, chunk, u, worker);
          work.multiply(tiles, panel, chunk, chunk + 1, u, worker);
        }
      }
      work.finish(tiles, panel, worker);
    }
  });
}

}  // namespace lanewise
