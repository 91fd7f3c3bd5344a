// Dropout: keeps an element iff uniform(key, index) >= rate, from the counter-based generator of random.h.
// The generator runs in compiler vectors of 32-bit integers, which every instruction set has. Needs lanes.inl.

typedef uint32_t WordLanes __attribute__((vector_size(4 * kLanes)));
static_assert(sizeof(Vec) == sizeof(WordLanes), "a Vec is kLanes floats and nothing else");

LANEWISE_INLINE WordLanes mix_lanes(WordLanes x) {
  x = (x ^ (x >> 16)) * kRandomMix1;
  x = (x ^ (x >> 15)) * kRandomMix2;
  return x ^ (x >> 15);
}

/// Elements [first, first + count) of a tensor whose element `first` is at x and y. `threshold` is ceil(rate * 2^24):
/// comparing the 24 random bits with it is comparing the uniform number with the rate, exactly.
static void dropout_flat(const float* x, float* y, int64_t first, int64_t count, uint32_t key, int32_t threshold,
                         float scale) {
  typedef int32_t SignedLanes __attribute__((vector_size(4 * kLanes)));
  const Vec factor = broadcast(scale);
  const uint32_t spread = key * kRandomKeySpread;
  WordLanes counter;
  for (int lane = 0; lane < kLanes; ++lane) counter[lane] = static_cast<uint32_t>(first) + key + lane;
  for_lanes(count, [=, &counter](int64_t i, auto lanes) {
    const SignedLanes drawn = (SignedLanes)(mix_lanes(mix_lanes(counter) ^ spread) >> 8);
    const WordLanes keep = (WordLanes)(drawn >= threshold);
    const Vec product = mul(lanes.read(x + i), factor);
    WordLanes bits;
    __builtin_memcpy(&bits, &product, sizeof bits);
    bits &= keep;
    Vec kept;
    __builtin_memcpy(&kept, &bits, sizeof kept);
    lanes.write(y + i, kept);
    counter += static_cast<uint32_t>(kLanes);
  });
}
