// Planar passes: which blocks, whether images or columns of pixels fill the vectors, and whether it pays at all.
#include "planar_pass.h"

#include <algorithm>

#include "workspace.h"

namespace lanewise {
namespace {

constexpr int64_t kPlaneFloats = 96 * 1024;  // planes of a block: 384 KiB, part of L2
constexpr int64_t kMinItems = 16;
constexpr int64_t kChains = 12;         // independent sums that hide the latency of fma
constexpr double kFloatsInFlight = 64;  // of sums: fewer leave a core waiting for its multiply-adds
constexpr int64_t kLineFloats = 16;     // of a cache line, and of the longest vector
constexpr double kTransposeCost = 6;    // of moving one float into its plane, in multiply-adds of full vectors

struct Extent {
  int64_t rows, cols;  // most input positions between the first and the last tap of a phase
};

Extent extent_of(const ConvPass& pass) {
  Extent extent = {0, 0};
  for (int64_t phase = 0; phase < pass.rows.phases(); ++phase) {
    const AxisSpan span = span_of(pass.rows, phase);
    extent.rows = max_of(extent.rows, span.max - span.min);
  }
  for (int64_t phase = 0; phase < pass.cols.phases(); ++phase) {
    const AxisSpan span = span_of(pass.cols, phase);
    const int64_t step = pass.cols.in_step();
    extent.cols = max_of(extent.cols, floor_div(span.max, step) - floor_div(span.min, step));
  }
  return extent;
}

/// Sets everything but the cost; false when not even small blocks fit.
bool choose_blocks(const ConvPass& pass, const Extent& extent, PlanarTiling* tiling) {
  const int64_t lanes = tiling->lanes;
  const bool along_row = tiling->images == 1;
  const int64_t rows = pass.rows.count(0), cols = pass.cols.count(0);
  const int64_t in_cols = ceil_div(pass.cols.in, pass.cols.in_step());
  const int64_t least_cols = along_row ? 4 * lanes : extent.cols + 1;
  tiling->in_phases = pass.cols.in_step();
  tiling->cols = cols;
  for (;;) {
    // Along a row padding is stored; by images it is skipped.
    const int64_t window = tiling->cols + extent.cols;
    tiling->window_cols = along_row ? window : min_of(window, in_cols);
    tiling->row_floats = sat_mul(sat_mul(tiling->in_phases, tiling->window_cols), tiling->images);
    const int64_t fit = kPlaneFloats / sat_mul(pass.k, tiling->row_floats);
    tiling->rows = fit >= pass.rows.in  ? rows
                   : fit <= extent.rows ? 0
                                        : min_of(rows, (fit - extent.rows - 1) / pass.rows.in_step() + 1);
    if (tiling->rows >= min_of(rows, 2 * extent.rows + 1) || tiling->cols <= least_cols) break;
    const int64_t half = ceil_div(tiling->cols, 2);
    tiling->cols = max_of(least_cols, along_row ? ceil_div(half, lanes) * lanes : half);
  }
  if (tiling->rows == 0) return false;
  tiling->col_phases = pass.cols.phases();
  tiling->phases = sat_mul(pass.rows.phases(), tiling->col_phases);
  tiling->image_blocks = ceil_div(pass.images, tiling->images);
  tiling->col_blocks = ceil_div(cols, tiling->cols);
  const int64_t others =
      sat_mul(sat_mul(tiling->image_blocks, tiling->col_blocks), sat_mul(tiling->phases, pass.groups));
  // Enough items to share, unless that means to transpose most rows more than twice.
  const int64_t wanted = max_of(ceil_div(rows, tiling->rows), ceil_div(kMinItems, others));
  const int64_t least_rows = min_of(tiling->rows, extent.rows / pass.rows.in_step() + 1);
  tiling->rows = max_of(least_rows, ceil_div(rows, wanted));
  tiling->row_blocks = ceil_div(rows, tiling->rows);
  tiling->items = sat_mul(others, tiling->row_blocks);
  tiling->window_rows = min_of(pass.rows.in, (tiling->rows - 1) * pass.rows.in_step() + extent.rows + 1);
  // Whole vectors are written and read beyond the last row; an odd number of lines keeps planes out of each other's
  // way.
  tiling->plane_floats = odd_lines(sat_add(sat_mul(tiling->window_rows, tiling->row_floats), kLineFloats));
  return true;
}

/// Per output pixel and k, in multiply-adds of full vectors.
double cost_of(const ConvPass& pass, const Extent& extent, const PlanarTiling& t) {
  const auto real = [](int64_t value) { return static_cast<double>(value); };
  const auto valid = [&](const Axis& axis) {
    const double share = real(axis.in) / real(axis.count(0) * axis.in_step());
    return share < 1 ? share : 1;
  };
  const double taps = real(pass.rows.kernel) * real(pass.cols.kernel) / real(t.phases);
  const bool along_row = t.images == 1;
  const double cols = real(pass.cols.count(0));
  const double used = along_row ? cols / real(t.col_blocks * ceil_div(t.cols, t.lanes) * t.lanes)
                                : real(pass.images) / real(t.image_blocks * t.images);
  // Vectors that begin anywhere take two loads each.
  const double loads = !along_row ? 1 : pass.columns == 1 ? 2 : 1;
  const double padding = valid(pass.rows) * (along_row ? 1 : valid(pass.cols));
  // By images a column that meets fewer taps is a tile by itself, which may have too few sums.
  const double whole = real(pass.cols.in) / real(pass.cols.in_step()) - real(extent.cols);
  const double edges = along_row ? 0 : 1 - std::max(whole, 0.0) / (cols * valid(pass.cols));
  const double waits = std::max(kFloatsInFlight / real(pass.columns * t.images), 1.0) - 1;
  const double moved = real(t.window_rows) * real(t.window_cols * t.in_phases) / (real(t.rows) * real(t.cols));
  return taps * padding * loads * (1 + edges * waits) * real(pass.columns) / used + kTransposeCost * moved;
}

}  // namespace

int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

PlanarTiling planar_tiling(const ConvPass& pass, const Kernels& kernels) {
  PlanarTiling best = {};
  if (pass.depthwise() || pass.columns > kPlanarColumns) return best;
  // Nothing is used often enough to repay its way into a plane.
  if (pass.rows.kernel == 1 && pass.cols.kernel == 1) return best;
  // Long strides would leave most of the planes unused.
  if (pass.cols.in_step() > pass.cols.kernel) return best;
  const Extent extent = extent_of(pass);
  const int64_t most = min_of(ceil_div(pass.images, kernels.lanes), ceil_div(kChains, pass.columns));
  for (int64_t vectors = 0; vectors <= min_of(most, 4); ++vectors) {
    PlanarTiling tiling = {};
    tiling.lanes = vectors == 0 ? kernels.least_lanes : kernels.lanes;
    tiling.images = vectors == 0 ? 1 : vectors * kernels.lanes;
    if (!choose_blocks(pass, extent, &tiling)) continue;
    tiling.cost = cost_of(pass, extent, tiling);
    if (best.cost == 0 || tiling.cost <= best.cost) best = tiling;
  }
  return best;
}

bool planar_pays(const ConvPass& pass, const Kernels& kernels) {
  const PlanarTiling tiling = planar_tiling(pass, kernels);
  if (tiling.cost == 0) return false;
  const int64_t width = min_of(kernels.lanes, 8);
  const double tile = static_cast<double>(pass.rows.kernel * pass.cols.kernel) / static_cast<double>(tiling.phases) *
                      static_cast<double>(ceil_div(pass.columns, width) * width);
  return tiling.cost < tile;
}

}  // namespace lanewise
