// The portable level: 4 lanes, SSE2 on x86-64, plain loops elsewhere. It is the baseline that always works.
// Its fma is exact without FMA hardware: the product of two floats is exact in double, and the double sum is rounded to
// odd before it is narrowed, which makes the second rounding harmless.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../kernels/kernels.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#define LANEWISE_INLINE static inline __attribute__((always_inline))

namespace lanewise::portable {

constexpr int kLanes = 4;
constexpr int kTileM = 4, kTileMNarrow = 4, kTileMNarrowDw = 4;
constexpr int kPlanarAccumulators = 8;
constexpr int kDepthwiseM = 4;
constexpr int kPointerRegisters = 16;
constexpr bool kStoresAround = false;

#if defined(__x86_64__)

using Vec = __m128;
using Mask = __m128;

LANEWISE_INLINE Vec load(const float* p) { return _mm_loadu_ps(p); }
LANEWISE_INLINE void store(float* p, Vec a) { _mm_storeu_ps(p, a); }

LANEWISE_INLINE Vec load_n(const float* p, int n) {
  if (n >= 4) return _mm_loadu_ps(p);
  if (n == 1) return _mm_load_ss(p);
  int64_t pair;
  std::memcpy(&pair, p, 8);
  const Vec low = _mm_castsi128_ps(_mm_cvtsi64_si128(pair));
  return n == 2 ? low : _mm_movelh_ps(low, _mm_load_ss(p + 2));
}

LANEWISE_INLINE void store_n(float* p, Vec a, int n) {
  if (n >= 4) return _mm_storeu_ps(p, a);
  if (n == 1) return _mm_store_ss(p, a);
  const int64_t pair = _mm_cvtsi128_si64(_mm_castps_si128(a));
  std::memcpy(p, &pair, 8);
  if (n == 3) _mm_store_ss(p + 2, _mm_movehl_ps(a, a));
}

LANEWISE_INLINE Vec broadcast(float a) { return _mm_set1_ps(a); }
LANEWISE_INLINE Vec zero() { return _mm_setzero_ps(); }
LANEWISE_INLINE Vec add(Vec a, Vec b) { return _mm_add_ps(a, b); }
LANEWISE_INLINE Vec sub(Vec a, Vec b) { return _mm_sub_ps(a, b); }
LANEWISE_INLINE Vec mul(Vec a, Vec b) { return _mm_mul_ps(a, b); }
LANEWISE_INLINE Vec div(Vec a, Vec b) { return _mm_div_ps(a, b); }
LANEWISE_INLINE Vec sqrt(Vec a) { return _mm_sqrt_ps(a); }
LANEWISE_INLINE Vec neg(Vec a) { return _mm_xor_ps(a, _mm_set1_ps(-0.0f)); }
LANEWISE_INLINE Vec abs(Vec a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }

/** Rounds the sum product + addend (two doubles) to odd. */
LANEWISE_INLINE __m128d round_to_odd(__m128d product, __m128d addend, __m128d sum) {
  const __m128d virtual_addend = _mm_sub_pd(sum, product);
  const __m128d error =
      _mm_add_pd(_mm_sub_pd(product, _mm_sub_pd(sum, virtual_addend)), _mm_sub_pd(addend, virtual_addend));
  // NaN error: the sum is infinite or NaN and stays as it is.
  const __m128d inexact = _mm_and_pd(_mm_cmpneq_pd(error, _mm_setzero_pd()), _mm_cmpord_pd(error, error));
  const __m128i bits = _mm_castpd_si128(sum);
  const __m128i one = _mm_set1_epi64x(1);
  const __m128i even = _mm_andnot_si128(bits, one);
  // +1 when the error points away from zero, -1 when towards it; the neighbour of an even significand is odd.
  const __m128i opposite = _mm_srli_epi64(_mm_castpd_si128(_mm_xor_pd(error, sum)), 63);
  const __m128i step = _mm_sub_epi64(one, _mm_slli_epi64(opposite, 1));
  const __m128i wanted = _mm_and_si128(_mm_sub_epi64(_mm_setzero_si128(), even), _mm_castpd_si128(inexact));
  return _mm_castsi128_pd(_mm_add_epi64(bits, _mm_and_si128(step, wanted)));
}

LANEWISE_INLINE Vec fma(Vec a, Vec b, Vec c) {
  const __m128d product_low = _mm_mul_pd(_mm_cvtps_pd(a), _mm_cvtps_pd(b));
  const __m128d product_high = _mm_mul_pd(_mm_cvtps_pd(_mm_movehl_ps(a, a)), _mm_cvtps_pd(_mm_movehl_ps(b, b)));
  const __m128d addend_low = _mm_cvtps_pd(c);
  const __m128d addend_high = _mm_cvtps_pd(_mm_movehl_ps(c, c));
  __m128d low = _mm_add_pd(product_low, addend_low);
  __m128d high = _mm_add_pd(product_high, addend_high);
  // Only a sum on or halfway between two floats can round wrongly the second time, and its last 28 bits are zero.
  const __m128i last_words =
      _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(low), _mm_castpd_ps(high), _MM_SHUFFLE(2, 0, 2, 0)));
  const __m128i suspect = _mm_cmpeq_epi32(_mm_and_si128(last_words, _mm_set1_epi32(0x0fffffff)), _mm_setzero_si128());
  if (__builtin_expect(_mm_movemask_ps(_mm_castsi128_ps(suspect)) != 0, 0)) {
    low = round_to_odd(product_low, addend_low, low);
    high = round_to_odd(product_high, addend_high, high);
  }
  return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}

LANEWISE_INLINE Mask less(Vec a, Vec b) { return _mm_cmplt_ps(a, b); }
LANEWISE_INLINE Mask less_equal(Vec a, Vec b) { return _mm_cmple_ps(a, b); }
LANEWISE_INLINE Mask equal(Vec a, Vec b) { return _mm_cmpeq_ps(a, b); }
LANEWISE_INLINE Mask is_nan(Vec a) { return _mm_cmpunord_ps(a, a); }
LANEWISE_INLINE Mask mask_and(Mask a, Mask b) { return _mm_and_ps(a, b); }
LANEWISE_INLINE Mask mask_or(Mask a, Mask b) { return _mm_or_ps(a, b); }
LANEWISE_INLINE Mask mask_not(Mask a) { return _mm_xor_ps(a, _mm_castsi128_ps(_mm_set1_epi32(-1))); }
LANEWISE_INLINE bool mask_any(Mask a) { return _mm_movemask_ps(a) != 0; }
LANEWISE_INLINE Vec select(Mask m, Vec a, Vec b) { return _mm_or_ps(_mm_and_ps(m, a), _mm_andnot_ps(m, b)); }

LANEWISE_INLINE Vec copysign1(Vec magnitude, Vec sign) {
  const Vec bit = _mm_set1_ps(-0.0f);
  return _mm_or_ps(_mm_andnot_ps(bit, magnitude), _mm_and_ps(bit, sign));
}

LANEWISE_INLINE Vec pow2(Vec n) {
  return _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127)), 23));
}
LANEWISE_INLINE Vec exponent_of(Vec a) {
  return _mm_cvtepi32_ps(_mm_sub_epi32(_mm_srli_epi32(_mm_castps_si128(a), 23), _mm_set1_epi32(127)));
}
LANEWISE_INLINE Vec significand_of(Vec a) {
  const __m128i fraction = _mm_and_si128(_mm_castps_si128(a), _mm_set1_epi32(0x007fffff));
  return _mm_castsi128_ps(_mm_or_si128(fraction, _mm_set1_epi32(0x3f800000)));
}

LANEWISE_INLINE Vec load_i32(const int32_t* p) {
  return _mm_cvtepi32_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
LANEWISE_INLINE void store_i32(int32_t* p, Vec a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_cvtps_epi32(a));
}

LANEWISE_INLINE void transpose(Vec (&r)[kLanes]) { _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]); }

#else

struct Vec {
  float lane[4];
};
struct Mask {
  bool lane[4];
};

#define LANEWISE_EACH for (int i = 0; i < 4; ++i)

LANEWISE_INLINE Vec load(const float* p) { return {{p[0], p[1], p[2], p[3]}}; }
LANEWISE_INLINE void store(float* p, Vec a) { LANEWISE_EACH p[i] = a.lane[i]; }
LANEWISE_INLINE Vec zero() { return {}; }

LANEWISE_INLINE Vec load_n(const float* p, int n) {
  Vec r = {};
  for (int i = 0; i < n; ++i) r.lane[i] = p[i];
  return r;
}
LANEWISE_INLINE void store_n(float* p, Vec a, int n) {
  for (int i = 0; i < n; ++i) p[i] = a.lane[i];
}

LANEWISE_INLINE Vec broadcast(float a) { return {{a, a, a, a}}; }
LANEWISE_INLINE Vec add(Vec a, Vec b) {
  Vec r;
  LANEWISE_EACH r.lane[i] = a.lane[i] + b.lane[i];
  return r;
}
LANEWISE_INLINE Vec sub(Vec a, Vec b) {
  Vec r;
  LANEWISE_EACH r.lane[i] = a.lane[i] - b.lane[i];
  return r;
}
LANEWISE_INLINE Vec mul(Vec a, Vec b) {
  Vec r;
  LANEWISE_EACH r.lane[i] = a.lane[i] * b.lane[i];
  return r;
}
LANEWISE_INLINE Vec div(Vec a, Vec b) {
  Vec r;
  LANEWISE_EACH r.lane[i] = a.lane[i] / b.lane[i];
  return r;
}
LANEWISE_INLINE Vec sqrt(Vec a) {
  Vec r;
  LANEWISE_EACH r.lane[i] = std::sqrt(a.lane[i]);
  return r;
}
LANEWISE_INLINE Vec neg(Vec a) {
  Vec r;
  LANEWISE_EACH r.lane[i] = -a.lane[i];
  return r;
}
LANEWISE_INLINE Vec abs(Vec a) {
  Vec r;
  LANEWISE_EACH r.lane[i] = std::fabs(a.lane[i]);
  return r;
}

LANEWISE_INLINE float fma1(float a, float b, float c) {
  const double product = static_cast<double>(a) * b;
  double sum = product + c;
  const double virtual_addend = sum - product;
  const double error = (product - (sum - virtual_addend)) + (c - virtual_addend);
  uint64_t bits;
  std::memcpy(&bits, &sum, 8);
  if (error == error && error != 0 && (bits & 1) == 0) bits += (error > 0) == (sum > 0) ? 1 : -1;
  std::memcpy(&sum, &bits, 8);
  return static_cast<float>(sum);
}
LANEWISE_INLINE Vec fma(Vec a, Vec b, Vec c) {
  Vec r;
  LANEWISE_EACH r.lane[i] = fma1(a.lane[i], b.lane[i], c.lane[i]);
  return r;
}

LANEWISE_INLINE Mask less(Vec a, Vec b) {
  Mask r;
  LANEWISE_EACH r.lane[i] = a.lane[i] < b.lane[i];
  return r;
}
LANEWISE_INLINE Mask less_equal(Vec a, Vec b) {
  Mask r;
  LANEWISE_EACH r.lane[i] = a.lane[i] <= b.lane[i];
  return r;
}
LANEWISE_INLINE Mask equal(Vec a, Vec b) {
  Mask r;
  LANEWISE_EACH r.lane[i] = a.lane[i] == b.lane[i];
  return r;
}
LANEWISE_INLINE Mask is_nan(Vec a) {
  Mask r;
  LANEWISE_EACH r.lane[i] = a.lane[i] != a.lane[i];
  return r;
}
LANEWISE_INLINE Mask mask_and(Mask a, Mask b) {
  return {{a.lane[0] && b.lane[0], a.lane[1] && b.lane[1], a.lane[2] && b.lane[2], a.lane[3] && b.lane[3]}};
}
LANEWISE_INLINE Mask mask_or(Mask a, Mask b) {
  return {{a.lane[0] || b.lane[0], a.lane[1] || b.lane[1], a.lane[2] || b.lane[2], a.lane[3] || b.lane[3]}};
}
LANEWISE_INLINE Mask mask_not(Mask a) { return {{!a.lane[0], !a.lane[1], !a.lane[2], !a.lane[3]}}; }
LANEWISE_INLINE bool mask_any(Mask a) { return a.lane[0] || a.lane[1] || a.lane[2] || a.lane[3]; }
LANEWISE_INLINE Vec select(Mask m, Vec a, Vec b) {
  Vec r;
  LANEWISE_EACH r.lane[i] = m.lane[i] ? a.lane[i] : b.lane[i];
  return r;
}
LANEWISE_INLINE Vec copysign1(Vec a, Vec b) {
  Vec r;
  LANEWISE_EACH r.lane[i] = std::copysign(a.lane[i], b.lane[i]);
  return r;
}
LANEWISE_INLINE Vec pow2(Vec n) {
  Vec r;
  LANEWISE_EACH r.lane[i] = std::bit_cast<float>(static_cast<uint32_t>(static_cast<int32_t>(n.lane[i]) + 127) << 23);
  return r;
}
LANEWISE_INLINE Vec exponent_of(Vec a) {
  Vec r;
  LANEWISE_EACH r.lane[i] = static_cast<float>(static_cast<int32_t>(std::bit_cast<uint32_t>(a.lane[i]) >> 23) - 127);
  return r;
}
LANEWISE_INLINE Vec significand_of(Vec a) {
  Vec r;
  LANEWISE_EACH r.lane[i] = std::bit_cast<float>((std::bit_cast<uint32_t>(a.lane[i]) & 0x007fffffu) | 0x3f800000u);
  return r;
}
LANEWISE_INLINE Vec load_i32(const int32_t* p) {
  return {{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]), static_cast<float>(p[3])}};
}
LANEWISE_INLINE void store_i32(int32_t* p, Vec a) { LANEWISE_EACH p[i] = static_cast<int32_t>(a.lane[i]); }

LANEWISE_INLINE void transpose(Vec (&r)[kLanes]) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < i; ++j) std::swap(r[i].lane[j], r[j].lane[i]);
  }
}

#undef LANEWISE_EACH

#endif

LANEWISE_INLINE Vec broadcast_pair(const float* p) {
  const float lanes[kLanes] = {p[0], p[1], p[0], p[1]};
  return load(lanes);
}
LANEWISE_INLINE Vec load_twice(const float* p, int n) {
  const float second = n == 2 ? p[1] : 0.0f, lanes[kLanes] = {p[0], p[0], second, second};
  return load(lanes);
}
LANEWISE_INLINE void store_around(float* p, Vec a) { store(p, a); }
LANEWISE_INLINE void finish_around() {}

LANEWISE_INLINE Vec load_u8_n(const uint8_t* p, int n) {
  float lanes[kLanes] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
LANEWISE_INLINE Vec load_u8(const uint8_t* p) { return load_u8_n(p, kLanes); }
LANEWISE_INLINE void store_u8_n(uint8_t* p, Vec a, int n) {
  int32_t lanes[kLanes];
  store_i32(lanes, a);
  for (int i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(lanes[i]);
}
LANEWISE_INLINE void store_u8(uint8_t* p, Vec a) { store_u8_n(p, a, kLanes); }
LANEWISE_INLINE Vec load_i32_n(const int32_t* p, int n) {
  int32_t lanes[kLanes] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load_i32(lanes);
}
LANEWISE_INLINE void store_i32_n(int32_t* p, Vec a, int n) {
  int32_t lanes[kLanes];
  store_i32(lanes, a);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

constexpr int kHalfLanes = 0;
LANEWISE_INLINE const Kernels* half_table() { return nullptr; }

#include "../kernels/all.inl"

extern const Kernels table;
const Kernels table = LANEWISE_TABLE("portable");

}  // namespace lanewise::portable
