// Depthwise convolution, forward and input gradient. Needs depthwise.h, gemm_tile.inl, lanes.inl.

// A tile of kDepthwiseM pixels x 2 vectors, with 2 x 3 vectors of weights and as many inputs.
constexpr bool kManyRegisters = kTileM > 8;  // 32
constexpr int kDepthwiseV = 2;
/// Vectors that go through the taps side by side: with 16 registers one after the other, or accumulators would spill.
template <int V>
constexpr int kTogether = kManyRegisters ? V : 1;
constexpr int kLineVectors = kLineFloats > kLanes ? kLineFloats / kLanes : 1;

/** One row of the kernel: T taps for M pixels which are S apart in the list, so that an input read serves T / S. */
template <int T, int S, bool kFlipped, int M, int V, class Lanes>
LANEWISE_INLINE void depthwise_taps(const float* const* x, const float* w, int64_t w_step, int64_t c, Lanes last,
                                    Vec (&acc)[M][V]) {
  constexpr int kInputs = (M - 1) * S + T;
#pragma GCC unroll 2
  for (int first = 0; first < V; first += kTogether<V>) {
    const int end = first + kTogether<V>;
    Vec b[T][V], a[kInputs][V];
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (int v = first; v < end; ++v) b[t][v] = read_of<V>(w + t * w_step + c, v, last);
    }
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
      for (int j = m == 0 ? 0 : (m - 1) * S + T; j < m * S + T; ++j) {
#pragma GCC unroll 2
        for (int v = first; v < end; ++v) a[j][v] = read_of<V>(x[j] + c, v, last);
      }
#pragma GCC unroll 4
      for (int t = 0; t < T; ++t) {
        const int j = m * S + (kFlipped ? T - 1 - t : t);
#pragma GCC unroll 2
        for (int v = first; v < end; ++v) acc[m][v] = fma(a[j][v], b[t][v], acc[m][v]);
      }
    }
  }
}

/** M pixels x V vectors of channels from channel c on. T = 0: any number of taps, any step. */
template <int T, int S, bool kFlipped, int M, int V, class Lanes>
LANEWISE_INLINE void depthwise_tile(const DepthwiseRow& task, int64_t pixel, int64_t c, Lanes last) {
  float* const* const y = task.y + pixel;
  // The outputs are on their way from memory while the reduction runs.
  const bool around = kStoresAround && task.around;
  if (c % kLineFloats == 0 && !around) {
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < V; v += kLineVectors) __builtin_prefetch(y[m] + c + v * kLanes, 1);
    }
  }
  Vec acc[M][V];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[m][v] = zero();
  }
  for (int64_t row = 0; row < task.rows; ++row) {
    const float* const* const x = task.x[row] + pixel * task.step;
    if constexpr (T > 0) {
      depthwise_taps<T, S, kFlipped>(x, task.w[row], task.w_step, c, last, acc);
    } else {
      for (int64_t t = 0; t < task.taps; ++t) {
        const float* const* const x_t = x + (task.flipped ? task.taps - 1 - t : t);
        Vec b[V];
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) b[v] = read_of<V>(task.w[row] + t * task.w_step + c, v, last);
#pragma GCC unroll 8
        for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
          for (int v = 0; v < V; ++v) acc[m][v] = fma(read_of<V>(x_t[m * task.step] + c, v, last), b[v], acc[m][v]);
        }
      }
    }
  }
  // Copied before the stores, which might change what a pointer points to.
  const int32_t activation = task.activation;
  const bool has_bias = task.bias != nullptr;
  const Vec slope = broadcast(task.slope);
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) {
    const Vec bias = has_bias ? read_of<V>(task.bias + c, v, last) : zero();
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
      if (has_bias) acc[m][v] = add(acc[m][v], bias);
      if (activation != kNoActivation) acc[m][v] = apply_activation(acc[m][v], activation, slope);
      if (!around) write_of<V>(y[m] + c, v, last, acc[m][v]);
    }
  }
  if (!around) return;
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {  // whole lines
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) store_around(y[m] + c + v * kLanes, acc[m][v]);
  }
}

template <int T, int S, bool kFlipped, int M>
static void depthwise_pixels(const DepthwiseRow& task, int64_t pixel) {
  int64_t c = task.from;
  for (; c + kDepthwiseV * kLanes <= task.to; c += kDepthwiseV * kLanes) {
    depthwise_tile<T, S, kFlipped, M, kDepthwiseV>(task, pixel, c, AllLanes{});
  }
  for (; c + kLanes <= task.to; c += kLanes) depthwise_tile<T, S, kFlipped, M, 1>(task, pixel, c, AllLanes{});
  if (c < task.to) depthwise_tile<T, S, kFlipped, M, 1>(task, pixel, c, FirstLanes{static_cast<int>(task.to - c)});
}

using DepthwisePixels = void (*)(const DepthwiseRow&, int64_t);

template <int T, int S, bool kFlipped, int... kMinus1>
struct DepthwiseTiles {
  static constexpr DepthwisePixels of[] = {&depthwise_pixels<T, S, kFlipped, kMinus1 + 1>...};
};
template <int T, int S, bool kFlipped, int... kMinus1>
constexpr const DepthwisePixels* depthwise_tiles(std::integer_sequence<int, kMinus1...>) {
  return DepthwiseTiles<T, S, kFlipped, kMinus1...>::of;
}

/** Pixels are spread evenly over as few tiles as possible. */
static void depthwise_row(const DepthwiseRow& task) {
  using Widths = std::make_integer_sequence<int, kDepthwiseM>;
  const bool dense = task.taps == 3 && task.step == 1;
  const DepthwisePixels* const tiles_of =
      dense ? (task.flipped ? depthwise_tiles<3, 1, true>(Widths{}) : depthwise_tiles<3, 1, false>(Widths{}))
      : task.taps == 3 && task.step == 2 && !task.flipped ? depthwise_tiles<3, 2, false>(Widths{})
                                                          : depthwise_tiles<0, 0, false>(Widths{});
  const int64_t tiles = (task.pixels + kDepthwiseM - 1) / kDepthwiseM;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = task.pixels * tile / tiles;
    tiles_of[task.pixels * (tile + 1) / tiles - from - 1](task, from);
  }
  if (task.around) finish_around();
}
