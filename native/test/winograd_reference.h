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

namespace lanewise::test {

struct WinogradCase {
  int64_t n, ih, iw, c, o, top = 0, left = 0, bottom = 0, right = 0;
  bool report = false;               // print the error
  int64_t down = 1, across = 1;      // dilation
  int64_t taps = 3;                  // of the tiles' kernel
  int64_t block_h = 1, block_w = 1;  // strides: with 2 taps, of a kernel of 2 block_h x 2 block_w

  int64_t kh() const { return taps * block_h; }
  int64_t kw() const { return taps * block_w; }
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

/// |matrix| of rows x cols, applied to the rows and the columns of in[cols][cols]: out[rows][rows].
inline void absolute_2d(const double* matrix, int rows, int cols, const double* in, double* out) {
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < rows; ++j) {
      double sum = 0;
      for (int a = 0; a < cols; ++a) {
        for (int b = 0; b < cols; ++b) {
          sum += std::fabs(matrix[i * cols + a] * matrix[j * cols + b] * in[a * cols + b]);
        }
      }
      out[i * rows + j] = sum;
    }
  }
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

  void forward(const float* x, const float* w, const float* b, int activation, float slope) {
    correlate(x, s_.ih, s_.iw, s_.c, -s_.top, -s_.left, s_.oh(), s_.ow(), s_.o,
              [&](int64_t tap, int64_t c, int64_t o) { return w[(tap * s_.c + c) * s_.o + o]; });
    end_pass(exact, bound, b, s_.o, activation, slope);
  }

  void input_gradient(const float* dy, const float* w) {
    correlate(dy, s_.oh(), s_.ow(), s_.o, s_.top - (s_.taps - 1) * s_.down, s_.left - (s_.taps - 1) * s_.across, s_.ih,
              s_.iw, s_.c,
              [&](int64_t tap, int64_t o, int64_t c) { return w[((taps2() - 1 - tap) * s_.c + c) * s_.o + o]; });
  }

  void weight_gradient(const float* x, const float* dy) {
    const int64_t c_count = s_.c, o_count = s_.o, oh = s_.oh(), ow = s_.ow();
    exact.assign(size_t(taps2() * c_count * o_count), 0);
    bound.assign(exact.size(), 0);
    for (int64_t pixel = 0; pixel < s_.n * oh * ow; ++pixel) {
      for (int64_t tap = 0; tap < taps2(); ++tap) {
        const int64_t row = pixel / ow % oh + tap / s_.taps * s_.down - s_.top;
        const int64_t col = pixel % ow + tap % s_.taps * s_.across - s_.left;
        if (row < 0 || col < 0 || row >= s_.ih || col >= s_.iw) continue;
        const float* const from = x + ((pixel / (oh * ow) * s_.ih + row) * s_.iw + col) * c_count;
        for (int64_t c = 0; c < c_count; ++c) {
          for (int64_t o = 0; o < o_count; ++o) {
            exact[size_t((tap * c_count + c) * o_count + o)] += double(from[c]) * dy[pixel * o_count + o];
          }
        }
      }
    }
    std::vector<double> sums(size_t(positions() * c_count * o_count), 0);
    int64_t tiles = 0;
    each_tile(oh, ow, [&](int64_t image, int64_t row, int64_t col) {
      ++tiles;
      const std::vector<double> v = patches(x, image, s_.ih, s_.iw, c_count, row - s_.top, col - s_.left, in_size(),
                                            small() ? kSmallBT : kBT, in_size());
      const std::vector<double> z =
          patches(dy, image, oh, ow, o_count, row, col, out_size(), small() ? kSmallA : kA, in_size());
      for (int64_t p = 0; p < positions(); ++p)
        add_products(&v[size_t(p * c_count)], &z[size_t(p * o_count)], c_count, o_count,
                     &sums[size_t(p * c_count * o_count)]);
    });
    const double roundings = double(tiles) + (small() ? 10 : 18);  // a chain over tiles, or shorter ones and their sum
    for (int64_t i = 0; i < c_count * o_count; ++i) {
      double in[36], out[9];
      for (int p = 0; p < positions(); ++p) in[p] = sums[size_t(p * c_count * o_count + i)];
      absolute_2d(small() ? kSmallGT : kGT, int(s_.taps), in_size(), in, out);
      for (int tap = 0; tap < taps2(); ++tap) bound[size_t(tap * c_count * o_count + i)] = roundings * kU * out[tap];
    }
  }

 private:
  static constexpr double kU = 0x1p-24;

  bool small() const { return s_.taps == 2; }
  int in_size() const { return small() ? 4 : 6; }
  int out_size() const { return small() ? 3 : 4; }
  int64_t positions() const { return in_size() * in_size(); }
  int64_t taps2() const { return s_.taps * s_.taps; }

  static constexpr double kSmallBT[16] = {1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, -1, 0, 1};
  static constexpr double kSmallG[8] = {1, 0, .5, .5, .5, -.5, 0, 1};
  static constexpr double kSmallGT[8] = {1, .5, .5, 0, 0, .5, -.5, 1};
  static constexpr double kSmallAT[12] = {1, 1, 1, 0, 0, 1, -1, 0, 0, 1, 1, 1};
  static constexpr double kSmallA[12] = {1, 0, 0, 1, 1, 1, 1, -1, 1, 0, 0, 1};
  static constexpr double kBT[36] = {
      225 / 256., 0,         -169 / 64., 0,       1, 0, 0, -45 / 32.,  -9 / 4.,   5 / 8.,     1, 0,
      0,          45 / 32.,  -9 / 4.,    -5 / 8., 1, 0, 0, -75 / 128., -25 / 64., 3 / 2.,     1, 0,
      0,          75 / 128., -25 / 64.,  -3 / 2., 1, 0, 0, 225 / 256., 0,         -169 / 64., 0, 1};
  static constexpr double kG[18] = {256 / 225.,
                                    0,
                                    0,
                                    -2048 / 2975.,
                                    -256 / 595.,
                                    -32 / 119.,
                                    -2048 / 2975.,
                                    256 / 595.,
                                    -32 / 119.,
                                    128 / 1071.,
                                    64 / 357.,
                                    32 / 119.,
                                    128 / 1071.,
                                    -64 / 357.,
                                    32 / 119.,
                                    0,
                                    0,
                                    1};
  static constexpr double kGT[18] = {256 / 225., -2048 / 2975., -2048 / 2975., 128 / 1071., 128 / 1071., 0,
                                     0,          -256 / 595.,   256 / 595.,    64 / 357.,   -64 / 357.,  0,
                                     0,          -32 / 119.,    -32 / 119.,    32 / 119.,   32 / 119.,   1};
  static constexpr double kAT[24] = {1,       1,      1,       1,          1,           0,        0,        5 / 8.,
                                     -5 / 8., 3 / 2., -3 / 2., 0,          0,           25 / 64., 25 / 64., 9 / 4.,
                                     9 / 4.,  0,      0,       125 / 512., -125 / 512., 27 / 8.,  -27 / 8., 1};
  static constexpr double kA[24] = {1, 0,       0,        0,           1, 5 / 8., 25 / 64., 125 / 512.,
                                    1, -5 / 8., 25 / 64., -125 / 512., 1, 3 / 2., 9 / 4.,   27 / 8.,
                                    1, -3 / 2., 9 / 4.,   -27 / 8.,    0, 0,      0,        1};

  static void add_products(const double* a, const double* b, int64_t rows, int64_t cols, double* to) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < cols; ++j) to[i * cols + j] += a[i] * b[j];
    }
  }

  template <class F>
  void each_tile(int64_t h, int64_t w, F f) const {
    for (int64_t image = 0; image < s_.n; ++image) {
      for (int64_t r = 0; r < s_.down * h; ++r) {
        const int64_t row = r / h + r % h * out_size() * s_.down;  // tile r % h of phase r / h
        for (int64_t c = 0; row < h && c < s_.across * w; ++c) {
          const int64_t col = c / w + c % w * out_size() * s_.across;
          if (col < w) f(image, row, col);
        }
      }
    }
  }

  /// [rows * rows][c]: the transformed absolute values of size x size pixels.
  std::vector<double> patches(const float* data, int64_t image, int64_t h, int64_t w, int64_t c, int64_t row,
                              int64_t col, int size, const double* matrix, int rows) const {
    std::vector<double> result(size_t(rows * rows * c));
    for (int64_t channel = 0; channel < c; ++channel) {
      double in[36] = {}, out[36];
      for (int i = 0; i < size; ++i) {
        for (int j = 0; j < size; ++j) {
          const int64_t y = row + i * s_.down, x = col + j * s_.across;
          if (y >= 0 && x >= 0 && y < h && x < w) in[i * size + j] = data[((image * h + y) * w + x) * c + channel];
        }
      }
      absolute_2d(matrix, rows, size, in, out);
      for (int p = 0; p < rows * rows; ++p) result[size_t(p * c + channel)] = out[p];
    }
    return result;
  }

  template <class Weight>
  void correlate(const float* in, int64_t ih, int64_t iw, int64_t k_count, int64_t top, int64_t left, int64_t oh,
                 int64_t ow, int64_t o_count, Weight weight) {
    exact.assign(size_t(s_.n * oh * ow * o_count), 0);
    bound.assign(exact.size(), 0);
    std::vector<double> taps(size_t(taps2() * k_count * o_count)), u(size_t(positions() * k_count * o_count));
    for (int64_t i = 0; i < k_count * o_count; ++i) {
      double g[9], out[36];
      for (int tap = 0; tap < taps2(); ++tap) {
        g[tap] = taps[size_t(tap * k_count * o_count + i)] = weight(tap, i / o_count, i % o_count);
      }
      absolute_2d(small() ? kSmallG : kG, in_size(), int(s_.taps), g, out);
      for (int p = 0; p < positions(); ++p) u[size_t(p * k_count * o_count + i)] = out[p];
    }
    for (int64_t pixel = 0; pixel < s_.n * oh * ow; ++pixel) {
      double* const to = &exact[size_t(pixel * o_count)];
      for (int64_t tap = 0; tap < taps2(); ++tap) {
        const int64_t row = pixel / ow % oh + tap / s_.taps * s_.down + top;
        const int64_t col = pixel % ow + tap % s_.taps * s_.across + left;
        if (row < 0 || col < 0 || row >= ih || col >= iw) continue;
        const float* const from = in + ((pixel / (oh * ow) * ih + row) * iw + col) * k_count;
        for (int64_t k = 0; k < k_count; ++k) {
          const double* const g = &taps[size_t((tap * k_count + k) * o_count)];
          for (int64_t o = 0; o < o_count; ++o) to[o] += from[k] * g[o];
        }
      }
    }
    const double roundings = double(k_count) + (small() ? 10 : 20);  // two for bias and activation
    std::vector<double> m(size_t(positions() * o_count));
    each_tile(oh, ow, [&](int64_t image, int64_t row, int64_t col) {
      const std::vector<double> v =
          patches(in, image, ih, iw, k_count, row + top, col + left, in_size(), small() ? kSmallBT : kBT, in_size());
      std::fill(m.begin(), m.end(), 0.0);
      for (int64_t p = 0; p < positions(); ++p) {
        for (int64_t k = 0; k < k_count; ++k) {
          add_products(&v[size_t(p * k_count + k)], &u[size_t((p * k_count + k) * o_count)], 1, o_count,
                       &m[size_t(p * o_count)]);
        }
      }
      for (int64_t o = 0; o < o_count; ++o) {
        double products[36], out[16];
        for (int p = 0; p < positions(); ++p) products[p] = m[size_t(p * o_count + o)];
        absolute_2d(small() ? kSmallAT : kAT, out_size(), in_size(), products, out);
        for (int64_t i = 0; i < out_size() * out_size(); ++i) {
          const int64_t y = row + i / out_size() * s_.down, x = col + i % out_size() * s_.across;
          if (y < oh && x < ow) bound[size_t(((image * oh + y) * ow + x) * o_count + o)] = roundings * kU * out[i];
        }
      }
    });
  }

  const WinogradCase s_;
};

}  // namespace lanewise::test
