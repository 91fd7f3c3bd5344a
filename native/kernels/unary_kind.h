// The functions of op `unary`, in the order of lib/ops/unary-functions.ts, which says what each computes.
#pragma once

#include <cstdint>

namespace lanewise {

enum class UnaryKind : int32_t {
  kHardTanh,
  kClip,
  kElu,
  kCelu,
  kGelu,
  kGeluTanh,
  kSilu,
  kMish,
  kHardSigmoid,
  kHardSwish,
  kSoftplus,
  kSoftsign,
  kExp,
  kLog,
  kSqrt,
  kReciprocal,
  kAbs,
  kNegate,
  kSquare,
  kErf,
  kAffine,
  kPower,
  kHuber,
};

inline constexpr int32_t kUnaryKinds = static_cast<int32_t>(UnaryKind::kHuber) + 1;

}  // namespace lanewise
