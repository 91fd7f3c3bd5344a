// Blocks of output pixels: choosing their size, copying their input, listing their pixels and taps.
#include "conv_tiling.h"

#include <cstring>

namespace lanewise {
namespace {

constexpr int64_t kBlockFloats = 48 * 1024;  // input of a block: 192 KiB, part of L2
constexpr int64_t kBlockPixels = 1024;
constexpr int64_t kManyWeights = 128 * 1024;
constexpr int64_t kMinBlocks = 16;
constexpr int64_t kTilesPerBlock = 8;
// The pixels of a tile are read in step; when they lie a multiple of 2 KiB apart, more than eight of them push each
// other out of L1. Then the scratch keeps them a cache line further apart; at 4 KiB it is worth a copy of its own.
constexpr int64_t kConflictFloats = 512;
constexpr int64_t kConflictPixels = 8;
constexpr int64_t kGapFloats = 16;
constexpr int64_t kRepaysCopy = 192;  // output channels that repay copying the input

/// Divides `total` into pieces of nearly equal size, at most `most` each; returns the size.
int64_t even_block(int64_t total, int64_t most) {
  return most >= total ? total : ceil_div(total, ceil_div(total, max_of(most, 1)));
}

void choose_blocks(const ConvPass& pass, int64_t phases, int64_t tile_m, Tiling* tiling) {
  const int64_t rows = pass.rows.count(0);
  const int64_t cols = pass.cols.count(0);
  const int64_t map = sat_mul(rows, cols);
  const int64_t inputs_per_pixel =
      sat_mul(min_of(pass.rows.in_step(), pass.rows.kernel), min_of(pass.cols.in_step(), pass.cols.kernel));
  const int64_t floats_per_pixel = sat_mul(tiling->scratch_c, inputs_per_pixel);
  int64_t target = min_of(kBlockPixels, max_of(kBlockFloats / floats_per_pixel, kTilesPerBlock * tile_m));
  // Enough blocks to share among threads, unless each would read all of many weights.
  const int64_t w_floats = sat_mul(sat_mul(pass.rows.kernel, pass.cols.kernel), sat_mul(tiling->in_c, pass.columns));
  const int64_t all = sat_mul(sat_mul(pass.images, map), phases);
  if (w_floats < kManyWeights) target = min_of(target, max_of(ceil_div(all, kMinBlocks), kTilesPerBlock / 2 * tile_m));
  tiling->block_images = 1;
  tiling->block_rows = rows;
  tiling->block_cols = cols;
  if (map <= target) {
    tiling->block_images = even_block(pass.images, target / map);
  } else if (cols <= target) {
    tiling->block_rows = even_block(rows, target / cols);
  } else {
    tiling->block_rows = 1;
    tiling->block_cols = even_block(cols, target);
  }
  tiling->image_blocks = ceil_div(pass.images, tiling->block_images);
  tiling->row_blocks = ceil_div(rows, tiling->block_rows);
  tiling->col_blocks = ceil_div(cols, tiling->block_cols);
  tiling->blocks = sat_mul(phases, sat_mul(tiling->image_blocks, sat_mul(tiling->row_blocks, tiling->col_blocks)));
  tiling->pixels = tiling->block_images * tiling->block_rows * tiling->block_cols;
}

}  // namespace

Tiling make_tiling(const ConvPass& pass, int64_t tile_m, ChannelCopy copy, int64_t multiplier) {
  Tiling tiling = {};
  tiling.in_c = sat_mul(pass.groups, pass.k);
  tiling.out_c = sat_mul(pass.groups, pass.columns);
  tiling.scratch_c = copy == ChannelCopy::kRepeat ? sat_mul(tiling.in_c, multiplier) : tiling.in_c;
  tiling.copy = copy;
  tiling.multiplier = multiplier;
  tiling.col_phases = pass.cols.phases();
  choose_blocks(pass, sat_mul(pass.rows.phases(), tiling.col_phases), tile_m, &tiling);

  const AxisBounds rows = bounds_of(pass.rows);
  const AxisBounds cols = bounds_of(pass.cols);
  const bool copies = rows.pads || cols.pads || copy != ChannelCopy::kPlain;
  const int64_t distance = sat_mul(tiling.in_c, pass.cols.in_step());
  const bool gap =
      copy == ChannelCopy::kPlain && tile_m > kConflictPixels &&
      (copies ? distance % kConflictFloats == 0 : distance % (2 * kConflictFloats) == 0 && tiling.out_c >= kRepaysCopy);
  if (gap) tiling.scratch_c = sat_add(tiling.in_c, kGapFloats);
  tiling.direct = !copies && !gap;
  const int64_t dense = sat_add(sat_mul(tiling.block_rows - 1, pass.rows.in_step()), rows.extent);
  const int64_t sparse = sat_mul(tiling.block_rows, rows.taps);
  tiling.sparse_rows = sparse < dense;
  tiling.scratch_rows = min_of(sparse, dense);
  tiling.scratch_cols = sat_add(sat_mul(tiling.block_cols - 1, pass.cols.in_step()), cols.extent);
  tiling.max_taps = sat_mul(rows.taps, cols.taps);

  Layout worker;
  const int64_t per_tap = copy == ChannelCopy::kDeinterleave ? multiplier : 1;
  tiling.at_taps = worker.take(sat_mul(tiling.max_taps, per_tap), sizeof(Tap));
  tiling.at_x = worker.take(tiling.pixels, sizeof(float*));
  tiling.at_y = worker.take(tiling.pixels, sizeof(float*));
  const int64_t image_floats = sat_mul(sat_mul(tiling.scratch_rows, tiling.scratch_cols), tiling.scratch_c);
  tiling.at_scratch = worker.take(tiling.direct ? 0 : sat_mul(tiling.block_images, image_floats), sizeof(float));
  tiling.bytes = apart(worker.bytes);
  return tiling;
}

TileBlock::TileBlock(const ConvPass& pass, const Tiling& tiling, const float* in, float* out, std::byte* memory)
    : pass_(pass),
      tiling_(tiling),
      in_(in),
      out_(out),
      taps_(reinterpret_cast<Tap*>(memory + tiling.at_taps)),
      x_(reinterpret_cast<const float**>(memory + tiling.at_x)),
      y_(reinterpret_cast<float**>(memory + tiling.at_y)),
      scratch_(reinterpret_cast<float*>(memory + tiling.at_scratch)) {}

bool TileBlock::prepare(int64_t index, int64_t tap_floats) {
  locate(index);
  if (row_from_ >= row_to_ || col_from_ >= col_to_) return false;
  rows_ = span_of(pass_.rows, row_phase_);
  cols_ = span_of(pass_.cols, col_phase_);
  if (tiling_.direct) {
    pitch_ = pass_.cols.in * tiling_.in_c;
    row_step_ = pass_.rows.in_step() * pitch_;
  } else {
    pitch_ = tiling_.scratch_cols * tiling_.scratch_c;
    row_step_ = (tiling_.sparse_rows ? rows_.taps : pass_.rows.in_step()) * pitch_;
    fill_scratch();
  }
  list_pixels();
  list_taps(tap_floats);
  return true;
}

void TileBlock::locate(int64_t index) {
  const int64_t col_block = index % tiling_.col_blocks;
  index /= tiling_.col_blocks;
  const int64_t row_block = index % tiling_.row_blocks;
  index /= tiling_.row_blocks;
  const int64_t image_block = index % tiling_.image_blocks;
  const int64_t phase = index / tiling_.image_blocks;
  row_phase_ = phase / tiling_.col_phases;
  col_phase_ = phase % tiling_.col_phases;
  image_from_ = image_block * tiling_.block_images;
  image_to_ = min_of(image_from_ + tiling_.block_images, pass_.images);
  row_from_ = row_block * tiling_.block_rows;
  row_to_ = min_of(row_from_ + tiling_.block_rows, pass_.rows.count(row_phase_));
  col_from_ = col_block * tiling_.block_cols;
  col_to_ = min_of(col_from_ + tiling_.block_cols, pass_.cols.count(col_phase_));
}

void TileBlock::copy_pixels(const float* from, int64_t pixels, float* to) const {
  const int64_t multiplier = tiling_.multiplier;
  if (tiling_.copy == ChannelCopy::kRepeat) {
    for (int64_t i = 0; i < pixels * tiling_.in_c; ++i) {
      for (int64_t j = 0; j < multiplier; ++j) *to++ = from[i];
    }
  } else if (tiling_.copy == ChannelCopy::kDeinterleave) {
    const int64_t channels = tiling_.in_c / multiplier;
    for (int64_t pixel = 0; pixel < pixels; ++pixel, from += tiling_.in_c) {
      for (int64_t j = 0; j < multiplier; ++j) {
        for (int64_t c = 0; c < channels; ++c) *to++ = from[c * multiplier + j];
      }
    }
  } else if (tiling_.scratch_c > tiling_.in_c) {
    for (int64_t i = 0; i < pixels; ++i, from += tiling_.in_c, to += tiling_.scratch_c) {
      std::memcpy(to, from, static_cast<size_t>(tiling_.in_c) * sizeof(float));
    }
  } else {
    std::memcpy(to, from, static_cast<size_t>(pixels * tiling_.in_c) * sizeof(float));
  }
}

/// Row `row` of the image may lie outside, columns from `col_from` on may: zeros there.
void TileBlock::copy_row(const float* image, int64_t row, int64_t col_from, float* to) const {
  const int64_t cols = tiling_.scratch_cols;
  const int64_t channels = tiling_.scratch_c;
  const bool outside = row < 0 || row >= pass_.rows.in;
  const int64_t valid_from = outside ? cols : min_of(max_of(-col_from, 0), cols);
  const int64_t valid_to = max_of(min_of(pass_.cols.in - col_from, cols), valid_from);
  std::memset(to, 0, static_cast<size_t>(valid_from * channels) * sizeof(float));
  if (valid_to > valid_from) {
    copy_pixels(image + (row * pass_.cols.in + col_from + valid_from) * tiling_.in_c, valid_to - valid_from,
                to + valid_from * channels);
  }
  std::memset(to + valid_to * channels, 0, static_cast<size_t>((cols - valid_to) * channels) * sizeof(float));
}

void TileBlock::fill_scratch() {
  const int64_t in_col = col_from_ * pass_.cols.in_step() + cols_.min;
  const int64_t image_floats = pass_.rows.in * pass_.cols.in * tiling_.in_c;
  for (int64_t image = image_from_; image < image_to_; ++image) {
    const float* const from = in_ + image * image_floats;
    float* to = scratch_ + (image - image_from_) * tiling_.scratch_rows * pitch_;
    if (tiling_.sparse_rows) {
      for (int64_t row = row_from_; row < row_to_; ++row) {
        for (int64_t tap = 0; tap < pass_.rows.kernel; ++tap) {
          int64_t offset;
          if (!pass_.rows.hits(row_phase_, tap, &offset)) continue;
          copy_row(from, row * pass_.rows.in_step() + offset, in_col, to);
          to += pitch_;
        }
      }
    } else {
      const int64_t in_row = row_from_ * pass_.rows.in_step() + rows_.min;
      const int64_t rows = (row_to_ - row_from_ - 1) * pass_.rows.in_step() + rows_.max - rows_.min + 1;
      for (int64_t row = 0; row < rows; ++row, to += pitch_) copy_row(from, in_row + row, in_col, to);
    }
  }
}

void TileBlock::list_pixels() {
  const int64_t col_step = pass_.cols.in_step() * tiling_.scratch_c;
  const int64_t image_floats = (tiling_.direct ? pass_.rows.in : tiling_.scratch_rows) * pitch_;
  const int64_t out_step = pass_.cols.out_step() * tiling_.out_c;
  const int64_t out_col = col_phase_ + col_from_ * pass_.cols.out_step();
  pixels_ = 0;
  for (int64_t image = image_from_; image < image_to_; ++image) {
    for (int64_t row = row_from_; row < row_to_; ++row) {
      const float* x = tiling_.direct ? in_ + image * image_floats + row * row_step_ + col_from_ * col_step
                                      : scratch_ + (image - image_from_) * image_floats + (row - row_from_) * row_step_;
      const int64_t out_row = row_phase_ + row * pass_.rows.out_step();
      float* y = out_ + ((image * pass_.rows.out + out_row) * pass_.cols.out + out_col) * tiling_.out_c;
      for (int64_t col = col_from_; col < col_to_; ++col, ++pixels_, x += col_step, y += out_step) {
        x_[pixels_] = x;
        y_[pixels_] = y;
      }
    }
  }
}

/// In kernel order, which is the order of the chain.
void TileBlock::list_taps(int64_t tap_floats) {
  const int64_t first_row = tiling_.direct ? 0 : rows_.min;
  const int64_t first_col = tiling_.direct ? 0 : cols_.min;
  int64_t nth_row = 0;
  n_taps_ = 0;
  for (int64_t r = 0; r < pass_.rows.kernel; ++r) {
    int64_t row;
    if (!pass_.rows.hits(row_phase_, r, &row)) continue;
    row = !tiling_.direct && tiling_.sparse_rows ? nth_row : row - first_row;
    ++nth_row;
    for (int64_t s = 0; s < pass_.cols.kernel; ++s) {
      int64_t col;
      if (!pass_.cols.hits(col_phase_, s, &col)) continue;
      taps_[n_taps_++] = {row * pitch_ + (col - first_col) * tiling_.scratch_c,
                          (r * pass_.cols.kernel + s) * tap_floats};
    }
  }
}

void TileBlock::merge_taps(int64_t* klen, int64_t ldw) {
  const int64_t run = cols_.taps;
  if (run <= 1) return;
  for (int64_t i = 0; i < n_taps_; ++i) {
    if (i % run == 0) continue;
    if (taps_[i].x != taps_[i - 1].x + *klen || taps_[i].w != taps_[i - 1].w + *klen * ldw) return;
  }
  n_taps_ /= run;
  *klen *= run;
  for (int64_t i = 0; i < n_taps_; ++i) taps_[i] = taps_[i * run];
}

void TileBlock::multiply_taps(int64_t multiplier, int64_t x_step, int64_t w_step) {
  for (int64_t i = n_taps_ - 1; i >= 0; --i) {
    const Tap tap = taps_[i];
    for (int64_t j = 0; j < multiplier; ++j) taps_[i * multiplier + j] = {tap.x + j * x_step, tap.w + j * w_step};
  }
  n_taps_ *= multiplier;
}

}  // namespace lanewise
