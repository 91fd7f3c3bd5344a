// Depthwise convolution, forward and input gradient (one kernel) and weight gradient. Needs depthwise.h, gemm_tile.inl.

constexpr int kDepthwiseM = 6;     // pixels of a tile: with two vectors enough chains to hide the latency of fma
constexpr int kDepthwiseTaps = 9;  // accumulators of a weight gradient tile: a 3x3 kernel at once

/** M pixels x V vectors of channels from channel c on; the last vector has `last` columns. */
template <int M, int V>
LANEWISE_INLINE void depthwise_tile(const DepthwisePanel& task, const float* const* xs, float* const* ys, int64_t c,
                                    int last) {
  const float* x[M];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) x[m] = xs[m] + c;
  Vec acc[M][V];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[m][v] = zero();
  }
  const float* const w = task.w + c;
  const Tap* const end = task.taps + task.n_taps;
  for (const Tap* tap = task.taps; tap != end; ++tap) {
    Vec b[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      b[v] = last == kLanes || v + 1 < V ? load(w + tap->w + v * kLanes) : load_n(w + tap->w + v * kLanes, last);
    }
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        const float* const from = x[m] + tap->x + v * kLanes;
        acc[m][v] = fma(last == kLanes || v + 1 < V ? load(from) : load_n(from, last), b[v], acc[m][v]);
      }
    }
  }
  const Vec slope = broadcast(task.slope);
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) {
    const int columns = v + 1 < V ? kLanes : last;
    const Vec bias = task.bias == nullptr ? zero() : load_n(task.bias + c + v * kLanes, columns);
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
      Vec r = acc[m][v];
      if (task.bias != nullptr) r = add(r, bias);
      if (task.activation != kNoActivation) r = apply_activation(r, task.activation, slope);
      if (columns == kLanes) {
        store(ys[m] + c + v * kLanes, r);
      } else {
        store_n(ys[m] + c + v * kLanes, r, columns);
      }
    }
  }
}

template <int M>
LANEWISE_INLINE void depthwise_pixels(const DepthwisePanel& task, int64_t pixel) {
  const float* const* const x = task.x + pixel;
  float* const* const y = task.y + pixel;
  int64_t c = 0;
  for (; c + 2 * kLanes <= task.channels; c += 2 * kLanes) depthwise_tile<M, 2>(task, x, y, c, kLanes);
  if (c + kLanes <= task.channels) {
    depthwise_tile<M, 1>(task, x, y, c, kLanes);
    c += kLanes;
  }
  if (c < task.channels) depthwise_tile<M, 1>(task, x, y, c, static_cast<int>(task.channels - c));
}

static void depthwise_panel(const DepthwisePanel& task) {
  int64_t pixel = 0;
  for (; pixel + kDepthwiseM <= task.pixels; pixel += kDepthwiseM) depthwise_pixels<kDepthwiseM>(task, pixel);
  for (; pixel + 2 <= task.pixels; pixel += 2) depthwise_pixels<2>(task, pixel);
  if (pixel < task.pixels) depthwise_pixels<1>(task, pixel);
}

/** T taps x one vector of channels from channel c on. */
template <int T, bool kTail>
static void depthwise_tile_dw(const DepthwisePanelDw& task, int64_t first, int64_t c, int columns) {
  Vec acc[T];
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) acc[t] = zero();
  const int64_t x_stride = task.x_stride;
  const int64_t dy_stride = task.dy_stride;
  for (int64_t s = 0; s < task.segments; ++s) {
    const float* x[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) x[t] = task.x[s] + task.x_offset + task.x_taps[first + t] + c;
    const float* dy = task.dy[s] + task.dy_offset + c;
    int64_t at = 0;
    for (int64_t p = task.lengths[s]; p > 0; --p, at += x_stride, dy += dy_stride) {
      const Vec g = kTail ? load_n(dy, columns) : load(dy);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) acc[t] = fma(kTail ? load_n(x[t] + at, columns) : load(x[t] + at), g, acc[t]);
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) store_n(task.dw + (first + t) * task.dw_stride + c, acc[t], columns);
}

using DepthwiseTileDw = void (*)(const DepthwisePanelDw&, int64_t, int64_t, int);

template <bool kTail, int... kMinus1>
struct DepthwiseTilesDw {
  static constexpr DepthwiseTileDw of[] = {&depthwise_tile_dw<kMinus1 + 1, kTail>...};
};
template <bool kTail, int... kMinus1>
constexpr const DepthwiseTileDw* depthwise_tiles_dw(std::integer_sequence<int, kMinus1...>) {
  return DepthwiseTilesDw<kTail, kMinus1...>::of;
}

static void depthwise_panel_dw(const DepthwisePanelDw& task) {
  using Taps = std::make_integer_sequence<int, kDepthwiseTaps>;
  const int64_t tiles = (task.n_taps + kDepthwiseTaps - 1) / kDepthwiseTaps;
  for (int64_t c = 0; c < task.channels; c += kLanes) {
    const int columns = static_cast<int>(min_of<int64_t>(task.channels - c, kLanes));
    const DepthwiseTileDw* const tiles_of =
        columns == kLanes ? depthwise_tiles_dw<false>(Taps{}) : depthwise_tiles_dw<true>(Taps{});
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t from = task.n_taps * tile / tiles;
      const int64_t to = task.n_taps * (tile + 1) / tiles;
      tiles_of[to - from - 1](task, from, c, columns);
    }
  }
}
