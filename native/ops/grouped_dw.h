// The weight gradient of groups of few channels. A group's columns of dw fill no vector, but its (tap, channel)
// positions fill several: so the product is turned round, vectors run over positions, outputs are broadcast.
#pragma once

#include "conv_dw.h"

namespace lanewise {

bool grouped_dw_applies(const ConvDw& shape);
int64_t grouped_dw_workspace(const ConvDw& shape, const Kernels& kernels, int threads);
void grouped_dw_run(const ConvDw& shape, const float* x, const float* dy, float* dw, const Kernels& kernels,
                    Parallel& parallel, std::byte* workspace);

}  // namespace lanewise
