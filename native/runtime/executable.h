// A plan bound to memory and kernels: what `run` executes. Nothing here knows JavaScript.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "memory.h"
#include "parallel.h"
#include "plan.h"

namespace lanewise {

/// One per JavaScript environment. Once set, runs in flight end soon and no other begins: nobody waits for the results.
using StopFlag = std::shared_ptr<std::atomic<bool>>;
StopFlag new_stop_flag();
/// Sets every flag of the process.
void stop_everything();

/// Persistent memory shared by plans. `busy` belongs to the thread that owns the store.
struct Store {
  Memory memory;
  bool busy = false;
};

class Executable {
 public:
  /// nullptr with a sentence in `error` when the plan, the instruction set or the memory does not do.
  static std::shared_ptr<Executable> create(std::shared_ptr<Store> store, Plan plan, const char* isa, int threads,
                                            StopFlag stop, std::string& error);

  enum class Progress { kDone, kGuarded, kMore };

  /// Starts a run: the ops execute in the calls of advance() that follow.
  void restart();
  /// Executes ops, in order, until all are done, a guard says no, or `budget_ns` is used up. Ends early when stopped.
  Progress advance(int64_t budget_ns);

  bool stopped() const { return stop_->load(std::memory_order_relaxed); }

  Store& store() const { return *store_; }
  const Plan& plan() const { return plan_; }
  /// Nanoseconds of each op in the last run; 0 for ops that were not reached.
  const std::vector<double>& profile() const { return nanoseconds_; }
  int64_t workspace_bytes() const { return workspace_.bytes(); }
  int64_t owned_bytes() const { return arena_.bytes() + workspace_.bytes(); }

 private:
  Executable(std::shared_ptr<Store> store, Plan plan, const Kernels& kernels, int threads, StopFlag stop);

  const std::shared_ptr<Store> store_;
  Plan plan_;
  const Kernels& kernels_;
  const StopFlag stop_;
  Parallel parallel_;
  Memory arena_;
  Memory workspace_;
  std::vector<double> nanoseconds_;
  size_t next_step_ = 0;
};

}  // namespace lanewise
