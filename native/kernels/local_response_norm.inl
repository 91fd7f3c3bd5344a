// Local response normalisation over the channels, row by row. Needs elementary.inl.
// Assumptions: the zeros around the rows of `padded` and `terms` are there. A zero adds nothing to a sum of squares, so
// channels beyond the ends need no case of their own.

/// s = k + weight * sum of the squares in the window of channel j on, and s^-beta.
struct ResponseScale {
  Vec s, power;

  template <class Lanes>
  LANEWISE_INLINE ResponseScale of(const LocalResponseNorm& p, int64_t j, Lanes lanes) {
    Vec sum = zero();
    for (int64_t i = 0; i <= p.before + p.after; ++i) {
      const Vec v = lanes.read(p.padded + j + i);
      sum = fma(v, v, sum);
    }
    const Vec s = fma(sum, broadcast(p.weight), broadcast(p.k));
    return {s, exp_of(mul(broadcast(-p.beta), log32_of(s)))};
  }
};

LANEWISE_INLINE void copy_row(const float* from, float* to, int64_t c) {
  for_lanes(c, [=](int64_t j, auto lanes) { lanes.write(to + j, lanes.read(from + j)); });
}

static void local_response_norm_rows(const LocalResponseNorm& p, const float* x, float* y, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row, x += p.c, y += p.c) {
    copy_row(x, p.padded + p.before, p.c);
    for_lanes(p.c, [&](int64_t j, auto lanes) {
      lanes.write(y + j, mul(lanes.read(x + j), ResponseScale::of(p, j, lanes).power));
    });
  }
}

static void local_response_norm_backward_rows(const LocalResponseNorm& p, const float* dy, const float* x, float* dx,
                                              int64_t rows) {
  const Vec factor = broadcast(p.factor);
  for (int64_t row = 0; row < rows; ++row, dy += p.c, x += p.c, dx += p.c) {
    copy_row(x, p.padded + p.before, p.c);
    for_lanes(p.c, [&](int64_t j, auto lanes) {
      const auto [s, power] = ResponseScale::of(p, j, lanes);
      const Vec g = lanes.read(dy + j);
      lanes.write(p.terms + p.after + j, div(mul(mul(g, lanes.read(x + j)), power), s));
      lanes.write(dx + j, mul(g, power));
    });
    for_lanes(p.c, [&](int64_t j, auto lanes) {
      Vec sum = zero();
      for (int64_t i = 0; i <= p.before + p.after; ++i) sum = add(sum, lanes.read(p.terms + j + i));
      lanes.write(dx + j, sub(lanes.read(dx + j), mul(mul(factor, lanes.read(x + j)), sum)));
    });
  }
}
