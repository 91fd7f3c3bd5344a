// The table of SIMD kernels: one instance per instruction set (native/isa/*.cpp), chosen once per plan.
// To add a kernel: write it in a `.inl` file over the Vec API (native/isa/avx2.cpp shows it in full), include that file
// in kernels/all.inl, and add one line to LANEWISE_KERNELS. Everything above kernels sees only this header.
#pragma once

#include <cstdint>

#include "gemm_tile.h"

// X(name, return type, (arguments))
#define LANEWISE_KERNELS(X)                                                                    \
  /* gemm_tile.inl: see gemm_tile.h for the contracts */                                       \
  X(gemm_panel, void, (const GemmPanel& task))                                                 \
  X(gemm_panel_dw, void, (const GemmPanelDw& task))                                            \
  X(pack_rows, void, (float* to, const float* from, int64_t ld, int64_t rows, int n, int width)) \
  X(pack_columns, void, (float* to, const float* from, int64_t ld, int64_t rows, int n, int width)) \
  /* measure.inl */                                                                            \
  X(fma_burst, double, (int64_t rounds, float* sink))                                          \
  X(read_burst, float, (const float* from, int64_t count))

namespace lanewise {

struct Kernels {
  const char* isa;
  int lanes;
  /** Register tile of gemm_panel: at most tile_m pixels (tile_m_narrow when n <= lanes) x tile_n = 2 vectors. */
  int tile_m;
  int tile_m_narrow;
  int tile_n;
#define X(name, result, arguments) result(*name) arguments;
  LANEWISE_KERNELS(X)
#undef X
};

/** The table of `isa` ("portable", "avx2", "avx512", "neon"), or nullptr when this machine cannot run it. */
const Kernels* kernels_for(const char* isa);

/** Every table usable on this machine, worst to best. `out` has room for 4; returns how many. */
int usable_kernels(const Kernels** out);

}  // namespace lanewise
