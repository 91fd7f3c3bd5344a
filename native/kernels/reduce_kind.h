// What op `reduce` computes, in the order of lib/ops/reduction-order.ts.
#pragma once

#include <cstdint>

namespace lanewise {

enum class ReduceKind : int32_t { kSum, kMean, kSumSquares, kMaximum, kMinimum };

inline constexpr int32_t kReduceKinds = static_cast<int32_t>(ReduceKind::kMinimum) + 1;

}  // namespace lanewise
