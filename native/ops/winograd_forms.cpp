// Which form of Winograd's algorithm a convolution takes, if any: the grids of the forms that fit its axes, what they
// cost, and the choice between them and the direct algorithm.
#include "winograd.h"
#include "winograd_tiles.h"

namespace lanewise {
namespace {

enum class Kind {
  kNone,
  kSingle,  // no taps beside each other
  kPieces,  // of 3 taps with stride 1
  kBlocks   // taps twice the stride
};

Kind kind_of(const Axis& axis) {
  if (axis.kernel >= 3 && axis.stride == 1) return Kind::kPieces;
  if (axis.kernel == 2 * axis.stride && axis.dilation == 1) return Kind::kBlocks;
  return axis.kernel == 1 && axis.stride == 1 ? Kind::kSingle : Kind::kNone;
}

/// Cuts `origins` outputs into tiles.
void cut_tiles(TileAxis* tiles, int64_t origins, int64_t outputs) {
  const int64_t count = ceil_div(origins, outputs);
  tiles->outputs = outputs;
  tiles->cut = outputs == 1 ? 0 : min_of(count * outputs - origins, count);
  tiles->whole = count - tiles->cut;
}

TileAxis single_axis(const Axis& axis) {
  TileAxis tiles = {};
  tiles.phases = tiles.dilation = 1;
  tiles.kernel = 1;
  tiles.in = {1, axis.backward ? axis.pad : -axis.pad, 1, 0};
  tiles.out = {1, 0, 1, 0};
  cut_tiles(&tiles, axis.out, 1);
  return tiles;
}

TileAxis pieces_axis(const Axis& axis, int64_t outputs) {
  TileAxis tiles = {};
  tiles.dilation = axis.dilation;
  tiles.phases = min_of(axis.dilation, axis.out);
  // Backward, the last tap of the kernel is the first of the rotated one.
  const int64_t last = axis.kernel - 1;
  tiles.in = {1, axis.backward ? axis.pad - last * axis.dilation : -axis.pad, axis.dilation, 3 * axis.dilation};
  tiles.out = {1, 0, axis.dilation, 0};
  tiles.kernel = axis.kernel;
  tiles.first_tap = axis.backward ? last : 0;
  tiles.tap_step = axis.backward ? -1 : 1;
  tiles.part_taps = axis.backward ? -3 : 3;
  cut_tiles(&tiles, ceil_div(axis.out, tiles.phases), outputs);
  return tiles;
}

TileAxis blocks_axis(const Axis& axis, int64_t outputs) {
  TileAxis tiles = {};
  tiles.phases = tiles.dilation = 1;
  tiles.kernel = axis.kernel;
  tiles.part_taps = 1;
  if (!axis.backward) {
    tiles.in = {axis.stride, -axis.pad, axis.stride, 1};
    tiles.out = {1, 0, 1, 0};
    tiles.tap_step = axis.stride;
    cut_tiles(&tiles, axis.out, outputs);
  } else {
    tiles.in = {1, -1, 1, 0};
    tiles.out = {axis.stride, -axis.pad, axis.stride, 1};
    tiles.first_tap = axis.stride;
    tiles.tap_step = -axis.stride;
    cut_tiles(&tiles, max_of(axis.in + 1, ceil_div(axis.out + axis.pad, axis.stride)), outputs);
  }
  return tiles;
}

TileAxis tile_axis(const Axis& axis, int64_t outputs) {
  switch (kind_of(axis)) {
    case Kind::kPieces: return pieces_axis(axis, outputs);
    case Kind::kBlocks: return blocks_axis(axis, outputs);
    default: return single_axis(axis);
  }
}

TileGrid grid_of(WinogradForm form, const Axis& rows, const Axis& cols, int64_t images, int64_t in_c, int64_t out_c) {
  TileGrid grid = {};
  grid.form = form;
  grid.in = {rows.in, cols.in, in_c};
  grid.out = {rows.out, cols.out, out_c};
  grid.in_parts = {1, 1, in_c};
  grid.out_parts = {1, 1, out_c};
  if (kind_of(cols) == Kind::kBlocks) {
    // Rows of a block are contiguous unless an edge may go through them.
    const int64_t width = cols.backward ? cols.out : cols.in;
    const bool contiguous = cols.pad % cols.stride == 0 && width % cols.stride == 0;
    const int64_t together = contiguous ? cols.stride : 1;
    const Parts blocks = {rows.stride, cols.stride / together, together * (cols.backward ? out_c : in_c)};
    (cols.backward ? grid.out_parts : grid.in_parts) = blocks;
  } else {
    grid.in_parts = {ceil_div(rows.kernel, 3), ceil_div(cols.kernel, 3), in_c};
  }
  grid.rows = tile_axis(rows, grid.down().out);
  grid.cols = tile_axis(cols, grid.across().out);
  const auto begin_next = [&](int kind, bool whole_rows, bool whole_cols) {
    const int64_t count = sat_mul(images, sat_mul(grid.rows.tiles(whole_rows), grid.cols.tiles(whole_cols)));
    grid.starts[kind + 1] = sat_add(grid.starts[kind], count);
  };
  begin_next(0, false, true);
  begin_next(1, true, true);
  begin_next(2, true, false);
  begin_next(3, false, false);
  grid.tiles = grid.starts[4];
  return grid;
}

/// What the transforms of a tile take, in multiplications for each pair of channels: of its input and its outputs, and
/// of the weights.
struct Transforms {
  int64_t input, output, weights;
};
constexpr Transforms kTransforms[] = {{250, 200, 120}, {160, 130, 60}, {300, 300, 100}, {35, 30, 14}};

/// Multiplications for each pair of channels of blocks; the transforms count as so many as they take time. The model
/// predicts measured times within some 15 %, whatever the instruction set.
int64_t cost(const TileGrid& grid) {
  const Transforms& transforms = kTransforms[grid.form];
  const int64_t of_tiles = sat_add(sat_mul(transforms.input, grid.tiles) / grid.out_parts.channels(),
                                   sat_mul(transforms.output, grid.tiles) / grid.in_parts.channels());
  return sat_add(sat_add(grid.products(), of_tiles), transforms.weights);
}

/// Those of the direct algorithm.
int64_t direct_cost(const TileGrid& grid, int64_t images) {
  const int64_t pixels = sat_mul(images, sat_mul(grid.out.h, grid.out.w));
  const int64_t block = grid.out_parts.channels() / grid.out.c;
  // In a strided input gradient a block of outputs is several pixels, each of which meets some of the taps.
  if (block > 1) return sat_mul(4, ceil_div(pixels, block));
  return sat_mul(sat_mul(grid.rows.kernel, grid.cols.kernel), pixels) / (grid.in_parts.channels() / grid.in.c);
}

/// Whether the direct algorithm takes at least quarters / 4 times as long.
bool gains(const TileGrid& grid, int64_t images, int64_t quarters) {
  return sat_mul(4, direct_cost(grid, images)) >= sat_mul(quarters, cost(grid));
}

/// The forms with six points are taken where they should be 1.75 times as fast: less would not repay the larger error.
/// F(3x3, 2x2) has none and is taken from 1.25 on.
constexpr int64_t kRepaysError = 7, kRepays = 5;

template <class Shape>
bool has_form(const Shape& shape) {
  constexpr int64_t kMaxTaps = 64;
  return shape.groups == 1 && tile_grid_exists(shape.rows, shape.cols) && shape.rows.kernel <= kMaxTaps &&
         shape.cols.kernel <= kMaxTaps;
}

/// Bounds for the memory: 256 MiB of transformed weights, 32 MiB for a worker.
bool fits(const TileGrid& grid) {
  constexpr int64_t kMaxWeights = int64_t{1} << 26;
  constexpr int64_t kMaxChannels = 4096;
  const int64_t k = grid.in_parts.channels(), columns = grid.out_parts.channels();
  return k <= kMaxChannels && columns <= kMaxChannels && k * columns <= kMaxWeights / grid.positions();
}

template <class Shape>
TileGrid grid_of(const Shape& shape) {
  return make_tile_grid(shape.rows, shape.cols, shape.images, shape.k, shape.columns);
}

template <class Shape>
bool applies(const Shape& shape) {
  return has_form(shape) && fits(grid_of(shape));
}

template <class Shape>
bool pays(const Shape& shape) {
  constexpr int64_t kFewest = 16;  // channels: below, the direct algorithm gains by other means
  constexpr int64_t kMaxPixels = int64_t{1} << 40;
  const int64_t pixels = sat_mul(shape.images, sat_mul(shape.rows.out, shape.cols.out));
  if (pixels > kMaxPixels || !has_form(shape)) return false;
  const TileGrid grid = grid_of(shape);
  if (!fits(grid)) return false;
  if (grid.in_parts.length < kFewest || grid.out_parts.length < kFewest) return false;
  return gains(grid, shape.images, grid.form == kWinograd3x2 ? kRepays : kRepaysError);
}

}  // namespace

bool winograd_applies(const ConvPass& pass) { return applies(pass); }

bool winograd_applies(const ConvDw& shape) { return !shape.dy_transposed && applies(shape); }

bool winograd_pays(const ConvPass& pass) { return pays(pass); }

bool winograd_pays(const ConvDw& shape) { return !shape.dy_transposed && pays(shape); }

bool tile_grid_exists(const Axis& rows, const Axis& cols) {
  const Kind down = kind_of(rows), across = kind_of(cols);
  if (across == Kind::kBlocks) return down == Kind::kBlocks;
  return across == Kind::kPieces && (down == Kind::kPieces || down == Kind::kSingle);
}

TileGrid make_tile_grid(const Axis& rows, const Axis& cols, int64_t images, int64_t in_c, int64_t out_c) {
  const auto of = [&](WinogradForm form) { return grid_of(form, rows, cols, images, in_c, out_c); };
  if (kind_of(rows) == Kind::kSingle) return of(kWinograd4x3Line);
  if (kind_of(cols) == Kind::kPieces) return of(kWinograd4x3);
  const TileGrid exact = of(kWinograd3x2), large = of(kWinograd5x2);
  const bool faster = sat_mul(20, cost(exact)) >= sat_mul(23, cost(large));
  return faster && gains(large, images, kRepaysError) ? large : exact;
}

}  // namespace lanewise
