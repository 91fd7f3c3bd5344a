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

class Executable;

/// Memory shared by plans, of which one runs at a time. Everything but a run belongs to the thread that owns the store.
struct Store {
  /// What persists.
  Memory memory;
  /// Whose run is in flight. Until it ends, this plan's memory and `memory` belong to the run.
  const Executable* running = nullptr;
  /// Grows whenever `memory` may have been written to: what plans have made of it is stale then.
  int64_t version = 1;
  /// Arena and workspace of whichever plan runs: as much as the largest needs. (make_shared would
  /// need a function of libstdc++.)
  std::shared_ptr<Memory> scratch{new Memory()};
};

class Executable {
 public:
  /// nullptr with a sentence in `error` when the plan, the instruction set or the memory does not do.
  static std::shared_ptr<Executable> create(std::shared_ptr<Store> store, Plan plan, const char* isa, int threads,
                                            StopFlag stop, std::string& error);

  enum class Progress { kDone, kGuarded, kMore };

  /// Starts a run: the ops execute in the calls of advance() that follow, until finish().
  void restart();
  /// Executes ops, in order, until all are done, a guard says no, or `budget_ns` is used up. Ends early when stopped.
  Progress advance(int64_t budget_ns);

  void finish() { scratch_ = nullptr; }

  bool stopped() const { return stop_->load(std::memory_order_relaxed); }

  Store& store() const { return *store_; }
  bool running() const { return store_->running == this; }
  const Plan& plan() const { return plan_; }
  /// Whether the tensor has its memory outside of runs, too.
  bool outlasts_runs(int64_t tensor) const { return plan_.places[tensor].memory != Place::kArena; }
  /// Whether a run in flight, of this plan or another, may touch the tensor.
  bool in_use(int64_t tensor) const {
    return running() || (store_->running != nullptr && plan_.places[tensor].memory == Place::kStore);
  }
  /// Must be called before JavaScript changes a tensor.
  void before_write(int64_t tensor) { store_->version += plan_.places[tensor].memory == Place::kStore ? 1 : 0; }
  /// Nanoseconds of each op in the last run; 0 for ops that were not reached or did not need to run.
  const std::vector<double>& profile() const { return nanoseconds_; }
  int64_t workspace_bytes() const { return workspace_bytes_; }
  /// Without what it shares with the other plans of the store.
  int64_t owned_bytes() const { return kept_.bytes() + prepared_.bytes(); }

 private:
  Executable(std::shared_ptr<Store> store, Plan plan, const Kernels& kernels, int threads, StopFlag stop);
  std::string reserve();
  int64_t arena_bytes() const;

  const std::shared_ptr<Store> store_;
  Plan plan_;
  const Kernels& kernels_;
  const StopFlag stop_;
  Parallel parallel_;
  Memory kept_;
  Memory prepared_;
  int64_t workspace_bytes_ = 0;
  std::shared_ptr<Memory> scratch_;     // during a run
  std::byte* bound_scratch_ = nullptr;  // what the tensors point into
  std::vector<double> nanoseconds_;
  size_t next_step_ = 0;
  int64_t running_version_ = 0;
  int64_t prepared_version_ = 0;  // of the store that constant steps and preparations have seen
};

}  // namespace lanewise
