// A convolution-like pass: every output is a chain over the taps that hit it, then over k input channels. Forward,
// input gradient, linear and GEMM (transA = 0) are this. Depthwise passes take a path of their own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernels/kernels.h"
#include "../runtime/parallel.h"
#include "conv_axis.h"

namespace lanewise {

struct ConvPass {
  int64_t images;
  Axis rows;
  Axis cols;
  int64_t groups;
  int64_t k;        // input channels per group
  int64_t columns;  // output channels per group
  /// w[tap][k][columns of all groups], or transposed: w[tap][columns][k of all groups].
  bool transposed;
  /// The weights were packed in advance, by conv_pass_prepare or winograd_pass_prepare.
  bool prepared = false;

  /// One channel of x per group: vectorised over the groups.
  bool depthwise() const { return groups > 1 && (transposed ? columns : k) == 1; }
};

struct ConvPassData {
  const float* in;
  const float* w;
  const float* bias;  // or nullptr
  float* out;
  int32_t activation;
  float slope;
  const std::byte* prepared = nullptr;
};

/// Memory for the packed weights of a pass, 0 where there is nothing to pack; and packing them.
int64_t conv_pass_prepared_bytes(const ConvPass& pass, const Kernels& kernels);
void conv_pass_prepare(const ConvPass& pass, const float* w, const Kernels& kernels, Parallel& parallel, std::byte* to);

/// Negative when the shape is too large to be handled.
int64_t conv_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads);
void conv_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                   std::byte* workspace);

// matrix_pass.cpp
bool matrix_pass_applies(const ConvPass& pass);
int64_t matrix_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads);
void matrix_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                     std::byte* workspace);

// turned_pass.cpp: without bias and activation
bool turned_pass_applies(const ConvPass& pass, const Kernels& kernels);
int64_t turned_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads);
void turned_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                     std::byte* workspace);

// depthwise_pass.cpp, which leaves several outputs per channel to depthwise_multiplier.cpp
int64_t depthwise_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads);
void depthwise_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                        std::byte* workspace);
int64_t depthwise_multiplier_workspace(const ConvPass& pass, const Kernels& kernels, int threads);
void depthwise_multiplier_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels,
                              Parallel& parallel, std::byte* workspace);

}  // namespace lanewise
