// exp, sigmoid and tanh: the polynomials of docs/numerics.md, evaluated in exactly that order. Needs lanes.inl.
// No library function is used, because each C library rounds its own way.

/// e^r and n such that e^x = e^r * 2^n, for x in [-87.3365, 88.7228].
struct Exponential {
  Vec e, n;

  LANEWISE_INLINE Exponential of(Vec x) {
    const Vec magic = broadcast(12582912.0f);
    const Vec n = sub(fma(x, broadcast(1.44269504088896341f), magic), magic);
    Vec r = fma(neg(n), broadcast(0.693359375f), x);
    r = fma(neg(n), broadcast(-2.12194440e-4f), r);
    Vec p = broadcast(1.9875691500e-4f);
    p = fma(p, r, broadcast(1.3981999507e-3f));
    p = fma(p, r, broadcast(8.3334519073e-3f));
    p = fma(p, r, broadcast(4.1665795894e-2f));
    p = fma(p, r, broadcast(1.6666665459e-1f));
    p = fma(p, r, broadcast(5.0000001201e-1f));
    return {add(fma(p, mul(r, r), r), broadcast(1.0f)), n};
  }
};

/// e^x; +inf above 88.7228, 0 below -87.3365 (no denormal results), NaN for NaN.
LANEWISE_INLINE Vec exp_of(Vec x) {
  const Vec highest = broadcast(88.72283935546875f);
  const Vec lowest = broadcast(-87.33654022216797f);
  const Vec magic = broadcast(12582912.0f);
  const Mask inside = mask_and(less_equal(lowest, x), less_equal(x, highest));
  // Outside lanes compute e^0, so that pow2 never sees a value that it is not defined for.
  const auto [e, n] = Exponential::of(select(inside, x, zero()));
  // h = floor(n / 2): rounding n / 2 - 1/4 to the nearest integer is exact and never a tie.
  const Vec h = sub(add(sub(mul(n, broadcast(0.5f)), broadcast(0.25f)), magic), magic);
  const Vec y = mul(mul(e, pow2(h)), pow2(sub(n, h)));
  const Vec beyond = select(less(highest, x), broadcast(__builtin_inff()), select(is_nan(x), x, zero()));
  return select(inside, y, beyond);
}

/// The same for x <= 0 and NaN. 2^n is a normal number then, so that one multiplication rounds as two do.
LANEWISE_INLINE Vec exp_of_nonpositive(Vec x) {
  const Mask inside = less_equal(broadcast(-87.33654022216797f), x);
  const auto [e, n] = Exponential::of(select(inside, x, zero()));
  return select(inside, mul(e, pow2(n)), select(is_nan(x), x, zero()));
}

LANEWISE_INLINE Vec sigmoid_of(Vec x) {
  const Vec one = broadcast(1.0f);
  return div(one, add(one, exp_of(neg(x))));
}

LANEWISE_INLINE Vec tanh_of(Vec x) {
  const Vec one = broadcast(1.0f);
  const Vec a = abs(x);
  const Vec z = mul(x, x);
  Vec p = broadcast(-5.70498872745e-3f);
  p = fma(p, z, broadcast(2.06390887954e-2f));
  p = fma(p, z, broadcast(-5.37397155531e-2f));
  p = fma(p, z, broadcast(1.33314422036e-1f));
  p = fma(p, z, broadcast(-3.33332819422e-1f));
  const Vec small = fma(mul(p, z), x, x);
  const Vec e = exp_of(add(a, a));
  const Vec large = sub(one, div(broadcast(2.0f), add(e, one)));
  return select(less(a, broadcast(0.625f)), small, copysign1(large, x));
}

static void sigmoid_forward(const float* x, float* y, int64_t count) {
  map1(x, y, count, [=](Vec v) { return sigmoid_of(v); });
}

static void sigmoid_backward(const float* dy, const float* y, float* dx, int64_t count) {
  const Vec one = broadcast(1.0f);
  map2(dy, y, dx, count, [one](Vec g, Vec v) { return mul(g, mul(v, sub(one, v))); });
}

static void tanh_forward(const float* x, float* y, int64_t count) {
  map1(x, y, count, [=](Vec v) { return tanh_of(v); });
}

static void tanh_backward(const float* dy, const float* y, float* dx, int64_t count) {
  const Vec one = broadcast(1.0f);
  map2(dy, y, dx, count, [one](Vec g, Vec v) { return mul(g, fma(neg(v), v, one)); });
}
