// Passes of three kernel rows with stride 1 over groups of few channels. The input of some groups of a block of pixels
// is taken apart into panels [group][row][column][k] in the worker's memory, from which one kernel call makes all rows
// of a group's outputs. The chains are those of conv_pass.cpp, which packs the weights and dispatches here.
#pragma once

#include "conv_pass.h"

namespace lanewise {

bool grouped_pass_applies(const ConvPass& pass);
/// Memory of a worker.
int64_t grouped_pass_worker_bytes(const ConvPass& pass);
/// `packed`: [group][panel of output channels][tap][k][panel_width].
void grouped_pass_run(const ConvPass& pass, const ConvPassData& data, const float* packed, int64_t panel_width,
                      const Kernels& kernels, Parallel& parallel, std::byte* workers);

}  // namespace lanewise
