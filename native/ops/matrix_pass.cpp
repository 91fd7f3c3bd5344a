// A pass that is a matrix product: a 1x1 kernel without padding, linear, gemm (transA = 0). Item = (block of pixels,
// range of columns). It goes through k in blocks whose pixels and panel of weights stay in L2, resuming the chains from
// y, so the weights of a product with few pixels need no packing: each is read once, or transposed on the way.
#include <cstring>

#include "conv_pass.h"
#include "conv_tiling.h"
#include "workspace.h"

namespace lanewise {
namespace {

constexpr int64_t kBlockTiles = 32;
constexpr int64_t kBlockFloats = 112 * 1024;  // pixels x k
constexpr int64_t kNarrowPanel = 16;          // columns: levels with such panels have smaller caches, ...
constexpr int64_t kNarrowBlockFloats = 64 * 1024;
constexpr int64_t kRepaysMoving = 24;  // ... and reading one in place takes a line, often a page, for each k
constexpr int64_t kBlockK = 1024;
constexpr int64_t kNarrowBlockK = 512;
constexpr int64_t kFewPixels = 256;
constexpr int64_t kPartColumns = 1024;  // of y, which is loaded and stored once a block of k
constexpr int64_t kItemsPerThread = 4;
constexpr int64_t kItemsPerThreadLong = 2;   // where the pixels of an item, which each reads anew, ...
constexpr int64_t kLongFloats = 128 * 1024;  // ... are more than L2 holds
constexpr int64_t kFewTiles = 8;
constexpr int64_t kRepaysPacking = 3;        // blocks of pixels that share packed weights,
constexpr int64_t kManyPixels = 1024;        // unless they are so few ...
constexpr int64_t kFewWeights = 512 * 1024;  // ... and so few weights lie in the right order as it is
constexpr int64_t kConflictFloats = 1024;    // a tile's pixels so far apart push each other out of L1 ...
constexpr int64_t kGapFloats = 16;           // ... so they are copied to lie less regularly,
constexpr int64_t kRepaysCopy = 64;          // where so many columns repay it

struct Plan {
  int64_t pixels, block_pixels, blocks;  // nearly equal, at most block_pixels
  int64_t block_k, k_blocks;
  int64_t panel_width, panels, part_panels, parts;  // a part is a range of columns
  bool packed;                                      // all weights [panel][k][panel_width] before anything else
  bool local;                                       // panels are packed by the item that uses them,
  bool copies_w;                                    // as its first tile reads them
  bool copies;                                      // of pixels
  int64_t at_packed, at_workers, at_y, at_panel, at_copy, worker_bytes, bytes;
};

/// Makes more and smaller items until there are enough for the threads, if they do not become too small.
void cut(Plan* plan, int64_t k, int64_t tile_m, int64_t threads) {
  const bool is_long = plan->copies_w && sat_mul(plan->block_pixels, k) > kLongFloats;
  const int64_t enough = (is_long ? kItemsPerThreadLong : kItemsPerThread) * threads;
  for (;;) {
    plan->blocks = ceil_div(plan->pixels, plan->block_pixels);
    plan->parts = ceil_div(plan->panels, plan->part_panels);
    const int64_t items = sat_mul(plan->blocks, plan->parts);
    const int64_t tiles = plan->block_pixels / tile_m;
    const bool small = tiles < kFewTiles && plan->part_panels <= 2;
    if (threads == 1 || items >= enough || (small && items >= threads && items % threads == 0)) break;
    const int64_t half = ceil_div(plan->part_panels, 2);
    // Where items pack their weights, blocks of pixels repeat that.
    const bool splits_pixels = tiles >= 2 && (!plan->local || items < threads);
    if (half < plan->part_panels && (half >= 4 || tiles < kFewTiles || !splits_pixels)) {
      plan->part_panels = half;
    } else if (splits_pixels) {
      plan->block_pixels = ceil_div(tiles, 2) * tile_m;
    } else {
      break;
    }
  }
  // The same number of items for every thread, where there are few.
  const int64_t most = ceil_div(plan->pixels, tile_m);
  while (plan->blocks < min_of(most, kItemsPerThread * threads) && plan->blocks * plan->parts % threads != 0) {
    ++plan->blocks;
  }
  plan->block_pixels = ceil_div(plan->pixels, plan->blocks);
}

Plan make_plan(const ConvPass& pass, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.pixels = sat_mul(sat_mul(pass.images, pass.rows.out), pass.cols.out);
  const int64_t tile_m = kernels.tile_m;
  const bool narrow = kernels.tile_n <= kNarrowPanel;
  // Panels that stay in L1 are worth resuming the chains where they are used for few pixels. Those that must be
  // transposed for these are better long.
  const bool few = plan.pixels <= kFewPixels && !pass.transposed && !pass.prepared;
  const int64_t most_k = narrow && few ? kNarrowBlockK : kBlockK;
  plan.k_blocks = pass.k <= most_k + most_k / 4 ? 1 : ceil_div(pass.k, most_k);
  plan.block_k = ceil_div(ceil_div(pass.k, plan.k_blocks), kGapFloats) * kGapFloats;
  plan.k_blocks = ceil_div(pass.k, plan.block_k);
  plan.panel_width = pass.columns <= kernels.lanes ? kernels.lanes : kernels.tile_n;
  plan.panels = ceil_div(pass.columns, plan.panel_width);
  plan.part_panels = plan.panels;
  if (plan.k_blocks > 1) plan.part_panels = min_of(plan.panels, ceil_div(kPartColumns, plan.panel_width));
  const int64_t block_floats = narrow ? kNarrowBlockFloats : kBlockFloats;
  const int64_t tiles = min_of(max_of(block_floats / (plan.block_k * tile_m), 4), kBlockTiles);
  plan.block_pixels = min_of(tiles, ceil_div(plan.pixels, tile_m)) * tile_m;
  const int64_t w_floats = sat_mul(pass.k, pass.columns);
  const bool shared = ceil_div(plan.pixels, plan.block_pixels) >= kRepaysPacking;
  plan.packed = pass.prepared || (shared && (pass.transposed || plan.pixels > kManyPixels || w_floats > kFewWeights));
  plan.local = !plan.packed && (pass.transposed || (narrow && plan.pixels >= kRepaysMoving));
  plan.copies_w = plan.local && !pass.transposed && tile_m < kCopyingTile;
  cut(&plan, pass.k, tile_m, threads);

  const int64_t distance = sat_mul(pass.k, pass.cols.in_step());
  plan.copies = tile_m > 8 && distance % kConflictFloats == 0 && pass.columns >= kRepaysCopy;

  Layout layout;
  const int64_t packed_floats = sat_mul(sat_mul(plan.panels, plan.panel_width), pass.k);
  plan.at_packed = layout.take(plan.packed && !pass.prepared ? packed_floats : 0, sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  worker.take(plan.block_pixels, sizeof(float*));
  plan.at_y = worker.take(plan.block_pixels, sizeof(float*));
  plan.at_panel = worker.take(plan.local ? plan.block_k * plan.panel_width : 0, sizeof(float));
  plan.at_copy = worker.take(plan.copies ? plan.block_pixels * (plan.block_k + kGapFloats) : 0, sizeof(float));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

/// to[r][j] = weight (k_from + r, column + j) for r < rows.
void pack(const ConvPass& pass, const float* w, int64_t k_from, int64_t rows, int64_t column, int64_t width,
          const Kernels& kernels, float* to) {
  const int n = static_cast<int>(min_of(pass.columns - column, width));
  if (pass.transposed) {
    kernels.pack_columns(to, w + column * pass.k + k_from, pass.k, rows, n, static_cast<int>(width));
  } else {
    kernels.pack_rows(to, w + k_from * pass.columns + column, pass.columns, rows, n, static_cast<int>(width));
  }
}

/// Where the pixels [from, from + count) are read and written.
void list_pixels(const ConvPass& pass, const ConvPassData& data, int64_t from, int64_t count, const float** xs,
                 float** ys) {
  const int64_t step = pass.cols.in_step() * pass.k;
  float* y = data.out + from * pass.columns;
  int64_t row = from / pass.cols.out;
  int64_t col = from % pass.cols.out;
  for (int64_t i = 0; i < count; ++row, col = 0) {
    const int64_t in_row = row / pass.rows.out * pass.rows.in + row % pass.rows.out * pass.rows.in_step();
    const float* x = data.in + in_row * pass.cols.in * pass.k + col * step;
    const int64_t end = min_of(count, i + pass.cols.out - col);
    for (; i < end; ++i, x += step, y += pass.columns) xs[i] = x, ys[i] = y;
  }
}

}  // namespace

bool matrix_pass_applies(const ConvPass& pass) {
  const auto plain = [](const Axis& axis) {
    return axis.kernel == 1 && axis.pad == 0 && (!axis.backward || axis.stride == 1) &&
           (axis.out - 1) * axis.in_step() < axis.in;
  };
  return pass.groups == 1 && plain(pass.rows) && plain(pass.cols);
}

int64_t matrix_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads) {
  return make_plan(pass, kernels, threads).bytes;
}

void matrix_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                     std::byte* workspace) {
  const Plan plan = make_plan(pass, kernels, parallel.threads());
  // conv_pass_prepare packs in the same order.
  const float* packed = reinterpret_cast<const float*>(data.prepared);
  if (plan.packed && !pass.prepared) {
    float* const made = reinterpret_cast<float*>(workspace + plan.at_packed);
    packed = made;
    parallel.run(plan.panels * plan.k_blocks, [&](int64_t item, int) {
      const int64_t panel = item / plan.k_blocks;
      const int64_t k_from = item % plan.k_blocks * plan.block_k;
      pack(pass, data.w, k_from, min_of(plan.block_k, pass.k - k_from), panel * plan.panel_width, plan.panel_width,
           kernels, made + (panel * pass.k + k_from) * plan.panel_width);
    });
  }
  parallel.run(plan.blocks * plan.parts, [&](int64_t item, int worker) {
    std::byte* const memory = workspace + plan.at_workers + worker * plan.worker_bytes;
    const float** const xs = reinterpret_cast<const float**>(memory);
    float** const ys = reinterpret_cast<float**>(memory + plan.at_y);
    float* const local = reinterpret_cast<float*>(memory + plan.at_panel);
    float* const copy = reinterpret_cast<float*>(memory + plan.at_copy);
    const int64_t block = item / plan.parts;
    const int64_t from = plan.pixels * block / plan.blocks;
    const int64_t panel_from = item % plan.parts * plan.part_panels;
    const int64_t panel_to = min_of(panel_from + plan.part_panels, plan.panels);
    const Tap tap = {0, 0};
    GemmPanel task = {};
    task.x = xs;
    task.y = ys;
    task.pixels = plan.pixels * (block + 1) / plan.blocks - from;
    task.taps = &tap;
    task.n_taps = 1;
    task.w_padded = plan.packed || (plan.local && !plan.copies_w);
    task.ldw = task.w_padded ? plan.panel_width : pass.columns;
    task.w_copy = plan.copies_w ? local : nullptr;
    task.next_ldw = pass.columns;
    task.slope = data.slope;
    for (int64_t k_from = 0; k_from < pass.k; k_from += plan.block_k) {
      const bool last = k_from + plan.block_k >= pass.k;
      task.klen = min_of(plan.block_k, pass.k - k_from);
      task.resume = k_from > 0;
      task.activation = last ? data.activation : kNoActivation;
      if (k_from == 0 || plan.copies) list_pixels(pass, data, from, task.pixels, xs, ys);
      task.x_offset = k_from;
      if (plan.copies) {
        const int64_t stride = plan.block_k + kGapFloats;
        for (int64_t i = 0; i < task.pixels; ++i) {
          std::memcpy(copy + i * stride, xs[i] + k_from, static_cast<size_t>(task.klen) * sizeof(float));
          xs[i] = copy + i * stride;
        }
        task.x_offset = 0;
      }
      for (int64_t panel = panel_from; panel < panel_to; ++panel) {
        const int64_t column = panel * plan.panel_width;
        if (plan.packed) {
          task.w = packed + (panel * pass.k + k_from) * plan.panel_width;
        } else if (plan.local && !plan.copies_w) {
          pack(pass, data.w, k_from, task.klen, column, plan.panel_width, kernels, local);
          task.w = local;
        } else {
          task.w = data.w + k_from * pass.columns + column;
        }
        const bool more = !plan.packed && !pass.transposed && panel + 1 < panel_to;
        task.next_w = more ? data.w + k_from * pass.columns + column + plan.panel_width : nullptr;
        task.n = static_cast<int>(min_of(pass.columns - column, plan.panel_width));
        task.y_offset = column;
        task.bias = !last || data.bias == nullptr ? nullptr : data.bias + column;
        task.prefetch_x = panel == panel_from && !plan.copies;
        kernels.gemm_panel(task);
      }
    }
  });
}

}  // namespace lanewise
