// gemm_panel_dw: M weight positions x V vectors of output channels in registers, reduced over pixels.
// Needs gemm_tile.inl. One x pointer serves all positions, which are neighbours in memory.

constexpr int64_t kFetchLines = 4;    // ahead,
constexpr int64_t kFetchPixels = 32;  // for so many pixels

LANEWISE_INLINE void fetch_ahead(Ahead* ahead) {
  for (int64_t i = 0; i < kFetchLines && ahead->rows > 0; ++i) {
    __builtin_prefetch(ahead->at + ahead->line * kLineFloats);
    if (++ahead->line < ahead->lines) continue;
    ahead->line = 0;
    ahead->at += ahead->stride;
    --ahead->rows;
  }
}

/// How a tile reads its operands: where they lie; copying them, or one while the other is a copy; both as copies.
enum class DwReads { kInPlace, kFilling, kCopied };

/// Where a tile reads x and dy, and where it leaves copies.
struct DwStreams {
  const float* x;
  const float* dy;
  int64_t x_stride, dy_stride;
  float* x_copy;  // or nullptr
  float* dy_copy;
};

template <int M, int V, bool kMaskDy, DwReads kReads>
LANEWISE_INLINE void dw_pixels(Vec (&acc)[M][V], DwStreams* at, int64_t pixels, int last, int64_t next_dy) {
  const float* x = at->x;
  const float* dy = at->dy;
  const auto step = [&](const float* x, const float* dy) __attribute__((always_inline)) {
    Vec b[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      b[v] = kMaskDy && v + 1 == V ? load_n(dy + v * kLanes, last) : load(dy + v * kLanes);
    }
    if constexpr (kReads == DwReads::kFilling) {
      if (at->dy_copy != nullptr) {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) store(at->dy_copy + v * kLanes, b[v]);
        at->dy_copy += kTileN;
      }
      if (at->x_copy != nullptr) {
        // Lanes beyond the tile's are garbage that the next pixel and the next tile overwrite.
        store(at->x_copy, load_n(x, M));
        at->x_copy += kTileM;
      }
    }
#pragma GCC unroll 32
    for (int m = 0; m < M; ++m) {
      const Vec a = broadcast(x[m]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[m][v] = fma(a, b[v], acc[m][v]);
    }
  };
  if constexpr (kReads == DwReads::kCopied) {
    // Where neighbours share the core, the instructions around the multiply-adds of a small tile cost time.
#pragma GCC unroll 4
    for (; pixels > 0; --pixels, x += kTileM, dy += kTileN) step(x, dy);
  } else {
#pragma GCC unroll 1
    for (; pixels > 0; --pixels, x += at->x_stride, dy += at->dy_stride) {
      if (next_dy > 0) {
        __builtin_prefetch(x + 2 * M - 1, 0, 2);
        __builtin_prefetch(dy + next_dy, 0, 2);
      }
      step(x, dy);
    }
  }
  at->x = x;
  at->dy = dy;
}

/// Where segment `s` of a tile that copies begins, which is pixel `done`.
LANEWISE_INLINE DwStreams filling_streams(const GemmPanelDw& task, int64_t first, int64_t s, int64_t done) {
  float* const x_copy = task.x_copy + first * task.pixels + done * kTileM;
  float* const dy_copy = task.dy_copy + done * kTileN;
  DwStreams at = {x_copy, dy_copy, kTileM, kTileN, nullptr, nullptr};
  if (task.fill_x) {
    at.x = task.x[s] + task.x_offset + first;
    at.x_stride = task.x_stride;
    at.x_copy = x_copy;
  }
  if (task.fill_dy && first == 0) {
    at.dy = task.dy[s] + task.dy_offset;
    at.dy_stride = task.dy_stride;
    at.dy_copy = dy_copy;
  }
  return at;
}

/// Positions from `first` on, which x has from `x_offset` on; in place the tile fetches its own rows, `next_dy` floats
/// ahead in those of dy.
template <int M, int V, bool kMaskDy, DwReads kReads>
static void gemm_tile_dw(const GemmPanelDw& task, int64_t first, int64_t x_offset, int64_t next_dy) {
  Vec acc[M][V];
  float* const dw = task.dw + first * task.ldw;
  const int last = columns_of(task.n, V - 1);
  if (task.resume) {
#pragma GCC unroll 32
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        const float* const from = dw + m * task.ldw + v * kLanes;
        acc[m][v] = v + 1 < V || last == kLanes ? load(from) : load_n(from, last);
      }
    }
    if (first + M < task.positions) {
#pragma GCC unroll 32
      for (int m = M; m < 2 * M; ++m) __builtin_prefetch(dw + m * task.ldw, 1);
    }
  } else {
#pragma GCC unroll 32
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[m][v] = zero();
    }
  }

  Ahead* ahead = task.ahead;
  if (ahead != nullptr && ahead->rows == 0) ahead = ahead[1].rows == 0 ? nullptr : ahead + 1;
  int64_t done = 0;
  for (int64_t s = 0; s < task.segments; ++s) {
    const int64_t pixels = task.lengths[s];
    DwStreams at = {task.x[s] + x_offset, task.dy[s] + task.dy_offset, task.x_stride, task.dy_stride, nullptr, nullptr};
    if constexpr (kReads == DwReads::kFilling) at = filling_streams(task, first, s, done);
    done += pixels;
    if (kReads == DwReads::kInPlace || ahead == nullptr) {
      dw_pixels<M, V, kMaskDy, kReads>(acc, &at, pixels, last, next_dy);
      continue;
    }
    for (int64_t left = pixels; left > 0; left -= kFetchPixels) {
      fetch_ahead(ahead);
      dw_pixels<M, V, kMaskDy, kReads>(acc, &at, min_of(left, kFetchPixels), last, 0);
    }
  }

#pragma GCC unroll 32
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

using GemmTileDw = void (*)(const GemmPanelDw&, int64_t, int64_t, int64_t);

template <int V, bool kMaskDy, DwReads kReads, int... kMinus1>
struct GemmTilesDw {
  static constexpr GemmTileDw of[] = {&gemm_tile_dw<kMinus1 + 1, V, kMaskDy, kReads>...};
};
template <int V, bool kMaskDy, DwReads kReads = DwReads::kInPlace, int... kMinus1>
constexpr const GemmTileDw* gemm_tiles_dw(std::integer_sequence<int, kMinus1...>) {
  return GemmTilesDw<V, kMaskDy, kReads, kMinus1...>::of;
}

/// Tiles are whole ones but for the last, since the panels of dy share the copy of x.
template <int V>
static void copying_panel_dw(const GemmPanelDw& task) {
  using Tiles = std::make_integer_sequence<int, kTileM>;
  const bool mask_dy = !task.dy_padded && task.n % kLanes != 0;
  const GemmTileDw* const filling = mask_dy ? gemm_tiles_dw<V, true, DwReads::kFilling>(Tiles{})
                                            : gemm_tiles_dw<V, false, DwReads::kFilling>(Tiles{});
  const GemmTileDw* const copied = gemm_tiles_dw<V, false, DwReads::kCopied>(Tiles{});
  const float* const x_copy = task.x_copy;
  const float* const dy_copy = task.dy_copy;
  GemmPanelDw copies = task;
  copies.x = &x_copy;
  copies.dy = &dy_copy;
  copies.lengths = &task.pixels;
  copies.segments = 1;
  copies.dy_offset = 0;
  for (int64_t first = 0; first < task.positions; first += kTileM) {
    const int64_t m = min_of<int64_t>(task.positions - first, kTileM);
    if (task.fill_x || (task.fill_dy && first == 0)) {
      filling[m - 1](task, first, 0, 0);
    } else {
      copied[m - 1](copies, first, first * task.pixels, 0);
    }
  }
}

static void gemm_panel_dw(const GemmPanelDw& task) {
  if constexpr (kCopies) {
    if (task.x_copy != nullptr) return task.n <= kLanes ? copying_panel_dw<1>(task) : copying_panel_dw<2>(task);
  }
  if (task.n <= kHalfLanes) return half_table()->gemm_panel_dw(task);
  const bool narrow = task.n <= kLanes;
  const bool mask_dy = !task.dy_padded && task.n % kLanes != 0;
  using Wide = std::make_integer_sequence<int, kTileM>;
  using Narrow = std::make_integer_sequence<int, kTileMNarrowDw>;
  const GemmTileDw* const tiles_of =
      narrow ? (mask_dy ? gemm_tiles_dw<1, true>(Narrow{}) : gemm_tiles_dw<1, false>(Narrow{}))
             : (mask_dy ? gemm_tiles_dw<2, true>(Wide{}) : gemm_tiles_dw<2, false>(Wide{}));
  const int64_t tile_m = narrow ? kTileMNarrowDw : kTileM;
  const int64_t tiles = (task.positions + tile_m - 1) / tile_m;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = task.positions * tile / tiles;
    const int64_t to = task.positions * (tile + 1) / tiles;
    tiles_of[to - from - 1](task, from, task.x_offset + from, !task.fetch ? 0 : (tile % 2 + 2) * kLineFloats);
  }
}
