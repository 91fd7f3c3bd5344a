// Batch normalisation over the columns of x[rows,c]. Needs column_sum.inl and elementwise.inl.
// Statistics come as one mean and one sum of squared deviations (m2) per block of rows, then combined left to right.

struct BatchNormStatsTile {
  const float* x;
  int64_t rows, stride;
  float* means;
  float* m2s;
  int64_t out_stride;

  template <int B, int V, class Lanes>
  void run(int64_t block, int64_t column, Lanes last) const {
    ColumnSumTile{x, rows, stride, means, out_stride}.run<B, V>(block, column, last);
    const float* from = x + block * rows * stride + column;
    float* mean_at = means + block * out_stride + column;
    float* m2_at = m2s + block * out_stride + column;
    const Vec count = broadcast(static_cast<float>(rows));
    Vec mean[B][V];
    Vec m2[B][V];
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        mean[b][v] = div(read_of<V>(mean_at + b * out_stride, v, last), count);
        m2[b][v] = zero();
      }
    }
    for (int64_t row = 0; row < rows; ++row, from += stride) {
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          const Vec d = sub(read_of<V>(from + b * rows * stride, v, last), mean[b][v]);
          m2[b][v] = fma(d, d, m2[b][v]);
        }
      }
    }
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        write_of<V>(mean_at + b * out_stride, v, last, mean[b][v]);
        write_of<V>(m2_at + b * out_stride, v, last, m2[b][v]);
      }
    }
  }
};

/// Mean and m2 of each block of `rows` rows, for `width` of x's `stride` columns.
static void batch_norm_stats(const float* x, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* means,
                             float* m2s, int64_t out_stride) {
  for_column_tiles(blocks, width, BatchNormStatsTile{x, rows, stride, means, m2s, out_stride});
}

/// Combines the blocks' statistics (Chan). weights[i] = nb / n and crosses[i] = na * nb / n when block i joins those
/// before it; both unused for block 0. `count` is the number of rows in all.
static void batch_norm_combine(const float* means, const float* m2s, const float* weights, const float* crosses,
                               int64_t blocks, int64_t stride, int64_t width, float count, float* mean,
                               float* variance) {
  for_lanes(width, [=](int64_t j, auto lanes) {
    Vec m = lanes.read(means + j);
    Vec m2 = lanes.read(m2s + j);
    for (int64_t block = 1; block < blocks; ++block) {
      const Vec delta = sub(lanes.read(means + block * stride + j), m);
      m = fma(delta, broadcast(weights[block]), m);
      m2 = add(m2, lanes.read(m2s + block * stride + j));
      m2 = fma(mul(delta, delta), broadcast(crosses[block]), m2);
    }
    lanes.write(mean + j, m);
    lanes.write(variance + j, div(m2, broadcast(count)));
  });
}

static void batch_norm_rstd(const float* variance, float* rstd, int64_t c, float epsilon) {
  const Vec one = broadcast(1.0f);
  const Vec eps = broadcast(epsilon);
  map1(variance, rstd, c, [=](Vec v) { return div(one, sqrt(add(v, eps))); });
}

template <bool kResidual, class Lanes, class Act>
LANEWISE_INLINE void batch_norm_apply_as(Act act, const float* x, const float* mean, const float* rstd,
                                         const float* gamma, const float* beta, const float* residual, float* y,
                                         int64_t rows, int64_t c, float slope) {
  const Vec s = broadcast(slope);
  for_channel_rows<Lanes>(rows, c, [=](int64_t at, int64_t j, auto lanes) {
    const Vec xhat = mul(sub(lanes.read(x + at), lanes.read(mean + j)), lanes.read(rstd + j));
    Vec value = fma(xhat, lanes.read(gamma + j), lanes.read(beta + j));
    if constexpr (kResidual) value = add(value, lanes.read(residual + at));
    lanes.write(y + at, act.apply(value, s));
  });
}

/// y = act((x - mean) * rstd * gamma + beta + residual). `residual` may be null; y may be it.
static void batch_norm_apply(const float* x, const float* mean, const float* rstd, const float* gamma,
                             const float* beta, const float* residual, float* y, int64_t rows, int64_t c,
                             int activation, float slope, bool around) {
  with_activation(activation, [=](auto act) {
    with_stores(around, y, c, [=](auto lanes) {
      using Lanes = decltype(lanes);
      if (residual == nullptr) {
        batch_norm_apply_as<false, Lanes>(act, x, mean, rstd, gamma, beta, residual, y, rows, c, slope);
      } else {
        batch_norm_apply_as<true, Lanes>(act, x, mean, rstd, gamma, beta, residual, y, rows, c, slope);
      }
    });
  });
}

/// running += momentum * (batch - running); the variance is made unbiased first.
static void batch_norm_update(float* running_mean, float* running_variance, const float* mean, const float* variance,
                              int64_t c, float momentum, float unbiased) {
  const Vec share = broadcast(momentum);
  const Vec factor = broadcast(unbiased);
  map2(running_mean, mean, running_mean, c, [=](Vec r, Vec m) { return fma(share, sub(m, r), r); });
  map2(running_variance, variance, running_variance, c,
       [=](Vec r, Vec v) { return fma(share, sub(mul(v, factor), r), r); });
}
