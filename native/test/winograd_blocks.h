// A strided convolution whose kernel is twice its stride, as one with stride 1 and 2x2 taps over blocks of pixels: how
// the tensors of the one lie in those of the other. Written for the tests, element by element.
#pragma once

#include <vector>

#include "winograd_reference.h"

namespace lanewise::test {

/// f(element of the blocked tensor, element of x): the pixels of x that blocks have.
template <class F>
void each_input(const WinogradCase& s, F f) {
  const WinogradCase b = s.of_blocks();
  for (int64_t i = 0; i < b.n * b.ih * b.iw * b.c; ++i) {
    const int64_t c = i % s.c, q = i / s.c % s.block_w, r = i / (s.c * s.block_w) % s.block_h;
    const int64_t col = i / b.c % b.iw * s.block_w + q - s.left;
    const int64_t row = i / (b.c * b.iw) % b.ih * s.block_h + r - s.top;
    const int64_t image = i / (b.c * b.iw * b.ih);
    if (row < 0 || col < 0 || row >= s.ih || col >= s.iw) continue;
    f(i, ((image * s.ih + row) * s.iw + col) * s.c + c);
  }
}

/// f(element of w[2][2][block channel][o], element of w[kh][kw][c][o]).
template <class F>
void each_weight(const WinogradCase& s, F f) {
  const int64_t o = s.o;
  const int64_t count = 4 * s.c * s.block_h * s.block_w * o;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t c = i / o % s.c, q = i / (o * s.c) % s.block_w, r = i / (o * s.c * s.block_w) % s.block_h;
    const int64_t tap = i / (o * s.c * s.block_w * s.block_h);
    const int64_t kh = tap / 2 * s.block_h + r, kw = tap % 2 * s.block_w + q;
    f(i, ((kh * s.kw() + kw) * s.c + c) * o + i % o);
  }
}

/// The three passes as WinogradReference has them, for any stride.
class WinogradReferenceOfAny {
 public:
  explicit WinogradReferenceOfAny(const WinogradCase& s)
      : s_(s), blocks_(s.taps == 2 ? s.of_blocks() : s), of_(blocks_) {}

  std::vector<double> exact, bound;

  void forward(WinogradForm form, const float* x, const float* w, const float* b, int activation, float slope) {
    of_.forward(form, input(x).data(), weights(w).data(), b, activation, slope);
    take();
  }
  void input_gradient(WinogradForm form, const float* dy, const float* w, const float* b, int activation, float slope) {
    of_.input_gradient(form, dy, weights(w).data());
    if (s_.taps == 3) {
      take();
    } else {
      exact.assign(size_t(s_.n * s_.ih * s_.iw * s_.c), 0);
      bound = exact;
      each_input(s_, [&](int64_t from, int64_t to) { copy(from, to); });
    }
    end_pass(exact, bound, b, s_.c, activation, slope);
  }
  void weight_gradient(WinogradForm form, const float* x, const float* dy) {
    of_.weight_gradient(form, input(x).data(), dy);
    if (s_.taps == 3) return take();
    exact.assign(of_.exact.size(), 0);
    bound = exact;
    each_weight(s_, [&](int64_t from, int64_t to) { copy(from, to); });
  }

 private:
  void take() {
    exact = of_.exact;
    bound = of_.bound;
  }
  void copy(int64_t from, int64_t to) {
    exact[size_t(to)] = of_.exact[size_t(from)];
    bound[size_t(to)] = of_.bound[size_t(from)];
  }
  std::vector<float> input(const float* x) const {
    std::vector<float> result(size_t(blocks_.n * blocks_.ih * blocks_.iw * blocks_.c));
    if (s_.taps == 3) result.assign(x, x + result.size());
    if (s_.taps == 2) each_input(s_, [&](int64_t to, int64_t from) { result[size_t(to)] = x[from]; });
    return result;
  }
  std::vector<float> weights(const float* w) const {
    std::vector<float> result(size_t(s_.kh() * s_.kw() * s_.c * s_.o));
    if (s_.taps == 3) result.assign(w, w + result.size());
    if (s_.taps == 2) each_weight(s_, [&](int64_t to, int64_t from) { result[size_t(to)] = w[from]; });
    return result;
  }

  const WinogradCase s_, blocks_;
  WinogradReference of_;
};

}  // namespace lanewise::test
