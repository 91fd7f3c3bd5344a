// Time as the system tells it, without the C++ library's clock: that would be the addon's only need of it.
#pragma once

#include <time.h>

#include <cstdint>

namespace lanewise {

/// Nanoseconds since some moment in the past; never goes back.
inline int64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace lanewise
