// Splits a loop over the process-wide thread pool.
// A worker does its own share of consecutive items first, so that it meets in its cache what it wrote in the op before,
// then takes over what others have left. Which worker computes an item differs from run to run: an item must write only
// what belongs to it, or to scratch memory of its worker. Then results do not depend on the thread count.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace lanewise {

inline constexpr int kMaxThreads = 1024;

/// One loop on its way through the pool; lives on the caller's stack.
struct Region {
  void (*call)(const void* function, int64_t item, int worker);
  const void* function;
  const std::atomic<bool>* stop;
  int64_t items;
  int threads;

  bool stopped() const { return stop != nullptr && stop->load(std::memory_order_relaxed); }
};

/// How many threads a plan may use, and the way to use them. Cheap; every plan has its own.
class Parallel {
 public:
  /// Starts pool threads as needed. Once `stop` is set, items not yet begun are skipped (the results are abandoned).
  explicit Parallel(int threads, const std::atomic<bool>* stop = nullptr);

  /// Workers are numbered 0 .. threads() - 1.
  int threads() const { return threads_; }

  /// Calls f(int64_t item, int worker) for every item in [0, items) and returns when all are done. The caller is worker
  /// 0. Runs inline when the pool is busy with another plan. Must not be nested.
  template <class F>
  void run(int64_t items, F&& f) {
    using Function = std::remove_reference_t<F>;
    const auto call = [](const void* function, int64_t item, int worker) {
      (*static_cast<Function*>(const_cast<void*>(function)))(item, worker);
    };
    const Region region{call, &f, stop_, items, threads_};
    if (threads_ > 1 && items > 1 && submit(region)) return;
    for (int64_t item = 0; item < items && !region.stopped(); ++item) f(item, 0);
  }

 private:
  /// False when the pool is busy.
  static bool submit(const Region& region);

  int threads_;
  const std::atomic<bool>* stop_;
};

}  // namespace lanewise
