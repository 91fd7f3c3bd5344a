// Binding a plan to memory, and the loop that runs it.
#include "executable.h"

#include <algorithm>
#include <mutex>

#include "../kernels/kernels.h"
#include "clock.h"

namespace lanewise {
namespace {

std::string megabytes(int64_t bytes) { return std::to_string((bytes >> 20) + 1) + " MB"; }

/// Every flag in use. The list is leaked: environments may come and go while the process exits.
constinit std::mutex flags_mutex;
constinit std::vector<std::weak_ptr<std::atomic<bool>>>* flags = nullptr;

}  // namespace

StopFlag new_stop_flag() {
  const StopFlag flag(new std::atomic<bool>(false));
  const std::lock_guard lock(flags_mutex);
  if (flags == nullptr) flags = new std::vector<std::weak_ptr<std::atomic<bool>>>;
  std::erase_if(*flags, [](const auto& known) { return known.expired(); });
  flags->push_back(flag);
  return flag;
}

void stop_everything() {
  const std::lock_guard lock(flags_mutex);
  if (flags == nullptr) return;
  for (const auto& known : *flags) {
    if (const StopFlag flag = known.lock()) flag->store(true);
  }
}

Executable::Executable(std::shared_ptr<Store> store, Plan plan, const Kernels& kernels, int threads, StopFlag stop)
    : store_(std::move(store)),
      plan_(std::move(plan)),
      kernels_(kernels),
      stop_(std::move(stop)),
      parallel_(threads, stop_.get()),
      nanoseconds_(plan_.steps.size()) {}

std::shared_ptr<Executable> Executable::create(std::shared_ptr<Store> store, Plan plan, const char* isa, int threads,
                                               StopFlag stop, std::string& error) {
  const Kernels* const kernels = kernels_for(isa);
  if (kernels == nullptr) {
    error = std::string("the instruction set ") + isa + " is not usable here";
    return nullptr;
  }
  int64_t workspace_bytes = 0;
  for (const Step& step : plan.steps) {
    if (step.op->impl->workspace_bytes == nullptr) continue;
    const int64_t bytes = step.op->impl->workspace_bytes(step.args(), *kernels, threads);
    if (bytes < 0) {
      error = std::string(step.op->name) + " is too large to be computed";
      return nullptr;
    }
    workspace_bytes = std::max(workspace_bytes, bytes);
  }
  std::shared_ptr<Executable> made(
      new Executable(std::move(store), std::move(plan), *kernels, threads, std::move(stop)));
  made->arena_ = Memory(made->plan_.arena_bytes);
  made->workspace_ = Memory(workspace_bytes);
  if (made->arena_.bytes() < made->plan_.arena_bytes || made->workspace_.bytes() < workspace_bytes) {
    error = "not enough memory: the plan needs " + megabytes(made->plan_.arena_bytes) + " and " +
            megabytes(workspace_bytes) + " of scratch memory; use a smaller batch";
    return nullptr;
  }
  made->plan_.bind(made->store_->memory.data(), made->arena_.data());
  return made;
}

void Executable::restart() {
  next_step_ = 0;
  std::fill(nanoseconds_.begin(), nanoseconds_.end(), 0.0);
}

Executable::Progress Executable::advance(int64_t budget_ns) {
  const int64_t start = now_ns();
  int64_t before = start;
  for (; next_step_ < plan_.steps.size() && !stopped(); ++next_step_) {
    if (before - start > budget_ns) return Progress::kMore;
    const Step& step = plan_.steps[next_step_];
    const bool go_on = step.op->impl->run(OpContext{step.args(), kernels_, parallel_, workspace_.data()});
    const int64_t now = now_ns();
    nanoseconds_[next_step_] = static_cast<double>(now - before);
    before = now;
    if (!go_on) return Progress::kGuarded;
  }
  return Progress::kDone;
}

}  // namespace lanewise
