// Reductions down the columns of x[rows,c]: blocks of 256 rows, each with a result of its own, folded left to right.
// The blocks depend on the shape alone; how many of them (and which columns) make up an item of work is free.
#pragma once

#include <algorithm>

#include "../kernels/kernels.h"
#include "split.h"
#include "workspace.h"

namespace lanewise {

struct ColumnBlocks {
  static constexpr int64_t kBlockRows = 256;
  /// A whole number of every instruction set's register tile.
  static constexpr int64_t kItemColumns = 128;
  static constexpr int64_t kItemElements = 32768;

  int64_t rows, c;

  int64_t full() const { return rows / kBlockRows; }
  int64_t rest() const { return rows % kBlockRows; }
  int64_t blocks() const { return ceil_div(rows, kBlockRows); }

  /// f(column, width) over all columns, in one piece unless `work` elements are worth several.
  template <class F>
  void for_columns(Parallel& parallel, int64_t work, F&& f) const {
    const int64_t width = work > kItemElements ? kItemColumns : c;
    share(parallel, ceil_div(c, width), work,
          [&](int64_t item) { f(item * width, std::min(width, c - item * width)); });
  }

  /// f(block, blocks, rows, column, width): `blocks` blocks of `rows` rows each, from `block` on, of `width` columns.
  template <class F>
  void run(Parallel& parallel, F&& f) const {
    const int64_t width = c >= 2 * kItemColumns ? kItemColumns : c;
    // Enough blocks that narrow ones fill the register tile, which takes up to eight.
    const int64_t enough = std::max<int64_t>(1, kItemElements / (kBlockRows * width));
    const int64_t group = enough > 8 ? enough / 8 * 8 : enough;
    const int64_t groups = ceil_div(full(), group);
    const int64_t across = ceil_div(c, width);
    share(parallel, (groups + (rest() > 0 ? 1 : 0)) * across, rows * c, [&](int64_t item) {
      const int64_t column = item % across * width;
      const int64_t columns = std::min(width, c - column);
      const int64_t block = item / across * group;
      if (item / across < groups) {
        f(block, std::min(group, full() - block), kBlockRows, column, columns);
      } else {
        f(full(), int64_t{1}, rest(), column, columns);
      }
    });
  }

  /// sums[j] = partial[0, j] + partial[1, j] + ...
  void fold(const Kernels& kernels, Parallel& parallel, const float* partial, float* sums) const {
    for_columns(parallel, blocks() * c, [&](int64_t column, int64_t width) {
      kernels.column_sum(partial + column, 1, blocks(), c, width, sums + column, c);
    });
  }
};

}  // namespace lanewise
