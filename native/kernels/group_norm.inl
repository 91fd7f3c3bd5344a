// Group normalisation: what one example's groups make of the moments and sums of its channels, and layer normalisation,
// where each row is a group of its own. Needs elementwise.inl and softmax.inl (sum_in_turns). Sums over the channels of
// a group run in double over fp32 terms, as docs/numerics.md defines.

/// Mean and reciprocal deviation of each group of `size` channels from the channels' means and variances.
static void group_norm_statistics(const float* means, const float* variances, int64_t groups, int64_t size,
                                  float epsilon, float* mean, float* rstd) {
  const double count = static_cast<double>(size);
  for (int64_t group = 0; group < groups; ++group, means += size, variances += size) {
    const float centre =
        static_cast<float>(sum_in_turns(size, [=](int64_t k) { return static_cast<double>(means[k]); }) / count);
    const double squares = sum_in_turns(size, [=](int64_t k) {
      const double deviation = means[k] - centre;
      return variances[k] + deviation * deviation;
    });
    mean[group] = centre;
    rstd[group] = static_cast<float>(squares / count);
  }
  batch_norm_rstd(rstd, rstd, groups, epsilon);
}

/// a = sum of gamma * sums / count, b = sum of gamma * products / count over each group, written for each channel.
static void group_norm_factors(const float* gamma, const float* products, const float* sums, int64_t groups,
                               int64_t size, double count, float* a, float* b) {
  const auto share = [=](const float* values, int64_t start) {
    const double sum = sum_in_turns(size, [=](int64_t k) {
      return static_cast<double>(gamma[start + k]) * static_cast<double>(values[start + k]);
    });
    return static_cast<float>(sum / count);
  };
  for (int64_t start = 0; start < groups * size; start += size) {
    fill_value(a + start, size, share(sums, start));
    fill_value(b + start, size, share(products, start));
  }
}

/// dx = rstd * (dy * gamma - a - xhat * b). dx may be dy.
static void group_norm_backward(const float* dy, const float* x, const float* mean, const float* rstd,
                                const float* gamma, const float* a, const float* b, float* dx, int64_t rows,
                                int64_t c) {
  for_channel_rows(rows, c, [=](int64_t at, int64_t j, auto lanes) {
    const Vec scale = lanes.read(rstd + j);
    const Vec xhat = mul(sub(lanes.read(x + at), lanes.read(mean + j)), scale);
    const Vec own = fma(lanes.read(dy + at), lanes.read(gamma + j), neg(lanes.read(a + j)));
    lanes.write(dx + at, mul(scale, fma(neg(xhat), lanes.read(b + j), own)));
  });
}

/// y = act((x - mean) * rstd * gamma + beta) with mean and rstd of each row. y may be x.
static void layer_norm_rows(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd,
                            int64_t rows, int64_t c, float epsilon, int activation, float slope) {
  const Vec s = broadcast(slope);
  const double count = static_cast<double>(c);
  with_activation(activation, [=](auto act) {
    for (int64_t row = 0; row < rows; ++row) {
      const float* from = x + row * c;
      const float centre =
          static_cast<float>(sum_in_turns(c, [=](int64_t k) { return static_cast<double>(from[k]); }) / count);
      const double squares = sum_in_turns(c, [=](int64_t k) {
        const double deviation = from[k] - centre;
        return deviation * deviation;
      });
      mean[row] = centre;
      rstd[row] = 1.0f / __builtin_sqrtf(static_cast<float>(squares / count) + epsilon);
      const Vec m = broadcast(centre);
      const Vec r = broadcast(rstd[row]);
      float* to = y + row * c;
      for_lanes(c, [=](int64_t j, auto lanes) {
        const Vec xhat = mul(sub(lanes.read(from + j), m), r);
        lanes.write(to + j, act.apply(fma(xhat, lanes.read(gamma + j), lanes.read(beta + j)), s));
      });
    }
  });
}

/// dx of each row by the row's own sums. dx may be dy.
static void layer_norm_backward_rows(const float* dy, const float* x, const float* gamma, const float* mean,
                                     const float* rstd, float* dx, int64_t rows, int64_t c) {
  const double count = static_cast<double>(c);
  for (int64_t row = 0; row < rows; ++row) {
    const float* g = dy + row * c;
    const float* from = x + row * c;
    const float centre = mean[row];
    const float scale = rstd[row];
    const double sum =
        sum_in_turns(c, [=](int64_t k) { return static_cast<double>(gamma[k]) * static_cast<double>(g[k]); });
    const double product = sum_in_turns(c, [=](int64_t k) {
      const float xhat = (from[k] - centre) * scale;
      return static_cast<double>(gamma[k]) * static_cast<double>(g[k] * xhat);
    });
    const Vec a = broadcast(static_cast<float>(sum / count));
    const Vec b = broadcast(static_cast<float>(product / count));
    const Vec m = broadcast(centre);
    const Vec r = broadcast(scale);
    float* to = dx + row * c;
    for_lanes(c, [=](int64_t j, auto lanes) {
      const Vec xhat = mul(sub(lanes.read(from + j), m), r);
      const Vec own = fma(lanes.read(g + j), lanes.read(gamma + j), neg(a));
      lanes.write(to + j, mul(r, fma(neg(xhat), b, own)));
    });
  }
}

/// The sums of layer_norm_sums.
struct LayerNormSumsTile {
  const float *dy, *x, *mean, *rstd;
  int64_t rows, stride;
  float* dgammas;
  float* dbetas;
  int64_t out_stride;

  template <int B, int V, class Lanes>
  void run(int64_t block, int64_t column, Lanes last) const {
    Vec dgamma[B][V], dbeta[B][V];
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) dgamma[b][v] = dbeta[b][v] = zero();
    }
    for (int64_t row = 0; row < rows; ++row) {
#pragma GCC unroll 8
      for (int b = 0; b < B; ++b) {
        const int64_t at_row = (block + b) * rows + row;
        const int64_t at = at_row * stride + column;
        const Vec m = broadcast(mean[at_row]);
        const Vec r = broadcast(rstd[at_row]);
        fetch_ahead<V>(x + at, stride);
        fetch_ahead<V>(dy + at, stride);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          const Vec g = read_of<V>(dy + at, v, last);
          const Vec xhat = mul(sub(read_of<V>(x + at, v, last), m), r);
          dgamma[b][v] = add(dgamma[b][v], mul(g, xhat));
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

/// Per block of `rows` rows: the column sums of dy * xhat and of dy, for `width` of the `stride` columns.
static void layer_norm_sums(const float* dy, const float* x, const float* mean, const float* rstd, int64_t blocks,
                            int64_t rows, int64_t stride, int64_t width, float* dgammas, float* dbetas,
                            int64_t out_stride) {
  for_column_tiles(blocks, width, LayerNormSumsTile{dy, x, mean, rstd, rows, stride, dgammas, dbetas, out_stride});
}
