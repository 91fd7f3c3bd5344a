// A product of few rows with transposed weights (gemm with transB, a linear layer's input gradient), turned round:
// out^T = w in^T. The rows of w are the pixels, which are read where they lie, and in^T, which is small, is packed as
// the weights: transposing all of w would take a tenth of the time and more. The chains are the same.
#include "conv_pass.h"
#include "workspace.h"

namespace lanewise {
namespace {

constexpr int64_t kMostRows = 64;    // of in, ...
constexpr int64_t kManyColumns = 2;  // for each of which there are so many of w
constexpr int64_t kBlockRows = 96;   // of w, whose sums stay in L1 or L2
constexpr int64_t kBlockK = 256;     // so that a panel of in^T stays in L1
constexpr int64_t kItemsPerThread = 4;

struct Plan {
  int64_t rows, columns, k;  // out[rows][columns]
  int64_t panels, padded;    // in^T[panel][k][tile_n], rows of in padded to whole panels
  int64_t blocks;            // of rows of w
  int64_t at_workers, at_sums, at_y, worker_bytes, bytes;
};

Plan make_plan(const ConvPass& pass, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.rows = pass.cols.out;
  plan.columns = pass.columns;
  plan.k = pass.k;
  plan.panels = ceil_div(plan.rows, kernels.tile_n);
  plan.padded = plan.panels * kernels.tile_n;
  const int64_t tiles = ceil_div(plan.columns, kernels.tile_m);
  const int64_t wanted = threads == 1 ? 1 : kItemsPerThread * threads;
  plan.blocks = min_of(tiles, max_of(ceil_div(plan.columns, kBlockRows), wanted));
  Layout layout;
  layout.take(sat_mul(plan.padded, plan.k), sizeof(float));
  plan.at_workers = layout.bytes;
  const int64_t block = ceil_div(plan.columns, plan.blocks);
  Layout worker;
  worker.take(block, sizeof(float*));
  plan.at_y = worker.take(block, sizeof(float*));
  plan.at_sums = worker.take(sat_mul(block, plan.padded), sizeof(float));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

}  // namespace

bool turned_pass_applies(const ConvPass& pass, const Kernels& kernels) {
  const int64_t rows = pass.cols.out;
  const bool product = pass.images == 1 && pass.rows.out == 1 && pass.cols.in == rows && pass.cols.stride == 1;
  // Rows that fill no panel would be computed for nothing.
  const bool fills = ceil_div(rows, kernels.tile_n) * kernels.tile_n * 8 <= rows * 9;
  return matrix_pass_applies(pass) && product && pass.transposed && !pass.prepared && fills && rows <= kMostRows &&
         rows * kManyColumns <= pass.columns;
}

int64_t turned_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads) {
  return make_plan(pass, kernels, threads).bytes;
}

void turned_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                     std::byte* workspace) {
  const Plan plan = make_plan(pass, kernels, parallel.threads());
  const int64_t width = kernels.tile_n, k_blocks = ceil_div(plan.k, kBlockK);
  float* const turned = reinterpret_cast<float*>(workspace);
  parallel.run(plan.panels * k_blocks, [&](int64_t item, int) {
    const int64_t row = item / k_blocks * width, k_from = item % k_blocks * kBlockK;
    kernels.pack_columns(turned + row * plan.k + k_from * width, data.in + row * plan.k + k_from, plan.k,
                         min_of(kBlockK, plan.k - k_from), static_cast<int>(min_of(plan.rows - row, width)),
                         static_cast<int>(width));
  });
  parallel.run(plan.blocks, [&](int64_t item, int worker) {
    std::byte* const memory = workspace + plan.at_workers + worker * plan.worker_bytes;
    const float** const xs = reinterpret_cast<const float**>(memory);
    float** const ys = reinterpret_cast<float**>(memory + plan.at_y);
    float* const sums = reinterpret_cast<float*>(memory + plan.at_sums);
    const int64_t from = plan.columns * item / plan.blocks;
    const Tap tap = {0, 0};
    GemmPanel task = {};
    task.x = xs;
    task.y = ys;
    task.pixels = plan.columns * (item + 1) / plan.blocks - from;
    task.taps = &tap;
    task.n_taps = 1;
    task.ldw = width;
    task.w_padded = true;
    for (int64_t i = 0; i < task.pixels; ++i) {
      xs[i] = data.w + (from + i) * plan.k;
      ys[i] = sums + i * plan.padded;
    }
    for (task.x_offset = 0; task.x_offset < plan.k; task.x_offset += kBlockK) {
      task.klen = min_of(kBlockK, plan.k - task.x_offset);
      task.resume = task.x_offset > 0;
      for (int64_t panel = 0; panel < plan.panels; ++panel) {
        task.y_offset = panel * width;
        task.w = turned + (panel * plan.k + task.x_offset) * width;
        task.n = static_cast<int>(min_of(plan.rows - task.y_offset, width));
        task.prefetch_x = panel == 0;
        kernels.gemm_panel(task);
      }
    }
    kernels.from_planes(data.out + from, plan.columns, sums, plan.padded, plan.rows, task.pixels);
  });
}

}  // namespace lanewise
