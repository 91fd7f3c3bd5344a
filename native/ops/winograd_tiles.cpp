// Where the tiles of a grid lie, and the transforms of their patches.
#include "winograd_tiles.h"

namespace lanewise {
namespace {

/// A rectangle of pixels, row_step and col_step apart, of which the first height x width count.
struct Pixels {
  int64_t row, col, row_step, col_step;
  int64_t rows, cols, height, width;
};

/// Pointers to the pixels, row by row.
template <class Float>
void list_pixels(Float* image, const Map& map, const Pixels& of, Float* outside, Float** pixels) {
  const int64_t last_row = of.row + (of.rows - 1) * of.row_step, last_col = of.col + (of.cols - 1) * of.col_step;
  const bool all = of.height == of.rows && of.width == of.cols;
  int64_t row = of.row;
  if (all && row >= 0 && of.col >= 0 && last_row < map.h && last_col < map.w) {
    for (int64_t i = 0; i < of.rows; ++i, row += of.row_step) {
      Float* pixel = image + (row * map.w + of.col) * map.c;
      for (int64_t j = 0; j < of.cols; ++j, pixel += of.col_step * map.c) *pixels++ = pixel;
    }
    return;
  }
  for (int64_t i = 0; i < of.rows; ++i, row += of.row_step) {
    const bool row_inside = i < of.height && row >= 0 && row < map.h;
    int64_t at = of.col;
    for (int64_t j = 0; j < of.cols; ++j, at += of.col_step) {
      const bool inside = row_inside && j < of.width && at >= 0 && at < map.w;
      *pixels++ = inside ? image + (row * map.w + at) * map.c : outside;
    }
  }
}

}  // namespace

TileGrid::Place TileGrid::place(int64_t tile) const {
  int kind = 3;
  while (tile < starts[kind]) --kind;
  const bool whole_rows = kind == 1 || kind == 2, whole_cols = kind < 2;
  const int64_t at = tile - starts[kind];
  const int64_t lines = rows.tiles(whole_rows), in_line = cols.tiles(whole_cols);
  const int64_t line = at / in_line;
  return {line / lines, rows.origin(line % lines, whole_rows), cols.origin(at % in_line, whole_cols),
          rows.outputs - (whole_rows ? 0 : 1), cols.outputs - (whole_cols ? 0 : 1)};
}

TileGrid::Range TileGrid::tiles_at(int64_t position, int64_t from, int64_t to) const {
  const bool last_row = position / across().in() == down().in() - 1;
  const bool last_col = position % across().in() == across().in() - 1;
  const int64_t begin = max_of(from, starts[last_row ? 1 : 0]);
  return {begin, max_of(begin, min_of(to, starts[last_col ? 2 : last_row ? 3 : 4]))};
}

int64_t TileGrid::products() const {
  int64_t sum = 0;
  for (int64_t position = 0; position < positions(); ++position) {
    sum = sat_add(sum, tiles_at(position, 0, tiles).count());
  }
  return sum;
}

void TileGrid::input(const Place& at, int64_t part, const float* x, const float* zeros, const float** pixels) const {
  const int64_t row = at.row * rows.in.scale + rows.in.start + part / in_parts.across * rows.in.part_step;
  const int64_t col = at.col * cols.in.scale + cols.in.start + part % in_parts.across * cols.in.part_step;
  const float* const image = x + at.image * in.h * in.w * in.c;
  const int64_t height = down().in(), width = across().in();
  list_pixels(image, in, {row, col, rows.in.step, cols.in.step, height, width, height, width}, zeros, pixels);
}

void TileGrid::output(const Place& at, int64_t part, float* y, float* outside, float** pixels) const {
  const int64_t row = at.row * rows.out.scale + rows.out.start + part / out_parts.across * rows.out.part_step;
  const int64_t col = at.col * cols.out.scale + cols.out.start + part % out_parts.across * cols.out.part_step;
  float* const image = y + at.image * out.h * out.w * out.c;
  list_pixels(image, out, {row, col, rows.out.step, cols.out.step, rows.outputs, cols.outputs, at.height, at.width},
              outside, pixels);
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
    kernels.winograd_input(form, pixels[now], pixels[now ^ 1], n, to_v, stride);
    n = next_n;
  }
}

int64_t TileGrid::tap(int64_t i, int64_t j, int64_t in_part, int64_t out_part) const {
  const int64_t row = rows.tap(i, in_part / in_parts.across + out_part / out_parts.across);
  const int64_t col = cols.tap(j, in_part % in_parts.across + out_part % out_parts.across);
  const bool inside = row >= 0 && row < rows.kernel && col >= 0 && col < cols.kernel;
  return inside ? row * cols.kernel + col : -1;
}

}  // namespace lanewise
