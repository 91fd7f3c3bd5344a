// gemm_rows_dw: the weight gradient's register tile over R kernel rows of P positions each. A row of few positions
// alone has too few chains to hide the latency of fma. Needs gemm_rows_dw.h, gemm_tile_dw.inl.

template <int R, int P, int V, bool kMaskDy>
static void rows_tile_dw(const GemmRowsDw& task, int64_t row) {
  Vec acc[R * P][V];
  float* const dw = task.dw + row * P * task.ldw;
  const int last = columns_of(task.n, V - 1);
#pragma GCC unroll 16
  for (int m = 0; m < R * P; ++m) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      acc[m][v] = task.resume ? load_n(dw + m * task.ldw + v * kLanes, v + 1 < V ? kLanes : last) : zero();
    }
  }
  const int64_t x_stride = task.x_stride;
  const int64_t dy_stride = task.dy_stride;
  for (int64_t s = 0; s < task.segments; ++s) {
    const float* x[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) x[r] = task.x[s] + task.x_offset + (row + r) * task.x_row;
    const float* dy = task.dy[s] + task.dy_offset;
    int64_t at = 0;
    for (int64_t p = task.lengths[s]; p > 0; --p, at += x_stride, dy += dy_stride) {
      Vec b[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        b[v] = kMaskDy && v + 1 == V ? load_n(dy + v * kLanes, last) : load(dy + v * kLanes);
      }
#pragma GCC unroll 16
      for (int m = 0; m < R * P; ++m) {
        const Vec a = broadcast(x[m / P][at + m % P]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[m][v] = fma(a, b[v], acc[m][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < R * P; ++m) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      float* const to = dw + m * task.ldw + v * kLanes;
      const int columns = v + 1 < V ? kLanes : last;
      store_n(to, task.add ? add(load_n(to, columns), acc[m][v]) : acc[m][v], columns);
    }
  }
}

/** A row alone is gemm_panel_dw's. */
template <int R, int P, int V, bool kMaskDy>
LANEWISE_INLINE void rows_dw(const GemmRowsDw& task, int64_t row) {
  if constexpr (R > 1) {
    rows_tile_dw<R, P, V, kMaskDy>(task, row);
  } else {
    GemmPanelDw one = task;
    one.x_offset += row * task.x_row;
    one.dw += row * task.run * task.ldw;
    one.positions = task.run;
    gemm_panel_dw(one);
  }
}

/** Rows are spread evenly over as few tiles as possible. */
template <int P, int V, bool kMaskDy>
static void rows_tiles_dw(const GemmRowsDw& task) {
  constexpr int kFit = (V == 1 ? kTileMNarrow : kTileM) / P;
  constexpr int R = kFit > 3 ? 3 : kFit < 1 ? 1 : kFit;
  const int64_t tiles = (task.rows + R - 1) / R;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = task.rows * tile / tiles;
    const int64_t count = task.rows * (tile + 1) / tiles - from;
    if (count == R) {
      rows_dw<R, P, V, kMaskDy>(task, from);
    } else if (R == 3 && count == 2) {
      rows_dw<2, P, V, kMaskDy>(task, from);
    } else {
      rows_dw<1, P, V, kMaskDy>(task, from);
    }
  }
}

template <int P>
LANEWISE_INLINE void rows_of_dw(const GemmRowsDw& task) {
  const bool mask_dy = !task.dy_padded && task.n % kLanes != 0;
  if (task.n <= kLanes) return mask_dy ? rows_tiles_dw<P, 1, true>(task) : rows_tiles_dw<P, 1, false>(task);
  return mask_dy ? rows_tiles_dw<P, 2, true>(task) : rows_tiles_dw<P, 2, false>(task);
}

/** Where columns fill half a vector, each vector takes two taps beside each other: lane 2 j + t is column j of tap t.
 */
template <int R, int P>
static void rows_tile_dw_pairs(const GemmRowsDw& task, int64_t row) {
  constexpr int kPairs = (P + 1) / 2;
  Vec acc[R][kPairs];
  float* const dw = task.dw + row * P * task.ldw;
  float lanes[kLanes] = {};
  // f(lane, its sum), of a pair.
  const auto each = [&](int r, int pair, auto f) {
    for (int t = 0; t < 2 && 2 * pair + t < P; ++t) {
      float* const to = dw + (r * P + 2 * pair + t) * task.ldw;
      for (int j = 0; j < task.n; ++j) f(&lanes[2 * j + t], to + j);
    }
  };
#pragma GCC unroll 5
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
    for (int pair = 0; pair < kPairs; ++pair) {
      if (task.resume) each(r, pair, [](float* lane, const float* sum) { *lane = *sum; });
      acc[r][pair] = load(lanes);
    }
  }
  const int64_t x_stride = task.x_stride;
  const int64_t dy_stride = task.dy_stride;
  for (int64_t s = 0; s < task.segments; ++s) {
    const float* x[R];
#pragma GCC unroll 5
    for (int r = 0; r < R; ++r) x[r] = task.x[s] + task.x_offset + (row + r) * task.x_row;
    const float* dy = task.dy[s] + task.dy_offset;
    int64_t at = 0;
    for (int64_t p = task.lengths[s]; p > 0; --p, at += x_stride, dy += dy_stride) {
      const Vec b = load_twice(dy, task.n);
#pragma GCC unroll 5
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
        for (int pair = 0; pair < kPairs; ++pair) {
          const float* const taps = x[r] + at + 2 * pair;
          acc[r][pair] = fma(2 * pair + 1 < P ? broadcast_pair(taps) : broadcast(*taps), b, acc[r][pair]);
        }
      }
    }
  }
#pragma GCC unroll 5
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
    for (int pair = 0; pair < kPairs; ++pair) {
      store(lanes, acc[r][pair]);
      each(r, pair, [&](const float* lane, float* sum) { *sum = task.add ? *sum + *lane : *lane; });
    }
  }
}

template <int P, int... kMinus1>
static void rows_pairs_dw(const GemmRowsDw& task, std::integer_sequence<int, kMinus1...>) {
  static constexpr void (*of[])(const GemmRowsDw&, int64_t) = {&rows_tile_dw_pairs<kMinus1 + 1, P>...};
  constexpr int64_t most = sizeof...(kMinus1);
  const int64_t tiles = (task.rows + most - 1) / most;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = task.rows * tile / tiles;
    of[task.rows * (tile + 1) / tiles - from - 1](task, from);
  }
}

template <int P>
LANEWISE_INLINE void rows_pairs_dw(const GemmRowsDw& task) {
  constexpr int kFit = kPlanarAccumulators / ((P + 1) / 2);
  rows_pairs_dw<P>(task, std::make_integer_sequence < int, kFit<5 ? kFit : 5>{});
}

static void gemm_rows_dw(const GemmRowsDw& task) {
  // As many as leave no half of the pairs' lanes empty.
  if (2 * task.n <= kLanes && 2 * task.n > kHalfLanes) {
    switch (task.run) {
      case 3: return rows_pairs_dw<3>(task);
      case 4: return rows_pairs_dw<4>(task);
      case 5: return rows_pairs_dw<5>(task);
      default: break;
    }
  }
  if (task.n <= kHalfLanes) return half_table()->gemm_rows_dw(task);
  switch (task.run) {
    case 3: return rows_of_dw<3>(task);
    case 4: return rows_of_dw<4>(task);
    case 5: return rows_of_dw<5>(task);
    default:
      for (int64_t row = 0; row < task.rows; ++row) rows_dw<1, 1, 1, true>(task, row);
  }
}
