// The weight gradient of a depthwise convolution, one row of dy at a time: the sums of some taps of some channels stay
// in registers for the row. Needs depthwise.h, depthwise.inl. Taps that read outside of a row leave those pixels out.

constexpr int kDepthwiseTaps = kManyRegisters ? 9 : 6;  // accumulators of a tile, for each of two vectors

/** N taps of any geometry, from tap `from` in the order of rows and taps, x V vectors. */
template <int N, int V, class Lanes>
LANEWISE_INLINE void depthwise_any_dw(const DepthwiseRowDw& task, int64_t from, int64_t c, Lanes last) {
  const float* x[N];
  float* dw[N];
  int64_t column[N];  // that pixel 0 reads
  int64_t begin = 0;  // of the pixels for which every tap reads a column
  int64_t end = task.pixels;
  Vec acc[N][V];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) {
    const int64_t row = (from + i) / task.taps;
    const int64_t tap = (from + i) % task.taps;
    x[i] = task.x[row] + c;
    dw[i] = task.dw[row] + tap * task.dw_step + c;
    column[i] = task.first + tap * task.dilation;
    if (column[i] < 0) begin = max_of(begin, (task.stride - 1 - column[i]) / task.stride);
    const int64_t room = task.width - 1 - column[i];
    end = room < 0 ? 0 : min_of(end, room / task.stride + 1);
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[i][v] = read_of<V>(dw[i], v, last);
  }
  begin = min_of(begin, task.pixels);
  end = max_of(begin, end);

  const int64_t x_step = task.stride * task.x_step;
  const auto at_edge = [&](int64_t from_pixel, int64_t to_pixel) {
    for (int64_t p = from_pixel; p < to_pixel; ++p) {
#pragma GCC unroll 16
      for (int i = 0; i < N; ++i) {
        const int64_t at = column[i] + p * task.stride;
        if (at < 0 || at >= task.width) continue;
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) {
          const Vec g = read_of<V>(task.dy + p * task.dy_step + c, v, last);
          acc[i][v] = fma(read_of<V>(x[i] + at * task.x_step, v, last), g, acc[i][v]);
        }
      }
    }
  };
  at_edge(0, begin);
  if (begin < end) {
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) x[i] += (column[i] + begin * task.stride) * task.x_step;
    const float* dy = task.dy + begin * task.dy_step + c;
    int64_t at = 0;
    for (int64_t p = begin; p < end; ++p, at += x_step, dy += task.dy_step) {
      Vec g[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) g[v] = read_of<V>(dy, v, last);
#pragma GCC unroll 16
      for (int i = 0; i < N; ++i) {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[i][v] = fma(read_of<V>(x[i] + at, v, last), g[v], acc[i][v]);
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) x[i] -= (column[i] + begin * task.stride) * task.x_step;
  }
  at_edge(end, task.pixels);
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) write_of<V>(dw[i], v, last, acc[i][v]);
  }
}

/** T neighbouring taps of R rows with stride 1, from row `from`: a column of x meets T pixels of dy, which wait in
    registers, so that it is read once. */
template <int T, int R, int V, class Lanes>
LANEWISE_INLINE void depthwise_shared_dw(const DepthwiseRowDw& task, int64_t from, int64_t c, Lanes last) {
  Vec acc[R][T][V], dy[T][V];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[r][t][v] = read_of<V>(task.dw[from + r] + t * task.dw_step + c, v, last);
    }
  }
  // Columns count from `first` on: column j meets pixels j, j - 1, ...
  const int64_t pixels = task.pixels;
  const int64_t begin = max_of<int64_t>(-task.first, 0);
  const int64_t end = min_of(task.width - task.first, pixels + T - 1);
  const auto wait_for = [&](int64_t j) {
#pragma GCC unroll 8
    for (int t = T - 1; t > 0; --t) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) dy[t][v] = dy[t - 1][v];
    }
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) dy[0][v] = j < pixels ? read_of<V>(task.dy + j * task.dy_step + c, v, last) : zero();
  };
  const auto meet = [&](int64_t j, auto meets) {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      Vec a[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) a[v] = read_of<V>(task.x[from + r] + (task.first + j) * task.x_step + c, v, last);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        if (!meets(j - t)) continue;
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[r][t][v] = fma(a[v], dy[t][v], acc[r][t][v]);
      }
    }
  };
  const auto some = [pixels](int64_t p) { return p >= 0 && p < pixels; };
  const auto all = [](int64_t) { return true; };
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) dy[t][v] = zero();
  }
  int64_t j = max_of<int64_t>(begin - T + 1, 0);
  for (; j < begin; ++j) wait_for(j);
  for (; j < min_of<int64_t>(T - 1, end); ++j) wait_for(j), meet(j, some);
  for (; j < min_of(pixels, end); ++j) wait_for(j), meet(j, all);
  for (; j < end; ++j) wait_for(j), meet(j, some);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) write_of<V>(task.dw[from + r] + t * task.dw_step + c, v, last, acc[r][t][v]);
    }
  }
}

template <int T, int R>
struct SharedDw {
  static constexpr int kVectors = kManyRegisters ? 2 : 1;  // beside R * T sums stand T vectors of dy
  template <int V, class Lanes>
  static void run(const DepthwiseRowDw& task, int64_t from, int64_t c, Lanes last) {
    depthwise_shared_dw<T, R, V>(task, from, c, last);
  }
};

template <int N>
struct AnyDw {
  static constexpr int kVectors = 2;
  template <int V, class Lanes>
  static void run(const DepthwiseRowDw& task, int64_t from, int64_t c, Lanes last) {
    depthwise_any_dw<N, V>(task, from, c, last);
  }
};

/** All channels of one tile of taps. */
template <class Tile>
static void depthwise_channels_dw(const DepthwiseRowDw& task, int64_t from) {
  int64_t c = 0;
  constexpr int V = Tile::kVectors;
  for (; c + V * kLanes <= task.channels; c += V * kLanes) Tile::template run<V>(task, from, c, AllLanes{});
  for (; c + kLanes <= task.channels; c += kLanes) Tile::template run<1>(task, from, c, AllLanes{});
  if (c < task.channels) Tile::template run<1>(task, from, c, FirstLanes{static_cast<int>(task.channels - c)});
}

using DepthwiseDw = void (*)(const DepthwiseRowDw&, int64_t);

template <int... kMinus1>
struct DepthwiseTilesDw {
  static constexpr DepthwiseDw of[] = {&depthwise_channels_dw<AnyDw<kMinus1 + 1>>...};
};
template <int... kMinus1>
constexpr const DepthwiseDw* depthwise_tiles_dw(std::integer_sequence<int, kMinus1...>) {
  return DepthwiseTilesDw<kMinus1...>::of;
}

static void depthwise_row_dw(const DepthwiseRowDw& task) {
  if (task.stride == 1 && task.dilation == 1 && task.taps == 3) {
    static constexpr DepthwiseDw shared[] = {&depthwise_channels_dw<SharedDw<3, 1>>,
                                             &depthwise_channels_dw<SharedDw<3, 2>>,
                                             &depthwise_channels_dw<SharedDw<3, 3>>};
    for (int64_t row = 0; row < task.rows; row += 3) shared[min_of<int64_t>(task.rows - row, 3) - 1](task, row);
    return;
  }
  const DepthwiseDw* const tiles_of = depthwise_tiles_dw(std::make_integer_sequence<int, kDepthwiseTaps>{});
  const int64_t taps = task.rows * task.taps;
  const int64_t tiles = (taps + kDepthwiseTaps - 1) / kDepthwiseTaps;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = taps * tile / tiles;
    tiles_of[taps * (tile + 1) / tiles - from - 1](task, from);
  }
}
