// The table of SIMD kernels: one instance per instruction set (native/isa/*.cpp), chosen once per plan.
// To add a kernel: write it in a `.inl` file over the Vec API (native/isa/avx2.cpp shows it in full), include that file
// in kernels/all.inl, and add one line to LANEWISE_KERNELS. Everything above kernels sees only this header.
#pragma once

#include <cstdint>

#include "batch_norm_gradient.h"
#include "binary.h"
#include "depthwise.h"
#include "gemm_rows_dw.h"
#include "gemm_tile.h"
#include "group_dw.h"
#include "group_rows.h"
#include "local_response_norm.h"
#include "natural_log.h"
#include "optimizer_parameters.h"
#include "planar.h"
#include "pool_shape.h"
#include "random.h"
#include "reduce_kind.h"
#include "softmax.h"
#include "unary_kind.h"
#include "winograd.h"

// X(name, return type, (arguments))
#define LANEWISE_KERNELS(X) \
  /* gemm_tile.inl: see gemm_tile.h for the contracts */ \
  X(gemm_panel, void, (const GemmPanel& task)) \
  X(gemm_panel_dw, void, (const GemmPanelDw& task)) \
  X(pack_rows, void, (float* to, const float* from, int64_t ld, int64_t rows, int n, int width)) \
  X(pack_columns, void, (float* to, const float* from, int64_t ld, int64_t rows, int n, int width)) \
  /* gemm_rows_dw.inl: see gemm_rows_dw.h */ \
  X(gemm_rows_dw, void, (const GemmRowsDw& task)) \
  /* group_dw.inl: see group_dw.h */ \
  X(group_dw, void, (const GroupDw& task)) \
  /* group_rows.inl: see group_rows.h */ \
  X(group_rows, void, (const GroupRows& task)) \
  /* planar.inl: see planar.h */ \
  X(planar_panel, void, (const PlanarPanel& task)) \
  X(to_planes, void, \
    (float* to, int64_t to_ld, const float* from, int64_t from_ld, int64_t rows, int64_t n, int64_t width)) \
  X(from_planes, void, (float* to, int64_t to_ld, const float* from, int64_t from_ld, int64_t rows, int64_t n)) \
  /* depthwise.inl, depthwise_dw.inl: see depthwise.h */ \
  X(depthwise_row, void, (const DepthwiseRow& task)) \
  X(depthwise_row_dw, void, (const DepthwiseRowDw& task)) \
  /* winograd.inl: see winograd.h */ \
  X(winograd_input, void, \
    (WinogradForm form, const float* const* pixels, const float* const* next, int64_t channels, float* to, \
     int64_t stride)) \
  X(winograd_output_gradient, void, \
    (WinogradForm form, const float* const* pixels, const float* const* next, int64_t channels, float* to, \
     int64_t stride)) \
  X(winograd_output, void, (const WinogradOutputTask& task)) \
  X(winograd_weights, void, \
    (WinogradForm form, const float* weights, int64_t tap_stride, int64_t count, float* to, int64_t stride)) \
  X(winograd_weights_gradient, void, (const WinogradWeightsGradientTask& task)) \
  /* elementwise.inl: flat arrays; an output may be an input unless it is written around the caches */ \
  X(relu_forward, void, (const float* x, float* y, int64_t count, bool around)) \
  X(relu_backward, void, (const float* dy, const float* y, float* dx, int64_t count, bool around)) \
  X(leaky_relu_forward, void, (const float* x, float* y, int64_t count, float slope)) \
  X(leaky_relu_backward, void, (const float* dy, const float* y, float* dx, int64_t count, float slope)) \
  X(add_forward, void, \
    (const float* a, const float* b, float* y, int64_t count, int activation, float slope, bool around)) \
  X(add_gated, void, \
    (const float* a, const float* b, const float* gate, float* y, int64_t count, int activation, float slope)) \
  X(fill_value, void, (float* y, int64_t count, float value)) \
  X(divide_by, void, (const float* x, float* y, int64_t count, float divisor)) \
  X(all_finite, bool, (const float* x, int64_t count)) \
  /* activation.inl */ \
  X(sigmoid_forward, void, (const float* x, float* y, int64_t count)) \
  X(sigmoid_backward, void, (const float* dy, const float* y, float* dx, int64_t count)) \
  X(tanh_forward, void, (const float* x, float* y, int64_t count)) \
  X(tanh_backward, void, (const float* dy, const float* y, float* dx, int64_t count)) \
  /* unary.inl: see unary_kind.h */ \
  X(unary_forward, void, (const float* x, float* y, int64_t count, UnaryKind kind, float alpha, float beta)) \
  X(unary_backward, void, \
    (const float* dy, const float* x, float* dx, int64_t count, UnaryKind kind, float alpha, float beta)) \
  /* binary.inl: see binary.h */ \
  X(binary_rows, void, (const BinaryRows& task)) \
  /* dropout.inl */ \
  X(dropout_flat, void, \
    (const float* x, float* y, int64_t first, int64_t count, uint32_t key, int32_t threshold, float scale)) \
  /* softmax.inl: rows of k */ \
  X(softmax_rows, void, (const float* x, float* y, int64_t rows, int64_t k, float* row_max, double* row_sum)) \
  X(smoothed_loss, double, (const float* x, const float* weights, int64_t k, float top, double lse)) \
  X(softmax_backward_rows, void, (const float* dy, const float* y, float* dx, int64_t rows, int64_t k)) \
  X(log_softmax_rows, void, (const float* x, float* y, int64_t rows, int64_t k)) \
  X(log_softmax_backward_rows, void, (const float* dy, const float* y, float* dx, int64_t rows, int64_t k)) \
  X(cross_entropy_backward_rows, void, \
    (const CrossEntropyGradient& task, const float* probs, float* dx, int64_t begin, int64_t end)) \
  /* channel.inl: rows of c against vectors of c */ \
  X(bias_add_rows, void, (const float* x, const float* b, float* y, int64_t rows, int64_t c)) \
  X(prelu_rows, void, (const float* x, const float* slope, float* y, int64_t rows, int64_t c)) \
  X(prelu_backward_rows, void, \
    (const float* dy, const float* x, const float* slope, float* dx, int64_t rows, int64_t c)) \
  X(normalize_rows, void, (const float* x, const float* scale, const float* shift, float* y, int64_t rows, int64_t c)) \
  X(normalize_rows_u8, void, \
    (const uint8_t* x, const float* scale, const float* shift, float* y, int64_t rows, int64_t c)) \
  /* column_sum.inl */ \
  X(column_sum, void, \
    (const float* x, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* sums, int64_t sums_stride)) \
  X(column_reduce, void, \
    (const float* x, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* sums, int64_t sums_stride, \
     ReduceKind kind)) \
  /* run_reduce.inl */ \
  X(run_reduce, double, (const float* x, int64_t count, ReduceKind kind)) \
  /* prelu_dw.inl */ \
  X(prelu_slope_sums, void, \
    (const float* dy, const float* x, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* sums, \
     int64_t sums_stride)) \
  /* batch_norm.inl */ \
  X(batch_norm_stats, void, \
    (const float* x, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* means, float* m2s, \
     int64_t out_stride)) \
  X(batch_norm_combine, void, \
    (const float* means, const float* m2s, const float* weights, const float* crosses, int64_t blocks, int64_t stride, \
     int64_t width, float count, float* mean, float* variance)) \
  X(batch_norm_rstd, void, (const float* variance, float* rstd, int64_t c, float epsilon)) \
  X(batch_norm_apply, void, \
    (const float* x, const float* mean, const float* rstd, const float* gamma, const float* beta, \
     const float* residual, float* y, int64_t rows, int64_t c, int activation, float slope, bool around)) \
  X(batch_norm_update, void, \
    (float* running_mean, float* running_variance, const float* mean, const float* variance, int64_t c, \
     float momentum, float unbiased)) \
  /* batch_norm_dx.inl */ \
  X(batch_norm_sums, void, \
    (const BatchNormGradient& p, int64_t blocks, int64_t rows, int64_t stride, int64_t width, float* dgammas, \
     float* dbetas, int64_t out_stride)) \
  X(batch_norm_factors, void, \
    (const float* gamma, const float* rstd, const float* dgamma, const float* dbeta, int64_t c, float count, float* k, \
     float* a, float* b)) \
  X(batch_norm_backward, void, \
    (const BatchNormGradient& p, const float* k, const float* a, const float* b, float* dx, int64_t rows, int64_t c, \
     bool around)) \
  /* bias_activation_dx.inl */ \
  X(bias_activation_backward, void, \
    (const float* dy, const float* y, float* dx, int64_t blocks, int64_t rows, int64_t stride, int64_t width, \
     float* sums, int64_t sums_stride, int activation, float slope)) \
  /* group_norm.inl */ \
  X(group_norm_statistics, void, \
    (const float* means, const float* variances, int64_t groups, int64_t size, float epsilon, float* mean, \
     float* rstd)) \
  X(group_norm_factors, void, \
    (const float* gamma, const float* products, const float* sums, int64_t groups, int64_t size, double count, \
     float* a, float* b)) \
  X(group_norm_backward, void, \
    (const float* dy, const float* x, const float* mean, const float* rstd, const float* gamma, const float* a, \
     const float* b, float* dx, int64_t rows, int64_t c)) \
  X(layer_norm_rows, void, \
    (const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd, int64_t rows, \
     int64_t c, float epsilon, int activation, float slope)) \
  X(layer_norm_backward_rows, void, \
    (const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd, float* dx, \
     int64_t rows, int64_t c)) \
  X(layer_norm_sums, void, \
    (const float* dy, const float* x, const float* mean, const float* rstd, int64_t blocks, int64_t rows, \
     int64_t stride, int64_t width, float* dgammas, float* dbetas, int64_t out_stride)) \
  /* local_response_norm.inl: see local_response_norm.h */ \
  X(local_response_norm_rows, void, (const LocalResponseNorm& p, const float* x, float* y, int64_t rows)) \
  X(local_response_norm_backward_rows, void, \
    (const LocalResponseNorm& p, const float* dy, const float* x, float* dx, int64_t rows)) \
  /* max_pool.inl, avg_pool.inl: rows [begin, end) of the output, of dx for gradients */ \
  X(max_pool_rows_u8, void, \
    (const PoolShape& s, const float* x, float* y, uint8_t* index, int64_t begin, int64_t end)) \
  X(max_pool_rows_i32, void, \
    (const PoolShape& s, const float* x, float* y, int32_t* index, int64_t begin, int64_t end)) \
  X(max_pool_backward_rows_u8, void, \
    (const PoolShape& s, const float* dy, const uint8_t* index, float* dx, int64_t begin, int64_t end)) \
  X(max_pool_backward_rows_i32, void, \
    (const PoolShape& s, const float* dy, const int32_t* index, float* dx, int64_t begin, int64_t end)) \
  X(global_max_pool, void, (const float* x, int64_t positions, int64_t c, float* y, int32_t* index)) \
  X(global_max_pool_backward, void, (const float* dy, const int32_t* index, int64_t positions, int64_t c, float* dx)) \
  X(avg_pool_rows, void, (const PoolShape& s, const float* x, float* y, int64_t begin, int64_t end)) \
  X(avg_pool_backward_rows, void, (const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end)) \
  X(global_avg_pool_backward, void, (const float* dy, int64_t positions, int64_t c, float* dx)) \
  X(adaptive_max_pool_rows, void, \
    (const AdaptivePoolShape& s, const float* x, float* y, int32_t* index, int64_t begin, int64_t end)) \
  X(adaptive_max_pool_backward_rows, void, \
    (const AdaptivePoolShape& s, const float* dy, const int32_t* index, float* dx, int64_t begin, int64_t end)) \
  X(adaptive_avg_pool_rows, void, (const AdaptivePoolShape& s, const float* x, float* y, int64_t begin, int64_t end)) \
  X(adaptive_avg_pool_backward_rows, void, \
    (const AdaptivePoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end)) \
  /* resize.inl: see there */ \
  X(blend_rows, void, (const float* x, int64_t stride, const float* weights, int64_t rows, int64_t count, float* y)) \
  X(blend_pixels, void, \
    (const float* x, int64_t x_pixels, const int32_t* first, const int32_t* offsets, const float* weights, \
     int64_t pixels, int64_t c, float* y)) \
  X(pick_pixels, void, (const float* x, int64_t x_pixels, const int32_t* first, int64_t pixels, int64_t c, float* y)) \
  /* optimizer.inl */ \
  X(sgd_step_flat, void, (float* w, float* v, const float* g, int64_t count, const SgdParameters& p)) \
  X(adam_step_flat, void, (float* w, float* m, float* v, const float* g, int64_t count, const AdamParameters& p)) \
  X(rmsprop_step_flat, void, \
    (float* w, float* v, float* mean, float* velocity, const float* g, int64_t count, const RmspropParameters& p)) \
  X(blend_flat, void, (float* a, const float* b, int64_t count, float share_a, float share_b)) \
  /* measure.inl */ \
  X(fma_burst, double, (int64_t rounds, float* sink)) \
  X(read_burst, float, (const float* from, int64_t count))

namespace lanewise {

struct Kernels {
  const char* isa;
  int lanes;
  /** Register tile of gemm_panel: at most tile_m pixels (tile_m_narrow when n <= lanes) x tile_n = 2 vectors. */
  int tile_m;
  int tile_m_narrow;
  int tile_n;
  /** Of the vectors that kernels fall back on where they suffice: half of `lanes` where a level has such vectors. They
   * are planar_panel's when they begin anywhere: those are slow where a vector is as large as a cache line. */
  int least_lanes;
#define X(name, result, arguments) result(*name) arguments;
  LANEWISE_KERNELS(X)
#undef X
};

/** The table of `isa` ("portable", "avx2", "avx512", "neon"), or nullptr when this machine cannot run it. */
const Kernels* kernels_for(const char* isa);

/** Every table usable on this machine, worst to best. `out` has room for 4; returns how many. */
int usable_kernels(const Kernels** out);

}  // namespace lanewise
