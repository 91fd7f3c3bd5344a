// Every kernel file, once. Included inside the namespace (and target region) of one instruction set, after its Vec API.
// Nothing here or below may include a std header or call a std template: those would be compiled for the instruction
// set and could then be picked by the linker for code that must run everywhere.

constexpr int kTileN = 2 * kLanes;

template <class T>
LANEWISE_INLINE T min_of(T a, T b) {
  return b < a ? b : a;
}
template <class T>
LANEWISE_INLINE T max_of(T a, T b) {
  return a < b ? b : a;
}

#include "gemm_tile.inl"
#include "gemm_tile_dw.inl"

#include "gemm_rows_dw.inl"
#include "lanes.inl"
#include "measure.inl"

#include "activation.inl"
#include "binary.inl"
#include "channel.inl"
#include "column_sum.inl"
#include "depthwise.inl"
#include "depthwise_dw.inl"
#include "dropout.inl"
#include "elementary.inl"
#include "elementwise.inl"
#include "group_dw.inl"
#include "group_rows.inl"
#include "optimizer.inl"
#include "planar.inl"
#include "pool.inl"
#include "softmax.inl"
#include "unary.inl"
#include "winograd_transforms.inl"

#include "avg_pool.inl"
#include "batch_norm.inl"
#include "batch_norm_dx.inl"
#include "bias_activation_dx.inl"
#include "group_norm.inl"
#include "local_response_norm.inl"
#include "max_pool.inl"
#include "prelu_dw.inl"
#include "resize.inl"
#include "run_reduce.inl"
#include "winograd.inl"

#define LANEWISE_ENTRY(name, result, arguments) &name,
#define LANEWISE_TABLE(isa) \
  { isa, kLanes, kTileM, kTileMNarrow, kTileN, kHalfLanes == 0 ? kLanes : kHalfLanes, LANEWISE_KERNELS(LANEWISE_ENTRY) }
