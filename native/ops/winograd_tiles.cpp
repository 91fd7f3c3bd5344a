// The tile grid, and the choice between Winograd and the direct algorithm.
#include "winograd_tiles.h"

#include "winograd.h"

namespace lanewise {
namespace {

/// Pointers to size x size pixels from (row, col) on, row_step and col_step apart.
template <class Float>
void list_pixels(Float* image, const Map& map, int64_t row, int64_t col, int64_t row_step, int64_t col_step,
                 int64_t size, Float* outside, Float** pixels) {
  for (int64_t i = 0; i < size; ++i, row += row_step) {
    const bool row_inside = row >= 0 && row < map.h;
    int64_t j = col;
    for (int64_t n = 0; n < size; ++n, j += col_step) {
      *pixels++ = row_inside && j >= 0 && j < map.w ? image + (row * map.w + j) * map.c : outside;
    }
  }
}

bool applies(const Axis& rows, const Axis& cols, int64_t groups, int64_t k, int64_t columns) {
  // Bounds for the memory: 256 MiB of transformed weights, 32 MiB for a worker.
  constexpr int64_t kMaxWeights = int64_t{1} << 26;
  constexpr int64_t kMaxChannels = 4096;
  return groups == 1 && rows.kernel == 3 && cols.kernel == 3 && rows.stride == 1 && cols.stride == 1 &&
         k <= kMaxChannels && columns <= kMaxChannels && k * columns <= kMaxWeights / kWinogradPositions;
}

/// Multiplications for each pair of channels, against those of the direct algorithm; the transforms of tiles and
/// weights count as so many multiplications as they take time. The model predicts measured ratios within some 15 %,
/// whatever the instruction set. Winograd is taken where it should be 1.75 times as fast: less would not repay the
/// larger error.
bool pays(const Axis& rows, const Axis& cols, int64_t images, int64_t k, int64_t columns) {
  constexpr int64_t kFewest = 16;  // channels: below, the direct algorithm gains by other means
  constexpr int64_t kMaxPixels = int64_t{1} << 40;
  const int64_t pixels = sat_mul(images, sat_mul(rows.out, cols.out));
  if (k < kFewest || columns < kFewest || pixels > kMaxPixels) return false;
  const int64_t tiles = images * tile_axis(rows).tiles * tile_axis(cols).tiles;
  const int64_t cost = kWinogradPositions * tiles + 250 * tiles / columns + 200 * tiles / k + 120;
  return 4 * 9 * pixels >= 7 * cost;
}

}  // namespace

bool winograd_applies(const ConvPass& pass) { return applies(pass.rows, pass.cols, pass.groups, pass.k, pass.columns); }

bool winograd_applies(const ConvDw& shape) {
  return !shape.dy_transposed && applies(shape.rows, shape.cols, shape.groups, shape.k, shape.columns);
}

bool winograd_pays(const ConvPass& pass) {
  return winograd_applies(pass) && pays(pass.rows, pass.cols, pass.images, pass.k, pass.columns);
}

bool winograd_pays(const ConvDw& shape) {
  return winograd_applies(shape) && pays(shape.rows, shape.cols, shape.images, shape.k, shape.columns);
}

void TileGrid::input(int64_t tile, const float* x, const float* zeros, const float** pixels) const {
  const int64_t image = tile / (rows.tiles * cols.tiles);
  const int64_t row = rows.output(tile / cols.tiles % rows.tiles) + rows.first_tap;
  const int64_t col = cols.output(tile % cols.tiles) + cols.first_tap;
  list_pixels(x + image * in.h * in.w * in.c, in, row, col, rows.step, cols.step, kWinogradIn, zeros, pixels);
}

void TileGrid::output(int64_t tile, float* y, float* outside, float** pixels) const {
  const int64_t image = tile / (rows.tiles * cols.tiles);
  const int64_t row = rows.output(tile / cols.tiles % rows.tiles);
  const int64_t col = cols.output(tile % cols.tiles);
  list_pixels(y + image * out.h * out.w * out.c, out, row, col, rows.step, cols.step, kWinogradOut, outside, pixels);
}

void TileGrid::output(int64_t tile, const float* dy, const float* zeros, const float** pixels) const {
  output(tile, const_cast<float*>(dy), const_cast<float*>(zeros), const_cast<float**>(pixels));
}

TileAxis tile_axis(const Axis& axis) {
  TileAxis tiles = {};
  tiles.step = axis.dilation;
  const int64_t phases = min_of(axis.dilation, axis.out);
  tiles.per_phase = ceil_div(ceil_div(axis.out, phases), kWinogradOut);
  tiles.tiles = phases * tiles.per_phase;
  // Backward, the last tap of the kernel is the first of the rotated one.
  tiles.first_tap = axis.backward ? axis.pad - 2 * axis.dilation : -axis.pad;
  return tiles;
}

TileGrid make_tile_grid(const Axis& rows, const Axis& cols, int64_t images, int64_t in_c, int64_t out_c) {
  TileGrid grid = {};
  grid.in = {rows.in, cols.in, in_c};
  grid.out = {rows.out, cols.out, out_c};
  grid.rows = tile_axis(rows);
  grid.cols = tile_axis(cols);
  grid.tiles = sat_mul(images, sat_mul(grid.rows.tiles, grid.cols.tiles));
  return grid;
}

}  // namespace lanewise
