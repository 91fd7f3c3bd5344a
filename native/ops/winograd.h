// 3x3 convolutions with stride 1 and any dilation by Winograd's F(4x4, 3x3): a quarter of the multiplications, other roundings than the
// direct chains (docs/numerics.md). Every pass becomes 36 matrix products between transforms
// (native/kernels/winograd.inl). The bits depend on the shape alone: each product is one chain over channels, or over a
// block of tiles.
#pragma once

#include "conv_dw.h"
#include "conv_pass.h"

namespace lanewise {

/// Whether the algorithm applies and wins: a function of the shape, so that results never depend on the machine.
bool winograd_pays(const ConvPass& pass);
bool winograd_pays(const ConvDw& shape);

/// Whether it applies at all: what the functions below require.
bool winograd_applies(const ConvPass& pass);
bool winograd_applies(const ConvDw& shape);

/// winograd_pass.cpp: forward, and the input gradient, which is the same on dy with rotated, transposed weights.
int64_t winograd_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads);
void winograd_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                       std::byte* workspace);

/// winograd_dw.cpp
int64_t winograd_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads);
void winograd_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                     Parallel& parallel, std::byte* workspace);

}  // namespace lanewise
