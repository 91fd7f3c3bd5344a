// Rows of c channels against vectors of c parameters, when c may be 1 or 6 and vectors 16 lanes.
// `fold` rows are taken as one row of fold * c channels, a whole number of vectors, with the parameters repeated to
// match; the kernels then see wide rows only. What is left over at the end is one shorter row.
#pragma once

#include <cstring>
#include <numeric>

#include "split.h"

namespace lanewise {

struct ChannelRows {
  int64_t rows, c, fold;

  ChannelRows(int64_t row_count, int64_t channels, int lanes) : rows(row_count), c(channels), fold(1) {
    constexpr int64_t kWideEnough = 128;
    constexpr int64_t kTooWide = 4096;
    if (c >= kWideEnough && c % lanes == 0) return;
    const int64_t whole = lanes / std::gcd<int64_t>(c, lanes);
    if (whole * c > kTooWide) return;
    const int64_t folded = (kWideEnough + whole * c - 1) / (whole * c) * whole;
    if (rows >= 4 * folded) fold = folded;
  }

  /// Elements of scratch memory for one parameter vector.
  int64_t width() const { return fold * c; }

  /// The parameters as the kernels should see them; `scratch` is used when they must be repeated.
  const float* repeat(const float* values, float* scratch) const {
    if (fold == 1) return values;
    for (int64_t row = 0; row < fold; ++row) std::memcpy(scratch + row * c, values, c * sizeof(float));
    return scratch;
  }

  /// f(start, rows, c): `rows` wide rows of `c` channels from element `start`.
  template <class F>
  void run(Parallel& parallel, F&& f) const {
    const int64_t wide = rows / fold;
    for_rows(parallel, wide, width(), [&](int64_t begin, int64_t end) { f(begin * width(), end - begin, width()); });
    if (rows % fold != 0) f(wide * width(), int64_t{1}, rows % fold * c);
  }
};

}  // namespace lanewise
