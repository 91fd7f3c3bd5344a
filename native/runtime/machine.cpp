// Linux tells a container's CPU share only through files: /proc/self/cgroup names the groups this process is in, and a
// limit may stand at any of their parents. Inside a container the named path often does not exist, only its root does.
#include "machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../kernels/kernels.h"

namespace lanewise {
namespace {

/// The start of a small text file, empty when it cannot be read.
std::string read_text(const std::string& path) {
  char text[4096];
  std::FILE* const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return {};
  const size_t length = std::fread(text, 1, sizeof text, file);
  std::fclose(file);
  return {text, length};
}

double share(double quota, double period) { return quota > 0 && period > 0 ? quota / period : 0; }

/// Version 2: "max 100000" or "150000 100000".
double limit_v2(const std::string& folder) {
  const std::string text = read_text(folder + "/cpu.max");
  char* end = nullptr;
  const double quota = std::strtod(text.c_str(), &end);
  return share(quota, std::strtod(end, nullptr));
}

/// Version 1: a quota of -1 means none.
double limit_v1(const std::string& folder) {
  const double quota = std::atof(read_text(folder + "/cpu.cfs_quota_us").c_str());
  return share(quota, std::atof(read_text(folder + "/cpu.cfs_period_us").c_str()));
}

/// The tightest limit at `mount` + `path` or any of its parents.
double tightest(const std::string& mount, std::string path, double (*limit)(const std::string&)) {
  double least = 0;
  for (;;) {
    const double here = limit(mount + path);
    if (here > 0 && (least == 0 || here < least)) least = here;
    if (path.empty()) return least;
    path.resize(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
}

bool lists_cpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

}  // namespace

double cpu_quota(const char* root) {
  const std::string base = root;
  const std::string groups = read_text(base + "/proc/self/cgroup");
  double least = 0;
  const auto consider = [&](double limit) {
    if (limit > 0 && (least == 0 || limit < least)) least = limit;
  };
  for (size_t start = 0; start < groups.size();) {
    const size_t end = std::min(groups.find('\n', start), groups.size());
    const std::string line = groups.substr(start, end - start);  // hierarchy:controllers:path
    start = end + 1;
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    if (controllers.empty()) {
      consider(tightest(base + "/sys/fs/cgroup", path, limit_v2));
    } else if (lists_cpu(controllers)) {
      consider(tightest(base + "/sys/fs/cgroup/cpu", path, limit_v1));
    }
  }
  return least;
}

int affinity() {
#if defined(__linux__)
  // The mask can be larger than cpu_set_t on machines with more than 1024 cores.
  for (int cores = 1024; cores <= (1 << 18); cores *= 4) {
    cpu_set_t* const set = CPU_ALLOC(cores);
    const size_t bytes = CPU_ALLOC_SIZE(cores);
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
}

int default_threads() {
  const int cores = affinity();
  const double quota = cpu_quota();
  if (quota == 0 || quota >= cores) return cores;
  const int whole = static_cast<int>(quota);
  return std::max(1, whole < quota ? whole + 1 : whole);
}

std::vector<const char*> isa_levels() {
  const Kernels* tables[4];
  std::vector<const char*> usable;
  for (int i = 0, count = usable_kernels(tables); i < count; ++i) usable.push_back(tables[i]->isa);
  return usable;
}

}  // namespace lanewise
