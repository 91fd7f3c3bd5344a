// What the Winograd passes compute, in fp64 by the definition of convolution, and how far an fp32 result may be off.
// The bound follows the algorithm: every rounding of a term is at most u = 2^-24 times its size, so an element's error
// is at most (number of roundings on the longest path) u times the same transforms of absolute values. Roundings on a
// path: input 2 per axis, weights 4, outputs 3, dy 2, sums over tiles 5, and one per term of a chain.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../ops/conv_shape.h"
#include "op_runner.h"
#include "winograd_matrices.h"

namespace lanewise::test {

struct WinogradCase {
  int64_t n, ih, iw, c, o, top = 0, left = 0, bottom = 0, right = 0;
  bool report = false;                 // print the error
  int64_t down = 1, across = 1;        // dilation
  int64_t taps = 3;                    // of the tiles' kernel: 3, or 2 over blocks
  int64_t block_h = 1, block_w = 1;    // strides: with 2 taps, of a kernel of 2 block_h x 2 block_w
  int64_t kernel_h = 3, kernel_w = 3;  // with 3 taps: pieces of 3, or a single row

  int64_t kh() const { return taps == 3 ? kernel_h : 2 * block_h; }
  int64_t kw() const { return taps == 3 ? kernel_w : 2 * block_w; }
  int64_t oh() const { return (ih + top + bottom - (kh() - 1) * down - 1) / block_h + 1; }
  int64_t ow() const { return (iw + left + right - (kw() - 1) * across - 1) / block_w + 1; }
  ConvShape shape() const {
    return {n, ih, iw, c, kh(), kw(), o, oh(), ow(), block_h, block_w, top, left, bottom, right, down, across, 1};
  }
  /// The same convolution with stride 1, of 2x2 taps over blocks of pixels.
  WinogradCase of_blocks() const {
    // What no output reads is there as well: its values cancel, but they round.
    const int64_t h = std::max(oh() + 1, ceil_div(ih + top, block_h));
    const int64_t w = std::max(ow() + 1, ceil_div(iw + left, block_w));
    WinogradCase blocks = {n, h, w, c * block_h * block_w, o, 0, 0, oh() + 1 - h, ow() + 1 - w};
    blocks.taps = 2;
    return blocks;
  }
};

/// Close enough to a normal distribution.
inline float normal(Random& random) {
  float sum = -6;
  for (int i = 0; i < 12; ++i) sum += static_cast<float>(random.bits() >> 8) * 0x1p-24f;
  return sum;
}

/// What may follow the sums of a pass: a bias of `channels` numbers, or nullptr, and an activation.
inline void end_pass(std::vector<double>& exact, std::vector<double>& bound, const float* b, int64_t channels,
                     int activation, float slope) {
  constexpr double unit = 1.0 / (1 << 24);
  for (size_t i = 0; i < exact.size(); ++i) {
    if (b != nullptr) {
      exact[i] += b[i % size_t(channels)];
      bound[i] += 2 * unit * std::fabs(b[i % size_t(channels)]);
    }
    if (activation != 0 && exact[i] < 0) exact[i] *= activation == 1 ? 0.0 : slope;
  }
}

class WinogradReference {
 public:
  /// Of a case with stride 1.
  explicit WinogradReference(const WinogradCase& s) : s_(s) {}

  std::vector<double> exact, bound;

  void forward(WinogradForm form, const float* x, const float* w, const float* b, int activation, float slope) {
    correlate(form, x, s_.ih, s_.iw, s_.c, -s_.top, -s_.left, s_.oh(), s_.ow(), s_.o,
              [&](int64_t tap, int64_t c, int64_t o) { return w[(tap * s_.c + c) * s_.o + o]; });
    end_pass(exact, bound, b, s_.o, activation, slope);
  }

  void input_gradient(WinogradForm form, const float* dy, const float* w) {
    correlate(form, dy, s_.oh(), s_.ow(), s_.o, s_.top - (s_.kh() - 1) * s_.down, s_.left - (s_.kw() - 1) * s_.across,
              s_.ih, s_.iw, s_.c,
              [&](int64_t tap, int64_t o, int64_t c) { return w[((tap_count() - 1 - tap) * s_.c + c) * s_.o + o]; });
  }

  void weight_gradient(WinogradForm form, const float* x, const float* dy) {
    const Form f(form);
    const int64_t c_count = s_.c, o_count = s_.o, oh = s_.oh(), ow = s_.ow();
    exact.assign(size_t(tap_count() * c_count * o_count), 0);
    bound.assign(exact.size(), 0);
    for (int64_t pixel = 0; pixel < s_.n * oh * ow; ++pixel) {
      for (int64_t tap = 0; tap < tap_count(); ++tap) {
        const int64_t row = pixel / ow % oh + tap / s_.kw() * s_.down - s_.top;
        const int64_t col = pixel % ow + tap % s_.kw() * s_.across - s_.left;
        if (row < 0 || col < 0 || row >= s_.ih || col >= s_.iw) continue;
        const float* const from = x + ((pixel / (oh * ow) * s_.ih + row) * s_.iw + col) * c_count;
        for (int64_t c = 0; c < c_count; ++c) {
          for (int64_t o = 0; o < o_count; ++o) {
            exact[size_t((tap * c_count + c) * o_count + o)] += double(from[c]) * dy[pixel * o_count + o];
          }
        }
      }
    }
    each_piece(f, [&](const Piece& piece) {
      std::vector<double> sums(size_t(f.positions * c_count * o_count), 0);
      int64_t tiles = 0;
      each_tile(f, oh, ow, [&](const Tile& tile) {
        ++tiles;
        const std::vector<double> v =
            patches(x, s_.ih, s_.iw, c_count, patch_of(f, tile, piece, -s_.top, -s_.left), f.rows.bt, f.cols.bt);
        const std::vector<double> z = patches(dy, oh, ow, o_count, tile, f.rows.a, f.cols.a);
        for (int64_t p = 0; p < f.positions; ++p)
          add_products(&v[size_t(p * c_count)], &z[size_t(p * o_count)], c_count, o_count,
                       &sums[size_t(p * c_count * o_count)]);
      });
      const double roundings = double(tiles) + (f.small() ? 10 : 18);  // a chain over tiles, or shorter ones, summed
      for (int64_t i = 0; i < c_count * o_count; ++i) {
        double in[36], out[9];
        for (int64_t p = 0; p < f.positions; ++p) in[p] = sums[size_t(p * c_count * o_count + i)];
        absolute_2d(f.rows.gt, f.cols.gt, in, out);
        each_tap(f, piece, [&](int tap_of_tile, int64_t tap) {
          bound[size_t(tap * c_count * o_count + i)] = roundings * kU * out[tap_of_tile];
        });
      }
    });
  }

 private:
  static constexpr double kU = 0x1p-24;

  struct Form {
    explicit Form(WinogradForm form)
        : down(kWinogradRows[form]), across(kWinogradCols[form]), rows(down), cols(across) {}
    bool small() const { return across.in() == 4; }

    const WinogradSide down, across;
    const WinogradMatrices rows, cols;
    const int64_t positions = int64_t{down.in()} * across.in();
  };

  /// height x width pixels from (row, col) on.
  struct Tile {
    int64_t image, row, col, height, width;
  };

  /// What a kernel of more taps than the form's is cut into: from this tap on.
  struct Piece {
    int64_t row, col;
  };

  int64_t tap_count() const { return s_.kh() * s_.kw(); }

  static void add_products(const double* a, const double* b, int64_t rows, int64_t cols, double* to) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < cols; ++j) to[i * cols + j] += a[i] * b[j];
    }
  }

  template <class F>
  void each_piece(const Form& form, F f) const {
    for (int64_t row = 0; row < s_.kh(); row += form.down.taps) {
      for (int64_t col = 0; col < s_.kw(); col += form.across.taps) f(Piece{row, col});
    }
  }

  /// f(tap of the form's kernel, tap of the convolution's) for the taps that a piece has.
  template <class F>
  void each_tap(const Form& form, const Piece& piece, F f) const {
    for (int i = 0; i < form.down.taps && piece.row + i < s_.kh(); ++i) {
      for (int j = 0; j < form.across.taps && piece.col + j < s_.kw(); ++j) {
        f(i * form.across.taps + j, (piece.row + i) * s_.kw() + piece.col + j);
      }
    }
  }

  /// f(origin, outputs) along an axis: in each phase the whole tiles, then those with one output less.
  template <class F>
  static void along(int64_t size, int64_t dilation, int outputs, F f) {
    const int64_t phases = std::min(dilation, size);
    const int64_t origins = ceil_div(size, phases), tiles = ceil_div(origins, outputs);
    const int64_t cut = outputs == 1 ? 0 : std::min(tiles * outputs - origins, tiles);
    for (int64_t phase = 0; phase < phases; ++phase) {
      int64_t at = 0;
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t taken = tile < tiles - cut ? outputs : outputs - 1;
        f(phase + at * dilation, taken);
        at += taken;
      }
    }
  }

  template <class F>
  void each_tile(const Form& form, int64_t h, int64_t w, F f) const {
    for (int64_t image = 0; image < s_.n; ++image) {
      along(h, s_.down, form.down.out, [&](int64_t row, int64_t height) {
        along(w, s_.across, form.across.out, [&](int64_t col, int64_t width) {
          f(Tile{image, row, col, height, width});
        });
      });
    }
  }

  /// The inputs of a tile of outputs.
  Tile patch_of(const Form& form, const Tile& tile, const Piece& piece, int64_t top, int64_t left) const {
    return {tile.image, tile.row + piece.row * s_.down + top, tile.col + piece.col * s_.across + left, form.down.in(),
            form.across.in()};
  }

  /// [positions][c]: the transformed absolute values of the pixels.
  std::vector<double> patches(const float* data, int64_t h, int64_t w, int64_t c, const Tile& at,
                              const WinogradMatrices::Matrix& down, const WinogradMatrices::Matrix& across) const {
    const size_t positions = down.size() * across.size();
    const int64_t cols = int64_t(across[0].size());
    std::vector<double> result(positions * size_t(c));
    for (int64_t channel = 0; channel < c; ++channel) {
      double in[36] = {}, out[36];
      for (int64_t i = 0; i < at.height; ++i) {
        for (int64_t j = 0; j < at.width; ++j) {
          const int64_t y = at.row + i * s_.down, x = at.col + j * s_.across;
          if (y >= 0 && x >= 0 && y < h && x < w) in[i * cols + j] = data[((at.image * h + y) * w + x) * c + channel];
        }
      }
      absolute_2d(down, across, in, out);
      for (size_t p = 0; p < positions; ++p) result[p * size_t(c) + size_t(channel)] = out[p];
    }
    return result;
  }

  template <class Weight>
  void correlate(WinogradForm form, const float* in, int64_t ih, int64_t iw, int64_t k_count, int64_t top, int64_t left,
                 int64_t oh, int64_t ow, int64_t o_count, Weight weight) {
    const Form f(form);
    exact.assign(size_t(s_.n * oh * ow * o_count), 0);
    bound.assign(exact.size(), 0);
    std::vector<double> taps(size_t(tap_count() * k_count * o_count));
    for (int64_t i = 0; i < tap_count() * k_count * o_count; ++i) {
      taps[size_t(i)] = weight(i / (k_count * o_count), i / o_count % k_count, i % o_count);
    }
    for (int64_t pixel = 0; pixel < s_.n * oh * ow; ++pixel) {
      double* const to = &exact[size_t(pixel * o_count)];
      for (int64_t tap = 0; tap < tap_count(); ++tap) {
        const int64_t row = pixel / ow % oh + tap / s_.kw() * s_.down + top;
        const int64_t col = pixel % ow + tap % s_.kw() * s_.across + left;
        if (row < 0 || col < 0 || row >= ih || col >= iw) continue;
        const float* const from = in + ((pixel / (oh * ow) * ih + row) * iw + col) * k_count;
        for (int64_t k = 0; k < k_count; ++k) {
          const double* const g = &taps[size_t((tap * k_count + k) * o_count)];
          for (int64_t o = 0; o < o_count; ++o) to[o] += from[k] * g[o];
        }
      }
    }
    int64_t pieces = 0;
    each_piece(f, [&](const Piece&) { ++pieces; });
    const double roundings = double(pieces * k_count) + (f.small() ? 10 : 20);  // two for bias and activation
    each_piece(f, [&](const Piece& piece) {
      std::vector<double> u(size_t(f.positions * k_count * o_count));
      for (int64_t i = 0; i < k_count * o_count; ++i) {
        double g[9] = {}, out[36];
        each_tap(f, piece,
                 [&](int tap_of_tile, int64_t tap) { g[tap_of_tile] = taps[size_t(tap * k_count * o_count + i)]; });
        absolute_2d(f.rows.g, f.cols.g, g, out);
        for (int64_t p = 0; p < f.positions; ++p) u[size_t(p * k_count * o_count + i)] = out[p];
      }
      std::vector<double> m(size_t(f.positions * o_count));
      each_tile(f, oh, ow, [&](const Tile& tile) {
        const std::vector<double> v =
            patches(in, ih, iw, k_count, patch_of(f, tile, piece, top, left), f.rows.bt, f.cols.bt);
        std::fill(m.begin(), m.end(), 0.0);
        for (int64_t p = 0; p < f.positions; ++p) {
          for (int64_t k = 0; k < k_count; ++k) {
            add_products(&v[size_t(p * k_count + k)], &u[size_t((p * k_count + k) * o_count)], 1, o_count,
                         &m[size_t(p * o_count)]);
          }
        }
        for (int64_t o = 0; o < o_count; ++o) {
          double products[36], out[25];
          for (int64_t p = 0; p < f.positions; ++p) products[p] = m[size_t(p * o_count + o)];
          absolute_2d(f.rows.at, f.cols.at, products, out);
          for (int64_t i = 0; i < tile.height * tile.width; ++i) {
            const int64_t row = i / tile.width, col = i % tile.width;
            const int64_t y = tile.row + row * s_.down, x = tile.col + col * s_.across;
            if (y >= oh || x >= ow) continue;
            bound[size_t(((tile.image * oh + y) * ow + x) * o_count + o)] +=
                roundings * kU * out[row * f.across.out + col];
          }
        }
      });
    });
  }

  const WinogradCase s_;
};

}  // namespace lanewise::test
