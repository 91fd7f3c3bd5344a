// gemm_panel: M pixels x V vectors of accumulators stay in registers for the whole reduction.
// Needs gemm_tile.h. The order of operations of one output never depends on M, V or the instruction set.

LANEWISE_INLINE Vec apply_activation(Vec v, int32_t activation, Vec slope) {
  if (activation == kReluActivation) return select(less(v, zero()), zero(), v);
  if (activation == kLeakyReluActivation) return select(less(v, zero()), mul(v, slope), v);
  return v;
}

/** Columns of vector v when n columns are spread over vectors. */
LANEWISE_INLINE int columns_of(int n, int v) { return min_of(n - v * kLanes, kLanes); }

constexpr int64_t kLineFloats = 16;       // of a cache line
constexpr int64_t kFetchK = kLineFloats;  // of k, for which a tile fetches at once
constexpr bool kCopies = kTileM < kCopyingTile;

/** `next_x` points to M pixels that a later tile reads, or is null; `next_y` to outputs needed soon. */
template <int M, int V, bool kMaskW, bool kCopyW>
static void gemm_tile(const GemmPanel& task, const float* const* xs, float* const* ys, const float* const* next_x,
                      float* const* next_y) {
  // Pointers that find no general register stay in memory: the compiler would keep them in vector registers, and moving
  // them back takes slots from the multiply-adds.
  const float* near_x[M];
  const float* volatile far_x[M];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) near_x[m] = xs[m] + task.x_offset;
#pragma GCC unroll 16
  for (int m = kPointerRegisters; m < M; ++m) far_x[m] = near_x[m];

    // The outputs are on their way from memory while the reduction runs; sums to go on with must be there before.
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) __builtin_prefetch(next_y[m] + task.y_offset + v * kLanes, 1);
  }

  Vec acc[M][V];
  if (task.resume) {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        acc[m][v] = load_n(ys[m] + task.y_offset + v * kLanes, v + 1 < V ? kLanes : columns_of(task.n, v));
      }
    }
  } else {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[m][v] = zero();
    }
  }

  const int64_t ldw = task.ldw;
  const int64_t klen = task.klen;
  const int last = columns_of(task.n, V - 1);
  const Tap* const taps_end = task.taps + task.n_taps;
  float* w_copy = task.w_copy;
  // Each tile fetches its share of what comes after the panel.
  const float* next_w = task.next_w;
  int64_t fetch_from = 0, fetch_to = 0;
  if (next_w != nullptr) {
    fetch_from = kFetchK * (xs - task.x) / task.pixels;
    fetch_to = kFetchK * (xs - task.x + M) / task.pixels;
  }
  const int64_t at_once = next_w != nullptr || next_x != nullptr ? kFetchK : task.klen;
  const auto step = [&](int64_t k, const float* w) __attribute__((always_inline)) {
    Vec b[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) b[v] = kMaskW && v + 1 == V ? load_n(w + v * kLanes, last) : load(w + v * kLanes);
    if constexpr (kCopyW) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) store(w_copy + v * kLanes, b[v]);
      w_copy += V * kLanes;
    }
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const float* row;
      if (m < kPointerRegisters) {
        row = near_x[m];
      } else {
        row = far_x[m];
      }
      const Vec a = broadcast(row[k]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[m][v] = fma(a, b[v], acc[m][v]);
    }
  };
  for (const Tap* tap = task.taps; tap != taps_end; ++tap) {
    const float* w = task.w + tap->w;
    int64_t k = tap->x;
    const int64_t k_end = k + klen;
    do {
      const int64_t stop = min_of(k + at_once, k_end);
      if (next_x != nullptr) {
        for (int64_t i = k; i < stop; i += kLineFloats) {
          for (int m = 0; m < M; ++m) __builtin_prefetch(next_x[m] + task.x_offset + i);
        }
      }
      if (next_w != nullptr) {
        for (int64_t i = fetch_from; i < fetch_to; ++i) {
          for (int j = 0; j < V * kLanes; j += kLineFloats) __builtin_prefetch(next_w + i * task.next_ldw + j, 0, 2);
        }
        next_w += kFetchK * task.next_ldw;
      }
      // Where neighbours share the core, the instructions around the multiply-adds of a small tile cost time.
      if constexpr (kCopies && !kMaskW && !kCopyW) {
        if (ldw == V * kLanes) {
#pragma GCC unroll 4
          for (; k < stop; ++k, w += V * kLanes) step(k, w);
        }
      }
      for (; k < stop; ++k, w += ldw) step(k, w);
    } while (k < k_end);
  }

  const Vec slope = broadcast(task.slope);
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) {
    const int columns = v + 1 < V ? kLanes : last;
    if (task.add) {
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) acc[m][v] = add(load_n(ys[m] + task.y_offset + v * kLanes, columns), acc[m][v]);
    }
    if (task.bias != nullptr) {
      const Vec bias = load_n(task.bias + v * kLanes, columns);
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) acc[m][v] = add(acc[m][v], bias);
    }
    if (task.activation != kNoActivation) {
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) acc[m][v] = apply_activation(acc[m][v], task.activation, slope);
    }
    if (columns == kLanes) {
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) store(ys[m] + task.y_offset + v * kLanes, acc[m][v]);
    } else {
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) store_n(ys[m] + task.y_offset + v * kLanes, acc[m][v], columns);
    }
  }
}

using GemmTile = void (*)(const GemmPanel&, const float* const*, float* const*, const float* const*, float* const*);

template <int V, bool kMaskW, bool kCopyW, int... kMinus1>
struct GemmTiles {
  static constexpr GemmTile of[] = {&gemm_tile<kMinus1 + 1, V, kMaskW, kCopyW>...};
};
template <int V, bool kMaskW, bool kCopyW, int... kMinus1>
constexpr const GemmTile* gemm_tiles(std::integer_sequence<int, kMinus1...>) {
  return GemmTiles<V, kMaskW, kCopyW, kMinus1...>::of;
}
template <int V, bool kCopyW = false>
constexpr const GemmTile* gemm_tiles(bool mask_w) {
  using Sizes = std::make_integer_sequence<int, V == 1 ? kTileMNarrow : kTileM>;
  return mask_w ? gemm_tiles<V, true, kCopyW>(Sizes{}) : gemm_tiles<V, false, kCopyW>(Sizes{});
}

/** Pixels are spread evenly over as few tiles as possible: 30 pixels are 10 + 10 + 10, not 14 + 14 + 2. Of two tiles
 * the first is the larger one, but for what keeps the multipliers busy, unless the weights are fetched ahead: while it
 * goes on they may come from memory, which lets few pixels wait. */
template <int V>
static void gemm_panel_of(const GemmPanel& given) {
  GemmPanel task = given;
  const bool mask_w = !task.w_padded && task.n % kLanes != 0;
  const GemmTile* tiles_of = gemm_tiles<V>(mask_w);
  if constexpr (kCopies) {
    if (task.w_copy != nullptr) tiles_of = gemm_tiles<V, true>(mask_w);
  }
  const Tap copied = {task.taps->x, 0};
  constexpr int64_t kMost = V == 1 ? kTileMNarrow : kTileM;
  const int64_t tiles = (task.pixels + kMost - 1) / kMost;
  constexpr int64_t kBusy = 8 / V;
  const auto start = [&](int64_t tile) {
    const int64_t even = task.pixels * tile / tiles;
    const bool second = tiles == 2 && tile == 1 && task.next_w == nullptr;
    return second ? max_of(even, min_of(kMost, task.pixels - kBusy)) : even;
  };
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = start(tile), to = start(tile + 1);
    const bool more = to + to - from <= task.pixels;
    tiles_of[to - from - 1](task, task.x + from, task.y + from, task.prefetch_x && more ? task.x + to : nullptr,
                            task.y + (task.resume && more ? to : from));
    if (tile > 0 || task.w_copy == nullptr) continue;
    tiles_of = gemm_tiles<V>(false);
    task.taps = &copied;
    task.w = task.w_copy;
    task.ldw = V * kLanes;
  }
}

static void gemm_panel(const GemmPanel& task) {
  if (task.w_copy == nullptr && task.n <= kHalfLanes) return half_table()->gemm_panel(task);
  return task.n <= kLanes ? gemm_panel_of<1>(task) : gemm_panel_of<2>(task);
}

/** to[r][j] = from[r * ld + j] for j < n, 0 for n <= j < width. */
static void pack_rows(float* to, const float* from, int64_t ld, int64_t rows, int n, int width) {
  // Whole vectors row by row, what is left over in a loop of its own, whose masks do not change.
  const int whole = n / kLanes * kLanes;
  for (int64_t r = 0; whole > 0 && r < rows; ++r) {
    for (int j = 0; j < whole; j += kLanes) store(to + r * width + j, load(from + r * ld + j));
  }
  for (int j = whole; j < width; j += kLanes) {
    const int columns = max_of(n - j, 0);
    const int room = min_of(width - j, kLanes);
    for (int64_t r = 0; r < rows; ++r) {
      const Vec line = columns > 0 ? load_n(from + r * ld + j, columns) : zero();
      if (room == kLanes) {
        store(to + r * width + j, line);
      } else {
        store_n(to + r * width + j, line, room);
      }
    }
  }
}

/** to[r][j] = from[j * ld + r] for j < n, 0 for n <= j < width: the transpose. width is a number of whole vectors. */
static void pack_columns(float* to, const float* from, int64_t ld, int64_t rows, int n, int width) {
  if (width <= kHalfLanes) return half_table()->pack_columns(to, from, ld, rows, n, width);
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int block = static_cast<int>(min_of<int64_t>(rows - r, kLanes));
    for (int j = 0; j < width; j += kLanes) {
      const float* const source = from + j * ld + r;
      Vec lines[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        lines[i] = j + i >= n ? zero() : block == kLanes ? load(source + i * ld) : load_n(source + i * ld, block);
      }
      transpose(lines);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        if (i < block) store(to + (r + i) * width + j, lines[i]);
      }
    }
  }
}
