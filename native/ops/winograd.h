// Convolutions by Winograd's algorithm, with other roundings than the direct chains (docs/numerics.md): kernels of 3 or
// more taps with stride 1 and any dilation by F(4x4, 3x3), a quarter of the multiplications of each 3x3 of them; rows
// of pixels by F(4, 3), half; kernels of twice their stride by F(3x3, 2x2) or F(5x5, 2x2), 4/9 or 9/25. Every pass
// becomes a matrix product for each position of a transformed tile (native/kernels/winograd_transforms.inl). The bits
// depend on the shape alone: each product is a sum of chains over channels, or over tiles.
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

/// Memory for the transformed weights, and making them; `workspace` is the pass's.
int64_t winograd_pass_prepared_bytes(const ConvPass& pass, const Kernels& kernels);
void winograd_pass_prepare(const ConvPass& pass, const float* w, const Kernels& kernels, Parallel& parallel,
                           std::byte* workspace, std::byte* to);

/// winograd_dw.cpp
int64_t winograd_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads);
void winograd_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                     Parallel& parallel, std::byte* workspace);

}  // namespace lanewise
