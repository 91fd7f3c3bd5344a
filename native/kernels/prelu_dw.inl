// The gradient of prelu by its slopes: sums down the columns of dy * x where x is not above 0. Needs lanes.inl.
// Blocks of rows as in column_sum.inl: each block's chain is its own result, in row order from +0.

struct PreluSlopeTile {
  const float* dy;
  const float* x;
  int64_t rows, stride;
  float* sums;
  int64_t sums_stride;

  template <int B, int V, class Lanes>
  void run(int64_t block, int64_t column, Lanes last) const {
    int64_t at = block * rows * stride + column;
    Vec sum[B][V];
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[b][v] = zero();
    }
    for (int64_t row = 0; row < rows; ++row, at += stride) {
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) {
        const int64_t from = at + b * rows * stride;
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          const Vec value = read_of<V>(x + from, v, last);
          const Vec more = fma(read_of<V>(dy + from, v, last), value, sum[b][v]);
          sum[b][v] = select(less(zero(), value), sum[b][v], more);
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

/// sums[block, j] = sum over the block's rows of (x > 0 ? 0 : dy * x) in column j; of `stride` columns `width` are
/// summed.
static void prelu_slope_sums(const float* dy, const float* x, int64_t blocks, int64_t rows, int64_t stride,
                             int64_t width, float* sums, int64_t sums_stride) {
  for_column_tiles(blocks, width, PreluSlopeTile{dy, x, rows, stride, sums, sums_stride});
}
