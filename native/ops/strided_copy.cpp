// The loops of StridedCopy: runs where the innermost axis is dense on both sides, tiles where it is dense on one side
// and another axis on the other (a transposition), single elements otherwise.
#include "strided_copy.h"

#include <algorithm>
#include <cstring>

#include "split.h"

namespace lanewise {
namespace {

/// Where position `index` of the first `rank` axes starts.
struct Offset {
  int64_t from, to;
};

Offset offset_of(int64_t index, int rank, const int64_t* dims, const int64_t* from, const int64_t* to) {
  Offset at{0, 0};
  for (int axis = rank - 1; axis >= 0; --axis) {
    const int64_t position = index % dims[axis];
    index /= dims[axis];
    at.from += position * from[axis];
    at.to += position * to[axis];
  }
  return at;
}

void copy_row(const float* from, int64_t from_stride, float* to, int64_t to_stride, int64_t count) {
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
  } else if (to_stride == 1 && from_stride == 0) {
    std::fill(to, to + count, *from);
  } else {
    for (int64_t i = 0; i < count; ++i) to[i * to_stride] = from[i * from_stride];
  }
}

}  // namespace

void StridedCopy::axis(int64_t size, int64_t from_stride, int64_t to_stride) {
  if (size == 1) return;
  if (rank_ > 0 && from_[rank_ - 1] == size * from_stride && to_[rank_ - 1] == size * to_stride) {
    dims_[rank_ - 1] *= size;
  } else {
    dims_[rank_++] = size;
  }
  from_[rank_ - 1] = from_stride;
  to_[rank_ - 1] = to_stride;
}

void StridedCopy::run(Parallel& parallel, const float* from, float* to) const {
  if (rank_ == 0) {
    *to = *from;
    return;
  }
  if (to_[rank_ - 1] == 1 && from_[rank_ - 1] > 1) {
    const int across = static_cast<int>(std::find(from_, from_ + rank_ - 1, 1) - from_);
    if (across < rank_ - 1) return run_blocks(parallel, across, from, to);
  }
  run_rows(parallel, from, to);
}

void StridedCopy::run_rows(Parallel& parallel, const float* from, float* to) const {
  const int outer = rank_ - 1;
  const int64_t whole = dims_[outer], from_stride = from_[outer], to_stride = to_[outer];
  const int64_t length = std::min(whole, kItemElements);
  const int64_t pieces = (whole + length - 1) / length;
  int64_t rows = pieces;
  for (int axis = 0; axis < outer; ++axis) rows *= dims_[axis];
  for_rows(parallel, rows, length, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Offset at = offset_of(row / pieces, outer, dims_, from_, to_);
      const int64_t first = row % pieces * length;
      copy_row(from + at.from + first * from_stride, from_stride, to + at.to + first * to_stride, to_stride,
               std::min(length, whole - first));
    }
  });
}

/// `to` is dense along the innermost axis, `from` along the axis `across`: tiles keep a cache line of each in use.
void StridedCopy::run_blocks(Parallel& parallel, int across, const float* from, float* to) const {
  constexpr int64_t kTile = 16;
  constexpr int64_t kBlock = 128;
  const int last = rank_ - 1;
  int64_t dims[kMaxRank], from_strides[kMaxRank], to_strides[kMaxRank];
  int outer = 0;
  int64_t outers = 1;
  for (int axis = 0; axis < last; ++axis) {
    if (axis == across) continue;
    dims[outer] = dims_[axis], from_strides[outer] = from_[axis], to_strides[outer] = to_[axis];
    outers *= dims_[axis];
    ++outer;
  }
  const int64_t rows = dims_[across], columns = dims_[last], row_stride = to_[across], column_stride = from_[last];
  const int64_t row_blocks = (rows + kBlock - 1) / kBlock, column_blocks = (columns + kBlock - 1) / kBlock;
  const int64_t block_elements = std::min(rows, kBlock) * std::min(columns, kBlock);
  for_rows(parallel, outers * row_blocks * column_blocks, block_elements, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const Offset at = offset_of(block / (row_blocks * column_blocks), outer, dims, from_strides, to_strides);
      const int64_t row_begin = block / column_blocks % row_blocks * kBlock;
      const int64_t column_begin = block % column_blocks * kBlock;
      const int64_t row_end = std::min(rows, row_begin + kBlock), column_end = std::min(columns, column_begin + kBlock);
      for (int64_t r = row_begin; r < row_end; r += kTile) {
        for (int64_t c = column_begin; c < column_end; c += kTile) {
          const int64_t r_end = std::min(row_end, r + kTile), c_end = std::min(column_end, c + kTile);
          for (int64_t row = r; row < r_end; ++row) {
            float* const line = to + at.to + row * row_stride;
            const float* const source = from + at.from + row;
            for (int64_t column = c; column < c_end; ++column) line[column] = source[column * column_stride];
          }
        }
      }
    }
  });
}

}  // namespace lanewise
