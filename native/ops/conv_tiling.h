// How a pass is cut into blocks of output pixels, and what a block needs: its input where the kernel can read it (in
// place, or copied into a zero-padded scratch when taps reach into the padding), a pointer per pixel, and its taps.
// A block is some images, or some rows of one image, or a part of one row, of one stride phase.
#pragma once

#include "conv_pass.h"
#include "workspace.h"

namespace lanewise {

/// How the channels of a pixel change on the way into the scratch. Needed by depthwise with a channel multiplier.
enum class ChannelCopy : int32_t {
  kPlain,
  kRepeat,       // c -> c * multiplier, every channel repeated
  kDeinterleave  // [c][multiplier] -> [multiplier][c]
};

/// Everything that follows from the shape.
struct Tiling {
  int64_t in_c, out_c;  // channels of the tensors
  int64_t scratch_c;    // channels of the pixels that the kernel reads
  ChannelCopy copy;
  int64_t multiplier;
  bool direct;       // the kernel reads the input in place
  bool sparse_rows;  // the scratch holds only rows that taps read, ordered by (output row, tap)
  int64_t block_images, block_rows, block_cols;
  int64_t image_blocks, row_blocks, col_blocks, col_phases, blocks;
  int64_t pixels;    // of a block
  int64_t max_taps;  // of a phase
  int64_t scratch_rows, scratch_cols;
  int64_t at_taps, at_x, at_y, at_scratch, bytes;  // memory of one worker
};

/// `tile_m`: pixels of a register tile; a block should hold several.
Tiling make_tiling(const ConvPass& pass, int64_t tile_m, ChannelCopy copy, int64_t multiplier);

/// A block made ready in the memory of its worker.
class TileBlock {
 public:
  TileBlock(const ConvPass& pass, const Tiling& tiling, const float* in, float* out, std::byte* memory);

  /// False when the phase has no pixels in this block. `tap_floats` is the distance between the weights of two taps.
  bool prepare(int64_t index, int64_t tap_floats);
  /// Makes one tap of each kernel row's taps when inputs and weights (rows of klen * ldw) follow each other.
  void merge_taps(int64_t* klen, int64_t ldw);
  /// Makes `multiplier` taps of each: x_step and w_step apart.
  void multiply_taps(int64_t multiplier, int64_t x_step, int64_t w_step);

  const float* const* x() const { return x_; }
  float* const* y() const { return y_; }
  int64_t pixels() const { return pixels_; }
  const Tap* taps() const { return taps_; }
  int64_t n_taps() const { return n_taps_; }

 private:
  void locate(int64_t index);
  void fill_scratch();
  void copy_row(const float* image, int64_t row, int64_t col_from, float* to) const;
  void copy_pixels(const float* from, int64_t pixels, float* to) const;
  void list_pixels();
  void list_taps(int64_t tap_floats);

  const ConvPass& pass_;
  const Tiling& tiling_;
  const float* const in_;
  float* const out_;
  Tap* const taps_;
  const float** const x_;
  float** const y_;
  float* const scratch_;
  // positions of the phase: [from, to) per axis
  int64_t row_phase_ = 0, col_phase_ = 0;
  int64_t image_from_ = 0, image_to_ = 0, row_from_ = 0, row_to_ = 0, col_from_ = 0, col_to_ = 0;
  AxisSpan rows_;
  AxisSpan cols_;
  int64_t pitch_ = 0;     // between rows of the input or scratch
  int64_t row_step_ = 0;  // between the inputs of two output rows
  int64_t pixels_ = 0;
  int64_t n_taps_ = 0;
};

}  // namespace lanewise
