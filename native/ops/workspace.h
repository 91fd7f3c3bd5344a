// Lays out an op's workspace. `workspace_bytes` and `run` build the same Layout, so they cannot disagree.
// Arithmetic saturates: a shape that would overflow ends in kHuge, far above kMaxWorkspaceBytes.
#pragma once

#include <cstdint>

namespace lanewise {

inline constexpr int64_t kHuge = int64_t{1} << 60;
/// An op that would need more scratch memory than this is refused.
inline constexpr int64_t kMaxWorkspaceBytes = int64_t{1} << 38;

/// a * b for a, b >= 0, at most kHuge.
inline int64_t sat_mul(int64_t a, int64_t b) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product) || product > kHuge ? kHuge : product;
}

inline int64_t sat_add(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) || sum > kHuge ? kHuge : sum;
}

inline int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

inline int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

/// Floats rounded up to an odd number of cache lines: arrays that far apart do not fall into the same cache sets.
inline int64_t odd_lines(int64_t floats) { return sat_mul(ceil_div(floats, 16) | 1, 16); }

struct Layout {
  int64_t bytes = 0;

  /// Reserves room for `count` elements of `size` bytes on its own cache lines; returns the byte offset.
  int64_t take(int64_t count, int64_t size) {
    const int64_t at = bytes;
    bytes = sat_add(bytes, sat_mul(ceil_div(sat_mul(count, size), 64), 64));
    return at;
  }
};

/// From the memory of one worker to that of the next. Processors fetch ahead of reads at a stride, far beyond the end
/// of what is read: lines that another core has written would travel there and back. Lists and the like are not worth
/// it.
inline int64_t apart(int64_t worker_bytes) {
  constexpr int64_t kReach = 256 * 1024, kLists = 4096;
  return worker_bytes <= kLists ? worker_bytes : sat_add(worker_bytes, kReach);
}

}  // namespace lanewise
