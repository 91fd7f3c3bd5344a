// NEON (arm64): 4 lanes, 32 registers; part of the architecture, so no target region is needed.
// The Vec API is explained in avx2.cpp.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../kernels/kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define LANEWISE_INLINE static inline __attribute__((always_inline))

namespace lanewise::neon {

constexpr int kLanes = 4;
constexpr int kTileM = 10;
constexpr int kTileMNarrow = 12;
constexpr int kTileMNarrowDw = 12;
constexpr int kPlanarAccumulators = 21;  // of 24 some would be on the stack
constexpr int kDepthwiseM = 5;           // GCC loads inputs long before it uses them
constexpr int kPointerRegisters = 16;
constexpr bool kStoresAround = false;

using Vec = float32x4_t;
using Mask = uint32x4_t;

LANEWISE_INLINE Vec load(const float* p) { return vld1q_f32(p); }
LANEWISE_INLINE void store(float* p, Vec a) { vst1q_f32(p, a); }
LANEWISE_INLINE void store_around(float* p, Vec a) { store(p, a); }
LANEWISE_INLINE void finish_around() {}
LANEWISE_INLINE Vec zero() { return vdupq_n_f32(0); }

LANEWISE_INLINE Vec load_n(const float* p, int n) {
  if (n >= 4) return vld1q_f32(p);
  if (n == 1) return vld1q_lane_f32(p, zero(), 0);
  const Vec low = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
  return n == 2 ? low : vld1q_lane_f32(p + 2, low, 2);
}
LANEWISE_INLINE void store_n(float* p, Vec a, int n) {
  if (n >= 4) return vst1q_f32(p, a);
  if (n == 1) return vst1q_lane_f32(p, a, 0);
  vst1_f32(p, vget_low_f32(a));
  if (n == 3) vst1q_lane_f32(p + 2, a, 2);
}

LANEWISE_INLINE Vec broadcast(float a) { return vdupq_n_f32(a); }
LANEWISE_INLINE Vec broadcast_pair(const float* p) { return vcombine_f32(vld1_f32(p), vld1_f32(p)); }
LANEWISE_INLINE Vec load_twice(const float* p, int n) {
  const float32x2_t half = n == 2 ? vld1_f32(p) : vset_lane_f32(p[0], vdup_n_f32(0), 0);
  return vcombine_f32(vzip1_f32(half, half), vzip2_f32(half, half));
}
LANEWISE_INLINE Vec add(Vec a, Vec b) { return vaddq_f32(a, b); }
LANEWISE_INLINE Vec sub(Vec a, Vec b) { return vsubq_f32(a, b); }
LANEWISE_INLINE Vec mul(Vec a, Vec b) { return vmulq_f32(a, b); }
LANEWISE_INLINE Vec div(Vec a, Vec b) { return vdivq_f32(a, b); }
LANEWISE_INLINE Vec sqrt(Vec a) { return vsqrtq_f32(a); }
LANEWISE_INLINE Vec neg(Vec a) { return vnegq_f32(a); }
LANEWISE_INLINE Vec abs(Vec a) { return vabsq_f32(a); }
LANEWISE_INLINE Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }

LANEWISE_INLINE Mask less(Vec a, Vec b) { return vcltq_f32(a, b); }
LANEWISE_INLINE Mask less_equal(Vec a, Vec b) { return vcleq_f32(a, b); }
LANEWISE_INLINE Mask equal(Vec a, Vec b) { return vceqq_f32(a, b); }
LANEWISE_INLINE Mask mask_not(Mask a) { return vmvnq_u32(a); }
LANEWISE_INLINE Mask is_nan(Vec a) { return mask_not(vceqq_f32(a, a)); }
LANEWISE_INLINE Mask mask_and(Mask a, Mask b) { return vandq_u32(a, b); }
LANEWISE_INLINE Mask mask_or(Mask a, Mask b) { return vorrq_u32(a, b); }
LANEWISE_INLINE bool mask_any(Mask a) { return vmaxvq_u32(a) != 0; }
LANEWISE_INLINE Vec select(Mask m, Vec a, Vec b) { return vbslq_f32(m, a, b); }

LANEWISE_INLINE Vec copysign1(Vec magnitude, Vec sign) { return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude); }
LANEWISE_INLINE Vec pow2(Vec n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
}
LANEWISE_INLINE Vec exponent_of(Vec a) {
  return vcvtq_f32_s32(vsubq_s32(vshrq_n_s32(vreinterpretq_s32_f32(a), 23), vdupq_n_s32(127)));
}
LANEWISE_INLINE Vec significand_of(Vec a) {
  const uint32x4_t fraction = vandq_u32(vreinterpretq_u32_f32(a), vdupq_n_u32(0x007fffffu));
  return vreinterpretq_f32_u32(vorrq_u32(fraction, vdupq_n_u32(0x3f800000u)));
}

LANEWISE_INLINE Vec load_u8_n(const uint8_t* p, int n) {
  float lanes[4] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
LANEWISE_INLINE Vec load_u8(const uint8_t* p) {
  uint32_t bytes;
  std::memcpy(&bytes, p, 4);
  const uint16x8_t halves = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(bytes)));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(halves)));
}
LANEWISE_INLINE void store_u8_n(uint8_t* p, Vec a, int n) {
  uint32_t lanes[4];
  vst1q_u32(lanes, vcvtq_u32_f32(a));
  for (int i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(lanes[i]);
}
LANEWISE_INLINE void store_u8(uint8_t* p, Vec a) { store_u8_n(p, a, 4); }
LANEWISE_INLINE Vec load_i32(const int32_t* p) { return vcvtq_f32_s32(vld1q_s32(p)); }
LANEWISE_INLINE Vec load_i32_n(const int32_t* p, int n) {
  int32_t lanes[4] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load_i32(lanes);
}
LANEWISE_INLINE void store_i32(int32_t* p, Vec a) { vst1q_s32(p, vcvtnq_s32_f32(a)); }
LANEWISE_INLINE void store_i32_n(int32_t* p, Vec a, int n) {
  int32_t lanes[4];
  store_i32(lanes, a);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

LANEWISE_INLINE void transpose(Vec (&r)[kLanes]) {
  const float32x4x2_t low = vtrnq_f32(r[0], r[1]);
  const float32x4x2_t high = vtrnq_f32(r[2], r[3]);
  r[0] = vcombine_f32(vget_low_f32(low.val[0]), vget_low_f32(high.val[0]));
  r[1] = vcombine_f32(vget_low_f32(low.val[1]), vget_low_f32(high.val[1]));
  r[2] = vcombine_f32(vget_high_f32(low.val[0]), vget_high_f32(high.val[0]));
  r[3] = vcombine_f32(vget_high_f32(low.val[1]), vget_high_f32(high.val[1]));
}

constexpr int kHalfLanes = 0;
LANEWISE_INLINE const Kernels* half_table() { return nullptr; }

#include "../kernels/all.inl"

extern const Kernels table;
const Kernels table = LANEWISE_TABLE("neon");

}  // namespace lanewise::neon

#endif
