// The task of kernel binary_rows: rows of two operands, each of which advances with the result or stands still.
#pragma once

#include <cstdint>

namespace lanewise {

/// In the order of lib/ops/binary-functions.ts, which says what each computes.
enum class BinaryKind : int32_t { kAdd, kSubtract, kMultiply, kDivide, kMaximum, kMinimum, kEqual, kMaximumShare };

inline constexpr int32_t kBinaryKinds = static_cast<int32_t>(BinaryKind::kMaximumShare) + 1;

/// Elements from one result to the next in a row (0 or 1), and from row to row.
struct BinaryOperand {
  const float* data;
  int64_t step, row;
};

/// y[row, i] = f(a[row, i], b[row, i]) for i below `count`; y is dense. y may be the data of an operand that is dense
/// too.
struct BinaryRows {
  BinaryOperand a, b;
  float* y;
  int64_t rows, count;
  BinaryKind kind;
};

}  // namespace lanewise
