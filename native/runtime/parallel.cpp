// The thread pool: one per process, never destroyed (threads may still be running when static destructors would).
// A region is open while items are left. Sleeping workers need not wake for it to finish: the caller does their shares
// too, closes the region when all are exhausted and waits only for workers that have entered. So more threads than
// cores only costs time.
#include "parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <type_traits>

#include "clock.h"
#include "machine.h"
#include "placement.h"

// glibc 2.32 and 2.34 gave these functions new versions with nothing new in them; asking for the first version lets a
// binary load on older systems. Sanitizers replace the functions and must see their plain names.
#if defined(__GLIBC__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#if defined(__x86_64__)
asm(".symver pthread_create, pthread_create@GLIBC_2.2.5");
asm(".symver pthread_sigmask, pthread_sigmask@GLIBC_2.2.5");
#elif defined(__aarch64__)
asm(".symver pthread_create, pthread_create@GLIBC_2.17");
asm(".symver pthread_sigmask, pthread_sigmask@GLIBC_2.17");
#endif
#endif

namespace lanewise {
namespace {

/// A plan's ops follow each other within microseconds, so a worker that has just finished one polls for the next; and
/// while every worker can have a core, until the next step of a training: waking up takes as long as a small op.
constexpr int64_t kSpinNs = 1'000'000;
constexpr int64_t kSpinNsCrowded = 20'000;

/// Where there are as many workers as cores, the event loop and the thread that a run wakes up on need the core of a
/// worker that spins. The scheduler would let them wait for milliseconds, so every now and then it gives way.
constexpr int64_t kYieldNs = 5'000;

/// And then a worker waits behind the caller, while the core it could have is idle. A worker that polls comes within
/// kArrivalNs; whether one is missing is looked up every kGatherNs at most.
constexpr int64_t kArrivalNs = 1'000;
constexpr int64_t kGatherNs = 200'000;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  asm volatile("pause");
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Polls until `done()` for at most `spin_ns`, giving way to threads without a core; says whether it came true.
template <class Done>
bool spin(int64_t spin_ns, Done done) {
  const int64_t start = now_ns();
  int64_t yielded = start;
  for (int64_t now = start; now - start < spin_ns; now = now_ns()) {
    if (now - yielded > kYieldNs) {
      sched_yield();
      yielded = now;
    }
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      relax();
    }
  }
  return done();
}

/// Parts of Pool::state. Workers are counted twice: those inside the region, and all that have come since it opened.
constexpr uint32_t kOpen = 1u << 31;
constexpr uint32_t kCallerSleeps = 1u << 30;
constexpr uint32_t kOneCame = 1u << 12;
constexpr uint32_t kInside = kOneCame - 1;
static_assert(kMaxThreads <= kInside);

struct alignas(64) Worker {
  std::atomic<uint32_t> sleeping{0};
  /// The last generation that it has noticed.
  std::atomic<uint32_t> seen{0};
  std::atomic<int> thread{0};
  /// Its share of the region: the next item that nobody has claimed, and the end.
  alignas(64) std::atomic<int64_t> next{0};
  int64_t end = 0;
};

struct Pool {
  alignas(64) std::atomic<uint32_t> generation{0};
  alignas(64) std::atomic<uint32_t> state{0};
  const Region* region = nullptr;  // valid while open or while workers are inside
  alignas(64) std::atomic<bool> busy{false};
  std::atomic<int> started{1};       // worker 0 is whoever calls
  std::atomic<bool> crowded{false};  // more threads than cores
  int64_t gathered_at = 0;           // belongs to whoever has set `busy`
  std::mutex starting;
  Worker workers[kMaxThreads];

  void work(int worker);
  void start(int threads);
  void run(const Region& region);
  void drain(int worker);
  void gather();
  int64_t spin_ns() const { return crowded.load(std::memory_order_relaxed) ? kSpinNsCrowded : kSpinNs; }
};

constinit Pool pool;
static_assert(std::is_trivially_destructible_v<Pool>, "workers outlive static destructors");

void Pool::work(int worker) {
#if defined(__linux__)
  char name[16];
  std::snprintf(name, sizeof name, "lanewise-%d", worker);
  prctl(PR_SET_NAME, name);
#endif
  auto& sleeping = workers[worker].sleeping;
  auto& seen = workers[worker].seen;
  workers[worker].thread.store(this_thread(), std::memory_order_relaxed);
  const auto called = [&] {
    return generation.load(std::memory_order_acquire) != seen.load(std::memory_order_relaxed);
  };
  for (;;) {
    if (!spin(spin_ns(), called)) {
      // Sequentially consistent on both sides: either this sees the new generation, or run() sees the flag.
      sleeping.store(1);
      while (generation.load() == seen.load(std::memory_order_relaxed) && sleeping.load() == 1) sleeping.wait(1);
      sleeping.store(0);
    }
    seen.store(generation.load(std::memory_order_acquire), std::memory_order_relaxed);
    uint32_t now = state.load(std::memory_order_relaxed);
    while ((now & kOpen) != 0 && !state.compare_exchange_weak(now, now + kOneCame + 1, std::memory_order_acquire)) {
    }
    if ((now & kOpen) == 0) continue;
    if (worker < region->threads) drain(worker);
    const uint32_t left = state.fetch_sub(1, std::memory_order_acq_rel) - 1;
    if ((left & (kOpen | kCallerSleeps | kInside)) == kCallerSleeps) state.notify_one();
  }
}

void Pool::start(int threads) {
  if (started.load(std::memory_order_acquire) >= threads) return;
  const std::lock_guard lock(starting);
  crowded.store(threads > default_threads(), std::memory_order_relaxed);
  // Signals belong to Node's threads; a handler must not run on a stack of ours.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
#if defined(__linux__) && !defined(__GLIBC__)
  pthread_attr_setstacksize(&attributes, size_t{1} << 20);  // musl's default is too small
#endif
  for (int worker = started.load(std::memory_order_relaxed); worker < threads; ++worker) {
    pthread_t thread;
    const auto entry = [](void* index) -> void* {
      pool.work(static_cast<int>(reinterpret_cast<intptr_t>(index)));
      return nullptr;
    };
    // A system out of threads is no reason to fail: the work is done by those there are.
    if (pthread_create(&thread, &attributes, entry, reinterpret_cast<void*>(intptr_t{worker})) != 0) break;
    started.store(worker + 1, std::memory_order_release);
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Pool::drain(int worker) {
  const int threads = region->threads;
  for (int i = 0; i < threads; ++i) {
    Worker& owner = workers[worker + i < threads ? worker + i : worker + i - threads];
    while (owner.next.load(std::memory_order_relaxed) < owner.end) {
      const int64_t item = owner.next.fetch_add(1, std::memory_order_relaxed);
      if (item >= owner.end) break;
      if (region->stopped()) return;
      if (worker == 0) gather();
      region->call(region->function, item, worker);
    }
  }
}

/// Called by worker 0 before each item: gets hold of a worker that is awake and does not come.
void Pool::gather() {
  const int threads = std::min(region->threads, started.load(std::memory_order_relaxed));
  const auto complete = [&] {
    return static_cast<int>((state.load(std::memory_order_relaxed) & ~(kOpen | kCallerSleeps)) / kOneCame) >=
           threads - 1;
  };
  if (complete() || crowded.load(std::memory_order_relaxed)) return;
  const int64_t now = now_ns();
  if (now - gathered_at < kGatherNs) return;
  gathered_at = now;
  if (spin(kArrivalNs, complete)) return;
  const uint32_t here = generation.load(std::memory_order_relaxed);
  for (int worker = 1; worker < threads; ++worker) {
    const Worker& missing = workers[worker];
    const int thread = missing.thread.load(std::memory_order_relaxed);
    if (thread != 0 && missing.seen.load(std::memory_order_relaxed) != here) return move_away(thread);
  }
}

void Pool::run(const Region& todo) {
  region = &todo;
  for (int worker = 0; worker < todo.threads; ++worker) {
    workers[worker].next.store(todo.items * worker / todo.threads, std::memory_order_relaxed);
    workers[worker].end = todo.items * (worker + 1) / todo.threads;
  }
  state.store(kOpen, std::memory_order_release);
  generation.fetch_add(1);
  const int threads = std::min(todo.threads, started.load(std::memory_order_acquire));
  for (int worker = 1; worker < threads; ++worker) {
    auto& sleeping = workers[worker].sleeping;
    if (sleeping.load() == 1 && sleeping.exchange(0) == 1) sleeping.notify_one();
  }
  drain(0);
  state.fetch_and(~kOpen, std::memory_order_acq_rel);
  const auto alone = [&] { return (state.load(std::memory_order_acquire) & kInside) == 0; };
  if (!spin(spin_ns(), alone)) {
    uint32_t now = state.fetch_or(kCallerSleeps, std::memory_order_acq_rel) | kCallerSleeps;
    while ((now & kInside) != 0) {
      state.wait(now);
      now = state.load(std::memory_order_acquire);
    }
  }
}

}  // namespace

Parallel::Parallel(int threads, const std::atomic<bool>* stop) : threads_(threads), stop_(stop) {
  if (threads_ < 1) threads_ = 1;
  if (threads_ > kMaxThreads) threads_ = kMaxThreads;
  pool.start(threads_);
}

bool Parallel::submit(const Region& region) {
  if (pool.busy.exchange(true, std::memory_order_acquire)) return false;
  pool.run(region);
  pool.busy.store(false, std::memory_order_release);
  return true;
}

}  // namespace lanewise
