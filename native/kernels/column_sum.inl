// Sums down the columns of a matrix, the reduction behind bias gradients, batch norm and global pooling.
// Needs lanes.inl. The rows come in blocks; each block's chain is its own result, in row order from +0.

struct ColumnSumTile {
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
      for (int v = 0; v < V; ++v) sum[b][v] = zero();
    }
    for (int64_t row = 0; row < rows; ++row, from += stride) {
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) {
        fetch_ahead<V>(from + b * rows * stride, stride);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[b][v] = add(sum[b][v], read_of<V>(from + b * rows * stride, v, last));
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

/// sums[block, j] = sum over the block's rows of x[row, j]; x has `stride` columns, of which `width` are summed.
static void column_sum(const float* x, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* sums,
                       int64_t sums_stride) {
  for_column_tiles(blocks, width, ColumnSumTile{x, rows, stride, sums, sums_stride});
}
