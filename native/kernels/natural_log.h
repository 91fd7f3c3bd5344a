// The natural logarithm in double that losses use, because each C library rounds its own way.
#pragma once

#include <cstdint>

namespace lanewise {

/// 1 / (2k + 1), the series of the inverse hyperbolic tangent.
inline constexpr double kOddReciprocals[11] = {1.0,        1.0 / 3.0,  1.0 / 5.0,  1.0 / 7.0,  1.0 / 9.0, 1.0 / 11.0,
                                               1.0 / 13.0, 1.0 / 15.0, 1.0 / 17.0, 1.0 / 19.0, 1.0 / 21.0};

/// ln x of a positive normal double, or NaN; the same operations as lib/ops/exp.ts.
inline double log_of(double x) {
  if (!(x > 0)) return __builtin_nan("");
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
  double m;
  __builtin_memcpy(&m, &bits, sizeof m);
  if (m >= 1.4142135623730951) {
    m = m / 2;
    exponent += 1;
  }
  const double z = (m - 1) / (m + 1);
  const double z2 = z * z;
  double s = kOddReciprocals[10];
  for (int k = 9; k >= 0; --k) s = s * z2 + kOddReciprocals[k];
  return 2 * z * s + exponent * 0.6931471805599453;
}

}  // namespace lanewise
