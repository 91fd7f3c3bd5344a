// Chooses the parts of a weight gradient that reads x and dy in place: large enough for the register tile, small enough
// to stay in L2 with a chunk of pixels, and as many as the threads can share.
#include "conv_dw_direct_plan.h"

namespace lanewise {
namespace {

constexpr int64_t kPartPositions = 224;
constexpr int64_t kPartColumns = 256;
constexpr int64_t kPartFloats = 64 * 1024;
constexpr int64_t kLeastPositions = 48;
constexpr int64_t kLeastColumns = 64;
constexpr int64_t kChunkFloats = 96 * 1024;  // of x and dy
constexpr int64_t kLeastChunk = 64;          // pixels: the sums are loaded and stored once a chunk
constexpr int64_t kItemsPerThread = 8;
constexpr int64_t kLargeItemsPerThread = 2;  // of full size: smaller ones would read x and dy more often
constexpr int64_t kConflictFloats = 1024;    // rows of dw so far apart push each other out of the caches
// Where operands are copied, a tile's x and a panel of dy are in L1, a block's x is in L2, dy and the sums may be in
// L3.
constexpr int64_t kRepaysCopy = 24;  // uses of a float
constexpr int64_t kCopiedPositions = 1024;
constexpr int64_t kBlockPositions = 192;
constexpr int64_t kCopiedChunk = 256;  // pixels

/// Cuts dw further until there are `wanted` parts, as many for each thread or plenty, if they do not become too small
/// to be efficient.
void cut(DwDirectPlan* plan, int64_t wanted, int64_t threads) {
  const int64_t column_panels = ceil_div(plan->columns, plan->panel_width);
  for (;;) {
    plan->part_positions = ceil_div(ceil_div(plan->positions, plan->tile_m), plan->position_parts) * plan->tile_m;
    plan->part_columns = ceil_div(column_panels, plan->column_parts) * plan->panel_width;
    plan->parts = plan->tap_parts * plan->position_parts * plan->column_parts;
    const bool fair = plan->parts % threads == 0 || plan->parts >= kItemsPerThread * threads;
    if (plan->parts >= wanted && fair) return;
    if (plan->tap_parts < plan->taps) {
      plan->tap_parts = min_of(plan->taps, plan->tap_parts * 2);
    } else if (plan->part_positions >= 2 * kLeastPositions && plan->part_positions >= plan->part_columns) {
      ++plan->position_parts;
    } else if (plan->part_columns >= 2 * kLeastColumns) {
      ++plan->column_parts;
    } else if (plan->part_positions >= 2 * kLeastPositions) {
      ++plan->position_parts;
    } else {
      return;
    }
  }
}

}  // namespace

DwDirectPlan dw_direct_plan(const ConvDw& shape, const Kernels& kernels, int threads) {
  DwDirectPlan plan = {};
  plan.fold_cols = shape.cols.kernel == 1 || shape.cols.dilation == 1;
  plan.taps = sat_mul(shape.rows.kernel, plan.fold_cols ? 1 : shape.cols.kernel);
  plan.positions = sat_mul(shape.k, plan.fold_cols ? shape.cols.kernel : 1);
  plan.columns = shape.columns;
  plan.dw_floats = sat_mul(sat_mul(plan.taps, plan.positions), plan.columns);
  plan.blocks = make_dw_blocks(shape);
  plan.panel_width = shape.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.copies = kernels.tile_m < kCopyingTile && min_of(plan.positions, plan.columns) >= kRepaysCopy;
  plan.tile_m = plan.copies ? kernels.tile_m : 1;
  plan.position_parts = ceil_div(plan.positions, plan.copies ? kCopiedPositions : kPartPositions);
  plan.column_parts = ceil_div(plan.columns, kPartColumns);
  plan.tap_parts = 1;
  cut(&plan, 1, 1);
  const int64_t taps_at_once = max_of(kPartFloats / sat_mul(plan.part_positions, plan.part_columns), 1);
  plan.tap_parts = ceil_div(plan.taps, taps_at_once);
  const DwDirectPlan whole = plan;
  const bool enough = threads == 1 || plan.parts >= kLargeItemsPerThread * threads;
  const int64_t wanted = enough ? 1 : kItemsPerThread * threads;
  cut(&plan, wanted, threads);
  plan.by_block = plan.parts < wanted && plan.blocks.blocks > 1;
  plan.wave = 1;
  if (plan.by_block) {
    plan = whole;
    plan.by_block = true;
    plan.wave = blocks_at_once(plan.blocks.blocks, plan.dw_floats, threads);
    cut(&plan, ceil_div(wanted, plan.wave), 1);
  }

  const int64_t block_pixels = sat_mul(plan.blocks.block_segments, plan.blocks.segment);
  const int64_t floats_per_pixel =
      sat_add(min_of(plan.part_positions, sat_mul(shape.k, shape.cols.stride)), plan.part_columns);
  const int64_t chunk = plan.copies ? kCopiedChunk : max_of(kChunkFloats / floats_per_pixel, kLeastChunk);
  plan.chunk = ceil_div(block_pixels, ceil_div(block_pixels, chunk));
  plan.staged = plan.columns % kConflictFloats == 0 && plan.chunk < block_pixels;

  Layout layout;
  plan.at_partials = layout.take(plan.by_block ? sat_mul(plan.wave, plan.dw_floats) : 0, sizeof(float));
  plan.at_workers = layout.bytes;
  const int64_t pieces = min_of(plan.blocks.block_segments, plan.chunk / plan.blocks.segment + 2);
  Layout worker;
  worker.take(pieces, sizeof(float*));
  plan.at_dy = worker.take(pieces, sizeof(float*));
  plan.at_lengths = worker.take(pieces, sizeof(int64_t));
  const int64_t part_taps = ceil_div(plan.taps, plan.tap_parts);
  const int64_t sums = sat_mul(part_taps, sat_mul(plan.part_positions, plan.part_columns));
  plan.at_sums = worker.take(plan.by_block || (plan.blocks.blocks == 1 && !plan.staged) ? 0 : sums, sizeof(float));
  plan.block_positions = plan.copies ? min_of(plan.part_positions, kBlockPositions) : plan.part_positions;
  const int64_t x_copy = sat_add(sat_mul(plan.chunk, plan.block_positions), kernels.tile_n);
  plan.at_x_copy = worker.take(plan.copies ? x_copy : 0, sizeof(float));
  plan.at_dy_copy = worker.take(plan.copies ? sat_mul(plan.chunk, plan.part_columns) : 0, sizeof(float));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

bool dw_direct_applies(const ConvDw& shape) {
  return shape.groups == 1 && !shape.dy_transposed && !reads_padding(shape);
}

int64_t dw_direct_workspace(const ConvDw& shape, const Kernels& kernels, int threads) {
  return dw_direct_plan(shape, kernels, threads).bytes;
}

}  // namespace lanewise
