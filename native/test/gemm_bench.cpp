// Speed of matrix products without Node, in all three forms and at the sizes of common layers, in the memory that a
// plan would use: milliseconds, and the share of the FMA peak measured in the same process. Best of several runs.
// Arguments: [level] [threads] [part of a name, or a size MxNxK] [seconds per form]
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <vector>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "../ops/op.h"
#include "../runtime/memory.h"

using namespace lanewise;

namespace {

struct Product {
  const char* name;
  int64_t m, n, k;
};

const Product kProducts[] = {
    {"64", 64, 64, 64},
    {"128", 128, 128, 128},
    {"256", 256, 256, 256},
    {"512", 512, 512, 512},
    {"1024", 1024, 1024, 1024},
    {"2048", 2048, 2048, 2048},
    {"fc 64x128x9216", 64, 128, 9216},
    {"fc 128x128x9216", 128, 128, 9216},
    {"fc 128x256x4096", 128, 256, 4096},
    {"fc 64x10x256", 64, 10, 256},
    {"fc 32x1000x2048", 32, 1000, 2048},
    {"fc 64x120x400", 64, 120, 400},
    {"fc 64x10x84", 64, 10, 84},
    {"dqn fc 32x512x3136", 32, 512, 3136},
    {"dqn dx 32x3136x512", 32, 3136, 512},
    {"dqn dw 3136x512x32", 3136, 512, 32},
    {"fc dw 9216x128x128", 9216, 128, 128},
    {"1x1 3136x256x64", 3136, 256, 64},
    {"1x1 3136x64x256", 3136, 64, 256},
    {"1x1 784x512x128", 784, 512, 128},
    {"1x1 196x256x1024", 196, 256, 1024},
    {"1x1 49x512x2048", 49, 512, 2048},
    {"im2col 3136x64x576", 3136, 64, 576},
    {"im2col 50176x64x27", 50176, 64, 27},
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

/// The best time of f, in seconds; f is repeated until a measurement takes at least 200 microseconds.
template <class F>
double best_time(double seconds, F f) {
  double start = now();
  f();
  f();
  const int times = 1 + static_cast<int>(2e-4 / ((now() - start) / 2 + 1e-9));
  double best = 1e9;
  const double end = now() + seconds;
  for (int i = 0; i < 3 || now() < end; ++i) {
    start = now();
    for (int j = 0; j < times; ++j) f();
    const double time = (now() - start) / times;
    if (time < best) best = time;
  }
  return best;
}

Tensor matrix(std::byte* data, int64_t rows, int64_t cols, bool transposed) {
  if (transposed) return {data, 2, kF32, {cols, rows, 1, 1, 1, 1}, rows * cols};
  return {data, 2, kF32, {rows, cols, 1, 1, 1, 1}, rows * cols};
}

int64_t aligned(int64_t floats) { return (floats * 4 + 63) / 64 * 64; }

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
  const double peak = peak_flops(*kernels) * threads;
  std::printf("%s, %d threads, their peak %.0f GFLOP/s\n", kernels->isa, threads, peak * 1e-9);
  std::printf("%-20s %20s %20s %20s\n", "m x n x k", "NN ms     %", "NT ms     %", "TN ms     %");
  std::vector<Product> products(std::begin(kProducts), std::end(kProducts));
  long long m, n, k;
  if (std::sscanf(filter, "%lldx%lldx%lld", &m, &n, &k) == 3) products = {{filter, m, n, k}};
  for (const Product& p : products) {
    if (std::strstr(p.name, filter) == nullptr) continue;
    const int64_t at_b = aligned(p.m * p.k), at_c = at_b + aligned(p.k * p.n), at_work = at_c + aligned(p.m * p.n);
    std::printf("%-20s", p.name);
    for (const GemmAttrs& attrs : {GemmAttrs{0, 0}, GemmAttrs{0, 1}, GemmAttrs{1, 0}}) {
      const Tensor shapes[] = {matrix(nullptr, p.m, p.k, attrs.trans_a), matrix(nullptr, p.k, p.n, attrs.trans_b),
                               matrix(nullptr, p.m, p.n, false)};
      const Tensor* shape_inputs[] = {&shapes[0], &shapes[1]};
      const OpArgs sizes = {shape_inputs, 2, &shapes[2], 1, &attrs, kExact};
      const int64_t work = gemm_impl.workspace_bytes(sizes, *kernels, threads);
      const Memory memory(at_work + work + 64);
      for (int64_t i = 0; i < at_c / 4; ++i) {
        reinterpret_cast<float*>(memory.data())[i] = static_cast<float>(i * 7919 % 1999) * 1e-3f - 1.0f;
      }
      const Tensor a = matrix(memory.data(), p.m, p.k, attrs.trans_a);
      const Tensor b = matrix(memory.data() + at_b, p.k, p.n, attrs.trans_b);
      const Tensor c = matrix(memory.data() + at_c, p.m, p.n, false);
      const Tensor* inputs[] = {&a, &b};
      const OpContext context = {{inputs, 2, &c, 1, &attrs, kExact}, *kernels, parallel, memory.data() + at_work};
      const double time = best_time(seconds, [&] { gemm_impl.run(context); });
      const double flops = 2.0 * static_cast<double>(p.m * p.n) * static_cast<double>(p.k);
      std::printf(" %13.4f %5.1f%%", time * 1e3, 100 * flops / time / peak);
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  return 0;
}
