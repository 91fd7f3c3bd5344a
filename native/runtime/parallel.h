// Splits a loop over the process-wide thread pool.
// Items are claimed one by one from a counter, so which worker computes an item differs from run to run: an item must
// write only what belongs to it, or to scratch memory of its worker. Then results do not depend on the thread count.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace lanewise {

inline constexpr int kMaxThreads = 1024;

/// One loop on its way through the pool; lives on the caller's stack.
struct Region {
  void (*drain)(Region&, int worker);
  const void* function;
  const std::atomic<bool>* stop;
  int64_t items;
  int threads;
  alignas(64) std::atomic<int64_t> next;
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
    Region region{&drain<Function>, &f, stop_, items, threads_, {0}};
    if (threads_ == 1 || items <= 1 || !submit(region)) drain<Function>(region, 0);
  }

 private:
  template <class Function>
  static void drain(Region& region, int worker) {
    auto& f = *static_cast<Function*>(const_cast<void*>(region.function));
    for (;;) {
      const int64_t item = region.next.fetch_add(1, std::memory_order_relaxed);
      if (item >= region.items) return;
      if (region.stop != nullptr && region.stop->load(std::memory_order_relaxed)) return;
      f(item, worker);
    }
  }

  /// False when the pool is busy.
  static bool submit(Region& region);

  int threads_;
  const std::atomic<bool>* stop_;
};

}  // namespace lanewise
