// Scalar forms of the functions that several references use, written from the definition of the arithmetic
// (docs/numerics.md) and not from the kernels.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace lanewise::test {

inline float activate(float v, int activation, float slope) {
  if (activation == 1) return v < 0 ? 0.0f : v;
  if (activation == 2) return v < 0 ? v * slope : v;
  return v;
}

inline float exp_reference(float x) {
  if (x > 88.72283935546875f) return INFINITY;
  if (x < -87.33654022216797f) return 0.0f;
  if (std::isnan(x)) return x;
  const float t = std::fmaf(x, 1.44269504088896341f, 12582912.0f);
  const float n = t - 12582912.0f;
  float r = std::fmaf(-n, 0.693359375f, x);
  r = std::fmaf(-n, -2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  for (const float coefficient :
       {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f}) {
    p = std::fmaf(p, r, coefficient);
  }
  const float e = std::fmaf(p, r * r, r) + 1.0f;
  const int whole = static_cast<int>(n);
  const int half = whole >> 1;
  return e * std::ldexp(1.0f, half) * std::ldexp(1.0f, whole - half);
}

inline float sigmoid_reference(float x) { return 1.0f / (1.0f + exp_reference(-x)); }

inline float tanh_reference(float x) {
  const float a = std::fabs(x);
  if (a < 0.625f) {
    const float z = x * x;
    float p = -5.70498872745e-3f;
    for (const float coefficient : {2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f}) {
      p = std::fmaf(p, z, coefficient);
    }
    return std::fmaf(p * z, x, x);
  }
  return std::copysign(1.0f - 2.0f / (exp_reference(2.0f * a) + 1.0f), x);
}

inline double log_reference(double x) {
  if (std::isnan(x)) return x;
  int e;
  double m = std::frexp(x, &e);  // [0.5, 1)
  if (m * 2 < 1.4142135623730951) {
    m = m * 2;
    e = e - 1;
  }
  const double z = (m - 1) / (m + 1);
  const double z2 = z * z;
  double s = 0;
  for (int k = 10; k >= 0; --k) s = s * z2 + 1.0 / (2 * k + 1);
  return 2 * z * s + e * 0.6931471805599453;
}

inline uint32_t mix_reference(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x21f0aaadu;
  x = (x ^ (x >> 15)) * 0xd35a2d97u;
  return x ^ (x >> 15);
}

inline uint32_t key_reference(uint32_t seed, uint32_t stream, uint32_t step) {
  uint32_t key = mix_reference(seed + 0x9e3779b9u);
  for (const uint32_t part : {stream, step}) key = mix_reference((key ^ part) + 0x9e3779b9u);
  return key;
}

inline double uniform_reference(uint32_t key, uint32_t index) {
  const uint32_t bits = mix_reference(mix_reference(index + key) ^ (key * 0x9e3779b1u));
  return (bits >> 8) * 0x1p-24;
}

inline float flush_reference(float t) { return std::fabs(t) < 0x1p-126f ? 0.0f : t; }

}  // namespace lanewise::test
