// Speed of the three passes of convolution layers, without Node: GFLOP/s of the direct algorithm's operations, and
// their share of the FMA peak measured in the same process. Where Winograd applies, both algorithms run in turns; *
// marks the one that the shape selects. Layers and figures to compare with come from common networks. Best of several
// runs. Arguments: [level] [threads] [part of a layer's name] [seconds per pass]
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "../generated/op_table.h"
#include "../ops/conv_shape.h"
#include "../ops/winograd.h"
#include "op_runner.h"

using namespace lanewise;
using lanewise::test::Buffer;
using lanewise::test::Random;

namespace {

struct Layer {
  const char* name;
  int32_t n, h, w, c, kh, kw, o, stride = 1, pad_h = 0, pad_w = 0, dilation = 1, groups = 1;
};

const Layer kLayers[] = {
    {"3x3 64@56", 8, 56, 56, 64, 3, 3, 64, 1, 1, 1},
    {"3x3 128@28", 8, 28, 28, 128, 3, 3, 128, 1, 1, 1},
    {"3x3 256@14", 8, 14, 14, 256, 3, 3, 256, 1, 1, 1},
    {"3x3 512@7", 8, 7, 7, 512, 3, 3, 512, 1, 1, 1},
    {"1x1 64->256@56", 8, 56, 56, 64, 1, 1, 256},
    {"1x1 256->64@56", 8, 56, 56, 256, 1, 1, 64},
    {"1x1 512->128@28", 8, 28, 28, 512, 1, 1, 128},
    {"1x1 1024->256@14", 8, 14, 14, 1024, 1, 1, 256},
    {"1x1 2048->512@7", 8, 7, 7, 2048, 1, 1, 512},
    {"7x7/2 3->64@224", 2, 224, 224, 3, 7, 7, 64, 2, 3, 3},
    {"3x3/2 128@56", 8, 56, 56, 128, 3, 3, 128, 2, 1, 1},
    {"1x1/2 256->512@56", 8, 56, 56, 256, 1, 1, 512, 2},
    {"3x3 dilated 256@28", 4, 28, 28, 256, 3, 3, 256, 1, 2, 2, 2},
    {"3x3 3->64@224", 1, 224, 224, 3, 3, 3, 64, 1, 1, 1},
    {"3x3 3->64@32", 64, 32, 32, 3, 3, 3, 64, 1, 1, 1},
    {"3x3 64@224", 4, 224, 224, 64, 3, 3, 64, 1, 1, 1},
    {"3x3 256@19", 8, 19, 19, 256, 3, 3, 256, 1, 1, 1},
    {"3x3 64@32", 64, 32, 32, 64, 3, 3, 64, 1, 1, 1},
    {"3x3 128@16", 64, 16, 16, 128, 3, 3, 128, 1, 1, 1},
    {"3x3 256@8", 64, 8, 8, 256, 3, 3, 256, 1, 1, 1},
    {"3x3 512@4", 32, 4, 4, 512, 3, 3, 512, 1, 1, 1},
    {"LeNet 5x5 1->6@28", 64, 28, 28, 1, 5, 5, 6, 1, 2, 2},
    {"LeNet 5x5 6->16@14", 64, 14, 14, 6, 5, 5, 16},
    {"3x3 1->32@28", 128, 28, 28, 1, 3, 3, 32},
    {"3x3 32->64@26", 32, 26, 26, 32, 3, 3, 64},
    {"8x8/4 4->32@84", 32, 84, 84, 4, 8, 8, 32, 4},
    {"4x4/2 32->64@20", 32, 20, 20, 32, 4, 4, 64, 2},
    {"depthwise 32@112", 4, 112, 112, 32, 3, 3, 32, 1, 1, 1, 1, 32},
    {"depthwise/2 144@56", 8, 56, 56, 144, 3, 3, 144, 2, 1, 1, 1, 144},
    {"depthwise 384@14", 16, 14, 14, 384, 3, 3, 384, 1, 1, 1, 1, 384},
    {"grouped 32 256@28", 8, 28, 28, 256, 3, 3, 256, 1, 1, 1, 1, 32},
    {"audio 1->64 k9", 4, 1, 16000, 1, 1, 9, 64, 1, 0, 4},
    {"audio 64->64 k9", 4, 1, 4000, 64, 1, 9, 64, 1, 0, 4},
    {"fc 400->120 b64", 1, 1, 64, 400, 1, 1, 120},
    {"fc 84->10 b64", 1, 1, 64, 84, 1, 1, 10},
    {"fc 9216->128 b128", 1, 1, 128, 9216, 1, 1, 128},
    {"gemm 1024", 1, 1, 1024, 1024, 1, 1, 1024},
};

/// Seconds; with one thread those that the thread really had, so that a busy machine disturbs less.
bool one_thread = true;
double now() {
  timespec time;
  clock_gettime(one_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double peak_flops(const Kernels& kernels) {
  float sink[16] = {0.5f};
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const double start = now();
    const double flops = kernels.fma_burst(100000, sink);
    const double speed = flops / (now() - start);
    if (speed > best) best = speed;
  }
  return best;
}

/// Runs the alternatives in turns; the best time of each, in seconds.
std::vector<double> best_times(const std::vector<std::function<void()>>& alternatives, double seconds) {
  std::vector<double> best(alternatives.size(), 1e9);
  const double end = now() + seconds * static_cast<double>(alternatives.size());
  for (int i = 0; i < 3 || now() < end; ++i) {
    for (size_t a = 0; a < alternatives.size(); ++a) {
      const double start = now();
      alternatives[a]();
      const double time = now() - start;
      if (time < best[a]) best[a] = time;
    }
  }
  return best;
}

/// An op with numerics 'exact': the direct algorithm.
struct Direct {
  const OpImpl& op;
  const Tensor* inputs[3];
  OpArgs args;
  Buffer workspace;

  Direct(const OpImpl& impl, const Buffer& a, const Buffer& b, Buffer& out, const void* attrs, const Kernels& kernels,
         int threads)
      : op(impl),
        inputs{&a.tensor(), &b.tensor(), nullptr},
        args{inputs, 3, &out.tensor(), 1, attrs, kExact},
        workspace({impl.workspace_bytes(args, kernels, threads) / 4 + 1}) {}
  void run(const Kernels& kernels, Parallel& parallel) const {
    op.run({args, kernels, parallel, reinterpret_cast<std::byte*>(workspace.data())});
  }
};

}  // namespace

int main(int argc, char** argv) {
  const Kernels* usable[4];
  const int count = usable_kernels(usable);
  const Kernels* const kernels = argc > 1 ? kernels_for(argv[1]) : usable[count - 1];
  if (kernels == nullptr) return std::printf("no such level here\n"), 2;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  const char* const filter = argc > 3 ? argv[3] : "";
  const double seconds = argc > 4 ? std::atof(argv[4]) : 0.15;
  one_thread = threads == 1;
  Parallel parallel(threads);
  Random random(1);
  std::printf("%s, %d threads, peak of one thread %.0f GFLOP/s\n", kernels->isa, threads, peak_flops(*kernels) * 1e-9);
  std::printf("%-22s %-8s %23s %23s %23s\n", "layer", "", "forward GFLOP/s  %", "dx GFLOP/s  %", "dw GFLOP/s  %");
  for (const Layer& s : kLayers) {
    if (std::strstr(s.name, filter) == nullptr) continue;
    const int32_t oh = (s.h + 2 * s.pad_h - (s.kh - 1) * s.dilation - 1) / s.stride + 1;
    const int32_t ow = (s.w + 2 * s.pad_w - (s.kw - 1) * s.dilation - 1) / s.stride + 1;
    Buffer x({s.n, s.h, s.w, s.c}), w({s.kh, s.kw, s.c / s.groups, s.o}), y({s.n, oh, ow, s.o});
    Buffer dy({s.n, oh, ow, s.o}), dx({s.n, s.h, s.w, s.c}), dw({s.kh, s.kw, s.c / s.groups, s.o});
    random.fill(x);
    random.fill(w);
    random.fill(dy);
    const Conv2dAttrs attrs = {s.stride,   s.stride,   s.pad_h,  s.pad_w,       s.pad_h, s.pad_w,
                               s.dilation, s.dilation, s.groups, kNoActivation, 0};
    const Conv2dDxAttrs dx_attrs = {s.stride,   s.stride, s.pad_h, s.pad_w, s.pad_h,       s.pad_w, s.dilation,
                                    s.dilation, s.groups, s.h,     s.w,     kNoActivation, 0};
    const Conv2dDwAttrs dw_attrs = {s.stride,   s.stride,   s.pad_h,  s.pad_w, s.pad_h, s.pad_w,
                                    s.dilation, s.dilation, s.groups, s.kh,    s.kw};
    const double flops = 2.0 * s.n * oh * ow * s.kh * s.kw * (s.c / s.groups) * s.o;
    const ConvShape shape = {s.n,      s.h,      s.w,     s.c,     s.kh,    s.kw,    s.o,        oh,         ow,
                             s.stride, s.stride, s.pad_h, s.pad_w, s.pad_h, s.pad_w, s.dilation, s.dilation, s.groups};
    const ConvPass forward = shape.forward(), backward = shape.dx();
    const ConvDw weights = shape.dw();
    const Direct direct[3] = {{conv2d_impl, x, w, y, &attrs, *kernels, threads},
                              {conv2d_dx_impl, dy, w, dx, &dx_attrs, *kernels, threads},
                              {conv2d_dw_impl, x, dy, dw, &dw_attrs, *kernels, threads}};
    const bool winograd = winograd_applies(forward);
    Buffer workspace({1 + (!winograd ? 0
                                     : max_of(max_of(winograd_pass_workspace(forward, *kernels, threads),
                                                     winograd_pass_workspace(backward, *kernels, threads)),
                                              winograd_dw_workspace(weights, *kernels, threads)) /
                                           4)});
    std::byte* const memory = reinterpret_cast<std::byte*>(workspace.data());
    const auto run_pass = [&](const ConvPass& pass, const Buffer& in, const Buffer& out) {
      const ConvPassData data = {in.data(), w.data(), nullptr, out.data(), kNoActivation, 0};
      winograd_pass_run(pass, data, *kernels, parallel, memory);
    };
    const std::function<void()> fast[3] = {
        [&] { run_pass(forward, x, y); }, [&] { run_pass(backward, dy, dx); },
        [&] { winograd_dw_run(weights, x.data(), dy.data(), dw.data(), *kernels, parallel, memory); }};
    const bool pays[3] = {winograd_pays(forward), winograd_pays(backward), winograd_pays(weights)};
    double times[2][3];
    for (int pass = 0; pass < 3; ++pass) {
      std::vector<std::function<void()>> alternatives = {[&] { direct[pass].run(*kernels, parallel); }};
      if (winograd) alternatives.push_back(fast[pass]);
      const std::vector<double> best = best_times(alternatives, seconds);
      times[0][pass] = best[0];
      times[1][pass] = best.back();
    }
    const double peak = peak_flops(*kernels) * threads;
    for (int algorithm = 0; algorithm <= int(winograd); ++algorithm) {
      std::printf("%-22s %-8s", s.name, algorithm == 0 ? "direct" : "winograd");
      for (int pass = 0; pass < 3; ++pass) {
        const double time = times[algorithm][pass];
        std::printf(" %8.2f ms %6.1f %3.0f%%%c", time * 1e3, flops / time * 1e-9, 100 * flops / time / peak,
                    winograd && pays[pass] == (algorithm == 1) ? '*' : ' ');
      }
      std::printf("\n");
    }
    std::fflush(stdout);
  }
  return 0;
}
