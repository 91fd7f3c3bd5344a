// How elementwise and row-wise work is cut into items for the thread pool.
// One item is enough work to be worth a hand-over, so small tensors run on the caller alone. No result depends on it.
#pragma once

#include <algorithm>

#include "../runtime/parallel.h"

namespace lanewise {

/// 64 KiB of floats: a few microseconds of memory traffic.
inline constexpr int64_t kItemElements = 16384;
/// Less work than this, some 10 microseconds, is done before a sleeping thread has woken up.
inline constexpr int64_t kSharedElements = 32768;

/// f(item) for every item, by the caller alone unless all of them together, worth `elements` elements, pay for company.
template <class F>
void share(Parallel& parallel, int64_t items, int64_t elements, F&& f) {
  if (elements >= kSharedElements) return parallel.run(items, [&](int64_t item, int) { f(item); });
  for (int64_t item = 0; item < items; ++item) f(item);
}

/// f(begin, count) over all of [0, total).
template <class F>
void for_elements(Parallel& parallel, int64_t total, F&& f) {
  constexpr int64_t kLineElements = 16;
  const int64_t least = total / kItemElements + 1, threads = parallel.threads();
  // Few items are as many for each thread.
  const int64_t wanted = least < 4 * threads ? (least + threads - 1) / threads * threads : least;
  const int64_t size = (total / wanted / kLineElements + 1) * kLineElements;
  share(parallel, (total + size - 1) / size, total, [&](int64_t item) {
    const int64_t begin = item * size;
    f(begin, std::min(size, total - begin));
  });
}

/// f(begin, end) over rows that cost as much as `row_elements` elements each.
template <class F>
void for_rows(Parallel& parallel, int64_t rows, int64_t row_elements, F&& f) {
  const int64_t taken = std::max<int64_t>(1, kItemElements / row_elements);
  const int64_t items = (rows + taken - 1) / taken;
  share(parallel, items, rows * row_elements,
        [&](int64_t item) { f(item * taken, std::min(rows, (item + 1) * taken)); });
}

}  // namespace lanewise
