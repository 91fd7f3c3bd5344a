// The contract of the weight gradient's building block for several short kernel rows at once.
#pragma once

#include <cstdint>

#include "gemm_tile.h"

namespace lanewise {

/// As GemmPanelDw, but with run * rows positions: position m reads x at m / run * x_row + m % run.
struct GemmRowsDw : GemmPanelDw {
  int64_t run;
  int64_t rows;
  int64_t x_row;
};

}  // namespace lanewise
