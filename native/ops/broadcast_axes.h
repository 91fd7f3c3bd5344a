// NumPy broadcasting: how a tensor is walked as if it had the shape of a larger one.
#pragma once

#include "strided_copy.h"

namespace lanewise {

/// Elements of x between neighbours along each axis of y: axes align at the last one, and x stands still along those it
/// has one position of, or lacks. The rank of x is at most that of y.
struct BroadcastStrides {
  int64_t of[kMaxRank];

  BroadcastStrides(const Tensor& x, const Tensor& y) {
    const Strides strides(x);
    const int missing = y.rank - x.rank;
    for (int axis = 0; axis < y.rank; ++axis) {
      const bool still = axis < missing || x.dims[axis - missing] == 1;
      of[axis] = still ? 0 : strides.of[axis - missing];
    }
  }
};

/// Whether x repeats to the shape of y.
inline bool broadcasts_to(const Tensor& x, const Tensor& y) {
  const int missing = y.rank - x.rank;
  if (missing < 0) return false;
  for (int axis = 0; axis < x.rank; ++axis) {
    if (x.dims[axis] != 1 && x.dims[axis] != y.dims[axis + missing]) return false;
  }
  return true;
}

}  // namespace lanewise
