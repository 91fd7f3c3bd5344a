// Flat elementwise ops. Needs lanes.inl.
// Outputs may be the same memory as an input (in place): a vector is read completely before it is written.

// NaN compares false everywhere below and therefore passes through.

static void relu_forward(const float* x, float* y, int64_t count, bool around) {
  with_stores(around, y, kLanes, [=](auto lanes) {
    map1<decltype(lanes)>(x, y, count, [=](Vec v) { return select(less(v, zero()), zero(), v); });
  });
}

/// The activation of an epilogue, as a type: loops are compiled once for each.
template <int kCode>
struct Activation {
  /// y = act(x).
  LANEWISE_INLINE Vec apply(Vec x, Vec slope) { return apply_activation(x, kCode, slope); }

  /// The gradient before the activation, from its result y.
  LANEWISE_INLINE Vec gradient(Vec dy, Vec y, Vec slope) {
    if constexpr (kCode == 1) return select(less_equal(y, zero()), zero(), dy);
    if constexpr (kCode == 2) return select(less(y, zero()), mul(dy, slope), dy);
    return dy;
  }

  /// The same from what it was applied to. The sign of x * slope, not of x, decides: the product of a denormal can be
  /// -0, and then the result is no longer below 0.
  LANEWISE_INLINE Vec gradient_at(Vec dy, Vec x, Vec slope) {
    return gradient(dy, kCode == 2 ? mul(x, slope) : x, slope);
  }
};

template <class F>
LANEWISE_INLINE void with_activation(int activation, F f) {
  if (activation == 0) f(Activation<0>{});
  if (activation == 1) f(Activation<1>{});
  if (activation == 2) f(Activation<2>{});
}

static void relu_backward(const float* dy, const float* y, float* dx, int64_t count, bool around) {
  with_stores(around, dx, kLanes, [=](auto lanes) {
    map2<decltype(lanes)>(dy, y, dx, count, [=](Vec g, Vec v) { return Activation<1>::gradient(g, v, v); });
  });
}

static void leaky_relu_forward(const float* x, float* y, int64_t count, float slope) {
  const Vec s = broadcast(slope);
  map1(x, y, count, [s](Vec v) { return select(less(v, zero()), mul(v, s), v); });
}

static void leaky_relu_backward(const float* dy, const float* y, float* dx, int64_t count, float slope) {
  const Vec s = broadcast(slope);
  map2(dy, y, dx, count, [s](Vec g, Vec v) { return Activation<2>::gradient(g, v, s); });
}

static void add_forward(const float* a, const float* b, float* y, int64_t count, int activation, float slope,
                        bool around) {
  const Vec s = broadcast(slope);
  with_activation(activation, [=](auto act) {
    with_stores(around, y, kLanes, [=](auto lanes) {
      map2<decltype(lanes)>(a, b, y, count, [=](Vec u, Vec v) { return act.apply(add(u, v), s); });
    });
  });
}

/// y = a + b through the gradient of the activation at its result `gate`.
static void add_gated(const float* a, const float* b, const float* gate, float* y, int64_t count, int activation,
                      float slope) {
  const Vec s = broadcast(slope);
  with_activation(activation, [=](auto act) {
    for_lanes(count, [=](int64_t i, auto lanes) {
      const Vec sum = add(lanes.read(a + i), lanes.read(b + i));
      lanes.write(y + i, act.gradient(sum, lanes.read(gate + i), s));
    });
  });
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
