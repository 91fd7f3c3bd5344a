// expm1, log, log1p, erf and the normal distribution: the twin of lib/ops/elementary.ts, in exactly that order.
// Needs activation.inl.

/// ((c0 x + c1) x + c2) ...
template <int N>
LANEWISE_INLINE Vec horner(const float (&coefficients)[N], Vec x) {
  Vec p = broadcast(coefficients[0]);
#pragma GCC unroll 16
  for (int i = 1; i < N; ++i) p = fma(p, x, broadcast(coefficients[i]));
  return p;
}

/// e^x - 1.
LANEWISE_INLINE Vec expm1_of(Vec x) {
  constexpr float kCoefficients[] = {1.9845877e-4f,  1.39406254e-3f, 8.33338965e-3f,
                                     4.16663624e-2f, 1.66666657e-1f, 5.0e-1f};
  const Vec highest = broadcast(88.72283935546875f);
  const Vec lowest = broadcast(-18.0f);
  const Vec magic = broadcast(12582912.0f);
  const Vec one = broadcast(1.0f);
  const Mask inside = mask_and(less_equal(lowest, x), less_equal(x, highest));
  const Vec xs = select(inside, x, zero());
  const Vec n = sub(fma(xs, broadcast(1.44269504088896341f), magic), magic);
  Vec r = fma(neg(n), broadcast(0.693359375f), xs);
  r = fma(neg(n), broadcast(-2.12194440e-4f), r);
  const Vec p = fma(horner(kCoefficients, r), mul(r, r), r);
  // 2^n p + (2^n - 1), halved until the end: 2^128 is no fp32 number.
  const Vec s = pow2(sub(n, one));
  const Vec half = fma(s, p, sub(s, broadcast(0.5f)));
  const Vec y = select(equal(n, zero()), p, add(half, half));
  const Vec beyond = select(less(highest, x), broadcast(__builtin_inff()), select(is_nan(x), x, neg(one)));
  return select(inside, y, beyond);
}

/// ln(1 + f) + e ln 2, for 1 + f from sqrt(1/2) to sqrt(2).
LANEWISE_INLINE Vec log_of_parts(Vec f, Vec e) {
  constexpr float kCoefficients[] = {7.0376836292e-2f,  -1.151461031e-1f,  1.1676998740e-1f,
                                     -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                                     2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
  const Vec z = mul(f, f);
  Vec y = mul(mul(f, z), horner(kCoefficients, f));
  y = fma(e, broadcast(-2.12194440e-4f), y);
  y = fma(broadcast(-0.5f), z, y);
  return fma(e, broadcast(0.693359375f), add(f, y));
}

LANEWISE_INLINE Vec log32_of(Vec x) {
  const Vec one = broadcast(1.0f);
  const Vec half = broadcast(0.5f);
  const Vec infinity = broadcast(__builtin_inff());
  const Mask inside = mask_and(less(zero(), x), less(x, infinity));
  const Vec xs = select(inside, x, one);
  const Mask denormal = less(xs, broadcast(0x1p-126f));
  const Vec normal = select(denormal, mul(xs, broadcast(0x1p23f)), xs);
  const Vec m = significand_of(normal);
  const Mask large = less_equal(broadcast(1.41421356237309505f), m);
  const Vec e = add(exponent_of(normal), select(large, one, zero()));
  const Vec f = sub(select(large, mul(m, half), m), one);
  const Vec y = log_of_parts(f, sub(e, select(denormal, broadcast(23.0f), zero())));
  const Vec nan = broadcast(__builtin_nanf(""));
  const Vec beyond = select(equal(x, zero()), neg(infinity), select(less(zero(), x), infinity, nan));
  return select(inside, y, beyond);
}

/// ln(1 + x) for x from 0 to 1.
LANEWISE_INLINE Vec log1p_of(Vec x) {
  const Vec half = broadcast(0.5f);
  const Mask large = less(broadcast(0.41421356237309505f), x);
  return log_of_parts(select(large, fma(x, half, neg(half)), x), select(large, broadcast(1.0f), zero()));
}

constexpr float kErfCentre = 0.5f;

/// erf(x) / x - 1 of z = x^2, up to x = kErfCentre.
LANEWISE_INLINE Vec erf_centre(Vec z) {
  constexpr float kCoefficients[] = {4.71799029e-3f, -2.67571844e-2f, 1.12828225e-1f, -3.76126081e-1f, 1.28379167e-1f};
  return horner(kCoefficients, z);
}

/// e^(a^2) erfc(a) for a of at least kErfCentre.
LANEWISE_INLINE Vec erfcx_of(Vec a) {
  constexpr float kCoefficients[] = {-3.13573570e1f, 7.58587494e1f, -6.55582199e1f, 1.95846901e1f, -1.43393981f,
                                     3.35625148f,    1.9319315f,    1.13028753f,    5.64153194e-1f};
  const Vec t = div(broadcast(1.0f), add(a, broadcast(2.0f)));
  return mul(horner(kCoefficients, t), t);
}

LANEWISE_INLINE Vec erf_of(Vec x) {
  const Vec a = abs(x);
  const Vec z = mul(a, a);
  const Vec outside = sub(broadcast(1.0f), mul(exp_of(neg(z)), erfcx_of(a)));
  return select(less(a, broadcast(kErfCentre)), fma(x, erf_centre(z), x), copysign1(outside, x));
}

/// The share of a standard normal distribution below x, for |x| <= 14.
LANEWISE_INLINE Vec normal_cdf(Vec x) {
  const Vec one = broadcast(1.0f);
  const Vec half = broadcast(0.5f);
  const Vec a = mul(abs(x), broadcast(0.70710678118654752f));
  const Vec x_half = mul(x, broadcast(0.35355339059327376f));
  const Vec centre = add(half, fma(x_half, erf_centre(mul(a, a)), x_half));
  // e^(-x^2 / 2) with what x^2 lost in rounding put back as a factor.
  const Vec square = mul(x, x);
  const Vec lost = fma(x, x, neg(square));
  const Vec density = mul(exp_of(mul(neg(half), square)), fma(lost, neg(half), one));
  const Vec tail = mul(mul(density, half), erfcx_of(a));
  return select(less(a, broadcast(kErfCentre)), centre, select(less(x, zero()), tail, sub(one, tail)));
}
