// The runtime without Node, for sanitizers above all: the thread pool under contention, control-group limits, memory,
// plans broken at random, and runs that are stopped or split.
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../runtime/executable.h"
#include "../runtime/machine.h"
#include "../runtime/measure.h"
#include "../runtime/placement.h"

using namespace lanewise;

namespace {

int failures = 0;

#define EXPECT(condition) \
  do { \
    if (!(condition)) { \
      std::printf("line %d: %s does not hold\n", __LINE__, #condition); \
      ++failures; \
    } \
  } while (0)

/// Regions of changing size; every item must be done once, by a worker of the plan.
void use_pool(int threads) {
  Parallel parallel(threads);
  std::vector<int> done;
  for (int round = 0; round < 400; ++round) {
    done.assign(1 + round * 7 % 50, 0);
    parallel.run(static_cast<int64_t>(done.size()), [&](int64_t item, int worker) {
      if (worker < 0 || worker >= threads) std::abort();
      ++done[item];
    });
    for (const int times : done) EXPECT(times == 1);
  }
}

void pool_test() {
  for (const int threads : {1, 2, 3, 7}) use_pool(threads);
  // Plans of several JavaScript threads at once: one has the pool, the others run inline.
  pthread_t callers[3];
  const auto call = [](void* threads) -> void* {
    use_pool(static_cast<int>(reinterpret_cast<intptr_t>(threads)));
    return nullptr;
  };
  for (int i = 0; i < 3; ++i) pthread_create(&callers[i], nullptr, call, reinterpret_cast<void*>(intptr_t{2} + i));
  for (const pthread_t caller : callers) pthread_join(caller, nullptr);

  const std::atomic<bool> stop(true);
  int begun = 0;
  Parallel(2, &stop).run(100, [&](int64_t, int) { ++begun; });
  EXPECT(begun == 0);
}

#if defined(__linux__)
/// A thread that computes until told to stop.
struct BusyThread {
  pthread_t thread;
  std::atomic<int> id{0};
  std::atomic<bool> stop{false};

  BusyThread() {
    const auto entry = [](void* data) -> void* {
      auto& self = *static_cast<BusyThread*>(data);
      self.id = this_thread();
      while (!self.stop) {
      }
      return nullptr;
    };
    pthread_create(&thread, nullptr, entry, this);
    while (id == 0) sched_yield();
  }
  ~BusyThread() {
    stop = true;
    pthread_join(thread, nullptr);
  }
  /// The core that it runs on or waits for: the 37th field after the name.
  int core() const {
    std::FILE* const file = std::fopen(("/proc/self/task/" + std::to_string(id) + "/stat").c_str(), "r");
    char text[1024] = {};
    if (file == nullptr) return -1;
    const size_t length = std::fread(text, 1, sizeof text - 1, file);
    std::fclose(file);
    const char* field = length > 0 ? std::strrchr(text, ')') : nullptr;
    for (int i = 0; i < 37 && field != nullptr; ++i) field = std::strchr(field + 1, ' ');
    return field == nullptr ? -1 : std::atoi(field);
  }
};

void placement_test() {
  cpu_set_t all;
  EXPECT(sched_getaffinity(0, sizeof all, &all) == 0);
  if (CPU_COUNT(&all) < 2) return void(std::printf("one core: no test of where threads run\n"));
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(first, &here);
  sched_setaffinity(0, sizeof here, &here);
  {
    const BusyThread other;  // waits for the core of this one
    EXPECT(other.core() == first);
    cpu_set_t mask;
    move_away(other.id);
    EXPECT(sched_getaffinity(other.id, sizeof mask, &mask) == 0 && CPU_EQUAL(&mask, &here) && other.core() == first);
    sched_setaffinity(other.id, sizeof all, &all);
    move_away(other.id);
    EXPECT(other.core() != first);
    EXPECT(sched_getaffinity(other.id, sizeof mask, &mask) == 0 && CPU_EQUAL(&mask, &all));
  }
  sched_setaffinity(0, sizeof all, &all);
  move_away(-1);
}
#else
void placement_test() {}
#endif

/// A made-up root folder with control-group files.
struct Root {
  char path[64] = "/tmp/lanewise-runtime-XXXXXX";

  Root() { EXPECT(mkdtemp(path) != nullptr); }
  ~Root() {
    const std::string remove = std::string("rm -rf ") + path;
    EXPECT(std::system(remove.c_str()) == 0);
  }
  void file(const std::string& name, const char* text) const {
    const std::string whole = std::string(path) + name;
    for (size_t at = std::strlen(path) + 1; (at = whole.find('/', at)) != std::string::npos; ++at) {
      mkdir(whole.substr(0, at).c_str(), 0700);
    }
    std::FILE* const out = std::fopen(whole.c_str(), "w");
    EXPECT(out != nullptr);
    std::fputs(text, out);
    std::fclose(out);
  }
};

void machine_test() {
  EXPECT(affinity() >= 1);
  EXPECT(default_threads() >= 1 && default_threads() <= affinity());
  EXPECT(std::string(isa_levels().front()) == "portable");
  {
    const Root none;
    EXPECT(cpu_quota(none.path) == 0);
  }
  {
    const Root v2;
    v2.file("/proc/self/cgroup", "0::/kubepods/pod1/main\n");
    v2.file("/sys/fs/cgroup/kubepods/pod1/main/cpu.max", "max 100000\n");
    EXPECT(cpu_quota(v2.path) == 0);
    v2.file("/sys/fs/cgroup/kubepods/cpu.max", "350000 100000\n");
    EXPECT(cpu_quota(v2.path) == 3.5);
    v2.file("/sys/fs/cgroup/kubepods/pod1/cpu.max", "50000 100000\n");
    EXPECT(cpu_quota(v2.path) == 0.5);
  }
  {
    // Inside a container the path is the host's and does not exist; the root of the mount is the container's group.
    const Root v2;
    v2.file("/proc/self/cgroup", "0::/\n");
    v2.file("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    EXPECT(cpu_quota(v2.path) == 1.5);
  }
  {
    const Root v1;
    v1.file("/proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n3:cpuset:/x\n");
    v1.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    v1.file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    EXPECT(cpu_quota(v1.path) == 2);
    v1.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    EXPECT(cpu_quota(v1.path) == 0);
  }
}

void memory_test() {
  for (const int64_t bytes : {int64_t{1}, int64_t{4096}, int64_t{3} << 20}) {
    const Memory memory(bytes);
    EXPECT(memory.bytes() == bytes && reinterpret_cast<uintptr_t>(memory.data()) % 64 == 0);
    EXPECT(memory.data()[0] == std::byte{0} && memory.data()[bytes - 1] == std::byte{0});
    std::memset(memory.data(), 1, bytes);
  }
  EXPECT(Memory(0).data() == nullptr);
  EXPECT(Memory(int64_t{1} << 60).data() == nullptr);
}

using Words = std::vector<int32_t>;

int32_t bits(float value) {
  int32_t word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}

/// x[16,8,8,4] -> conv2d 3x3 -> 8 channels -> max_pool2d 2x2 -> y, index; a guard on y. 64-byte aligned offsets.
Words sample_plan() {
  Words words{0x4c57504c, 2, static_cast<int32_t>(kOpTableHash), 0, 0, 1 << 20, 0, 6, 3, 0, 0};
  int32_t offset = 0;
  const auto tensor = [&](int32_t dtype, std::vector<int32_t> dims, int32_t bytes) {
    const auto rank = static_cast<int32_t>(dims.size());
    dims.resize(kMaxRank, 1);
    words.insert(words.end(), {dtype, 2, offset, 0, rank});
    words.insert(words.end(), dims.begin(), dims.end());
    offset += (bytes + 63) / 64 * 64;
  };
  tensor(kF32, {16, 8, 8, 4}, 16 * 8 * 8 * 4 * 4);
  tensor(kF32, {3, 3, 4, 8}, 3 * 3 * 4 * 8 * 4);
  tensor(kF32, {8}, 32);
  tensor(kF32, {16, 8, 8, 8}, 16 * 8 * 8 * 8 * 4);
  tensor(kF32, {16, 4, 4, 8}, 16 * 4 * 4 * 8 * 4);
  tensor(kU8, {16, 4, 4, 8}, 16 * 4 * 4 * 8);
  const auto op = [&](OpCode code, Words indices, int32_t inputs, Words attrs) {
    const auto outputs = static_cast<int32_t>(indices.size()) - inputs;
    words.insert(words.end(), {static_cast<int32_t>(code), inputs, outputs, static_cast<int32_t>(attrs.size())});
    words.insert(words.end(), indices.begin(), indices.end());
    words.insert(words.end(), attrs.begin(), attrs.end());
  };
  op(OpCode::kConv2d, {0, 1, 2, 3}, 3, {1, 1, 1, 1, 1, 1, 1, 1, 1, 2, bits(0.1f)});
  op(OpCode::kMaxPool2d, {3, 4, 5}, 1, {2, 2, 2, 2, 0, 0, 0, 0, 1, 1});
  op(OpCode::kGuardFinite, {4}, 1, {});
  return words;
}

std::shared_ptr<Executable> compile(const Words& words, StopFlag stop, int threads, std::string& error) {
  std::shared_ptr<Store> store(new Store);
  store->memory = Memory(4096);
  Plan plan;
  // A copy of exactly this size: reading past it is seen by the address sanitizer.
  const std::unique_ptr<int32_t[]> exact(new int32_t[words.size()]);
  std::copy(words.begin(), words.end(), exact.get());
  error = decode_plan(exact.get(), words.size(), store->memory.bytes(), plan);
  if (!error.empty()) return nullptr;
  return Executable::create(store, std::move(plan), isa_levels().back(), threads, std::move(stop), error);
}

void plan_test() {
  const Words valid = sample_plan();
  const StopFlag stop = new_stop_flag();
  std::string error;
  for (const int threads : {1, 2, 7}) {
    const auto executable = compile(valid, stop, threads, error);
    EXPECT(executable != nullptr);
    if (executable == nullptr) return std::printf("%s\n", error.c_str()), void();
    executable->restart();
    EXPECT(executable->advance(int64_t{1} << 60) == Executable::Progress::kDone);
    // With next to no budget every job does one op.
    executable->restart();
    int jobs = 1;
    while (executable->advance(0) == Executable::Progress::kMore) ++jobs;
    EXPECT(jobs == 3);
    executable->plan().tensors[0].as<float>()[0] = __builtin_nanf("");
    executable->restart();
    EXPECT(executable->advance(int64_t{1} << 60) == Executable::Progress::kGuarded);
  }

  uint32_t state = 1;
  const auto random = [&](uint64_t below) {
    state = state * 1664525u + 1013904223u;
    return static_cast<size_t>(uint64_t{state} * below >> 32);
  };
  int accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    Words broken = valid;
    for (size_t changes = 1 + random(3); changes > 0; --changes) {
      int32_t& word = broken[3 + random(broken.size() - 3)];
      word = random(2) == 0 ? word ^ 1 << random(32) : static_cast<int32_t>(random(9)) - 4 + word % 1000;
    }
    if (random(10) == 0) broken.resize(random(broken.size()));
    const auto executable = compile(broken, stop, 2, error);
    EXPECT((executable == nullptr) == !error.empty());
    if (executable == nullptr) continue;
    ++accepted;
    executable->restart();
    executable->advance(int64_t{1} << 60);
  }
  EXPECT(accepted > 20);
  std::printf("%d of 3000 broken plans were consistent\n", accepted);

  const auto executable = compile(valid, stop, 2, error);
  const StopFlag other = new_stop_flag();
  stop_everything();
  EXPECT(executable->stopped() && other->load());
  executable->restart();
  executable->advance(int64_t{1} << 60);
  EXPECT(executable->profile()[0] == 0);
}

}  // namespace

int main() {
  pool_test();
  placement_test();
  machine_test();
  memory_test();
  plan_test();
  EXPECT(measure_fma_peak("portable", 2) > 0);
  EXPECT(measure_fma_peak("no such level", 1) < 0);
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
