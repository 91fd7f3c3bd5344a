// Which outputs are written around the caches.
#pragma once

#include "op.h"

namespace lanewise {

/// Floats of an output so large that its beginning has left the caches when its end is written: 16 MiB.
inline constexpr int64_t kAroundFloats = int64_t{4} << 20;

/// An output of so many floats that takes no input's place. Through the caches each of its lines would be fetched from
/// memory first, only to be written to.
inline bool goes_around(const OpArgs& args, int output = 0) {
  const Tensor& y = args.outputs[output];
  if (y.dtype != kF32 || y.count < kAroundFloats) return false;
  for (int i = 0; i < args.n_inputs; ++i) {
    if (args.inputs[i] != nullptr && args.inputs[i]->data == y.data) return false;
  }
  return true;
}

}  // namespace lanewise
