// Short bursts on every thread at once, the best of several: the machine may be shared.
#include "measure.h"

#include <algorithm>

#include "../kernels/kernels.h"
#include "clock.h"
#include "memory.h"
#include "parallel.h"

namespace lanewise {
namespace {

double seconds_since(int64_t start_ns) { return static_cast<double>(now_ns() - start_ns) * 1e-9; }

/// Calls `burst()`, which returns the work done, for about `seconds`; the best work per second.
template <class Burst>
double best_rate(double seconds, Burst burst) {
  const int64_t begin = now_ns();
  double best = 0;
  do {
    const int64_t start = now_ns();
    const double work = burst();
    best = std::max(best, work / seconds_since(start));
  } while (seconds_since(begin) < seconds);
  return best;
}

/// One cache line per thread for results that nobody reads.
struct alignas(64) Sink {
  float lanes[16];
};

}  // namespace

double measure_fma_peak(const char* isa, int threads) {
  const Kernels* const kernels = kernels_for(isa);
  Memory sinks(int64_t{threads} * int64_t{sizeof(Sink)});
  if (kernels == nullptr || sinks.data() == nullptr) return -1;
  auto* const sink = reinterpret_cast<Sink*>(sinks.data());
  // Rounds such that a burst lasts about a millisecond, whatever the instruction set.
  const double per_round = kernels->fma_burst(1, sink[0].lanes);
  const double once = best_rate(0.002, [&] { return kernels->fma_burst(256, sink[0].lanes); });
  const auto rounds = static_cast<int64_t>(once * 1e-3 / per_round) + 1;
  Parallel parallel(threads);
  return best_rate(0.05, [&] {
    parallel.run(threads, [&](int64_t item, int) { kernels->fma_burst(rounds, sink[item].lanes); });
    return per_round * static_cast<double>(rounds) * threads;
  });
}

double measure_read_bandwidth(const char* isa, int threads) {
  constexpr int64_t kBytes = int64_t{256} << 20;
  constexpr int64_t kPieces = 256;
  constexpr int64_t kPieceFloats = kBytes / kPieces / int64_t{sizeof(float)};
  const Kernels* const kernels = kernels_for(isa);
  Memory memory(kBytes);
  Memory sinks(int64_t{threads} * int64_t{sizeof(Sink)});
  if (kernels == nullptr || memory.data() == nullptr || sinks.data() == nullptr) return -1;
  const auto* const floats = reinterpret_cast<const float*>(memory.data());
  auto* const sink = reinterpret_cast<Sink*>(sinks.data());
  Parallel parallel(threads);
  // Untouched pages all map to one zero page, which would be read from cache.
  parallel.run(kPieces, [&](int64_t piece, int) {
    std::fill_n(reinterpret_cast<float*>(memory.data()) + piece * kPieceFloats, kPieceFloats, 1.0f);
  });
  return best_rate(0.05, [&] {
    parallel.run(kPieces, [&](int64_t piece, int worker) {
      sink[worker].lanes[0] += kernels->read_burst(floats + piece * kPieceFloats, kPieceFloats);
    });
    return static_cast<double>(kBytes);
  });
}

}  // namespace lanewise
