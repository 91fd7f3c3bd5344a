// Flat elementwise ops. Needs lanes.inl.
// Outputs may be the same memory as an input (in place): a vector is read completely before it is written.

// NaN compares false everywhere below and therefore passes through.

static void relu_forward(const float* x, float* y, int64_t count) {
  map1(x, y, count, [=](Vec v) { return select(less(v, zero()), zero(), v); });
}

static void relu_backward(const float* dy, const float* y, float* dx, int64_t count) {
  map2(dy, y, dx, count, [=](Vec g, Vec v) { return select(less_equal(v, zero()), zero(), g); });
}

static void leaky_relu_forward(const float* x, float* y, int64_t count, float slope) {
  const Vec s = broadcast(slope);
  map1(x, y, count, [s](Vec v) { return select(less(v, zero()), mul(v, s), v); });
}

static void leaky_relu_backward(const float* dy, const float* y, float* dx, int64_t count, float slope) {
  const Vec s = broadcast(slope);
  map2(dy, y, dx, count, [s](Vec g, Vec v) { return select(less(v, zero()), mul(g, s), g); });
}

template <int kActivation>
LANEWISE_INLINE void add_activated(const float* a, const float* b, float* y, int64_t count, float slope) {
  const Vec s = broadcast(slope);
  map2(a, b, y, count, [s](Vec u, Vec v) { return apply_activation(add(u, v), kActivation, s); });
}

static void add_forward(const float* a, const float* b, float* y, int64_t count, int activation, float slope) {
  if (activation == 0) add_activated<0>(a, b, y, count, slope);
  if (activation == 1) add_activated<1>(a, b, y, count, slope);
  if (activation == 2) add_activated<2>(a, b, y, count, slope);
}

static void fill_value(float* y, int64_t count, float value) {
  const Vec v = broadcast(value);
  for_lanes(count, [=](int64_t i, auto lanes) { lanes.write(y + i, v); });
}

static void divide_by(const float* x, float* y, int64_t count, float divisor) {
  const Vec d = broadcast(divisor);
  map1(x, y, count, [d](Vec v) { return div(v, d); });
}

static bool all_finite(const float* x, int64_t count) {
  const Vec largest = broadcast(3.402823466e+38f);
  Vec bad = zero();
  for_lanes(count, [=, &bad](int64_t i, auto lanes) {
    // False on NaN as well.
    const Mask finite = less_equal(abs(lanes.read(x + i)), largest);
    bad = select(finite, bad, broadcast(1.0f));
  });
  return !mask_any(less(zero(), bad));
}
