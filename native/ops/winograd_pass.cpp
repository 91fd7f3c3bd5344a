// Forward and input gradient: V = transformed input [position][tile][k], U = transformed weights [position][k][panel],
// M = V U [position][tile][panel], transformed back into y. An item is a block of tiles and some panels of output
// channels; winograd_pass_plan.h says who makes what.
#include <cstring>

#include "winograd.h"
#include "winograd_pass_plan.h"

namespace lanewise {
namespace {

class Pass {
 public:
  Pass(const ConvPass& pass, const WinogradPassPlan& plan, const ConvPassData& data, const Kernels& kernels,
       std::byte* workspace)
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
    for (int64_t i = 0; i < grid.down().taps; ++i) {
      for (int64_t j = 0; j < grid.across().taps; ++j, tap_to += tap_floats) {
        pack_tap(i, j, panel, from, channels, tap_to);
      }
    }
    kernels_.winograd_weights(grid.form, floats(at(worker, plan_.at_taps)), tap_floats, tap_floats, to, plan_.u_stride);
  }

  /// to[channel - from][column of the panel] of tap (i, j).
  void pack_tap(int64_t i, int64_t j, int64_t panel, int64_t from, int64_t channels, float* to) const {
    const TileGrid& grid = plan_.grid;
    const int width = static_cast<int>(plan_.panel_width);
    const int n = columns_of(panel);
    grid.in_parts.each(from, channels, [&](int64_t part, int64_t first, int64_t at, int64_t rows) {
      const int64_t tap = grid.tap(i, j, part, panel / plan_.part_panels);
      float* const to_rows = to + at * width;
      if (tap < 0) {
        std::memset(to_rows, 0, static_cast<size_t>(rows * width) * sizeof(float));
      } else if (pass_.transposed) {
        const float* const w = data_.w + (tap * grid.out.c + column_of(panel)) * grid.in.c + first;
        kernels_.pack_columns(to_rows, w, grid.in.c, rows, n, width);
      } else {
        const float* const w = data_.w + (tap * grid.in.c + first) * grid.out.c + column_of(panel);
        kernels_.pack_rows(to_rows, w, grid.out.c, rows, n, width);
      }
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

  /// M of a panel, for the tiles from `first` on, by the chunks [from, to), the first of which u starts with; adds to M
  /// unless `from` is 0.
  void multiply(int64_t first, int64_t tiles, int64_t panel, int64_t from, int64_t to, const float* u,
                int worker) const {
    constexpr Tap kTap = {0, 0};
    GemmPanel task = {};
    task.taps = &kTap;
    task.n_taps = 1;
    task.ldw = plan_.panel_width;
    task.w_padded = true;
    task.n = columns_of(panel);
    for (int64_t position = 0; position < plan_.grid.positions(); ++position) {
      const TileGrid::Range range = plan_.grid.tiles_at(position, first, first + tiles);
      if (range.count() == 0) continue;
      task.x = xs(worker) + range.from - first;
      task.y = ms(worker) + range.from - first;
      task.pixels = range.count();
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
    task.form = plan_.grid.form;
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
  const WinogradPassPlan& plan_;
  const ConvPassData& data_;
  const Kernels& kernels_;
  std::byte* const workspace_;
};

}  // namespace

void winograd_pass_prepare(const ConvPass& pass, const float* w, const Kernels& kernels, Parallel& parallel,
                           std::byte* workspace, std::byte* to) {
  const WinogradPassPlan plan = winograd_pass_plan(pass, kernels, parallel.threads());
  const ConvPassData data = {nullptr, w, nullptr, nullptr, kNoActivation, 0.0f};
  Pass(pass, plan, data, kernels, workspace).make_all_u(parallel, reinterpret_cast<float*>(to));
}

void winograd_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                       std::byte* workspace) {
  const WinogradPassPlan plan = winograd_pass_plan(pass, kernels, parallel.threads());
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
        work.multiply(first_tile, tiles, panel, 0, plan.chunks, work.u_of(panel, worker), worker);
      } else {
        float* const u = work.u(worker);
        for (int64_t chunk = 0; chunk < plan.chunks; ++chunk) {
          work.make_u(panel, chunk, u, worker);
          work.multiply(first_tile, tiles, panel, chunk, chunk + 1, u, worker);
        }
      }
      work.finish(tiles, panel, worker);
    }
  });
}

}  // namespace lanewise
