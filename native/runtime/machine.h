// What the machine grants this process: cores, a container's share of them, instruction sets.
#pragma once

#include <vector>

namespace lanewise {

/// Cores this process may run on.
int affinity();

/// Cores' worth of time per second that control groups (version 1 or 2) allow, or 0 when unlimited. `root` stands for
/// "/" in tests.
double cpu_quota(const char* root = "");

/// Affinity capped by the quota, rounded up: what a plan uses when it is not told.
int default_threads();

/// Names of the instruction sets that run here, worst to best.
std::vector<const char*> isa_levels();

}  // namespace lanewise
