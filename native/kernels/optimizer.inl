// Optimizer steps over flat parameters. Needs lanes.inl.
// Momenta are flushed: those of dead units decay into denormals, which would slow every later step many times over.

LANEWISE_INLINE Vec flushed(Vec x) { return select(less(abs(x), broadcast(1.1754943508222875e-38f)), zero(), x); }

template <bool kMomentum, bool kNesterov, bool kDecay>
LANEWISE_INLINE void sgd_step_loop(float* w, float* v, const float* g, int64_t count, const SgdParameters& p) {
  const Vec minus_rate = broadcast(-p.learning_rate);
  const Vec momentum = broadcast(p.momentum);
  const Vec decay = broadcast(p.weight_decay);
  for_lanes(count, [=](int64_t i, auto lanes) {
    const Vec weight = lanes.read(w + i);
    Vec update = lanes.read(g + i);
    if constexpr (kDecay) update = fma(decay, weight, update);
    if constexpr (kMomentum) {
      const Vec velocity = flushed(fma(momentum, lanes.read(v + i), update));
      lanes.write(v + i, velocity);
      update = kNesterov ? fma(momentum, velocity, update) : velocity;
    }
    lanes.write(w + i, fma(minus_rate, update, weight));
  });
}

/// `v` is not touched (and may be null) without momentum.
static void sgd_step_flat(float* w, float* v, const float* g, int64_t count, const SgdParameters& p) {
  const bool decay = p.weight_decay != 0.0f;
  if (p.momentum == 0.0f) {
    decay ? sgd_step_loop<false, false, true>(w, v, g, count, p)
          : sgd_step_loop<false, false, false>(w, v, g, count, p);
  } else if (p.nesterov) {
    decay ? sgd_step_loop<true, true, true>(w, v, g, count, p) : sgd_step_loop<true, true, false>(w, v, g, count, p);
  } else {
    decay ? sgd_step_loop<true, false, true>(w, v, g, count, p) : sgd_step_loop<true, false, false>(w, v, g, count, p);
  }
}

template <bool kDecay, bool kDecoupled>
LANEWISE_INLINE void adam_step_loop(float* w, float* m, float* v, const float* g, int64_t count,
                                    const AdamParameters& p) {
  const Vec minus_step = broadcast(-p.step_size);
  const Vec rsqrt_bias2 = broadcast(p.rsqrt_bias2);
  const Vec epsilon = broadcast(p.epsilon);
  const Vec decay = broadcast(p.weight_decay);
  const float decayed = p.learning_rate * p.weight_decay;
  const Vec shrink = broadcast(1.0f - decayed);
  const Vec share1 = broadcast(1.0f - p.beta1);
  const Vec share2 = broadcast(1.0f - p.beta2);
  for_lanes(count, [=](int64_t i, auto lanes) {
    Vec weight = lanes.read(w + i);
    Vec gradient = lanes.read(g + i);
    if constexpr (kDecay && kDecoupled) weight = mul(weight, shrink);
    if constexpr (kDecay && !kDecoupled) gradient = fma(decay, weight, gradient);
    const Vec m_old = lanes.read(m + i);
    const Vec v_old = lanes.read(v + i);
    const Vec m_new = flushed(fma(share1, sub(gradient, m_old), m_old));
    const Vec v_new = flushed(fma(share2, sub(mul(gradient, gradient), v_old), v_old));
    const Vec scale = fma(sqrt(v_new), rsqrt_bias2, epsilon);
    lanes.write(m + i, m_new);
    lanes.write(v + i, v_new);
    lanes.write(w + i, fma(minus_step, div(m_new, scale), weight));
  });
}

static void adam_step_flat(float* w, float* m, float* v, const float* g, int64_t count, const AdamParameters& p) {
  if (p.weight_decay == 0.0f) {
    adam_step_loop<false, false>(w, m, v, g, count, p);
  } else if (p.decoupled) {
    adam_step_loop<true, true>(w, m, v, g, count, p);
  } else {
    adam_step_loop<true, false>(w, m, v, g, count, p);
  }
}

template <bool kMean, bool kMomentum>
LANEWISE_INLINE void rmsprop_step_loop(float* w, float* v, float* mean, float* velocity, const float* g, int64_t count,
                                       const RmspropParameters& p) {
  const Vec minus_rate = broadcast(-p.learning_rate);
  const Vec momentum = broadcast(p.momentum);
  const Vec epsilon = broadcast(p.epsilon);
  const Vec decay = broadcast(p.weight_decay);
  const Vec share = broadcast(1.0f - p.alpha);
  const bool decays = p.weight_decay != 0.0f;
  const bool cumulative = p.cumulative;
  for_lanes(count, [=](int64_t i, auto lanes) {
    const Vec weight = lanes.read(w + i);
    Vec gradient = lanes.read(g + i);
    if (decays) gradient = fma(decay, weight, gradient);
    const Vec square = mul(gradient, gradient);
    const Vec v_old = lanes.read(v + i);
    const Vec v_new = flushed(cumulative ? add(v_old, square) : fma(share, sub(square, v_old), v_old));
    lanes.write(v + i, v_new);
    Vec spread = v_new;
    if constexpr (kMean) {
      const Vec mean_old = lanes.read(mean + i);
      const Vec mean_new = flushed(fma(share, sub(gradient, mean_old), mean_old));
      lanes.write(mean + i, mean_new);
      const Vec rest = fma(neg(mean_new), mean_new, v_new);
      spread = select(less(rest, zero()), zero(), rest);
    }
    Vec update = div(gradient, add(sqrt(spread), epsilon));
    if constexpr (kMomentum) {
      update = flushed(fma(momentum, lanes.read(velocity + i), update));
      lanes.write(velocity + i, update);
    }
    lanes.write(w + i, fma(minus_rate, update, weight));
  });
}

/// `mean` is null unless centered, `velocity` without momentum.
static void rmsprop_step_flat(float* w, float* v, float* mean, float* velocity, const float* g, int64_t count,
                              const RmspropParameters& p) {
  if (mean != nullptr) {
    velocity != nullptr ? rmsprop_step_loop<true, true>(w, v, mean, velocity, g, count, p)
                        : rmsprop_step_loop<true, false>(w, v, mean, velocity, g, count, p);
  } else {
    velocity != nullptr ? rmsprop_step_loop<false, true>(w, v, mean, velocity, g, count, p)
                        : rmsprop_step_loop<false, false>(w, v, mean, velocity, g, count, p);
  }
}

static void blend_flat(float* a, const float* b, int64_t count, float share_a, float share_b) {
  const Vec of_a = broadcast(share_a), of_b = broadcast(share_b);
  for_lanes(count, [=](int64_t i, auto lanes) {
    lanes.write(a + i, flushed(fma(of_a, lanes.read(a + i), mul(of_b, lanes.read(b + i)))));
  });
}
