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
  std::shared_ptr<Executable> made(
      new Executable(std::move(store), std::move(plan), *kernels, threads, std::move(stop)));
  error = made->reserve();
  return error.empty() ? made : nullptr;
}

/// The workspace follows the arena on a page of its own.
int64_t Executable::arena_bytes() const { return (plan_.arena_bytes + 4095) / 4096 * 4096; }

/// Memory for everything, or a sentence.
std::string Executable::reserve() {
  int64_t prepared_bytes = 0;
  for (size_t i = 0; i < plan_.steps.size(); ++i) {
    Step& step = plan_.steps[i];
    const OpImpl& impl = *step.op->impl;
    int64_t prepared = 0;
    if (i >= plan_.constant_steps && impl.preparation != nullptr &&
        plan_.is_constant(step.inputs[impl.preparation->input])) {
      prepared = impl.preparation->bytes(step.args(), kernels_, parallel_.threads());
    }
    step.prepared = prepared > 0;
    step.prepared_at = prepared_bytes;
    const int64_t workspace =
        impl.workspace_bytes == nullptr ? 0 : impl.workspace_bytes(step.args(), kernels_, parallel_.threads());
    constexpr int64_t kMostPrepared = int64_t{1} << 46;
    if (prepared < 0 || workspace < 0 || prepared_bytes > kMostPrepared)
      return std::string(step.op->name) + " is too large to be computed";
    prepared_bytes += (prepared + 63) / 64 * 64;
    workspace_bytes_ = std::max(workspace_bytes_, workspace);
  }
  const int64_t scratch_bytes = arena_bytes() + workspace_bytes_;
  if (store_->scratch->bytes() < scratch_bytes) {
    const std::shared_ptr<Memory> larger(new Memory(scratch_bytes));
    if (larger->bytes() == scratch_bytes) store_->scratch = larger;
  }
  kept_ = Memory(plan_.kept_bytes);
  prepared_ = Memory(prepared_bytes);
  if (store_->scratch->bytes() >= scratch_bytes && kept_.bytes() == plan_.kept_bytes &&
      prepared_.bytes() == prepared_bytes) {
    plan_.bind(store_->memory.data(), kept_.data(), nullptr);
    return {};
  }
  return "not enough memory: the plan needs " + megabytes(plan_.arena_bytes + plan_.kept_bytes + prepared_bytes) +
         " and " + megabytes(workspace_bytes_) + " of scratch memory; use a smaller batch";
}

void Executable::restart() {
  scratch_ = store_->scratch;
  if (scratch_->data() != bound_scratch_) {
    bound_scratch_ = scratch_->data();
    plan_.bind(store_->memory.data(), kept_.data(), bound_scratch_);
  }
  if (plan_.changes_store) ++store_->version;
  running_version_ = store_->version;
  next_step_ = running_version_ == prepared_version_ ? plan_.constant_steps : 0;
  std::fill(nanoseconds_.begin(), nanoseconds_.end(), 0.0);
}

Executable::Progress Executable::advance(int64_t budget_ns) {
  const int64_t start = now_ns();
  int64_t before = start;
  for (; next_step_ < plan_.steps.size() && !stopped(); ++next_step_) {
    if (before - start > budget_ns) return Progress::kMore;
    const Step& step = plan_.steps[next_step_];
    const OpImpl& impl = *step.op->impl;
    const OpContext context{step.args(), kernels_, parallel_, bound_scratch_ + arena_bytes(),
                            prepared_.data() + step.prepared_at};
    if (step.prepared && prepared_version_ != running_version_) impl.preparation->make(context);
    const bool go_on = impl.run(context);
    const int64_t now = now_ns();
    nanoseconds_[next_step_] = static_cast<double>(now - before);
    before = now;
    if (!go_on) return Progress::kGuarded;
  }
  if (!stopped()) prepared_version_ = running_version_;
  return Progress::kDone;
}

}  // namespace lanewise
