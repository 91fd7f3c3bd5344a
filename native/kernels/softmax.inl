// Softmax and its logarithm over the last axis, row by row, and the gradients of both and of softmax with
// cross-entropy. Needs activation.inl and elementwise.inl. Sums run in double over the fp32 exponentials: kSumLanes
// partial sums take turns, which are then added from left to right. That is the definition, docs/numerics.md.

constexpr int kSumLanes = 16;

/// f(i, lane) for every i in [0, count), in order; lane = i mod kSumLanes.
template <class F>
LANEWISE_INLINE double sum_in_turns(int64_t count, F value) {
  double sums[kSumLanes] = {};
  int64_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
#pragma GCC unroll 16
    for (int lane = 0; lane < kSumLanes; ++lane) sums[lane] = sums[lane] + value(i + lane);
  }
  for (int lane = 0; i + lane < count; ++lane) sums[lane] = sums[lane] + value(i + lane);
  double sum = sums[0];
  for (int lane = 1; lane < kSumLanes; ++lane) sum = sum + sums[lane];
  return sum;
}

/// The largest element, -infinity when all are NaN.
LANEWISE_INLINE float largest_of(const float* x, int64_t k) {
  constexpr int kChains = 4;
  Vec tops[kChains];
#pragma GCC unroll 4
  for (int chain = 0; chain < kChains; ++chain) tops[chain] = broadcast(-__builtin_inff());
  const auto offer = [&](int chain, Vec v) { tops[chain] = select(less(tops[chain], v), v, tops[chain]); };
  int64_t i = 0;
  for (; i + kChains * kLanes <= k; i += kChains * kLanes) {
#pragma GCC unroll 4
    for (int chain = 0; chain < kChains; ++chain) offer(chain, load(x + i + chain * kLanes));
  }
  for (; i + kLanes <= k; i += kLanes) offer(0, load(x + i));
#pragma GCC unroll 4
  for (int chain = 1; chain < kChains; ++chain) offer(0, tops[chain]);
  float lanes[kLanes];
  store(lanes, tops[0]);
  float top = lanes[0];
  for (int lane = 1; lane < kLanes; ++lane) top = lanes[lane] > top ? lanes[lane] : top;
  for (; i < k; ++i) top = x[i] > top ? x[i] : top;
  return top;
}

/// y = softmax of each row of x[rows,k]; `row_max` and `row_sum` (may be null) receive its maximum and double sum.
static void softmax_rows(const float* x, float* y, int64_t rows, int64_t k, float* row_max, double* row_sum) {
  for (int64_t row = 0; row < rows; ++row, x += k, y += k) {
    const float top = largest_of(x, k);
    const Vec shift = broadcast(top);
    map1(x, y, k, [shift](Vec v) { return exp_of_nonpositive(sub(v, shift)); });
    const double sum = sum_in_turns(k, [y](int64_t i) { return static_cast<double>(y[i]); });
    divide_by(y, y, k, static_cast<float>(sum));
    if (row_max != nullptr) row_max[row] = top;
    if (row_sum != nullptr) row_sum[row] = sum;
  }
}

/// y = log(softmax) of each row of x[rows,k]. y may not be x: it holds the exponentials first.
static void log_softmax_rows(const float* x, float* y, int64_t rows, int64_t k) {
  for (int64_t row = 0; row < rows; ++row, x += k, y += k) {
    const Vec shift = broadcast(largest_of(x, k));
    map1(x, y, k, [shift](Vec v) { return exp_of_nonpositive(sub(v, shift)); });
    const double sum = sum_in_turns(k, [y](int64_t i) { return static_cast<double>(y[i]); });
    const Vec rest = broadcast(static_cast<float>(log_of(sum)));
    map1(x, y, k, [=](Vec v) { return sub(sub(v, shift), rest); });
  }
}

/// dx = dy - e^y * sum(dy), the sum in double. dx may be dy.
static void log_softmax_backward_rows(const float* dy, const float* y, float* dx, int64_t rows, int64_t k) {
  for (int64_t row = 0; row < rows; ++row, dy += k, y += k, dx += k) {
    const double sum = sum_in_turns(k, [dy](int64_t i) { return static_cast<double>(dy[i]); });
    const Vec minus = broadcast(-static_cast<float>(sum));
    map2(dy, y, dx, k, [minus](Vec g, Vec v) { return fma(exp_of(v), minus, g); });
  }
}

/// The double sum over a row of lse - (x - top), weighted unless `weights` is null: what label smoothing shares out.
static double smoothed_loss(const float* x, const float* weights, int64_t k, float top, double lse) {
  const auto term = [=](int64_t i) { return lse - static_cast<double>(x[i] - top); };
  if (weights == nullptr) return sum_in_turns(k, term);
  return sum_in_turns(k, [=](int64_t i) { return term(i) * static_cast<double>(weights[i]); });
}

/// dx = y * (dy - sum(dy * y)), the sum a chain over the row. dx may be dy.
static void softmax_backward_rows(const float* dy, const float* y, float* dx, int64_t rows, int64_t k) {
  // Each chain is sequential, so four rows at a time keep the multiply-add units busy.
  constexpr int kRows = 4;
  for (int64_t row = 0; row < rows; row += kRows) {
    const int taken = static_cast<int>(rows - row < kRows ? rows - row : kRows);
    const float* g[kRows];
    const float* p[kRows];
    Vec sum[kRows];
    for (int r = 0; r < kRows; ++r) {
      const int64_t at = (row + (r < taken ? r : 0)) * k;
      g[r] = dy + at;
      p[r] = y + at;
      sum[r] = zero();
    }
    for (int64_t i = 0; i < k; ++i) {
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) sum[r] = fma(broadcast(g[r][i]), broadcast(p[r][i]), sum[r]);
    }
    for (int r = 0; r < taken; ++r) {
      const Vec s = sum[r];
      map2(g[r], p[r], dx + (row + r) * k, k, [s](Vec d, Vec v) { return mul(v, sub(d, s)); });
    }
  }
}

/// Rows [begin, end) of dx: see softmax.h.
static void cross_entropy_backward_rows(const CrossEntropyGradient& task, const float* probs, float* dx, int64_t begin,
                                        int64_t end) {
  const int64_t k = task.k;
  const Vec off = broadcast(task.off);
  const Vec scale = broadcast(task.scale);
  for (int64_t row = begin; row < end; ++row) {
    const float* p = probs + row * k;
    float* d = dx + row * k;
    const int64_t label = task.labels[row];
    if (label == task.ignored) {
      fill_value(d, k, 0.0f);
      continue;
    }
    const bool known = label >= 0 && label < k;
    const float at_label = known ? p[label] : 0.0f;
    if (task.weights == nullptr) {
      map1(p, d, k, [=](Vec v) { return mul(sub(v, off), scale); });
      if (known) d[label] = (at_label - task.on) * task.scale;
      continue;
    }
    const double own = task.own * (known ? static_cast<double>(task.weights[label]) : 0.0);
    const float sum = static_cast<float>(own + task.shared);
    const Vec sums = broadcast(sum);
    map2(p, task.weights, d, k, [=](Vec v, Vec w) { return mul(fma(v, sums, neg(mul(w, off))), scale); });
    if (!known) continue;
    // The same step of this one element, before the scale.
    float rest[1];
    store_n(rest, fma(broadcast(at_label), sums, neg(mul(broadcast(task.weights[label]), off))), 1);
    d[label] = (rest[0] - static_cast<float>(own)) * task.scale;
  }
}
