// How conv_dw_direct.cpp cuts dw into parts and the pixels into chunks, and where everything lies in the workspace.
#pragma once

#include "conv_dw.h"
#include "conv_dw_chunk.h"

namespace lanewise {

struct DwDirectPlan {
  // dw[taps][positions][columns]; the taps of a kernel row are one where they are neighbours in memory.
  int64_t taps, positions, columns, dw_floats;
  bool fold_cols;
  DwBlocks blocks;
  int64_t tap_parts, position_parts, column_parts, parts, panel_width;
  int64_t part_positions, part_columns;  // at most
  int64_t chunk;                         // pixels
  bool copies;                           // of x and dy, made by the register tiles
  int64_t tile_m;                        // then parts and blocks are cut between tiles, else 1
  int64_t block_positions;               // of a part, at most, whose copy stays in L2
  bool by_block;                         // an item is a part of one block's sums
  bool staged;                           // the first block's sums, too, are made in the worker's memory
  int64_t wave;                          // blocks at a time
  int64_t at_partials, at_workers, at_dy, at_lengths, at_sums, at_x_copy, at_dy_copy, worker_bytes, bytes;
};

DwDirectPlan dw_direct_plan(const ConvDw& shape, const Kernels& kernels, int threads);

}  // namespace lanewise
