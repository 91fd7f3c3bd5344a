// How resizing weights the positions of an axis: the counterpart of lib/ops/resample.ts, in memory that the caller has.
#pragma once

#include <cstddef>
#include <cstdint>

#include "workspace.h"

namespace lanewise {

enum ResizeMode : int32_t { kNearest = 0, kLinear = 1, kCorners = 2 };

/// Position p of the result reads from first[p] on with weights[offsets[p]] to weights[offsets[p + 1] - 1].
struct Taps {
  int32_t* first;
  int32_t* offsets;
  float* weights;
};

/// Where a table for `positions` that read `taps` positions in all lies in the workspace.
struct TapsLayout {
  int64_t first, offsets, weights;

  TapsLayout(Layout& layout, int64_t positions, int64_t taps)
      : first(layout.take(positions, sizeof(int32_t))),
        offsets(layout.take(positions + 1, sizeof(int32_t))),
        weights(layout.take(taps, sizeof(float))) {}

  Taps in(std::byte* workspace) const {
    return {reinterpret_cast<int32_t*>(workspace + first), reinterpret_cast<int32_t*>(workspace + offsets),
            reinterpret_cast<float*>(workspace + weights)};
  }
};

struct AxisResize {
  int32_t mode;
  int64_t from, to;
  float step;  // 0: from / to

  /// Where position `p` of the result lies.
  double source(int64_t p) const {
    const auto ratio = [](int64_t a, int64_t b) { return static_cast<double>(a) / static_cast<double>(b); };
    if (mode == kNearest) return step > 0 ? static_cast<double>(static_cast<float>(p) * step) : ratio(p * from, to);
    if (mode == kCorners) return to == 1 ? 0.0 : ratio(p * (from - 1), to - 1);
    const double centre = step > 0 ? (static_cast<double>(p) + 0.5) * static_cast<double>(step) - 0.5
                                   : ratio((2 * p + 1) * from - to, 2 * to);
    return centre > 0 ? centre : 0.0;
  }

  /// What each position of the result reads: at most two positions.
  void fill(Taps taps) const {
    int32_t used = 0;
    taps.offsets[0] = 0;
    for (int64_t p = 0; p < to; ++p) {
      const double last = static_cast<double>(from - 1), at = source(p);
      const double inside = at < last ? at : last;
      const int32_t lower = static_cast<int32_t>(inside);
      const double fraction = inside - lower;
      taps.first[p] = lower;
      taps.weights[used++] = mode == kNearest ? 1.0f : static_cast<float>(1.0 - fraction);
      if (mode != kNearest && lower < from - 1) taps.weights[used++] = static_cast<float>(fraction);
      taps.offsets[p + 1] = used;
    }
  }

  /// `given` seen from x: for each of its positions the result's that read it.
  void transpose(const Taps& given, Taps taps) const {
    int32_t used = 0;
    int64_t begin = 0;
    taps.offsets[0] = 0;
    for (int64_t i = 0; i < from; ++i) {
      while (begin < to && given.first[begin] + given.offsets[begin + 1] - given.offsets[begin] <= i) ++begin;
      taps.first[i] = static_cast<int32_t>(begin < to ? begin : 0);
      for (int64_t p = begin; p < to && given.first[p] <= i; ++p) {
        taps.weights[used++] = given.weights[given.offsets[p] + i - given.first[p]];
      }
      taps.offsets[i + 1] = used;
    }
  }
};

}  // namespace lanewise
