// The gradients of batch normalisation over the columns of x[rows,c]. Needs elementwise.inl.
// g is dy through the gradient of the activation, whose argument xhat * gamma + beta is computed anew from x.

template <class Act>
struct BatchNormSumsTile {
  const BatchNormGradient& p;
  int64_t rows, stride;
  float* dgammas;
  float* dbetas;
  int64_t out_stride;

  template <int B, int V, class Lanes>
  void run(int64_t block, int64_t column, Lanes last) const {
    const float* dy = p.dy + block * rows * stride + column;
    const float* x = p.x + block * rows * stride + column;
    const Vec slope = broadcast(p.slope);
    Vec dgamma[B][V], dbeta[B][V];
    Vec mean[V], rstd[V], gamma[V], beta[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      mean[v] = read_of<V>(p.mean + column, v, last);
      rstd[v] = read_of<V>(p.rstd + column, v, last);
      gamma[v] = read_of<V>(p.gamma + column, v, last);
      beta[v] = read_of<V>(p.beta + column, v, last);
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) dgamma[b][v] = dbeta[b][v] = zero();
    }
    for (int64_t row = 0; row < rows; ++row, dy += stride, x += stride) {
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) {
        const int64_t at = b * rows * stride;
        fetch_ahead<V>(x + at, stride);
        fetch_ahead<V>(dy + at, stride);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          const Vec xhat = mul(sub(read_of<V>(x + at, v, last), mean[v]), rstd[v]);
          const Vec g = Act::gradient_at(read_of<V>(dy + at, v, last), fma(xhat, gamma[v], beta[v]), slope);
          dgamma[b][v] = fma(g, xhat, dgamma[b][v]);
          dbeta[b][v] = add(dbeta[b][v], g);
        }
      }
    }
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
      const int64_t to = (block + b) * out_stride + column;
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        write_of<V>(dgammas + to, v, last, dgamma[b][v]);
        write_of<V>(dbetas + to, v, last, dbeta[b][v]);
      }
    }
  }
};

/// Per block of `rows` rows: the column sums of g * xhat and of g, for `width` of the `stride` columns.
static void batch_norm_sums(const BatchNormGradient& p, int64_t blocks, int64_t rows, int64_t stride, int64_t width,
                            float* dgammas, float* dbetas, int64_t out_stride) {
  with_activation(p.activation, [&](auto act) {
    for_column_tiles(blocks, width, BatchNormSumsTile<decltype(act)>{p, rows, stride, dgammas, dbetas, out_stride});
  });
}

/// Per channel: k = gamma * rstd, a = dbeta / count, b = dgamma / count.
static void batch_norm_factors(const float* gamma, const float* rstd, const float* dgamma, const float* dbeta,
                               int64_t c, float count, float* k, float* a, float* b) {
  const Vec rows = broadcast(count);
  map2(gamma, rstd, k, c, [=](Vec g, Vec r) { return mul(g, r); });
  map1(dbeta, a, c, [=](Vec v) { return div(v, rows); });
  map1(dgamma, b, c, [=](Vec v) { return div(v, rows); });
}

/// dx = k * (g - a - xhat * b). dx may be dy.
static void batch_norm_backward(const BatchNormGradient& p, const float* k, const float* a, const float* b, float* dx,
                                int64_t rows, int64_t c, bool around) {
  const float *dy = p.dy, *x = p.x, *mean = p.mean, *rstd = p.rstd, *gamma = p.gamma, *beta = p.beta;
  const Vec slope = broadcast(p.slope);
  with_activation(p.activation, [=](auto act) {
    with_stores(around, dx, c, [=](auto stores) {
      for_channel_rows<decltype(stores)>(rows, c, [=](int64_t at, int64_t j, auto lanes) {
        const Vec xhat = mul(sub(lanes.read(x + at), lanes.read(mean + j)), lanes.read(rstd + j));
        const Vec before = fma(xhat, lanes.read(gamma + j), lanes.read(beta + j));
        Vec t = sub(act.gradient_at(lanes.read(dy + at), before, slope), lanes.read(a + j));
        t = fma(neg(xhat), lanes.read(b + j), t);
        lanes.write(dx + at, mul(lanes.read(k + j), t));
      });
    });
  });
}
