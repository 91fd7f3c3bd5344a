// The functions of op `unary` and their derivatives: the twin of lib/ops/unary-functions.ts, step by step, where each
// is explained. Needs elementary.inl. Outputs may be the same memory as an input.

/// x, but low below `low` and high above `high`; NaN stays.
LANEWISE_INLINE Vec clamp(Vec x, Vec low, Vec high) {
  return select(less(x, low), low, select(less(high, x), high, x));
}

LANEWISE_INLINE Vec within(Vec x, float limit) { return clamp(x, broadcast(-limit), broadcast(limit)); }

LANEWISE_INLINE Vec gated(Vec x, Vec z) {
  const Vec divisor = add(broadcast(1.0f), exp_of(neg(z)));
  return select(equal(divisor, broadcast(__builtin_inff())), zero(), div(x, divisor));
}

LANEWISE_INLINE Vec gated_slope(Vec s, Vec a) { return fma(mul(a, s), sub(broadcast(1.0f), s), s); }

struct MishFraction {
  Vec p, q, gap;
};

LANEWISE_INLINE MishFraction mish_fraction(Vec x, Vec n) {
  const Vec two = broadcast(2.0f);
  const Mask negative = less(x, zero());
  const Vec twice = mul(two, n);
  const Vec p = select(negative, fma(n, n, twice), fma(two, n, broadcast(1.0f)));
  const Vec gap = select(negative, two, mul(twice, n));
  return {p, add(p, gap), gap};
}

constexpr float kGeluLinear = 1.5957691216057308f;
constexpr float kGeluCubic = 0.0713548163f;
constexpr float kGeluCubicSlope = 0.214064449f;

/// f(x).
template <UnaryKind kKind>
LANEWISE_INLINE Vec unary_value(Vec x, Vec alpha, Vec beta) {
  using enum UnaryKind;
  const Vec one = broadcast(1.0f);
  const Vec half = broadcast(0.5f);
  if constexpr (kKind == kHardTanh || kKind == kClip) return clamp(x, alpha, beta);
  if constexpr (kKind == kElu) return select(less_equal(x, zero()), mul(mul(alpha, beta), expm1_of(x)), mul(beta, x));
  if constexpr (kKind == kCelu) return select(less_equal(x, zero()), mul(alpha, expm1_of(div(x, alpha))), x);
  if constexpr (kKind == kGelu) {
    const Vec p = normal_cdf(within(x, 14));
    return select(equal(p, zero()), zero(), mul(x, p));
  }
  if constexpr (kKind == kGeluTanh) {
    return gated(x, mul(x, fma(mul(x, x), broadcast(kGeluCubic), broadcast(kGeluLinear))));
  }
  if constexpr (kKind == kSilu) return gated(x, mul(alpha, x));
  if constexpr (kKind == kMish) {
    const MishFraction t = mish_fraction(x, exp_of(neg(abs(x))));
    return select(equal(t.p, zero()), zero(), mul(x, div(t.p, t.q)));
  }
  if constexpr (kKind == kHardSigmoid) return clamp(fma(alpha, x, beta), zero(), one);
  if constexpr (kKind == kHardSwish) {
    const Vec inside = mul(x, fma(x, broadcast(1.0f / 6.0f), half));
    return select(less_equal(x, broadcast(-3.0f)), zero(), select(less_equal(broadcast(3.0f), x), x, inside));
  }
  if constexpr (kKind == kSoftplus) {
    const Vec z = mul(alpha, x);
    const Vec above = select(less(z, zero()), zero(), z);
    return select(less(beta, z), x, div(add(above, log1p_of(exp_of(neg(abs(z))))), alpha));
  }
  if constexpr (kKind == kSoftsign) {
    const Vec v = within(x, 0x1p25f);
    return div(v, add(one, abs(v)));
  }
  if constexpr (kKind == kExp) return exp_of(x);
  if constexpr (kKind == kLog) return log32_of(x);
  if constexpr (kKind == kSqrt) return sqrt(x);
  if constexpr (kKind == kReciprocal) return div(one, x);
  if constexpr (kKind == kAbs) return abs(x);
  if constexpr (kKind == kNegate) return neg(x);
  if constexpr (kKind == kSquare) return mul(x, x);
  if constexpr (kKind == kErf) return erf_of(x);
  if constexpr (kKind == kAffine) return fma(alpha, x, beta);
  if constexpr (kKind == kPower) return exp_of(mul(alpha, log32_of(x)));
  if constexpr (kKind == kHuber) {
    const Vec a = abs(x);
    return select(less_equal(a, alpha), mul(mul(half, x), x), mul(alpha, sub(a, mul(half, alpha))));
  }
}

/// f'(x).
template <UnaryKind kKind>
LANEWISE_INLINE Vec unary_slope(Vec x, Vec alpha, Vec beta) {
  using enum UnaryKind;
  const Vec one = broadcast(1.0f);
  const Vec two = broadcast(2.0f);
  const Vec half = broadcast(0.5f);
  if constexpr (kKind == kHardTanh) {
    return select(mask_or(less_equal(x, alpha), less_equal(beta, x)), zero(), one);
  }
  if constexpr (kKind == kClip) return select(mask_or(less(x, alpha), less(beta, x)), zero(), one);
  if constexpr (kKind == kElu) return select(less_equal(x, zero()), mul(mul(alpha, beta), exp_of(x)), beta);
  if constexpr (kKind == kCelu) return select(less_equal(x, zero()), exp_of(div(x, alpha)), one);
  if constexpr (kKind == kGelu) {
    const Vec v = within(x, 14);
    const Vec density = mul(exp_of(mul(mul(v, v), neg(half))), broadcast(0.3989422804014327f));
    return fma(v, density, normal_cdf(v));
  }
  if constexpr (kKind == kGeluTanh) {
    const Vec v = within(x, 12);
    const Vec square = mul(v, v);
    const Vec s = sigmoid_of(mul(v, fma(square, broadcast(kGeluCubic), broadcast(kGeluLinear))));
    return gated_slope(s, mul(v, fma(square, broadcast(kGeluCubicSlope), broadcast(kGeluLinear))));
  }
  if constexpr (kKind == kSilu) {
    const Vec z = within(mul(alpha, x), 90);
    return gated_slope(sigmoid_of(z), z);
  }
  if constexpr (kKind == kMish) {
    const Vec v = within(x, 90);
    const Vec n = exp_of(neg(abs(v)));
    const MishFraction t = mish_fraction(v, n);
    const Vec s = div(select(less(v, zero()), n, one), add(one, n));
    const Vec slope = div(mul(t.gap, add(t.q, t.p)), mul(t.q, t.q));
    return fma(mul(v, s), slope, div(t.p, t.q));
  }
  if constexpr (kKind == kHardSigmoid) {
    const Vec v = fma(alpha, x, beta);
    return select(mask_or(less_equal(v, zero()), less_equal(one, v)), zero(), alpha);
  }
  if constexpr (kKind == kHardSwish) {
    const Vec inside = fma(x, broadcast(1.0f / 3.0f), half);
    return select(less_equal(x, broadcast(-3.0f)), zero(), select(less_equal(broadcast(3.0f), x), one, inside));
  }
  if constexpr (kKind == kSoftplus) {
    const Vec z = mul(alpha, x);
    return select(less(beta, z), one, sigmoid_of(z));
  }
  if constexpr (kKind == kSoftsign || kKind == kReciprocal) {
    const Vec r = div(one, kKind == kSoftsign ? add(one, abs(x)) : x);
    return kKind == kSoftsign ? mul(r, r) : neg(mul(r, r));
  }
  if constexpr (kKind == kExp) return exp_of(x);
  if constexpr (kKind == kLog) return div(one, x);
  if constexpr (kKind == kSqrt) return div(half, sqrt(x));
  if constexpr (kKind == kAbs) return select(less(x, zero()), neg(one), select(less(zero(), x), one, x));
  if constexpr (kKind == kNegate) return neg(one);
  if constexpr (kKind == kSquare) return mul(two, x);
  if constexpr (kKind == kErf) return mul(broadcast(1.1283791670955126f), exp_of(neg(mul(x, x))));
  if constexpr (kKind == kAffine) return alpha;
  if constexpr (kKind == kPower) {
    const Vec less_one = sub(alpha, one);
    return select(equal(less_one, zero()), alpha, mul(alpha, exp_of(mul(less_one, log32_of(x)))));
  }
  if constexpr (kKind == kHuber) return clamp(x, neg(alpha), alpha);
}

template <UnaryKind kKind>
struct UnaryTag {
  static constexpr UnaryKind kind = kKind;
};

/// f(tag of `kind`), compiled once for each.
template <int kIndex = 0, class F>
LANEWISE_INLINE void with_unary(UnaryKind kind, F f) {
  constexpr UnaryKind candidate = static_cast<UnaryKind>(kIndex);
  if (kind == candidate) return f(UnaryTag<candidate>{});
  if constexpr (kIndex + 1 < kUnaryKinds) with_unary<kIndex + 1>(kind, f);
}

/// y = body(a, b). One body for whole vectors and the tail: map2 would compile forty long ones twice.
template <class F>
LANEWISE_INLINE void map_vectors(const float* a, const float* b, float* y, int64_t count, F body) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const bool whole = i + kLanes <= count;
    const int n = static_cast<int>(whole ? kLanes : count - i);
    const Vec u = whole ? load(a + i) : load_n(a + i, n);
    const Vec v = whole ? load(b + i) : load_n(b + i, n);
    const Vec result = body(u, v);
    if (whole) {
      store(y + i, result);
    } else {
      store_n(y + i, result, n);
    }
  }
}

static void unary_forward(const float* x, float* y, int64_t count, UnaryKind kind, float alpha, float beta) {
  const Vec a = broadcast(alpha);
  const Vec b = broadcast(beta);
  with_unary(kind, [=](auto tag) {
    map_vectors(x, x, y, count, [=](Vec v, Vec) { return unary_value<decltype(tag)::kind>(v, a, b); });
  });
}

static void unary_backward(const float* dy, const float* x, float* dx, int64_t count, UnaryKind kind, float alpha,
                           float beta) {
  const Vec a = broadcast(alpha);
  const Vec b = broadcast(beta);
  with_unary(kind, [=](auto tag) {
    map_vectors(dy, x, dx, count, [=](Vec g, Vec v) { return mul(g, unary_slope<decltype(tag)::kind>(v, a, b)); });
  });
}
