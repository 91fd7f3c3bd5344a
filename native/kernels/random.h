// Counter-based randomness, the twin of lib/random.ts: a value depends on a key and an index alone.
// All arithmetic is modulo 2^32, so scalar code here and the vector code in dropout.inl agree with JavaScript exactly.
#pragma once

#include <cstdint>

namespace lanewise {

constexpr uint32_t kRandomMix1 = 0x21f0aaadu;
constexpr uint32_t kRandomMix2 = 0xd35a2d97u;
constexpr uint32_t kRandomStep = 0x9e3779b9u;
constexpr uint32_t kRandomKeySpread = 0x9e3779b1u;

/// 32-bit finalizer with full avalanche (lowbias32).
constexpr uint32_t random_mix(uint32_t x) {
  x = (x ^ (x >> 16)) * kRandomMix1;
  x = (x ^ (x >> 15)) * kRandomMix2;
  return x ^ (x >> 15);
}

/// Key of the stream named by (stream, step) under a seed: `streamKey(seed, stream, step)`.
constexpr uint32_t stream_key(uint32_t seed, uint32_t stream, uint32_t step) {
  const uint32_t key = random_mix((random_mix(seed + kRandomStep) ^ stream) + kRandomStep);
  return random_mix((key ^ step) + kRandomStep);
}

/// Uniform 32-bit integer at `index` of the stream `key`.
constexpr uint32_t random_bits(uint32_t key, int64_t index) {
  return random_mix(random_mix(static_cast<uint32_t>(index) + key) ^ (key * kRandomKeySpread));
}

}  // namespace lanewise
