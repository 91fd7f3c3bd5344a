// Copies between two arrays that are walked with strides: what transpose, slice, concat, broadcast and the like are,
// once their axes are reduced to those that matter.
#pragma once

#include <cstdint>

#include "op.h"

namespace lanewise {

/// Elements between neighbours of each axis of a dense tensor.
struct Strides {
  int64_t of[kMaxRank];

  explicit Strides(const Tensor& t) {
    int64_t stride = 1;
    for (int axis = kMaxRank - 1; axis >= 0; --axis) {
      of[axis] = stride;
      stride *= t.dims[axis];
    }
  }
};

/// The attributes of an op as the words of the plan: `prefix0` to `prefix5` are six in a row.
inline const int32_t* attr_words(const OpArgs& args) { return static_cast<const int32_t*>(args.attrs); }

/// to[i . to_strides] = from[i . from_strides] for all positions i. No two positions may write the same element.
class StridedCopy {
 public:
  /// Adds an axis inside those added before. Axes of one position are dropped, neighbours that form one are merged.
  void axis(int64_t size, int64_t from_stride, int64_t to_stride);
  void run(Parallel& parallel, const float* from, float* to) const;

 private:
  void run_rows(Parallel& parallel, const float* from, float* to) const;
  void run_blocks(Parallel& parallel, int across, const float* from, float* to) const;

  int rank_ = 0;
  int64_t dims_[kMaxRank];
  int64_t from_[kMaxRank];
  int64_t to_[kMaxRank];
};

}  // namespace lanewise
