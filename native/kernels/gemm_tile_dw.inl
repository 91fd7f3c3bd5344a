// gemm_panel_dw: M weight positions x V vectors of output channels in registers, reduced over pixels.
// Needs gemm_tile.inl. One x pointer serves all positions, which are neighbours in memory.

/// A column of lines to fetch, one for each pixel.
struct LineColumn {
  const float* at;
  int64_t stride;

  void fetch() {
    __builtin_prefetch(at, 0, 2);
    at += stride;
  }
};

/// In place the tile fetches its own rows, `next_dy` floats ahead in those of dy; else a column that is read
/// afterwards.
template <int M, int V, bool kMaskDy>
static void gemm_tile_dw(const GemmPanelDw& task, int64_t first, int64_t next_dy, LineColumn next) {
  Vec acc[M][V];
  float* const dw = task.dw + first * task.ldw;
  const int last = columns_of(task.n, V - 1);
  if (task.resume) {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        const float* const from = dw + m * task.ldw + v * kLanes;
        acc[m][v] = v + 1 < V || last == kLanes ? load(from) : load_n(from, last);
      }
    }
  } else {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[m][v] = zero();
    }
  }

  const int64_t x_stride = task.x_stride;
  const int64_t dy_stride = task.dy_stride;
  for (int64_t s = 0; s < task.segments; ++s) {
    const float* x = task.x[s] + task.x_offset + first;
    const float* dy = task.dy[s] + task.dy_offset;
    for (int64_t p = task.lengths[s]; p > 0; --p, x += x_stride, dy += dy_stride) {
      if (next_dy > 0) {
        __builtin_prefetch(x + 2 * M - 1, 0, 2);
        __builtin_prefetch(dy + next_dy, 0, 2);
      } else if (next.at != nullptr) {
        next.fetch();
      }
      Vec b[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        b[v] = kMaskDy && v + 1 == V ? load_n(dy + v * kLanes, last) : load(dy + v * kLanes);
      }
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) {
        const Vec a = broadcast(x[m]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[m][v] = fma(a, b[v], acc[m][v]);
      }
    }
  }

#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      float* const to = dw + m * task.ldw + v * kLanes;
      if (task.add) acc[m][v] = add(load_n(to, v + 1 < V ? kLanes : last), acc[m][v]);
      if (v + 1 < V || last == kLanes) {
        store(to, acc[m][v]);
      } else {
        store_n(to, acc[m][v], last);
      }
    }
  }
}

using GemmTileDw = void (*)(const GemmPanelDw&, int64_t, int64_t, LineColumn);

template <int V, bool kMaskDy, int... kMinus1>
struct GemmTilesDw {
  static constexpr GemmTileDw of[] = {&gemm_tile_dw<kMinus1 + 1, V, kMaskDy>...};
};
template <int V, bool kMaskDy, int... kMinus1>
constexpr const GemmTileDw* gemm_tiles_dw(std::integer_sequence<int, kMinus1...>) {
  return GemmTilesDw<V, kMaskDy, kMinus1...>::of;
}

static void gemm_panel_dw(const GemmPanelDw& task) {
  if (task.n <= kHalfLanes) return half_table()->gemm_panel_dw(task);
  const bool narrow = task.n <= kLanes;
  const bool mask_dy = !task.dy_padded && task.n % kLanes != 0;
  using Wide = std::make_integer_sequence<int, kTileM>;
  using Narrow = std::make_integer_sequence<int, kTileMNarrow>;
  const GemmTileDw* const tiles_of =
      narrow ? (mask_dy ? gemm_tiles_dw<1, true>(Narrow{}) : gemm_tiles_dw<1, false>(Narrow{}))
             : (mask_dy ? gemm_tiles_dw<2, true>(Wide{}) : gemm_tiles_dw<2, false>(Wide{}));
  const int64_t tile_m = narrow ? kTileMNarrow : kTileM;
  const int64_t tiles = (task.positions + tile_m - 1) / tile_m;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = task.positions * tile / tiles;
    const int64_t to = task.positions * (tile + 1) / tiles;
    LineColumn next = {nullptr, 0};
    if (tile == 0) next = {task.next_dy, task.next_dy_stride};
    if (tile > 0 && tile <= task.next_x_lines) next = {task.next_x + (tile - 1) * kLineFloats, task.next_x_stride};
    tiles_of[to - from - 1](task, from, !task.fetch ? 0 : (tile % 2 + 2) * kLineFloats, next);
  }
}
