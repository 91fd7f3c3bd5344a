// What this machine can do at best: the yardsticks that profiles and benchmarks divide by.

/** Independent fused multiply-adds in registers; returns how many FLOPs were done. */
static double fma_burst(int64_t rounds, float* sink) {
  constexpr int kChains = 12;
  Vec acc[kChains];
  const Vec a = load_n(sink, 1);
  // Chains must differ, or the compiler computes one of them.
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) acc[i] = broadcast(static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) acc[i] = fma(a, a, acc[i]);
  }
  Vec sum = zero();
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) sum = add(sum, acc[i]);
  store_n(sink, sum, 1);
  return 2.0 * kChains * kLanes * static_cast<double>(rounds);
}

/** Reads `count` floats once; returns their sum so that the reads cannot vanish. */
static float read_burst(const float* from, int64_t count) {
  Vec acc[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) acc[i] = zero();
  int64_t at = 0;
  for (; at + 8 * kLanes <= count; at += 8 * kLanes) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) acc[i] = add(acc[i], load(from + at + i * kLanes));
  }
  Vec sum = zero();
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) sum = add(sum, acc[i]);
  float lanes[kLanes];
  store(lanes, sum);
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += lanes[i];
  for (; at < count; ++at) total += from[at];
  return total;
}
