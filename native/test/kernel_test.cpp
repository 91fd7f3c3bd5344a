// conv2d, linear and gemm on every instruction set of this machine, 1, 2 and 7 threads, against the definition of
// their arithmetic (chains of fused multiply-adds), bit for bit. Zeros compare equal whatever their sign.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../generated/op_table.h"
#include "conv_reference.h"
#include "op_runner.h"

using namespace lanewise;
using lanewise::test::Buffer;
using lanewise::test::Conv;
using lanewise::test::Random;
using lanewise::test::reference_dw;
using lanewise::test::reference_dx;
using lanewise::test::reference_forward;
using lanewise::test::run_op;

namespace {

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
  Buffer x({s.n, s.ih, s.iw, s.c}), w({s.kh, s.kw, s.c / s.groups, s.o}), b({s.o}), dx_b({s.c});
  Buffer y({s.n, s.oh(), s.ow(), s.o});
  Buffer dx({s.n, s.ih, s.iw, s.c}), dw({s.kh, s.kw, s.c / s.groups, s.o}), dy({s.n, s.oh(), s.ow(), s.o});
  random.fill(x);
  random.fill(w);
  random.fill(b);
  random.fill(dx_b);
  random.fill(dy);
  const int activation = static_cast<int>(random.below(3));
  const bool bias = random.below(2) == 0;
  const float slope = 0.125f;
  reference_forward(s, x.data(), w.data(), bias ? b.data() : nullptr, activation, slope, y.data());
  reference_dx(s, dy.data(), w.data(), bias ? dx_b.data() : nullptr, activation, slope, dx.data());
  reference_dw(s, x.data(), dy.data(), dw.data());
  Buffer y_got({s.n, s.oh(), s.ow(), s.o}), dx_got({s.n, s.ih, s.iw, s.c}), dw_got({s.kh, s.kw, s.c / s.groups, s.o});
  const Conv2dAttrs attrs = {s.sh, s.sw, s.top, s.left, s.bottom, s.right, s.dh, s.dw, s.groups, activation, slope};
  const Conv2dDxAttrs dx_attrs = {s.sh, s.sw,     s.top,         s.left,        s.bottom,   s.right, s.dh,
                                  s.dw, s.groups, int32_t(s.ih), int32_t(s.iw), activation, slope};
  const Conv2dDwAttrs dw_attrs = {s.sh, s.sw, s.top,    s.left,        s.bottom,     s.right,
                                  s.dh, s.dw, s.groups, int32_t(s.kh), int32_t(s.kw)};
  on_every_level(levels, [&](const Kernels& kernels, Parallel& parallel) {
    const int threads = parallel.threads();
    const char* wrong = run_op(conv2d_impl, {&x, &w, bias ? &b : nullptr}, y_got, &attrs, kernels, parallel);
    check("conv2d", s.text(), kernels.isa, threads, wrong, y_got, y);
    wrong = run_op(conv2d_dx_impl, {&dy, &w, bias ? &dx_b : nullptr}, dx_got, &dx_attrs, kernels, parallel);
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
  reference_dx(s, dy.data(), w.data(), nullptr, 0, 0, dx.data());
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
    s.n = 1 + random.below(random.below(4) == 0 ? 40 : 5);
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

void expect(bool holds, const char* what) {
  ++checks;
  if (!holds && ++failures <= 20) std::printf("FAIL %s\n", what);
}

/// A plan may hold any numbers: what does not fit is refused, and nothing overflows on the way.
void test_refusals(const Kernels& kernels) {
  constexpr int32_t kMost = 2147483647;
  const Conv2dAttrs good = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
  Tensor x = {nullptr, 4, kF32, {2, 8, 8, 4, 1, 1}, 512};
  Tensor w = {nullptr, 4, kF32, {3, 3, 4, 6, 1, 1}, 216};
  Tensor b = {nullptr, 1, kF32, {6, 1, 1, 1, 1, 1}, 6};
  Tensor y = {nullptr, 4, kF32, {2, 8, 8, 6, 1, 1}, 768};
  const Tensor* inputs[] = {&x, &w, &b};
  const auto refused = [&](const Conv2dAttrs& attrs) {
    return conv2d_impl.verify(OpArgs{inputs, 3, &y, 1, &attrs, kExact}) != nullptr;
  };
  expect(!refused(good), "a good convolution must pass");
  for (int32_t Conv2dAttrs::*field :
       {&Conv2dAttrs::stride_h, &Conv2dAttrs::stride_w, &Conv2dAttrs::pad_top, &Conv2dAttrs::pad_left,
        &Conv2dAttrs::pad_bottom, &Conv2dAttrs::pad_right, &Conv2dAttrs::dilation_h, &Conv2dAttrs::dilation_w,
        &Conv2dAttrs::groups, &Conv2dAttrs::activation}) {
    for (const int32_t value : {-1, 3, kMost, -kMost - 1}) {
      Conv2dAttrs bad = good;
      bad.*field = value;
      expect(refused(bad), "an attribute that does not fit the shapes must be refused");
    }
  }
  for (Tensor* tensor : {&x, &w, &y}) {
    const Tensor before = *tensor;
    for (int axis = 0; axis < 4; ++axis) {
      // A shorter kernel still fits when the map grows with it, which it does not here.
      for (const int64_t size : {int64_t{1}, before.dims[axis] + 1, int64_t{kMost}}) {
        tensor->dims[axis] = size;
        expect(refused(good), "a dimension that does not fit must be refused");
        *tensor = before;
      }
    }
    tensor->rank = 3;
    expect(refused(good), "a wrong rank must be refused");
    tensor->rank = 4;
    tensor->dtype = kI32;
    expect(refused(good), "a wrong dtype must be refused");
    *tensor = before;
  }
  b.count = 5;
  expect(refused(good), "a short bias must be refused");

  // A row of the padded input that no memory can hold.
  const Conv2dAttrs wide = {1, 1, 0, kMost, 0, kMost, 1, kMost, 1, 0, 0};
  Tensor wide_x = {nullptr, 4, kF32, {1, 1, 1, 4096, 1, 1}, 4096};
  Tensor wide_w = {nullptr, 4, kF32, {1, 3, 4096, 1, 1, 1}, 12288};
  Tensor wide_y = {nullptr, 4, kF32, {1, 1, 1, 1, 1, 1}, 1};
  const Tensor* wide_inputs[] = {&wide_x, &wide_w, nullptr};
  const OpArgs args = {wide_inputs, 3, &wide_y, 1, &wide, kExact};
  expect(conv2d_impl.verify(args) == nullptr && conv2d_impl.workspace_bytes(args, kernels, 512) < 0,
         "a scratch that is too large must be refused");
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
  test_refusals(*levels.table[0]);

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
      {1, 3, 513, 105, 3, 3, 105, 1, 1, 1, 1, 1, 1},
      // Kernel rows of few positions in many blocks: several rows to a register tile.
      {9, 23, 25, 1, 5, 5, 6, 1, 1, 2, 2, 2, 2},
      {6, 30, 31, 1, 7, 3, 32, 1, 1, 1, 1, 0, 1},
      {6, 31, 30, 1, 4, 4, 20, 1, 1, 3, 1, 0, 1, 2, 1},
      {12, 23, 25, 4, 5, 2, 18, 1, 1, 2, 1, 1, 1, 1, 1, 2},
      {12, 40, 50, 3, 4, 1, 7, 2, 2},
      // The same without padding: taps that are neighbours or not, chunks that end inside a row.
      {3, 36, 37, 24, 3, 3, 40, 1, 1, 0, 0, 0, 0, 2, 2},
      {2, 40, 41, 130, 2, 3, 70, 2, 2},
      {1, 2, 1500, 60, 2, 3, 33, 1, 1},
      // Pixels a multiple of 2 or 4 KiB apart.
      {2, 5, 5, 1024, 1, 1, 200},
      {1, 6, 6, 256, 3, 3, 65, 1, 2, 1, 1, 1, 1},
  };
  for (const Conv& s : cases) test_conv(s, random, levels);
  // Outputs written around the caches, all of them and dx.
  if (test::kLargeOutputs) {
    test_conv({1, 513, 512, 16, 3, 3, 16, 1, 1, 1, 1, 1, 1, 1, 1, 16}, random, levels);
    test_conv({1, 513, 512, 16, 3, 3, 16, 2, 2, 1, 1, 1, 1, 1, 1, 16}, random, levels);
  }
  // Few columns, vectorised over pixels: of a row, or over images where there are enough; dw over pairs of taps.
  const Conv planar_cases[] = {
      {1, 24, 40, 20, 3, 3, 7, 1, 1, 1, 1, 1, 1},     {2, 31, 37, 2, 7, 7, 24, 2, 2, 3, 3, 3, 3},
      {3, 1, 333, 1, 1, 9, 20, 1, 1, 0, 4, 0, 4},     {2, 9, 50, 5, 3, 3, 3, 1, 3, 4, 9, 0, 2, 2, 2},
      {37, 10, 9, 4, 5, 5, 5, 1, 1, 4, 4, 4, 4},      {33, 12, 11, 8, 3, 5, 24, 2, 2, 1, 2, 0, 1, 1, 1, 4},
      {18, 7, 8, 1, 4, 4, 3, 3, 2, 2, 1, 3, 2, 2, 1}, {65, 6, 6, 1, 3, 3, 8, 1, 1, 1, 1, 1, 1},
      {17, 20, 19, 64, 3, 3, 2, 1, 1, 1, 1, 1, 1},    {1, 5, 900, 70, 5, 5, 1, 1, 1, 2, 2, 2, 2},
      {9, 23, 25, 1, 4, 4, 4, 1, 1, 1, 1, 1, 1},      {9, 24, 23, 1, 6, 3, 2, 2, 1, 1, 1, 1, 1},
      {9, 23, 25, 1, 7, 5, 8, 1, 2, 2, 2, 2, 2},      {9, 22, 25, 1, 5, 5, 3, 1, 1, 2, 2, 2, 2},
  };
  for (const Conv& s : planar_cases) test_conv(s, random, levels);
  // Groups of few channels: whole vectors, halves and tails of them, rows in chunks, blocks that end within an image,
  // rows longer than a block, several parts of the groups, maps narrower than the kernel.
  const Conv grouped_cases[] = {
      {3, 28, 28, 32, 3, 3, 32, 1, 1, 1, 1, 1, 1, 1, 1, 4},  {5, 30, 31, 24, 3, 3, 24, 1, 1, 0, 2, 1, 0, 1, 1, 3},
      {3, 13, 37, 12, 3, 3, 9, 1, 1, 1, 0, 2, 2, 1, 1, 3},   {2, 9, 10, 20, 3, 3, 30, 1, 1, 2, 2, 0, 1, 1, 1, 5},
      {1, 3, 2, 16, 3, 3, 16, 1, 1, 2, 2, 2, 2, 1, 1, 2},    {2, 1, 1, 24, 3, 3, 24, 1, 1, 1, 1, 1, 1, 1, 1, 3},
      {1, 2, 2500, 16, 2, 3, 16, 1, 1, 1, 1, 0, 1, 1, 1, 2}, {2, 21, 23, 40, 5, 5, 40, 2, 2, 2, 2, 2, 2, 1, 1, 5},
      {1, 1, 1500, 24, 1, 9, 33, 1, 1, 0, 4, 0, 4, 1, 1, 3}, {1, 40, 130, 64, 3, 3, 32, 1, 1, 1, 1, 1, 1, 1, 1, 2},
      {3, 17, 19, 48, 4, 2, 48, 3, 2, 0, 1, 3, 0, 1, 1, 3},  {2, 12, 11, 352, 3, 3, 352, 1, 1, 1, 1, 1, 1, 1, 1, 44},
      {1, 6, 70, 14, 3, 3, 26, 1, 1, 1, 1, 1, 1, 1, 1, 2},   {1, 9, 5, 10, 2, 5, 2, 1, 1, 0, 5, 1, 6, 1, 1, 2},
      {2, 8, 9, 20, 3, 3, 20, 1, 1, 3, 4, 3, 4, 1, 1, 4},    {2, 7, 15, 66, 3, 3, 22, 1, 2, 1, 1, 1, 1, 1, 1, 2},
  };
  for (const Conv& s : grouped_cases) test_conv(s, random, levels);
  for (int64_t i = 0; i < random_cases; ++i) test_conv(random_conv(random), random, levels);
  const int64_t matrices[][3] = {{1, 1, 1},
                                 {1, 100, 10},
                                 {64, 84, 10},
                                 {7, 33, 65},
                                 {30, 17, 100},
                                 {129, 40, 37},
                                 {2050, 5, 9},
                                 {1025, 20, 70},
                                 {3, 200, 128},
                                 {40, 70, 130},
                                 {700, 70, 1024},
                                 {2060, 130, 200},
                                 // Several blocks of k: weights in place, transposed by the item, packed before.
                                 {40, 2100, 70},
                                 {60, 1024, 100},
                                 {230, 1500, 100},
                                 {700, 1300, 33},
                                 // Few rows that fill panels: turned round where the weights are transposed.
                                 {32, 600, 131}};
  for (const auto& m : matrices) test_matrix(m[0], m[1], m[2], random, levels);

  std::printf("%d checks, %d failures\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
