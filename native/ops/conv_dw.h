// The weight gradient: every dw element is a reduction over output pixels in blocks (see conv_dw_chunk.h). Convolution,
// linear and GEMM (transA = 1) are this. Depthwise and groups of few channels take paths of their own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernels/kernels.h"
#include "../runtime/parallel.h"
#include "conv_axis.h"

namespace lanewise {

struct ConvDw {
  int64_t images;
  Axis rows;  // forward axes: in = x, out = dy
  Axis cols;
  int64_t groups;
  int64_t k;        // input channels per group
  int64_t columns;  // output channels per group
  /// dy is stored [columns][pixels] instead of [pixels][columns]; only for groups = 1 and one row of pixels.
  bool dy_transposed;

  bool depthwise() const { return groups > 1 && k == 1; }
};

/// Negative when the shape is too large to be handled.
int64_t conv_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads);
void conv_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                 Parallel& parallel, std::byte* workspace);

// conv_dw_direct.cpp, conv_dw_direct_plan.cpp
bool dw_direct_applies(const ConvDw& shape);
int64_t dw_direct_workspace(const ConvDw& shape, const Kernels& kernels, int threads);
void dw_direct_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                   Parallel& parallel, std::byte* workspace);

// depthwise_dw.cpp
int64_t depthwise_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads);
void depthwise_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                      Parallel& parallel, std::byte* workspace);

}  // namespace lanewise
