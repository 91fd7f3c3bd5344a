// How a plan would run on machines with more cores than this one: executes every op with 1, 2, 4, ... 128 threads as
// the op sees them, but every work item on this thread alone and timed, then simulates the pool: items are claimed in
// order, a region ends with its last item and costs a barrier. Memory bandwidth and shared caches are not modelled.
// Takes the pool's place at link time. Arguments: plan file, bytes of the store, repetitions, level or 'best',
// threads... Prints one JSON object for each op and number of threads, and one with a checksum of all memory for each
// number.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <queue>
#include <vector>

#include "../kernels/kernels.h"
#include "../runtime/clock.h"
#include "../runtime/memory.h"
#include "../runtime/plan.h"

namespace lanewise {
namespace {

constexpr double kBarrierNs = 700;

/// Nanoseconds of every item of every region of the op that is running.
using Items = std::vector<double>;
std::vector<Items> regions;
double regions_ns;

}  // namespace

Parallel::Parallel(int threads, const std::atomic<bool>* stop) : threads_(threads), stop_(stop) {}

bool Parallel::submit(const Region& region) {
  Items items;
  const int64_t start = now_ns();
  int64_t before = start;
  for (int64_t i = 0; i < region.items; ++i) {
    region.call(region.function, i, 0);
    const int64_t now = now_ns();
    items.push_back(static_cast<double>(now - before));
    before = now;
  }
  regions_ns += static_cast<double>(before - start);
  regions.push_back(std::move(items));
  return true;
}

namespace {

/// Fastest repetition of everything.
struct Timing {
  double total = 1e18, serial = 1e18;
  std::vector<Items> regions;

  void take(double total_ns) {
    total = std::min(total, total_ns);
    serial = std::min(serial, total_ns - regions_ns);
    if (regions.empty()) regions = lanewise::regions;
    for (size_t r = 0; r < regions.size(); ++r) {
      for (size_t i = 0; i < regions[r].size(); ++i) regions[r][i] = std::min(regions[r][i], lanewise::regions[r][i]);
    }
  }
};

/// The end of the last item when `threads` workers claim items in order, each as soon as it is free.
double makespan(const Items& items, int threads) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
  for (int i = 0; i < threads; ++i) free_at.push(0);
  double end = 0;
  for (const double item : items) {
    const double done = free_at.top() + item;
    free_at.pop();
    free_at.push(done);
    end = std::max(end, done);
  }
  return end;
}

uint64_t checksum(const Memory& memory, uint64_t sum) {
  for (int64_t at = 0; at + 8 <= memory.bytes(); at += 8) {
    uint64_t word;
    std::memcpy(&word, memory.data() + at, 8);
    sum = (sum ^ word) * 0x100000001b3u;
  }
  return sum;
}

/// Small positive numbers: fine as weights, variances and pixels.
void fill(const Memory& memory) {
  uint32_t state = 1;
  for (int64_t at = 0; at + 4 <= memory.bytes(); at += 4) {
    state = state * 1664525u + 1013904223u;
    const float value = static_cast<float>(state >> 8) * 0x1p-28f;
    std::memcpy(memory.data() + at, &value, 4);
  }
}

void print(const Plan& plan, size_t step, int threads, const Timing& timing) {
  double simulated = timing.serial, critical = timing.serial;
  for (const Items& items : timing.regions) {
    simulated += makespan(items, threads) + kBarrierNs;
    critical += *std::max_element(items.begin(), items.end());
  }
  std::printf(R"({"step":%zu,"op":"%s","threads":%d,"ns":%.0f,"serialNs":%.0f,"criticalNs":%.0f,"simulatedNs":%.0f,)",
              step, plan.steps[step].op->name, threads, timing.total, timing.serial, critical, simulated);
  std::printf(R"("items":[)");
  for (size_t r = 0; r < timing.regions.size(); ++r) std::printf("%s%zu", r > 0 ? "," : "", timing.regions[r].size());
  std::printf("]}\n");
}

int run(int argc, char** argv) {
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<int32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), words.size() * 4);
  const int64_t store_bytes = std::atoll(argv[2]);
  const int repetitions = std::atoi(argv[3]);
  const Kernels* usable[4];
  const int levels = usable_kernels(usable);
  const Kernels* const kernels = std::strcmp(argv[4], "best") == 0 ? usable[levels - 1] : kernels_for(argv[4]);
  if (kernels == nullptr) return std::printf("no such level here\n"), 2;

  Plan plan;
  if (const std::string wrong = decode_plan(words.data(), words.size(), store_bytes, plan); !wrong.empty()) {
    return std::printf("%s\n", wrong.c_str()), 2;
  }
  Memory store(store_bytes), kept(plan.kept_bytes), arena(plan.arena_bytes);
  plan.bind(store.data(), kept.data(), arena.data());
  for (int argument = 5; argument < argc; ++argument) {
    Parallel parallel(std::atoi(argv[argument]));
    int64_t workspace_bytes = 0;
    for (const Step& step : plan.steps) {
      const auto needed = step.op->impl->workspace_bytes;
      if (needed != nullptr)
        workspace_bytes = std::max(workspace_bytes, needed(step.args(), *kernels, parallel.threads()));
    }
    Memory workspace(workspace_bytes);
    fill(store);
    fill(arena);
    fill(kept);
    for (const Tensor& tensor : plan.tensors) {
      // Labels must be classes.
      if (tensor.dtype == kI32) std::fill_n(tensor.as<int32_t>(), tensor.count, 0);
    }
    std::vector<Timing> timings(plan.steps.size());
    for (int repetition = 0; repetition < repetitions; ++repetition) {
      for (size_t step = 0; step < plan.steps.size(); ++step) {
        regions.clear();
        regions_ns = 0;
        const int64_t start = now_ns();
        // A guard's verdict does not matter here.
        plan.steps[step].op->impl->run({plan.steps[step].args(), *kernels, parallel, workspace.data()});
        timings[step].take(static_cast<double>(now_ns() - start));
      }
    }
    for (size_t step = 0; step < plan.steps.size(); ++step) print(plan, step, parallel.threads(), timings[step]);
    std::printf("{\"threads\":%d,\"checksum\":\"%016" PRIx64 "\"}\n", parallel.threads(),
                checksum(arena, checksum(kept, checksum(store, 1))));
  }
  return 0;
}

}  // namespace
}  // namespace lanewise

int main(int argc, char** argv) {
  if (argc < 6) return std::printf("arguments: plan, bytes of the store, repetitions, level or best, threads...\n"), 2;
  return lanewise::run(argc, argv);
}
