// The conditions that most ops verify, and the shape words that they share.
#pragma once

#include <cmath>

#include "op.h"

namespace lanewise {

inline bool is_f32(const Tensor& t) { return t.dtype == kF32; }

inline bool same_shape(const Tensor& a, const Tensor& b) {
  if (a.rank != b.rank) return false;
  for (int axis = 0; axis < a.rank; ++axis) {
    if (a.dims[axis] != b.dims[axis]) return false;
  }
  return true;
}

inline bool same_f32(const Tensor& a, const Tensor& b) { return is_f32(a) && is_f32(b) && same_shape(a, b); }

inline bool is_vector(const Tensor& t, int64_t size, DType dtype = kF32) {
  return t.dtype == dtype && t.rank == 1 && t.dims[0] == size;
}

/// Whether t has the axes of x but the last.
inline bool is_rows_of(const Tensor& t, const Tensor& x, DType dtype) {
  if (t.dtype != dtype || t.rank != x.rank - 1) return false;
  for (int axis = 0; axis < t.rank; ++axis) {
    if (t.dims[axis] != x.dims[axis]) return false;
  }
  return true;
}

/// Size of the last axis.
inline int64_t channels_of(const Tensor& t) { return t.dims[t.rank - 1]; }
/// Product of the other axes.
inline int64_t rows_of(const Tensor& t) { return t.count / channels_of(t); }

inline bool is_slope(float slope) { return std::isfinite(slope) && slope > 0; }

/// The attributes of an absorbed activation: 0 none, 1 relu, 2 leaky_relu.
inline bool is_activation(int32_t activation, float slope) {
  return activation == 0 || activation == 1 || (activation == 2 && is_slope(slope));
}

/// From 0 up to, but not including, 1.
inline bool is_fraction(float value) { return value >= 0 && value < 1; }

inline bool is_flag(int32_t value) { return value == 0 || value == 1; }

}  // namespace lanewise
