// The axes of a reduction, reduced to those that matter: neighbours of one kind, kept or reduced, are one axis.
#pragma once

#include <algorithm>

#include "op.h"

namespace lanewise {

/// An output is a position of the kept axes; it reduces `positions` elements, or rows of `width` neighbours where the
/// last axis stays (`width` is 0 where it is reduced).
class ReduceAxes {
 public:
  int64_t outputs = 1, positions = 1, width = 0;

  ReduceAxes(const Tensor& x, uint32_t reduced) {
    int64_t stride = 1;
    bool first = true;
    for (int axis = x.rank - 1; axis >= 0; --axis) {
      const int64_t size = x.dims[axis];
      if (size == 1) continue;
      const bool is_reduced = (reduced >> axis & 1) != 0;
      if (first && !is_reduced) width = 1;
      first = false;
      if (!is_reduced && width > 0 && reduced_.rank == 0) {
        width *= size;
      } else {
        (is_reduced ? reduced_ : kept_).add(size, stride);
        (is_reduced ? positions : outputs) *= size;
      }
      stride *= size;
    }
  }

  /// Whether the reduced positions are not evenly spaced.
  bool scattered() const { return reduced_.rank > 1; }

  /// Where output `output` has its first element.
  int64_t output_offset(int64_t output) const { return kept_.offset(output); }

  /// to[i, j] = from[reduced position first + i, j] for i < count and j < columns.
  void gather(const float* from, int64_t first, int64_t count, int64_t columns, float* to) const {
    const int64_t inner = reduced_.dims[0], stride = reduced_.strides[0];
    while (count > 0) {
      const int64_t taken = std::min(count, inner - first % inner);
      const float* row = from + reduced_.offset(first);
      if (stride == columns) {
        to = std::copy(row, row + taken * columns, to);
      } else {
        for (int64_t i = 0; i < taken; ++i, row += stride) to = std::copy(row, row + columns, to);
      }
      first += taken;
      count -= taken;
    }
  }

 private:
  /// Innermost first.
  struct Axes {
    int rank = 0;
    int64_t dims[kMaxRank];
    int64_t strides[kMaxRank];

    void add(int64_t size, int64_t stride) {
      if (rank > 0 && strides[rank - 1] * dims[rank - 1] == stride) {
        dims[rank - 1] *= size;
        return;
      }
      dims[rank] = size;
      strides[rank++] = stride;
    }

    int64_t offset(int64_t index) const {
      int64_t at = 0;
      for (int axis = 0; axis < rank; ++axis) {
        at += index % dims[axis] * strides[axis];
        index /= dims[axis];
      }
      return at;
    }
  };

  Axes kept_, reduced_;
};

}  // namespace lanewise
