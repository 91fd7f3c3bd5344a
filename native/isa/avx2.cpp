// AVX2 + FMA: 8 lanes, 16 registers. Everything between the target pragmas may use the instruction set; std headers
// stay outside, so that no shared inline function is ever compiled for it. This file shows the complete Vec API.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../kernels/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define LANEWISE_INLINE static inline __attribute__((always_inline))

#pragma GCC push_options
#pragma GCC target("avx2,fma")

namespace lanewise::avx2 {

constexpr int kLanes = 8;
constexpr int kTileM = 6;
constexpr int kTileMNarrow = 10;
constexpr int kTileMNarrowDw = 10;
constexpr int kPlanarAccumulators = 12;
constexpr int kDepthwiseM = 4;
constexpr int kPointerRegisters = 16;
constexpr bool kStoresAround = true;

using Vec = __m256;
using Mask = __m256;

// Sliding window: loading at 8 - n gives n lanes of ones.
alignas(64) constexpr int32_t kTailMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
LANEWISE_INLINE __m256i tail_mask(int n) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kTailMask + 8 - n));
}

LANEWISE_INLINE Vec load(const float* p) { return _mm256_loadu_ps(p); }
LANEWISE_INLINE void store(float* p, Vec a) { _mm256_storeu_ps(p, a); }
/** Around the caches, to a multiple of the vector's size; finish_around() before another thread may read it. */
LANEWISE_INLINE void store_around(float* p, Vec a) { _mm256_stream_ps(p, a); }
LANEWISE_INLINE void finish_around() { _mm_sfence(); }
/** The first n (1..kLanes) floats; the other lanes are 0. */
LANEWISE_INLINE Vec load_n(const float* p, int n) { return _mm256_maskload_ps(p, tail_mask(n)); }
LANEWISE_INLINE void store_n(float* p, Vec a, int n) { _mm256_maskstore_ps(p, tail_mask(n), a); }
LANEWISE_INLINE Vec broadcast(float a) { return _mm256_set1_ps(a); }
/** p[0], p[1], p[0], p[1] and so on. */
LANEWISE_INLINE Vec broadcast_pair(const float* p) {
  double pair;
  std::memcpy(&pair, p, sizeof pair);
  return _mm256_castpd_ps(_mm256_set1_pd(pair));
}
/** The first n (1..kLanes / 2) floats, each twice; the other lanes are 0. */
LANEWISE_INLINE Vec load_twice(const float* p, int n) {
  const __m128 half = _mm_maskload_ps(p, _mm256_castsi256_si128(tail_mask(n)));
  return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(half), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}
LANEWISE_INLINE Vec zero() { return _mm256_setzero_ps(); }
LANEWISE_INLINE Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
LANEWISE_INLINE Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
LANEWISE_INLINE Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
LANEWISE_INLINE Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
LANEWISE_INLINE Vec sqrt(Vec a) { return _mm256_sqrt_ps(a); }
LANEWISE_INLINE Vec neg(Vec a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
LANEWISE_INLINE Vec abs(Vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
/** a * b + c with one rounding. */
LANEWISE_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }

// Comparisons are false where either side is NaN.
LANEWISE_INLINE Mask less(Vec a, Vec b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
LANEWISE_INLINE Mask less_equal(Vec a, Vec b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
LANEWISE_INLINE Mask equal(Vec a, Vec b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
LANEWISE_INLINE Mask is_nan(Vec a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
LANEWISE_INLINE Mask mask_and(Mask a, Mask b) { return _mm256_and_ps(a, b); }
LANEWISE_INLINE Mask mask_or(Mask a, Mask b) { return _mm256_or_ps(a, b); }
LANEWISE_INLINE Mask mask_not(Mask a) { return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(-1))); }
LANEWISE_INLINE bool mask_any(Mask a) { return _mm256_movemask_ps(a) != 0; }
/** Lane by lane: m ? a : b. */
LANEWISE_INLINE Vec select(Mask m, Vec a, Vec b) { return _mm256_blendv_ps(b, a, m); }

/** |magnitude| with the sign of `sign`. */
LANEWISE_INLINE Vec copysign1(Vec magnitude, Vec sign) {
  const Vec bit = _mm256_set1_ps(-0.0f);
  return _mm256_or_ps(_mm256_andnot_ps(bit, magnitude), _mm256_and_ps(bit, sign));
}
/** 2^n for integral n in -126..127. */
LANEWISE_INLINE Vec pow2(Vec n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
// For normal numbers above 0: x = significand_of(x) * 2^exponent_of(x), the significand from 1 to below 2.
LANEWISE_INLINE Vec exponent_of(Vec a) {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(_mm256_castps_si256(a), 23), _mm256_set1_epi32(127)));
}
LANEWISE_INLINE Vec significand_of(Vec a) {
  const __m256i fraction = _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(0x007fffff));
  return _mm256_castsi256_ps(_mm256_or_si256(fraction, _mm256_set1_epi32(0x3f800000)));
}

// Conversions: integers to floats on load; on store the lanes must hold integral values that fit.
LANEWISE_INLINE Vec load_u8(const uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
LANEWISE_INLINE Vec load_u8_n(const uint8_t* p, int n) {
  uint8_t bytes[8] = {};
  for (int i = 0; i < n; ++i) bytes[i] = p[i];
  return load_u8(bytes);
}
LANEWISE_INLINE void store_u8(uint8_t* p, Vec a) {
  const __m256i words = _mm256_cvtps_epi32(a);
  const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(halves, halves));
}
LANEWISE_INLINE void store_u8_n(uint8_t* p, Vec a, int n) {
  uint8_t bytes[8];
  store_u8(bytes, a);
  for (int i = 0; i < n; ++i) p[i] = bytes[i];
}
LANEWISE_INLINE Vec load_i32(const int32_t* p) {
  return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
LANEWISE_INLINE Vec load_i32_n(const int32_t* p, int n) {
  return _mm256_cvtepi32_ps(_mm256_maskload_epi32(p, tail_mask(n)));
}
LANEWISE_INLINE void store_i32(int32_t* p, Vec a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_cvtps_epi32(a));
}
LANEWISE_INLINE void store_i32_n(int32_t* p, Vec a, int n) {
  _mm256_maskstore_epi32(p, tail_mask(n), _mm256_cvtps_epi32(a));
}

/** Lane j of r[i] becomes lane i of r[j]. */
LANEWISE_INLINE void transpose(Vec (&r)[kLanes]) {
  Vec t[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  Vec u[8];
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

/** A level for work on at most kHalfLanes columns, or nullptr. */
constexpr int kHalfLanes = 0;
LANEWISE_INLINE const Kernels* half_table() { return nullptr; }

#include "../kernels/all.inl"

extern const Kernels table;
const Kernels table = LANEWISE_TABLE("avx2");

}  // namespace lanewise::avx2

#pragma GCC pop_options

#endif
