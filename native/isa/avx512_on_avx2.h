// AVX-512 as the kernels use it, in pairs of AVX2 registers, for machines that lack it (-DLANEWISE_EMULATE_AVX512=ON):
// isa/avx512.cpp includes this in place of the compiler's intrinsics, under the same names, so its tiles, tails and
// transposes run there with the bits that they have on the real thing. What is not here does not compile.
#pragma once

#include <immintrin.h>

#include <cstdint>

// The upper half of a masked access may lie outside of an array, where no lane of it is touched.
#pragma GCC diagnostic ignored "-Warray-bounds"
// Nothing passes vectors between files.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace lanewise::avx512 {

#define EMULATED static inline __attribute__((always_inline))

struct __m512 {
  __m256 low, high;
};
struct __m512i {
  __m256i low, high;
};
struct __m512d {
  __m256d low, high;
};

/// Eight lanes of a mask, each all ones or all zeros.
EMULATED __m256i lanes_of(unsigned mask) {
  const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(mask)), bits), bits);
}
EMULATED unsigned bits_of(__m256 lanes) { return static_cast<unsigned>(_mm256_movemask_ps(lanes)); }

EMULATED __m512 _mm512_loadu_ps(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
EMULATED void _mm512_storeu_ps(float* p, __m512 a) {
  _mm256_storeu_ps(p, a.low);
  _mm256_storeu_ps(p + 8, a.high);
}
/// Wants whole lines, as the original does.
EMULATED void _mm512_stream_ps(float* p, __m512 a) {
  if (reinterpret_cast<uintptr_t>(p) % 64 != 0) __builtin_trap();
  _mm256_stream_ps(p, a.low);
  _mm256_stream_ps(p + 8, a.high);
}
EMULATED __m512 _mm512_maskz_loadu_ps(__mmask16 m, const float* p) {
  return {_mm256_maskload_ps(p, lanes_of(m)), _mm256_maskload_ps(p + 8, lanes_of(m >> 8))};
}
EMULATED void _mm512_mask_storeu_ps(float* p, __mmask16 m, __m512 a) {
  _mm256_maskstore_ps(p, lanes_of(m), a.low);
  _mm256_maskstore_ps(p + 8, lanes_of(m >> 8), a.high);
}
EMULATED __m256 _mm256_maskz_loadu_ps(__mmask8 m, const float* p) { return _mm256_maskload_ps(p, lanes_of(m)); }
EMULATED __m512 _mm512_castps256_ps512(__m256 a) { return {a, _mm256_setzero_ps()}; }
EMULATED __m512i _mm512_loadu_si512(const void* p) {
  const auto* const from = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(from), _mm256_loadu_si256(from + 1)};
}
EMULATED void _mm512_storeu_si512(void* p, __m512i a) {
  auto* const to = static_cast<__m256i*>(p);
  _mm256_storeu_si256(to, a.low);
  _mm256_storeu_si256(to + 1, a.high);
}
EMULATED __m512i _mm512_maskz_loadu_epi32(__mmask16 m, const int32_t* p) {
  return {_mm256_maskload_epi32(p, lanes_of(m)), _mm256_maskload_epi32(p + 8, lanes_of(m >> 8))};
}
EMULATED void _mm512_mask_storeu_epi32(int32_t* p, __mmask16 m, __m512i a) {
  _mm256_maskstore_epi32(p, lanes_of(m), a.low);
  _mm256_maskstore_epi32(p + 8, lanes_of(m >> 8), a.high);
}
EMULATED __m128i _mm_maskz_loadu_epi8(__mmask16 m, const uint8_t* p) {
  alignas(16) uint8_t bytes[16] = {};
  for (int i = 0; i < 16; ++i) {
    if (m >> i & 1) bytes[i] = p[i];
  }
  return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}
/// The low byte of each lane.
EMULATED __m128i _mm512_cvtepi32_epi8(__m512i a) {
  alignas(32) int32_t lanes[16];
  _mm512_storeu_si512(lanes, a);
  alignas(16) uint8_t bytes[16];
  for (int i = 0; i < 16; ++i) bytes[i] = static_cast<uint8_t>(lanes[i]);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}
EMULATED void _mm512_mask_cvtepi32_storeu_epi8(uint8_t* p, __mmask16 m, __m512i a) {
  alignas(32) int32_t lanes[16];
  _mm512_storeu_si512(lanes, a);
  for (int i = 0; i < 16; ++i) {
    if (m >> i & 1) p[i] = static_cast<uint8_t>(lanes[i]);
  }
}

EMULATED __m512 _mm512_set1_ps(float a) { return {_mm256_set1_ps(a), _mm256_set1_ps(a)}; }
EMULATED __m512i _mm512_set1_epi32(int32_t a) { return {_mm256_set1_epi32(a), _mm256_set1_epi32(a)}; }
EMULATED __m512d _mm512_set1_pd(double a) { return {_mm256_set1_pd(a), _mm256_set1_pd(a)}; }
EMULATED __m512 _mm512_castpd_ps(__m512d a) { return {_mm256_castpd_ps(a.low), _mm256_castpd_ps(a.high)}; }
EMULATED __m512 _mm512_setzero_ps() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }

// Operations on two vectors, lane by lane or within 128 bits, so half by half.
#define EMULATED_PS(name) \
  EMULATED __m512 _mm512_##name(__m512 a, __m512 b) { \
    return {_mm256_##name(a.low, b.low), _mm256_##name(a.high, b.high)}; \
  }
EMULATED_PS(add_ps)
EMULATED_PS(sub_ps)
EMULATED_PS(mul_ps)
EMULATED_PS(div_ps)
EMULATED_PS(and_ps)
EMULATED_PS(andnot_ps)
EMULATED_PS(or_ps)
EMULATED_PS(xor_ps)
EMULATED_PS(unpacklo_ps)
EMULATED_PS(unpackhi_ps)
#undef EMULATED_PS
#define EMULATED_INTEGER(name, avx2) \
  EMULATED __m512i _mm512_##name(__m512i a, __m512i b) { \
    return {_mm256_##avx2(a.low, b.low), _mm256_##avx2(a.high, b.high)}; \
  }
EMULATED_INTEGER(add_epi32, add_epi32)
EMULATED_INTEGER(sub_epi32, sub_epi32)
EMULATED_INTEGER(and_si512, and_si256)
EMULATED_INTEGER(or_si512, or_si256)
#undef EMULATED_INTEGER

EMULATED __m512 _mm512_sqrt_ps(__m512 a) { return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)}; }
EMULATED __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
EMULATED __mmask16 _mm512_cmp_ps_mask(__m512 a, __m512 b, const int predicate) {
  const unsigned low = bits_of(_mm256_cmp_ps(a.low, b.low, predicate));
  return static_cast<__mmask16>(low | bits_of(_mm256_cmp_ps(a.high, b.high, predicate)) << 8);
}
EMULATED __m512 _mm512_mask_blend_ps(__mmask16 m, __m512 a, __m512 b) {
  return {_mm256_blendv_ps(a.low, b.low, _mm256_castsi256_ps(lanes_of(m))),
          _mm256_blendv_ps(a.high, b.high, _mm256_castsi256_ps(lanes_of(m >> 8)))};
}

EMULATED __m512i _mm512_slli_epi32(__m512i a, const unsigned bits) {
  return {_mm256_slli_epi32(a.low, static_cast<int>(bits)), _mm256_slli_epi32(a.high, static_cast<int>(bits))};
}
EMULATED __m512i _mm512_srli_epi32(__m512i a, const unsigned bits) {
  return {_mm256_srli_epi32(a.low, static_cast<int>(bits)), _mm256_srli_epi32(a.high, static_cast<int>(bits))};
}
EMULATED __m512i _mm512_castps_si512(__m512 a) { return {_mm256_castps_si256(a.low), _mm256_castps_si256(a.high)}; }
EMULATED __m512 _mm512_castsi512_ps(__m512i a) { return {_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)}; }
EMULATED __m512i _mm512_cvtps_epi32(__m512 a) { return {_mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high)}; }
EMULATED __m512 _mm512_cvtepi32_ps(__m512i a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }
EMULATED __m512i _mm512_cvtepu8_epi32(__m128i a) {
  return {_mm256_cvtepu8_epi32(a), _mm256_cvtepu8_epi32(_mm_srli_si128(a, 8))};
}

/// Lane i is lane order[i] of a.
EMULATED __m512 _mm512_permutexvar_ps(__m512i order, __m512 a) {
  int32_t from[16];
  float lanes[16], moved[16];
  _mm512_storeu_si512(from, order);
  _mm512_storeu_ps(lanes, a);
  for (int i = 0; i < 16; ++i) moved[i] = lanes[from[i]];
  return _mm512_loadu_ps(moved);
}

/// Within each 128 bits: two lanes of a, then two of b, chosen by two bits each.
EMULATED __m512 _mm512_shuffle_ps(__m512 a, __m512 b, const int choice) {
  return {_mm256_shuffle_ps(a.low, b.low, choice), _mm256_shuffle_ps(a.high, b.high, choice)};
}
/// Quarter `choice` (0 .. 3) of a.
EMULATED __m128 quarter(__m512 a, const int choice) {
  const __m256 half = choice < 2 ? a.low : a.high;
  return choice % 2 == 0 ? _mm256_castps256_ps128(half) : _mm256_extractf128_ps(half, 1);
}
/// Two quarters of a, then two of b, chosen by two bits each.
EMULATED __m512 _mm512_shuffle_f32x4(__m512 a, __m512 b, const int choice) {
  return {_mm256_set_m128(quarter(a, choice >> 2 & 3), quarter(a, choice & 3)),
          _mm256_set_m128(quarter(b, choice >> 6 & 3), quarter(b, choice >> 4 & 3))};
}

#undef EMULATED

}  // namespace lanewise::avx512
