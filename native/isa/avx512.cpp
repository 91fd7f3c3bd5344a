// AVX-512 (F, DQ, BW, VL): 16 lanes, 32 registers, tails by mask registers at no cost.
// The Vec API is explained in avx2.cpp.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../kernels/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

// GCC 12 warns about its own headers' "undefined" operands (bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#define LANEWISE_INLINE static inline __attribute__((always_inline))

#pragma GCC push_options
#if defined(LANEWISE_EMULATE_AVX512)
#pragma GCC target("avx2,fma")
#include "avx512_on_avx2.h"
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#endif

namespace lanewise::avx2 {
extern const Kernels table;
}

namespace lanewise::avx512 {

constexpr int kLanes = 16;
constexpr int kTileM = 14;
constexpr int kTileMNarrow = 10;
constexpr int kTileMNarrowDw = 30;
constexpr int kPlanarAccumulators = 24;
constexpr int kDepthwiseM = 8;
constexpr int kPointerRegisters = 10;
constexpr bool kStoresAround = true;

using Vec = __m512;
using Mask = __mmask16;

LANEWISE_INLINE __mmask16 tail_mask(int n) { return static_cast<__mmask16>((1u << n) - 1); }

LANEWISE_INLINE Vec load(const float* p) { return _mm512_loadu_ps(p); }
LANEWISE_INLINE void store(float* p, Vec a) { _mm512_storeu_ps(p, a); }
LANEWISE_INLINE void store_around(float* p, Vec a) { _mm512_stream_ps(p, a); }
LANEWISE_INLINE void finish_around() { _mm_sfence(); }
LANEWISE_INLINE Vec load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(tail_mask(n), p); }
LANEWISE_INLINE void store_n(float* p, Vec a, int n) { _mm512_mask_storeu_ps(p, tail_mask(n), a); }
LANEWISE_INLINE Vec broadcast(float a) { return _mm512_set1_ps(a); }
LANEWISE_INLINE Vec broadcast_pair(const float* p) {
  double pair;
  std::memcpy(&pair, p, sizeof pair);
  return _mm512_castpd_ps(_mm512_set1_pd(pair));
}
alignas(64) constexpr int32_t kTwice[16] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
LANEWISE_INLINE Vec load_twice(const float* p, int n) {
  const __m256 half = _mm256_maskz_loadu_ps(static_cast<__mmask8>(tail_mask(n)), p);
  return _mm512_permutexvar_ps(_mm512_loadu_si512(kTwice), _mm512_castps256_ps512(half));
}
LANEWISE_INLINE Vec zero() { return _mm512_setzero_ps(); }
LANEWISE_INLINE Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
LANEWISE_INLINE Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
LANEWISE_INLINE Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
LANEWISE_INLINE Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
LANEWISE_INLINE Vec sqrt(Vec a) { return _mm512_sqrt_ps(a); }
LANEWISE_INLINE Vec neg(Vec a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
LANEWISE_INLINE Vec abs(Vec a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
LANEWISE_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }

LANEWISE_INLINE Mask less(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
LANEWISE_INLINE Mask less_equal(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
LANEWISE_INLINE Mask equal(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
LANEWISE_INLINE Mask is_nan(Vec a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
LANEWISE_INLINE Mask mask_and(Mask a, Mask b) { return static_cast<Mask>(a & b); }
LANEWISE_INLINE Mask mask_or(Mask a, Mask b) { return static_cast<Mask>(a | b); }
LANEWISE_INLINE Mask mask_not(Mask a) { return static_cast<Mask>(~a); }
LANEWISE_INLINE bool mask_any(Mask a) { return a != 0; }
LANEWISE_INLINE Vec select(Mask m, Vec a, Vec b) { return _mm512_mask_blend_ps(m, b, a); }

LANEWISE_INLINE Vec copysign1(Vec magnitude, Vec sign) {
  const Vec bit = _mm512_set1_ps(-0.0f);
  return _mm512_or_ps(_mm512_andnot_ps(bit, magnitude), _mm512_and_ps(bit, sign));
}
LANEWISE_INLINE Vec pow2(Vec n) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
LANEWISE_INLINE Vec exponent_of(Vec a) {
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_srli_epi32(_mm512_castps_si512(a), 23), _mm512_set1_epi32(127)));
}
LANEWISE_INLINE Vec significand_of(Vec a) {
  const __m512i fraction = _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x007fffff));
  return _mm512_castsi512_ps(_mm512_or_si512(fraction, _mm512_set1_epi32(0x3f800000)));
}

LANEWISE_INLINE Vec load_u8(const uint8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
LANEWISE_INLINE Vec load_u8_n(const uint8_t* p, int n) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(tail_mask(n), p)));
}
LANEWISE_INLINE void store_u8(uint8_t* p, Vec a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a)));
}
LANEWISE_INLINE void store_u8_n(uint8_t* p, Vec a, int n) {
  _mm512_mask_cvtepi32_storeu_epi8(p, tail_mask(n), _mm512_cvtps_epi32(a));
}
LANEWISE_INLINE Vec load_i32(const int32_t* p) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(p)); }
LANEWISE_INLINE Vec load_i32_n(const int32_t* p, int n) {
  return _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(tail_mask(n), p));
}
LANEWISE_INLINE void store_i32(int32_t* p, Vec a) { _mm512_storeu_si512(p, _mm512_cvtps_epi32(a)); }
LANEWISE_INLINE void store_i32_n(int32_t* p, Vec a, int n) {
  _mm512_mask_storeu_epi32(p, tail_mask(n), _mm512_cvtps_epi32(a));
}

LANEWISE_INLINE void transpose(Vec (&r)[kLanes]) {
  Vec t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  // u[i + c]: lanes c, c + 4, c + 8, c + 12 of rows i .. i + 3
  Vec u[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const Vec low = _mm512_shuffle_f32x4(u[c], u[c + 4], 0x88);
    const Vec high = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0x88);
    const Vec low_odd = _mm512_shuffle_f32x4(u[c], u[c + 4], 0xdd);
    const Vec high_odd = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0xdd);
    r[c] = _mm512_shuffle_f32x4(low, high, 0x88);
    r[c + 4] = _mm512_shuffle_f32x4(low_odd, high_odd, 0x88);
    r[c + 8] = _mm512_shuffle_f32x4(low, high, 0xdd);
    r[c + 12] = _mm512_shuffle_f32x4(low_odd, high_odd, 0xdd);
  }
}

constexpr int kHalfLanes = 8;
LANEWISE_INLINE const Kernels* half_table() { return &avx2::table; }

#include "../kernels/all.inl"

extern const Kernels table;
const Kernels table = LANEWISE_TABLE("avx512");

}  // namespace lanewise::avx512

#pragma GCC pop_options

#endif
