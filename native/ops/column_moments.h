// Mean and biased variance down the columns of x[rows,c]: one mean and sum of squared deviations for each block of rows
// (column_blocks.h), combined from left to right.
#pragma once

#include <cstddef>

#include "column_blocks.h"

namespace lanewise {

struct ColumnMoments {
  ColumnBlocks columns;
  int64_t at_means, at_m2s, at_weights, at_crosses;

  ColumnMoments(int64_t rows, int64_t c, Layout& layout) : columns{rows, c} {
    at_means = layout.take(sat_mul(columns.blocks(), c), sizeof(float));
    at_m2s = layout.take(sat_mul(columns.blocks(), c), sizeof(float));
    at_weights = layout.take(columns.blocks(), sizeof(float));
    at_crosses = layout.take(columns.blocks(), sizeof(float));
  }

  /// `memory` is what the layout was made for.
  void run(const Kernels& kernels, Parallel& parallel, std::byte* memory, const float* x, float* mean,
           float* variance) const {
    const auto floats = [memory](int64_t at) { return reinterpret_cast<float*>(memory + at); };
    const int64_t c = columns.c;
    float* means = floats(at_means);
    float* m2s = floats(at_m2s);
    columns.run(parallel, [&](int64_t block, int64_t blocks, int64_t rows, int64_t column, int64_t width) {
      const int64_t to = block * c + column;
      kernels.batch_norm_stats(x + block * ColumnBlocks::kBlockRows * c + column, blocks, rows, c, width, means + to,
                               m2s + to, c);
    });
    float* weights = floats(at_weights);
    float* crosses = floats(at_crosses);
    for (int64_t block = 1; block < columns.blocks(); ++block) {
      const double na = static_cast<double>(block * ColumnBlocks::kBlockRows);
      const double nb = static_cast<double>(block < columns.full() ? ColumnBlocks::kBlockRows : columns.rest());
      weights[block] = static_cast<float>(nb / (na + nb));
      crosses[block] = static_cast<float>(na * nb / (na + nb));
    }
    columns.for_columns(parallel, columns.blocks() * c, [&](int64_t column, int64_t width) {
      kernels.batch_norm_combine(means + column, m2s + column, weights, crosses, columns.blocks(), c, width,
                                 static_cast<float>(columns.rows), mean + column, variance + column);
    });
  }
};

}  // namespace lanewise
