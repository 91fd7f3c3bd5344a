// The tile grid, and the choice between Winograd and the direct algorithm.
#include "winograd_tiles.h"

#include "winograd.h"

namespace lanewise {
namespace {

/// Pointers to size x size pixels from (row, col) on, row_step and col_step apart.
template <class Float>
void list_pixels(Float* image, const Map& map, int64_t row, int64_t col, int64_t row_step, int64_t col_step,
                 int64_t size, Float* outside, Float** pixels) {
  const int64_t last_row = row + (size - 1) * row_step, last_col = col + (size - 1) * col_step;
  if (row >= 0 && col >= 0 && last_row < map.h && last_col < map.w) {
    for (int64_t i = 0; i < size; ++i, row += row_step) {
      Float* pixel = image + (row * map.w + col) * map.c;
      for (int64_t j = 0; j < size; ++j, pixel += col_step * map.c) *pixels++ = pixel;
    }
    return;
  }
  for (int64_t i = 0; i < size; ++i, row += row_step) {
    const bool row_inside = row >= 0 && row < map.h;
    int64_t at = col;
    for (int64_t j = 0; j < size; ++j, at += col_step) {
      *pixels++ = row_inside && at >= 0 && at < map.w ? image + (row * map.w + at) * map.c : outside;
    }
  }
}

/// The taps of the form that an axis needs: 3, 2, or 0 for none.
int taps_of(const Axis& axis) {
  if (axis.kernel == 3 && axis.stride == 1) return 3;
  return axis.kernel == 2 * axis.stride && axis.dilation == 1 ? 2 : 0;
}

template <class Shape>
bool applies(const Shape& shape) {
  // Bounds for the memory: 256 MiB of transformed weights, 32 MiB for a worker.
  constexpr int64_t kMaxWeights = int64_t{1} << 26;
  constexpr int64_t kMaxChannels = 4096;
  const int taps = taps_of(shape.rows);
  if (shape.groups != 1 || taps == 0 || taps_of(shape.cols) != taps) return false;
  const TileGrid grid = make_tile_grid(shape.rows, shape.cols, shape.images, shape.k, shape.columns);
  const int64_t k = grid.in_parts.channels(), columns = grid.out_parts.channels();
  return k <= kMaxChannels && columns <= kMaxChannels && k * columns <= kMaxWeights / grid.positions();
}

/// Multiplications for each pair of channels, against those of the direct algorithm; the transforms of tiles and
/// weights count as so many multiplications as they take time. The model predicts measured ratios within some 15 %,
/// whatever the instruction set. F(4x4, 3x3) is taken where it should be 1.75 times as fast: less would not repay the
/// larger error. F(3x3, 2x2) has none and is taken from 1.25 on.
template <class Shape>
bool pays(const Shape& shape) {
  constexpr int64_t kFewest = 16;  // channels: below, the direct algorithm gains by other means
  constexpr int64_t kMaxPixels = int64_t{1} << 40;
  const int64_t pixels = sat_mul(shape.images, sat_mul(shape.rows.out, shape.cols.out));
  if (pixels > kMaxPixels || !applies(shape)) return false;
  const TileGrid grid = make_tile_grid(shape.rows, shape.cols, shape.images, shape.k, shape.columns);
  if (grid.in_parts.length < kFewest || grid.out_parts.length < kFewest) return false;
  const int64_t tiles = grid.tiles, k = grid.in_parts.channels(), columns = grid.out_parts.channels();
  if (grid.taps == 3) return 4 * 9 * pixels >= 7 * (36 * tiles + 250 * tiles / columns + 200 * tiles / k + 120);
  // In a strided input gradient a block of outputs is several pixels.
  const int64_t blocks = ceil_div(pixels, grid.out_parts.channels() / shape.columns);
  return 4 * 4 * blocks >= 5 * (16 * tiles + 160 * tiles / columns + 130 * tiles / k + 60);
}

}  // namespace

bool winograd_applies(const ConvPass& pass) { return applies(pass); }

bool winograd_applies(const ConvDw& shape) { return !shape.dy_transposed && applies(shape); }

bool winograd_pays(const ConvPass& pass) { return pays(pass); }

bool winograd_pays(const ConvDw& shape) { return !shape.dy_transposed && pays(shape); }

TileGrid::Place TileGrid::place(int64_t tile) const {
  const int64_t line = tile / cols.tiles;
  return {line / rows.tiles, rows.origin(line % rows.tiles), cols.origin(tile % cols.tiles)};
}

void TileGrid::input(const Place& at, int64_t part, const float* x, const float* zeros, const float** pixels) const {
  const int64_t row = at.row * rows.in.scale + rows.in.start + part / in_parts.across;
  const int64_t col = at.col * cols.in.scale + cols.in.start + part % in_parts.across;
  const float* const image = x + at.image * in.h * in.w * in.c;
  list_pixels(image, in, row, col, rows.in.step, cols.in.step, winograd_in(taps), zeros, pixels);
}

void TileGrid::output(const Place& at, int64_t part, float* y, float* outside, float** pixels) const {
  const int64_t row = at.row * rows.out.scale + rows.out.start + part / out_parts.across;
  const int64_t col = at.col * cols.out.scale + cols.out.start + part % out_parts.across;
  float* const image = y + at.image * out.h * out.w * out.c;
  list_pixels(image, out, row, col, rows.out.step, cols.out.step, winograd_out(taps), outside, pixels);
}

void TileGrid::output(const Place& at, int64_t part, const float* dy, const float* zeros, const float** pixels) const {
  output(at, part, const_cast<float*>(dy), const_cast<float*>(zeros), const_cast<float**>(pixels));
}

void TileGrid::transform_input(const Kernels& kernels, const float* x, const float* zeros, int64_t from, int64_t to,
                               int64_t first, int64_t channels, float* v, int64_t pitch, int64_t stride) const {
  const float* pixels[2][kWinogradMostPositions];
  int64_t tile = from, done = 0;  // channels of the tile
  Place at = place(tile);
  const auto list = [&](const float** to) {
    const int64_t part = (first + done) / in_parts.length, start = (first + done) % in_parts.length;
    input(at, part, x + start, zeros, to);
    return min_of(in_parts.length - start, channels - done);
  };
  int64_t n = list(pixels[0]);
  for (int now = 0; tile < to; now ^= 1) {
    float* const to_v = v + (tile - from) * pitch + done;
    done += n;
    if (done == channels) {
      done = 0;
      if (++tile < tiles) at = place(tile);
    }
    const int64_t next_n = list(pixels[now ^ 1]);
    kernels.winograd_input(taps, pixels[now], pixels[now ^ 1], n, to_v, stride);
    n = next_n;
  }
}

namespace {

TileAxis tile_axis(const Axis& axis, int taps) {
  TileAxis tiles = {};
  // Backward, the last tap of the kernel is the first of the rotated one.
  const int64_t first = axis.backward ? axis.pad - 2 * axis.dilation : -axis.pad;
  int64_t phases = 1, origins = axis.out;
  if (taps == 3) {
    phases = min_of(axis.dilation, axis.out);
    origins = ceil_div(axis.out, phases);
    tiles.in = {1, first, axis.dilation};
    tiles.out = {1, 0, axis.dilation};
  } else if (!axis.backward) {
    tiles.in = {axis.stride, first, axis.stride};
    tiles.out = {1, 0, 1};
  } else {
    origins = max_of(axis.in + 1, ceil_div(axis.out + axis.pad, axis.stride));
    tiles.in = {1, -1, 1};
    tiles.out = {axis.stride, -axis.pad, axis.stride};
  }
  tiles.stride = winograd_out(taps) * (taps == 3 ? axis.dilation : 1);
  tiles.per_phase = ceil_div(origins, winograd_out(taps));
  tiles.tiles = phases * tiles.per_phase;
  return tiles;
}

}  // namespace

TileGrid make_tile_grid(const Axis& rows, const Axis& cols, int64_t images, int64_t in_c, int64_t out_c) {
  TileGrid grid = {};
  grid.taps = taps_of(rows);
  grid.in = {rows.in, cols.in, in_c};
  grid.out = {rows.out, cols.out, out_c};
  grid.block_h = rows.stride;
  grid.block_w = cols.stride;
  // Rows of a block are contiguous unless an edge may go through them.
  const int64_t width = cols.backward ? cols.out : cols.in;
  const bool whole = cols.pad % cols.stride == 0 && width % cols.stride == 0;
  const int64_t together = whole ? cols.stride : 1;
  const Parts blocks = {rows.stride, cols.stride / together, together * (cols.backward ? out_c : in_c)};
  grid.in_parts = cols.backward ? Parts{1, 1, in_c} : blocks;
  grid.out_parts = cols.backward ? blocks : Parts{1, 1, out_c};
  grid.rows = tile_axis(rows, grid.taps);
  grid.cols = tile_axis(cols, grid.taps);
  grid.tiles = sat_mul(images, sat_mul(grid.rows.tiles, grid.cols.tiles));
  return grid;
}

}  // namespace lanewise
