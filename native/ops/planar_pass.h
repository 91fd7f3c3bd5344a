// Passes with few columns, vectorised over pixels instead of columns: the input of a block is transposed into planes,
// one for each k, where vectors are neighbours in a row or, with enough images, the same pixel of many images. The
// chains are those of conv_pass.cpp, which dispatches here.
#pragma once

#include "conv_pass.h"

namespace lanewise {

/// How a pass is cut into blocks: some output rows and columns of one phase, group and `images` images.
struct PlanarTiling {
  int64_t lanes;   // of a vector
  int64_t images;  // side by side: a multiple of the lanes, or 1, and vectors run along a row
  int64_t rows, cols;
  int64_t image_blocks, row_blocks, col_blocks, phases, col_phases;
  int64_t items;
  int64_t in_phases;                 // columns of the input that lie a stride apart follow each other
  int64_t window_rows, window_cols;  // of the input, at most; columns of a phase
  int64_t row_floats, plane_floats;  // of the planes
  double cost;                       // per output pixel and k, in multiply-adds of full vectors; 0: does not apply
};

/// Rounded down, also below zero; b > 0.
int64_t floor_div(int64_t a, int64_t b);

PlanarTiling planar_tiling(const ConvPass& pass, const Kernels& kernels);

/// Whether this beats the register tile of pixels x columns.
bool planar_pays(const ConvPass& pass, const Kernels& kernels);
int64_t planar_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads);
void planar_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                     std::byte* workspace);

}  // namespace lanewise
