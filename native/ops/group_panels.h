// Takes the channels of a grouped convolution apart, so that a group finds its own side by side.
#pragma once

#include <cstdint>
#include <cstring>

namespace lanewise {

/// Groups of more channels are long enough pieces where they lie.
inline constexpr int64_t kFewChannels = 32;

namespace group_panels {

constexpr int64_t kLineFloats = 16;  // of a cache line
constexpr int64_t kAhead = 8;        // pixels

/// kChannels = 0: any number.
template <int64_t kChannels>
void copy(float* to, int64_t panel_floats, const float* from, int64_t from_step, int64_t pixels, int64_t groups,
          int64_t channels) {
  const int64_t k = kChannels > 0 ? kChannels : channels;
  for (int64_t p = 0; p < pixels; ++p, to += k, from += from_step) {
    for (int64_t c = 0; c < groups * k; c += kLineFloats) __builtin_prefetch(from + kAhead * from_step + c);
    for (int64_t g = 0; g < groups; ++g) {
      std::memcpy(to + g * panel_floats, from + g * k, static_cast<size_t>(k) * sizeof(float));
    }
  }
}

}  // namespace group_panels

/// to[group * panel_floats + pixel * k + c] = from[pixel * from_step + group * k + c]. Pixel by pixel, so that memory
/// is read in order.
inline void to_group_panels(float* to, int64_t panel_floats, const float* from, int64_t from_step, int64_t pixels,
                            int64_t groups, int64_t k) {
  switch (k) {
    case 4: return group_panels::copy<4>(to, panel_floats, from, from_step, pixels, groups, k);
    case 8: return group_panels::copy<8>(to, panel_floats, from, from_step, pixels, groups, k);
    case 16: return group_panels::copy<16>(to, panel_floats, from, from_step, pixels, groups, k);
    default: return group_panels::copy<0>(to, panel_floats, from, from_step, pixels, groups, k);
  }
}

}  // namespace lanewise
