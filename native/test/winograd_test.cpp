// The three Winograd passes on every instruction set of this machine and 1, 2, 3 and 7 threads: the same bits
// everywhere, and an error against fp64 that stays below the bound of docs/numerics.md. The drivers are called
// directly, so shapes that the selection would leave to the direct algorithm are tested too. Arguments: how many random
// shapes (default 40), and which level ("all" by default).
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../generated/op_table.h"
#include "../ops/winograd.h"
#include "../ops/winograd_tiles.h"
#include "op_runner.h"
#include "winograd_blocks.h"

using namespace lanewise;
using namespace lanewise::test;

namespace {

int failures = 0;
int checks = 0;
uint64_t digest = 0xcbf29ce484222325;  // of all results: to compare machines

void fail(const char* pass, const WinogradCase& s, const char* isa, int threads, const char* problem) {
  if (++failures <= 20) {
    std::printf("FAIL %s %s %d threads, x[%d,%d,%d,%d] o %d pad %d,%d,%d,%d dilation %d,%d kernel %dx%d: %s\n", pass,
                isa, threads, int(s.n), int(s.ih), int(s.iw), int(s.c), int(s.o), int(s.top), int(s.left),
                int(s.bottom), int(s.right), int(s.down), int(s.across), int(s.kh()), int(s.kw()), problem);
  }
}

/// |got - exact| <= bound, elementwise.
void check_error(const char* pass, const WinogradCase& s, const char* isa, const Buffer& got,
                 const std::vector<double>& exact, const std::vector<double>& bound) {
  ++checks;
  double error = 0, norm = 0, worst = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const double difference = got.data()[i] - exact[i];
    error += difference * difference;
    norm += exact[i] * exact[i];
    const double share = std::fabs(difference) / (bound[i] + 1e-300);
    if (!(share <= worst)) worst = share;
  }
  if (!(worst <= 1) && norm > 0) {
    char line[100];
    std::snprintf(line, sizeof line, "an error is %.3g times its bound", worst);
    fail(pass, s, isa, 1, line);
  }
  if (s.report) {
    std::printf("%-9s c %3d o %3d %dx%d n %d: relative L2 error %.2e, worst share of the bound %.3f\n", pass, int(s.c),
                int(s.o), int(s.ih), int(s.iw), int(s.n), std::sqrt(error / norm), worst);
  }
  // Random data: far below the bound, which holds for the worst.
  if (s.c >= 64 && !(std::sqrt(error / norm) <= 2e-6)) fail(pass, s, isa, 1, "the relative L2 error is above 2e-6");
}

struct Levels {
  const Kernels* table[4];
  int count;
};

/// The form that a pass takes.
template <class Shape>
WinogradForm form_of(const Shape& shape) {
  return make_tile_grid(shape.rows, shape.cols, shape.images, shape.k, shape.columns).form;
}

/// Runs `run(kernels, parallel, workspace)` everywhere; the first result is checked against fp64, the others against
/// it.
template <class Workspace, class Run>
void everywhere(const char* pass, const WinogradCase& s, const Levels& levels, Buffer& got,
                const std::vector<double>& exact, const std::vector<double>& bound, Workspace workspace_bytes,
                Run run) {
  std::vector<float> first;
  for (int i = 0; i < levels.count; ++i) {
    for (const int threads : {1, 2, 3, 7}) {
      if (s.report && (i + 1 < levels.count || threads > 2)) continue;
      const Kernels& kernels = *levels.table[i];
      Parallel parallel(threads);
      Buffer workspace({workspace_bytes(kernels, threads) / 4 + 1});
      std::memset(workspace.data(), 0xff, static_cast<size_t>(workspace.count()) * 4);
      std::memset(got.data(), 0xff, static_cast<size_t>(got.count()) * 4);
      run(kernels, parallel, reinterpret_cast<std::byte*>(workspace.data()));
      ++checks;
      if (!workspace.guards_intact()) fail(pass, s, kernels.isa, threads, "wrote outside its workspace");
      if (!got.guards_intact()) fail(pass, s, kernels.isa, threads, "wrote outside its output");
      if (first.empty()) {
        first.assign(got.data(), got.data() + got.count());
        for (float value : first) {
          uint32_t bits;
          if (value == 0) value = 0;  // of either sign
          std::memcpy(&bits, &value, 4);
          digest = (digest ^ bits) * 0x100000001b3;
        }
        check_error(pass, s, kernels.isa, got, exact, bound);
      } else if (std::memcmp(first.data(), got.data(), first.size() * 4) != 0) {
        fail(pass, s, kernels.isa, threads, "other bits than the first level with one thread");
      }
    }
  }
}

void test_case(const WinogradCase& s, Random& random, const Levels& levels) {
  Buffer x({s.n, s.ih, s.iw, s.c}), w({s.kh(), s.kw(), s.c, s.o}), b({s.o}), dx_b({s.c}),
      dy({s.n, s.oh(), s.ow(), s.o});
  for (Buffer* buffer : {&x, &w, &b, &dx_b, &dy}) {
    for (int64_t i = 0; i < buffer->count(); ++i) {
      buffer->data()[i] = s.report ? normal(random) : random.value();
    }
  }
  const ConvShape shape = s.shape();
  WinogradReferenceOfAny reference(s);
  const int32_t activation = s.report ? 0 : static_cast<int32_t>(random.below(3));
  const bool bias = !s.report && random.below(2) == 0;
  const float slope = 0.125f;

  Buffer y({s.n, s.oh(), s.ow(), s.o});
  reference.forward(form_of(shape.forward()), x.data(), w.data(), bias ? b.data() : nullptr, activation, slope);
  const ConvPassData forward = {x.data(), w.data(), bias ? b.data() : nullptr, y.data(), activation, slope};
  const auto run_pass = [](const ConvPass& pass, const ConvPassData& data) {
    return [pass, data](const Kernels& kernels, Parallel& parallel, std::byte* workspace) {
      winograd_pass_run(pass, data, kernels, parallel, workspace);
    };
  };
  const auto size_pass = [](const ConvPass& pass) {
    return [pass](const Kernels& kernels, int threads) { return winograd_pass_workspace(pass, kernels, threads); };
  };
  const ConvPass forward_pass = shape.forward(), dx_pass = shape.dx();
  everywhere("conv2d", s, levels, y, reference.exact, reference.bound, size_pass(forward_pass),
             run_pass(forward_pass, forward));

  Buffer dx({s.n, s.ih, s.iw, s.c});
  // conv2d.cpp adds the bias to blocks of several pixels.
  const bool dx_bias = bias && s.taps == 3;
  reference.input_gradient(form_of(shape.dx()), dy.data(), w.data(), dx_bias ? dx_b.data() : nullptr, activation,
                           slope);
  const ConvPassData backward = {dy.data(), w.data(), dx_bias ? dx_b.data() : nullptr, dx.data(), activation, slope};
  everywhere("conv2d_dx", s, levels, dx, reference.exact, reference.bound, size_pass(dx_pass),
             run_pass(dx_pass, backward));

  Buffer dw({s.kh(), s.kw(), s.c, s.o});
  reference.weight_gradient(form_of(shape.dw()), x.data(), dy.data());
  const ConvDw dw_shape = shape.dw();
  everywhere(
      "conv2d_dw", s, levels, dw, reference.exact, reference.bound,
      [&](const Kernels& kernels, int threads) { return winograd_dw_workspace(dw_shape, kernels, threads); },
      [&](const Kernels& kernels, Parallel& parallel, std::byte* workspace) {
        winograd_dw_run(dw_shape, x.data(), dy.data(), dw.data(), kernels, parallel, workspace);
      });
}

/// conv2d takes Winograd where it pays and numerics are fast, the direct algorithm where they are exact.
void test_selection(Random& random, const Kernels& kernels) {
  const WinogradCase s = {2, 14, 14, 32, 32, 1, 1, 1, 1};
  Buffer x({s.n, s.ih, s.iw, s.c}), w({s.kh(), s.kw(), s.c, s.o}), y({s.n, s.oh(), s.ow(), s.o});
  random.fill(x);
  random.fill(w);
  const ConvPass pass = s.shape().forward();
  const ConvPassData data = {x.data(), w.data(), nullptr, y.data(), kNoActivation, 0.0f};
  const Conv2dAttrs attrs = {1, 1, 1, 1, 1, 1, 1, 1, 1, kNoActivation, 0.0f};
  const Tensor* inputs[3] = {&x.tensor(), &w.tensor(), nullptr};
  Parallel parallel(1);
  const auto run_in = [&](int64_t bytes, auto run) {
    Buffer workspace({bytes / 4 + 1});
    run(reinterpret_cast<std::byte*>(workspace.data()));
    return std::vector<float>(y.data(), y.data() + y.count());
  };
  const auto run_op = [&](Numerics numerics) {
    const OpArgs args = {inputs, 3, &y.tensor(), 1, &attrs, numerics};
    return run_in(conv2d_impl.workspace_bytes(args, kernels, 1), [&](std::byte* workspace) {
      conv2d_impl.run({args, kernels, parallel, workspace});
    });
  };
  const std::vector<float> winograd = run_in(winograd_pass_workspace(pass, kernels, 1), [&](std::byte* workspace) {
    winograd_pass_run(pass, data, kernels, parallel, workspace);
  });
  const std::vector<float> direct = run_in(conv_pass_workspace(pass, kernels, 1), [&](std::byte* workspace) {
    conv_pass_run(pass, data, kernels, parallel, workspace);
  });
  checks += 2;
  if (!winograd_pays(pass) || run_op(kFast) != winograd) fail("conv2d", s, kernels.isa, 1, "fast is not Winograd");
  if (run_op(kExact) != direct || direct == winograd) fail("conv2d", s, kernels.isa, 1, "exact is not direct");

  const WinogradCase strided[] = {{32, 84, 84, 4, 32, 0, 0, 0, 0, false, 1, 1, 2, 4, 4},
                                  {32, 20, 20, 32, 64, 0, 0, 0, 0, false, 1, 1, 2, 2, 2},
                                  {4, 28, 28, 256, 256, 2, 2, 2, 2, false, 2, 2},
                                  {8, 27, 27, 96, 256, 2, 2, 2, 2, false, 1, 1, 3, 1, 1, 5, 5},
                                  {8, 1, 4000, 64, 64, 0, 4, 0, 4, false, 1, 1, 3, 1, 1, 1, 9}};
  for (const WinogradCase& shape : strided) {
    ++checks;
    if (!winograd_pays(shape.shape().forward()) || !winograd_pays(shape.shape().dx()) ||
        !winograd_pays(shape.shape().dw())) {
      fail("selection", shape, kernels.isa, 1, "must not be left to the direct algorithm");
    }
  }
  ConvShape odd = WinogradCase{8, 56, 56, 128, 128, 1, 1, 1, 1}.shape();
  odd.stride_h = odd.stride_w = 2;
  odd.oh = odd.ow = 28;
  if (winograd_pays(odd.forward())) fail("selection", s, kernels.isa, 1, "took a kernel that is not twice its stride");

  constexpr int64_t kLargest = INT32_MAX;
  const WinogradCase refused[] = {
      {64, 5, 5, 64, 64, 1, 1, 1, 1},
      {1, 7, 7, 64, 64, 1, 1, 1, 1},
      {64, 56, 56, 3, 64, 1, 1, 1, 1},
      {1, 28, 28, kLargest, 32, 1, 1, 1, 1},
      {kLargest, kLargest, kLargest, kLargest, kLargest},
      {kLargest, kLargest, kLargest, 64, 64},
      {64, 9, 9, 64, 64, 8, 8, 8, 8, false, 8, 8},
      {64, 20, 20, 1, 32, 0, 0, 0, 0, false, 1, 1, 2, 2, 2},
  };
  for (const WinogradCase& shape : refused) {
    ++checks;
    if (winograd_pays(shape.shape().forward()) || winograd_pays(shape.shape().dx()) ||
        winograd_pays(shape.shape().dw())) {
      fail("selection", shape, kernels.isa, 1, "must be left to the direct algorithm");
    }
  }
}

WinogradCase random_case(Random& random) {
  for (;;) {
    WinogradCase s = {};
    s.n = 1 + random.below(3);
    s.ih = 1 + random.below(random.below(4) == 0 ? 30 : 12);
    s.iw = 1 + random.below(14);
    s.c = 1 + random.below(70);
    s.o = 1 + random.below(70);
    if (random.below(4) != 0) {
      s.top = random.below(4);
      s.left = random.below(4);
      s.bottom = random.below(4);
      s.right = random.below(4);
    }
    const int64_t form = random.below(4);
    if (form == 3) {
      s.kernel_h = random.below(2) == 0 ? 1 : 3 + random.below(4);
      s.kernel_w = 3 + random.below(7);
      s.across = 1 + random.below(2);
    }
    if (form == 1) {
      s.taps = 2;
      s.block_h = 1 + random.below(4);
      s.block_w = 1 + random.below(4);
      s.c = 1 + s.c / (s.block_h * s.block_w);
      s.ih *= 1 + random.below(2);
    }
    if (form == 0) {
      s.down = 1 + random.below(4);
      s.across = 1 + random.below(4);
    }
    if (s.ih + s.top + s.bottom <= (s.kh() - 1) * s.down || s.iw + s.left + s.right <= (s.kw() - 1) * s.across)
      continue;
    if (s.n * s.oh() * s.ow() * s.c * s.o < 400000) return s;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t random_cases = argc > 1 ? std::atoll(argv[1]) : 40;
  Levels levels = {};
  levels.count = usable_kernels(levels.table);
  if (argc > 2 && std::strcmp(argv[2], "all") != 0) {
    levels.table[0] = kernels_for(argv[2]);
    levels.count = levels.table[0] == nullptr ? 0 : 1;
  }
  if (levels.count == 0) return std::printf("no such level here\n"), 2;
  Random random(11);
  const WinogradCase cases[] = {
      {1, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 3, 3, 1, 1},
      {2, 6, 6, 3, 5},
      {1, 4, 4, 16, 16, 1, 1, 1, 1},
      {2, 7, 9, 33, 17, 1, 1, 1, 1},
      {1, 5, 11, 64, 70, 2, 2, 2, 2},
      {3, 8, 8, 70, 1, 0, 1, 2, 3},
      {1, 3, 2, 8, 40, 5, 6, 4, 7},
      {2, 19, 19, 20, 32, 1, 1, 1, 1},
      {1, 40, 3, 4, 9, 1, 1, 1, 1},
      {1, 14, 14, 260, 34, 1, 1, 1, 1},
      {40, 10, 10, 9, 8, 1, 1, 1, 1},
      {2, 14, 14, 17, 18, 2, 2, 2, 2, false, 2, 2},
      {1, 9, 21, 5, 6, 7, 4, 7, 4, false, 7, 3},
      {1, 2, 30, 5, 6, 20, 0, 21, 0, false, 20, 1},
      {2, 28, 28, 4, 32, 0, 0, 0, 0, false, 1, 1, 2, 4, 4},
      {1, 20, 20, 16, 33, 0, 0, 0, 0, false, 1, 1, 2, 2, 2},
      {2, 9, 15, 18, 20, 1, 1, 1, 1, false, 1, 1, 2, 2, 2},
      {1, 7, 30, 3, 40, 2, 1, 3, 0, false, 1, 1, 2, 1, 3},
      {1, 6, 7, 9, 5, 0, 1, 0, 0, false, 1, 1, 2},
      {2, 9, 11, 12, 20, 2, 2, 2, 2, false, 1, 1, 3, 1, 1, 5, 5},
      {1, 13, 10, 5, 34, 3, 3, 3, 3, false, 2, 1, 3, 1, 1, 4, 7},
      {3, 1, 61, 33, 18, 0, 4, 0, 4, false, 1, 1, 3, 1, 1, 1, 9},
      {2, 3, 22, 8, 70, 1, 0, 0, 6, false, 1, 3, 3, 1, 1, 1, 3},
  };
  for (int i = 0; i < levels.count; ++i) test_selection(random, *levels.table[i]);
  for (const WinogradCase& s : cases) test_case(s, random, levels);
  for (int64_t i = 0; i < random_cases; ++i) test_case(random_case(random), random, levels);
  // Enough tiles for packed weights and for several blocks of the weight gradient.
  test_case({2, 104, 88, 36, 33, 1, 1, 1, 1}, random, levels);
  if (random_cases > 0) {
    for (const int64_t c : {64, 128, 256, 512}) test_case({2, 14, 14, c, 64, 1, 1, 1, 1, true}, random, levels);
    test_case({2, 60, 60, 64, 64, 1, 1, 1, 1, true}, random, levels);
    test_case({2, 28, 28, 64, 64, 2, 2, 2, 2, true, 2, 2}, random, levels);
    test_case({2, 84, 84, 4, 32, 0, 0, 0, 0, true, 1, 1, 2, 4, 4}, random, levels);
    for (const int64_t c : {32, 128}) test_case({2, 20, 20, c, 64, 1, 1, 1, 1, true, 1, 1, 2, 2, 2}, random, levels);
    test_case({2, 20, 20, 64, 64, 2, 2, 2, 2, true, 1, 1, 3, 1, 1, 5, 5}, random, levels);
    test_case({2, 1, 400, 64, 64, 0, 4, 0, 4, true, 1, 1, 3, 1, 1, 1, 9}, random, levels);
  }
  std::printf("%d checks, %d failures, digest %016llx\n", checks, failures, static_cast<unsigned long long>(digest));
  return failures == 0 ? 0 : 1;
}
