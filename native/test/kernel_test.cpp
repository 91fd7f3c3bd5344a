// conv2d, linear and gemm on every instruction set of this machine, 1, 2 and 7 threads, against the definition of
// their arithmetic (chains of fused multiply-adds), bit for bit. Zeros compare equal whatever their sign.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../generated/op_table.h"
#include "op_runner.h"

using namespace lanewise;
using lanewise::test::Buffer;
using lanewise::test::Random;
using lanewise::test::run_op;

namespace {

struct Conv {
  int64_t n, ih, iw, c, kh, kw, o;
  int32_t sh = 1, sw = 1, top = 0, left = 0, bottom = 0, right = 0, dh = 1, dw = 1, groups = 1;

  int64_t oh() const { return (ih + top + bottom - (kh - 1) * dh - 1) / sh + 1; }
  int64_t ow() const { return (iw + left + right - (kw - 1) * dw - 1) / sw + 1; }
  bool valid() const {
    return ih + top + bottom > (kh - 1) * dh && iw + left + right > (kw - 1) * dw && c % groups == 0 && o % groups == 0;
  }
  std::string text() const {
    char line[200];
    std::snprintf(line, sizeof line,
                  "x[%d,%d,%d,%d] w[%d,%d,%d,%d] stride %d,%d pad %d,%d,%d,%d dilation %d,%d groups %d", int(n), int(ih),
                  int(iw), int(c), int(kh), int(kw), int(c / groups), int(o), sh, sw, top, left, bottom, right, dh, dw,
                  groups);
    return line;
  }
};

/// Visits every (output pixel, tap) whose input lies inside x, in the order of the definition.
template <class F>
void each_tap(const Conv& s, F f) {
  for (int64_t image = 0; image < s.n; ++image) {
    for (int64_t oh = 0; oh < s.oh(); ++oh) {
      for (int64_t ow = 0; ow < s.ow(); ++ow) {
        for (int64_t r = 0; r < s.kh; ++r) {
          for (int64_t t = 0; t < s.kw; ++t) {
            const int64_t ih = oh * s.sh - s.top + r * s.dh;
            const int64_t iw = ow * s.sw - s.left + t * s.dw;
            if (ih < 0 || ih >= s.ih || iw < 0 || iw >= s.iw) continue;
            f((image * s.ih + ih) * s.iw + iw, (image * s.oh() + oh) * s.ow() + ow, r * s.kw + t);
          }
        }
      }
    }
  }
}

float activate(float v, int activation, float slope) {
  if (activation == 1) return v < 0 ? 0 : v;
  if (activation == 2) return v < 0 ? v * slope : v;
  return v;
}

void reference_forward(const Conv& s, const float* x, const float* w, const float* b, int activation, float slope,
                       float* y) {
  const int64_t cg = s.c / s.groups, og = s.o / s.groups, pixels = s.n * s.oh() * s.ow();
  std::memset(y, 0, static_cast<size_t>(pixels * s.o) * 4);
  each_tap(s, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t o = 0; o < s.o; ++o) {
      float& acc = y[out * s.o + o];
      for (int64_t k = 0; k < cg; ++k) acc = std::fmaf(x[in * s.c + o / og * cg + k], w[(tap * cg + k) * s.o + o], acc);
    }
  });
  for (int64_t i = 0; i < pixels * s.o; ++i) {
    y[i] = activate(b == nullptr ? y[i] : y[i] + b[i % s.o], activation, slope);
  }
}

void reference_dx(const Conv& s, const float* dy, const float* w, float* dx) {
  const int64_t cg = s.c / s.groups, og = s.o / s.groups;
  for (int64_t image = 0; image < s.n; ++image) {
    for (int64_t ih = 0; ih < s.ih; ++ih) {
      for (int64_t iw = 0; iw < s.iw; ++iw) {
        for (int64_t c = 0; c < s.c; ++c) {
          float acc = 0;
          for (int64_t r = 0; r < s.kh; ++r) {
            for (int64_t t = 0; t < s.kw; ++t) {
              const int64_t oh = ih + s.top - r * s.dh, ow = iw + s.left - t * s.dw;
              if (oh < 0 || ow < 0 || oh % s.sh != 0 || ow % s.sw != 0) continue;
              if (oh / s.sh >= s.oh() || ow / s.sw >= s.ow()) continue;
              const int64_t pixel = (image * s.oh() + oh / s.sh) * s.ow() + ow / s.sw;
              for (int64_t o = c / cg * og; o < (c / cg + 1) * og; ++o) {
                acc = std::fmaf(dy[pixel * s.o + o], w[((r * s.kw + t) * cg + c % cg) * s.o + o], acc);
              }
            }
          }
          dx[((image * s.ih + ih) * s.iw + iw) * s.c + c] = acc;
        }
      }
    }
  }
}

void reference_dw(const Conv& s, const float* x, const float* dy, float* dw) {
  const int64_t cg = s.c / s.groups, og = s.o / s.groups, count = s.kh * s.kw * cg * s.o;
  const int64_t segment = s.ow() < 1024 ? s.ow() : 1024;
  const int64_t per_row = (s.ow() + 1023) / 1024;
  const int64_t per_block = 1024 / segment > 1 ? 1024 / segment : 1;
  std::vector<float> block(static_cast<size_t>(count));
  int64_t current = -1;
  std::memset(dw, 0, static_cast<size_t>(count) * 4);
  const auto flush = [&](int64_t next) {
    if (current >= 0) {
      for (int64_t i = 0; i < count; ++i) dw[i] = current == 0 ? block[size_t(i)] : dw[i] + block[size_t(i)];
    }
    block.assign(block.size(), 0.0f);
    current = next;
  };
  // A block that only sees padding still adds its zeros, which changes nothing.
  each_tap(s, [&](int64_t in, int64_t out, int64_t tap) {
    const int64_t index = (out / s.ow() * per_row + out % s.ow() / 1024) / per_block;
    if (index != current) flush(index);
    for (int64_t k = 0; k < cg; ++k) {
      for (int64_t o = 0; o < s.o; ++o) {
        float& acc = block[size_t((tap * cg + k) * s.o + o)];
        acc = std::fmaf(x[in * s.c + o / og * cg + k], dy[out * s.o + o], acc);
      }
    }
  });
  flush(-1);
}

int failures = 0;
int checks = 0;

void check(const char* what, const std::string& text, const char* isa, int threads, const char* complaint,
           const Buffer& got, const Buffer& wanted) {
  ++checks;
  std::string problem = complaint == nullptr ? "" : complaint;
  for (int64_t i = 0; problem.empty() && i < got.count(); ++i) {
    const float a = got.data()[i], b = wanted.data()[i];
    if (a == b) continue;
    char line[120];
    std::snprintf(line, sizeof line, "element %lld is %.9g, must be %.9g", static_cast<long long>(i), a, b);
    problem = line;
  }
  if (problem.empty()) return;
  if (++failures <= 20) {
    std::printf("FAIL %s %s %d threads, %s: %s\n", what, isa, threads, text.c_str(), problem.c_str());
  }
}

struct Levels {
  const Kernels* table[4];
  int count;
};

template <class F>
void on_every_level(const Levels& levels, F f) {
  for (int i = 0; i < levels.count; ++i) {
    for (const int threads : {1, 2, 7}) {
      Parallel parallel(threads);
      f(*levels.table[i], parallel);
    }
  }
}

void test_conv(const Conv& s, Random& random, const Levels& levels) {
  Buffer x({s.n, s.ih, s.iw, s.c}), w({s.kh, s.kw, s.c / s.groups, s.o}), b({s.o}), y({s.n, s.oh(), s.ow(), s.o});
  Buffer dx({s.n, s.ih, s.iw, s.c}), dw({s.kh, s.kw, s.c / s.groups, s.o}), dy({s.n, s.oh(), s.ow(), s.o});
  random.fill(x);
  random.fill(w);
  random.fill(b);
  random.fill(dy);
  const int activation = static_cast<int>(random.below(3));
  const bool bias = random.below(2) == 0;
  const float slope = 0.125f;
  reference_forward(s, x.data(), w.data(), bias ? b.data() : nullptr, activation, slope, y.data());
  reference_dx(s, dy.data(), w.data(), dx.data());
  reference_dw(s, x.data(), dy.data(), dw.data());
  Buffer y_got({s.n, s.oh(), s.ow(), s.o}), dx_got({s.n, s.ih, s.iw, s.c}), dw_got({s.kh, s.kw, s.c / s.groups, s.o});
  const Conv2dAttrs attrs = {s.sh, s.sw, s.top, s.left, s.bottom, s.right, s.dh, s.dw, s.groups, activation, slope};
  const Conv2dDxAttrs dx_attrs = {s.sh, s.sw,    s.top,     s.left,          s.bottom,       s.right,
                                  s.dh, s.dw,    s.groups,  int32_t(s.ih), int32_t(s.iw)};
  const Conv2dDwAttrs dw_attrs = {s.sh, s.sw,    s.top,     s.left,          s.bottom,       s.right,
                                  s.dh, s.dw,    s.groups,  int32_t(s.kh), int32_t(s.kw)};
  on_every_level(levels, [&](const Kernels& kernels, Parallel& parallel) {
    const int threads = parallel.threads();
    const char* wrong =
        run_op(conv2d_impl, {&x, &w, bias ? &b : nullptr}, y_got, &attrs, kernels, parallel);
    check("conv2d", s.text(), kernels.isa, threads, wrong, y_got, y);
    wrong = run_op(conv2d_dx_impl, {&dy, &w}, dx_got, &dx_attrs, kernels, parallel);
    check("conv2d_dx", s.text(), kernels.isa, threads, wrong, dx_got, dx);
    wrong = run_op(conv2d_dw_impl, {&x, &dy}, dw_got, &dw_attrs, kernels, parallel);
    check("conv2d_dw", s.text(), kernels.isa, threads, wrong, dw_got, dw);
  });
}

void test_matrix(int64_t m, int64_t k, int64_t n, Random& random, const Levels& levels) {
  const Conv s = {1, 1, m, k, 1, 1, n};
  Buffer x({m, k}), w({k, n}), b({n}), y({m, n}), dy({m, n}), dx({m, k}), dw({k, n}), w_t({n, k}), dy_t({n, m});
  random.fill(x);
  random.fill(w);
  random.fill(b);
  random.fill(dy);
  for (int64_t i = 0; i < k * n; ++i) w_t.data()[i % n * k + i / n] = w.data()[i];
  for (int64_t i = 0; i < m * n; ++i) dy_t.data()[i % n * m + i / n] = dy.data()[i];
  reference_forward(s, x.data(), w.data(), b.data(), 1, 0, y.data());
  reference_dx(s, dy.data(), w.data(), dx.data());
  reference_dw(s, x.data(), dy.data(), dw.data());
  Buffer plain({m, n});
  reference_forward(s, x.data(), w.data(), nullptr, 0, 0, plain.data());
  Buffer y_got({m, n}), dx_got({m, k}), dw_got({k, n});
  const std::string text = std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n);
  on_every_level(levels, [&](const Kernels& kernels, Parallel& parallel) {
    const int threads = parallel.threads();
    const LinearAttrs attrs = {1, 0.0f};
    const GemmAttrs nn = {0, 0}, nt = {0, 1}, tn = {1, 0}, tt = {1, 1};
    const char* wrong = run_op(linear_impl, {&x, &w, &b}, y_got, &attrs, kernels, parallel);
    check("linear", text, kernels.isa, threads, wrong, y_got, y);
    wrong = run_op(linear_dx_impl, {&dy, &w}, dx_got, nullptr, kernels, parallel);
    check("linear_dx", text, kernels.isa, threads, wrong, dx_got, dx);
    wrong = run_op(linear_dw_impl, {&x, &dy}, dw_got, nullptr, kernels, parallel);
    check("linear_dw", text, kernels.isa, threads, wrong, dw_got, dw);
    wrong = run_op(gemm_impl, {&x, &w}, y_got, &nn, kernels, parallel);
    check("gemm nn", text, kernels.isa, threads, wrong, y_got, plain);
    wrong = run_op(gemm_impl, {&x, &w_t}, y_got, &nt, kernels, parallel);
    check("gemm nt", text, kernels.isa, threads, wrong, y_got, plain);
    wrong = run_op(gemm_impl, {&x, &dy}, dw_got, &tn, kernels, parallel);
    check("gemm tn", text, kernels.isa, threads, wrong, dw_got, dw);
    wrong = run_op(gemm_impl, {&x, &dy_t}, dw_got, &tt, kernels, parallel);
    check("gemm tt", text, kernels.isa, threads, wrong, dw_got, dw);
  });
}

Conv random_conv(Random& random) {
  for (;;) {
    Conv s = {};
    s.groups = random.below(3) == 0 ? int32_t(1 + random.below(6)) : 1;
    s.n = 1 + random.below(5);
    s.ih = 1 + random.below(14);
    s.iw = 1 + random.below(20);
    s.kh = 1 + random.below(5);
    s.kw = 1 + random.below(5);
    s.c = s.groups * (1 + random.below(random.below(3) == 0 ? 40 : 6));
    s.o = s.groups * (1 + random.below(random.below(2) == 0 ? 80 : 8));
    s.sh = int32_t(1 + random.below(3));
    s.sw = int32_t(1 + random.below(3));
    s.dh = int32_t(1 + random.below(2));
    s.dw = int32_t(1 + random.below(2));
    if (random.below(2) == 0) {
      s.top = int32_t(random.below(4));
      s.left = int32_t(random.below(4));
      s.bottom = int32_t(random.below(4));
      s.right = int32_t(random.below(4));
    }
    if (s.valid() && s.n * s.oh() * s.ow() * s.kh * s.kw * s.c / s.groups * s.o < 2000000) return s;
  }
}

}  // namespace

/// Arguments: how many random convolutions (default 60), and which level ("all" by default).
int main(int argc, char** argv) {
  const int64_t random_cases = argc > 1 ? std::atoll(argv[1]) : 60;
  Levels levels = {};
  levels.count = usable_kernels(levels.table);
  if (argc > 2 && std::strcmp(argv[2], "all") != 0) {
    levels.table[0] = kernels_for(argv[2]);
    levels.count = levels.table[0] == nullptr ? 0 : 1;
  }
  if (levels.count == 0) return std::printf("no such level here\n"), 2;
  Random random(7);

  const Conv cases[] = {
      {1, 1, 1, 1, 1, 1, 1},
      {2, 28, 28, 1, 5, 5, 6, 1, 1, 2, 2, 2, 2},
      {3, 14, 14, 6, 5, 5, 16},
      {9, 7, 7, 32, 3, 3, 33, 1, 1, 1, 1, 1, 1},
      {2, 9, 9, 20, 3, 3, 64, 2, 2, 1, 1, 1, 1},
      {1, 12, 12, 8, 3, 3, 70, 1, 1, 2, 2, 2, 2, 2, 2},
      {2, 10, 11, 4, 8, 8, 32, 4, 4, 3, 0, 2, 5},
      {1, 13, 13, 3, 7, 7, 24, 2, 2, 3, 3, 3, 3},
      {2, 9, 9, 48, 1, 1, 40},
      {2, 9, 9, 24, 1, 1, 48, 2, 2},
      {2, 8, 8, 12, 3, 3, 12, 1, 1, 1, 1, 1, 1, 1, 1, 12},
      {2, 9, 9, 19, 3, 3, 38, 2, 2, 1, 0, 1, 2, 1, 1, 19},
      {2, 8, 8, 32, 3, 3, 64, 1, 1, 1, 1, 1, 1, 1, 1, 4},
      {1, 1, 2500, 3, 1, 9, 5, 1, 1, 0, 4, 0, 4},
      {1, 2, 3000, 2, 2, 3, 18, 1, 2, 1, 1, 0, 1},
      {1, 5, 5, 2, 2, 2, 3, 9, 7},
      {40, 8, 8, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1},
      {1, 4, 4, 2, 3, 3, 2, 1, 1, 6, 5, 4, 7},
      {1, 20, 3, 2, 2, 2, 3, 1, 1, 0, 0, 0, 0, 15, 2},
      // Several reduction blocks: partial sums per block with chunks inside, and few blocks with many weights.
      {5, 30, 31, 96, 3, 3, 4, 1, 1, 1, 1, 1, 1},
      {5, 30, 31, 70, 1, 1, 64},
      {1, 33, 32, 112, 3, 3, 100, 1, 1, 1, 1, 1, 1},
      // Pixels a multiple of 2 or 4 KiB apart.
      {2, 5, 5, 1024, 1, 1, 200},
      {1, 6, 6, 256, 3, 3, 65, 1, 2, 1, 1, 1, 1},
  };
  for (const Conv& s : cases) test_conv(s, random, levels);
  for (int64_t i = 0; i < random_cases; ++i) test_conv(random_conv(random), random, levels);
  const int64_t matrices[][3] = {{1, 1, 1},    {1, 100, 10},  {64, 84, 10},   {7, 33, 65}, {30, 17, 100},
                                 {129, 40, 37}, {2050, 5, 9}, {1025, 20, 70}, {3, 200, 128}, {40, 70, 130}};
  for (const auto& m : matrices) test_matrix(m[0], m[1], m[2], random, levels);

  std::printf("%d checks, %d failures\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
