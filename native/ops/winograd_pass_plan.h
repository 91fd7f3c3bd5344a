// How winograd_pass.cpp cuts a pass into items, who makes U and V, and where everything lies in the workspace. Many
// tiles: an item makes its own V, keeps it and M in L2 and goes through U of all panels. Few tiles with many channels:
// U would be the largest traffic, so it makes its part of U, and blocks are cut by panels, whose items share V. What
// items share each worker makes for itself while that is a small part of its work: cheaper than to fetch it from
// another core's cache, and nobody waits. With more workers it is made together first.
#pragma once

#include "winograd.h"
#include "winograd_tiles.h"

namespace lanewise {

/// Who makes U or V: all workers together before the items, each worker once for itself, each item; or nobody, because
/// U was prepared from weights that do not change.
enum class Owner { kAll, kWorker, kItem, kPrepared };

struct WinogradPassPlan {
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

WinogradPassPlan winograd_pass_plan(const ConvPass& pass, const Kernels& kernels, int threads);

}  // namespace lanewise
