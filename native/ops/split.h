// How elementwise and row-wise work is cut into items for the thread pool.
// One item is enough work to be worth a hand-over, so small tensors run on the caller alone. No result depends on it.
#pragma once

#include <algorithm>

#include "../runtime/parallel.h"

namespace lanewise {

/// 64 KiB of floats: a few microseconds of memory traffic.
inline constexpr int64_t kItemElements = 16384;

/// f(begin, count) over all of [0, total).
template <class F>
void for_elements(Parallel& parallel, int64_t total, F&& f) {
  const int64_t items = (total + kItemElements - 1) / kItemElements;
  parallel.run(items, [&](int64_t item, int) {
    const int64_t begin = item * kItemElements;
    f(begin, std::min(kItemElements, total - begin));
  });
}

/// f(begin, end) over rows that cost as much as `row_elements` elements each.
template <class F>
void for_rows(Parallel& parallel, int64_t rows, int64_t row_elements, F&& f) {
  const int64_t taken = std::max<int64_t>(1, kItemElements / row_elements);
  const int64_t items = (rows + taken - 1) / taken;
  parallel.run(items, [&](int64_t item, int) { f(item * taken, std::min(rows, (item + 1) * taken)); });
}

}  // namespace lanewise
