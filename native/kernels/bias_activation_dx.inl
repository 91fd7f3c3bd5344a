// The gradient of act(x + b): of the activation elementwise, of the bias down the columns, in one pass.
// Needs column_sum.inl and elementwise.inl.

template <class Act>
struct BiasActivationTile {
  const float* dy;
  const float* y;
  float* dx;
  int64_t rows, stride;
  float* sums;
  int64_t sums_stride;
  float slope;

  template <int B, int V, class Lanes>
  void run(int64_t block, int64_t column, Lanes last) const {
    const Vec factor = broadcast(slope);
    Vec sum[B][V];
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[b][v] = zero();
    }
    int64_t at = block * rows * stride + column;
    for (int64_t row = 0; row < rows; ++row, at += stride) {
      Vec g[B][V];
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) {
        const int64_t from = at + b * rows * stride;
        fetch_ahead<V>(dy + from, stride);
        fetch_ahead<V>(y + from, stride);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          g[b][v] = Act::gradient(read_of<V>(dy + from, v, last), read_of<V>(y + from, v, last), factor);
        }
      }
      // After all loads: the blocks' addresses differ by a multiple of 4096, and a load waits for a store that seems to
      // be to its address.
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          write_of<V>(dx + at + b * rows * stride, v, last, g[b][v]);
          sum[b][v] = add(sum[b][v], g[b][v]);
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

/// dx = dy through the activation's gradient at its result y; sums[block, j] = sum over the block's rows of dx[row, j];
/// for `width` of the `stride` columns. dx may be dy.
static void bias_activation_backward(const float* dy, const float* y, float* dx, int64_t blocks, int64_t rows,
                                     int64_t stride, int64_t width, float* sums, int64_t sums_stride, int activation,
                                     float slope) {
  if (width == stride && width % kLanes != 0) {
    // Rows of a part of a vector: a store would hold up the next row's load, which overlaps it. Two passes in cache.
    const int64_t count = blocks * rows * stride;
    activation == 1 ? relu_backward(dy, y, dx, count, false) : leaky_relu_backward(dy, y, dx, count, slope);
    return column_sum(dx, blocks, rows, stride, width, sums, sums_stride);
  }
  with_activation(activation, [=](auto act) {
    for_column_tiles(blocks, width,
                     BiasActivationTile<decltype(act)>{dy, y, dx, rows, stride, sums, sums_stride, slope});
  });
}
