// Reductions down the columns of a matrix, above all the sum behind bias gradients, batch norm and global pooling.
// Needs lanes.inl. The rows come in blocks; each block's chain is its own result, in row order from +0 (for extremes
// from an infinity). A mean is added up here and divided by the caller.

template <ReduceKind kKind>
struct Accumulator {
  LANEWISE_INLINE Vec start() {
    if constexpr (kKind == ReduceKind::kMaximum) return broadcast(-__builtin_inff());
    if constexpr (kKind == ReduceKind::kMinimum) return broadcast(__builtin_inff());
    return zero();
  }
  /// NaN wins as an extreme.
  LANEWISE_INLINE Vec next(Vec sum, Vec x) {
    if constexpr (kKind == ReduceKind::kSumSquares) return fma(x, x, sum);
    if constexpr (kKind == ReduceKind::kMaximum) return select(mask_or(less(sum, x), is_nan(x)), x, sum);
    if constexpr (kKind == ReduceKind::kMinimum) return select(mask_or(less(x, sum), is_nan(x)), x, sum);
    return add(sum, x);
  }
};

template <ReduceKind kKind>
struct ColumnTile {
  const float* x;
  int64_t rows, stride;
  float* sums;
  int64_t sums_stride;

  template <int B, int V, class Lanes>
  void run(int64_t block, int64_t column, Lanes last) const {
    const float* from = x + block * rows * stride + column;
    Vec sum[B][V];
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[b][v] = Accumulator<kKind>::start();
    }
    for (int64_t row = 0; row < rows; ++row, from += stride) {
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) {
        fetch_ahead<V>(from + b * rows * stride, stride);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          sum[b][v] = Accumulator<kKind>::next(sum[b][v], read_of<V>(from + b * rows * stride, v, last));
        }
      }
    }
    float* to = sums + block * sums_stride + column;
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) write_of<V>(to + b * sums_stride, v, last, sum[b][v]);
    }
  }
};

using ColumnSumTile = ColumnTile<ReduceKind::kSum>;

/// sums[block, j] = sum over the block's rows of x[row, j]; x has `stride` columns, of which `width` are summed.
static void column_sum(const float* x, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* sums,
                       int64_t sums_stride) {
  for_column_tiles(blocks, width, ColumnSumTile{x, rows, stride, sums, sums_stride});
}

/// The same with another reduction.
static void column_reduce(const float* x, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* sums,
                          int64_t sums_stride, ReduceKind kind) {
  using enum ReduceKind;
  const auto run = [&](auto tile) { for_column_tiles(blocks, width, tile); };
  if (kind == kSumSquares) return run(ColumnTile<kSumSquares>{x, rows, stride, sums, sums_stride});
  if (kind == kMaximum) return run(ColumnTile<kMaximum>{x, rows, stride, sums, sums_stride});
  if (kind == kMinimum) return run(ColumnTile<kMinimum>{x, rows, stride, sums, sums_stride});
  column_sum(x, blocks, rows, stride, width, sums, sums_stride);
}
