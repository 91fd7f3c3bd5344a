// Chooses the plan of a Winograd pass by its traffic: how often U, V and M go through which cache.
#include "winograd_pass_plan.h"

namespace lanewise {
namespace {

constexpr int64_t kBlockFloats = 128 * 1024;        // V and M of a block: 512 KiB, part of L2
constexpr int64_t kBlockTiles = 14;                 // at least so many for each reading of U
constexpr int64_t kSharedFloats = 8 * 1024 * 1024;  // V of all tiles: 32 MiB
constexpr int64_t kItemUTiles = 128;                // tiles of an item that makes its own U
constexpr int64_t kItemUWeights = 1024;  // and weights per tile and worker that make this the smaller traffic
constexpr int64_t kWorkerUTiles = 64;    // tiles of a worker that repay a U of its own
constexpr int64_t kWorkerUFloats = 4 * 1024 * 1024;  // 16 MiB
constexpr int64_t kWorkerVColumns = 48;              // columns of a worker that repay a V of its own
constexpr int64_t kEnoughTiles = 32;  // tiles that repay an item's own U even where it could have been prepared
constexpr int64_t kChain = 64;        // channels of one chain: longer ones add up rounding errors

}  // namespace

WinogradPassPlan winograd_pass_plan(const ConvPass& pass, const Kernels& kernels, int threads) {
  WinogradPassPlan plan = {};
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
  // Where a block for each thread fits, none needs V of another.
  const int64_t share = ceil_div(tiles, threads);
  if (plan.u != Owner::kItem && share >= kernels.tile_m && share <= most) plan.block_tiles = share;
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
  plan.at_taps = worker.take(plan.grid.taps() * plan.chunk * plan.panel_width, sizeof(float));
  plan.at_outside = worker.take(out.length, sizeof(float));
  plan.at_xs = worker.take(plan.block_tiles, sizeof(float*));
  plan.at_ms = worker.take(plan.block_tiles, sizeof(float*));
  plan.at_ys = worker.take(plan.block_tiles * plan.grid.out_pixels(), sizeof(float*));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

int64_t winograd_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads) {
  const int64_t bytes = winograd_pass_plan(pass, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

int64_t winograd_pass_prepared_bytes(const ConvPass& pass, const Kernels& kernels) {
  WinogradPassPlan plan = winograd_pass_plan(pass, kernels, 1);
  if (plan.u == Owner::kItem && plan.grid.tiles >= kEnoughTiles) return 0;
  ConvPass prepared = pass;
  prepared.prepared = true;
  plan = winograd_pass_plan(prepared, kernels, 1);
  const int64_t bytes = sat_mul(sat_mul(plan.panels, plan.u_floats), sizeof(float));
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

}  // namespace lanewise
