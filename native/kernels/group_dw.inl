// group_dw: M outputs, broadcast, meet vectors of (tap, channel) positions of kernel rows. Needs group_dw.h.
// Lanes beyond a run are garbage that is not stored.

constexpr int kGroupOutputs = 4;
constexpr int kGroupVectors = kPlanarAccumulators / kGroupOutputs;

/** V vectors of each of R kernel rows, from `x` on; the last one of each row has `last` lanes that count. */
template <int R, int V>
struct RunVectors {
  static constexpr int kVectors = R * V;
  const GroupDw& task;
  int last;

  Vec read(const float* x, int i) const { return load(x + i / V * task.x_row + i % V * kLanes); }
  Vec resume(const float* sums, int i) const { return load_n(sums + at(i), lanes(i)); }
  void write(float* sums, int i, Vec value) const { store_n(sums + at(i), value, lanes(i)); }

  int64_t at(int i) const { return i / V * task.run + i % V * kLanes; }
  int lanes(int i) const { return i % V + 1 < V ? kLanes : last; }
};

/** Three runs of a vector and a half: the halves of the first two share a vector. */
struct RunsWithHalves {
  static constexpr int kVectors = 5;
  static constexpr int kHalf = kLanes / 2;
  const GroupDw& task;
  Mask low;  // the first half of the lanes

  Vec read(const float* x, int i) const {
    if (i == 3) return select(low, load(x + kLanes), load(x + task.x_row + kLanes - kHalf));
    return i == 4 ? load(x + 2 * task.x_row + kLanes) : load(x + i * task.x_row);
  }
  Vec resume(const float* sums, int i) const {
    if (i < 3) return load(sums + i * task.run);
    if (i == 4) return load_n(sums + 2 * task.run + kLanes, kHalf);
    return select(low, load_n(sums + kLanes, kHalf), load(sums + task.run + kLanes - kHalf));
  }
  void write(float* sums, int i, Vec value) const {
    if (i < 3) return store(sums + i * task.run, value);
    store_n(sums + (i - 3) * 2 * task.run + kLanes, value, kHalf);
    if (i == 4) return;
    float lanes[kLanes];
    store(lanes, value);
    store_n(sums + task.run + kLanes, load_n(lanes + kHalf, kHalf), kHalf);
  }
};

template <int M, class Vectors>
static void group_dw_tile(const GroupDw& task, Vectors vectors, int64_t position, int64_t output) {
  constexpr int V = Vectors::kVectors;
  Vec acc[M][V];
  float* const sums = task.sums + output * task.ld + position;
#pragma GCC unroll 4
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 6
    for (int v = 0; v < V; ++v) acc[m][v] = task.resume ? vectors.resume(sums + m * task.ld, v) : zero();
  }
  const int64_t x_step = task.x_step, dy_step = task.dy_step;
  for (int64_t i = 0; i < task.rows; ++i) {
    const float* x = task.x + i * task.x_next + position;
    const float* dy = task.dy + i * task.dy_row + output;
    for (int64_t p = 0; p < task.cols; ++p, x += x_step, dy += dy_step) {
      Vec b[V];
#pragma GCC unroll 6
      for (int v = 0; v < V; ++v) b[v] = vectors.read(x, v);
#pragma GCC unroll 4
      for (int m = 0; m < M; ++m) {
        const Vec a = broadcast(dy[m]);
#pragma GCC unroll 6
        for (int v = 0; v < V; ++v) acc[m][v] = fma(a, b[v], acc[m][v]);
      }
    }
  }
#pragma GCC unroll 4
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 6
    for (int v = 0; v < V; ++v) vectors.write(sums + m * task.ld, v, acc[m][v]);
  }
}

/** All outputs of the vectors. */
template <class Vectors>
static void group_outputs_dw(const GroupDw& task, Vectors vectors, int64_t position) {
  using Tile = void (*)(const GroupDw&, Vectors, int64_t, int64_t);
  static constexpr Tile of[] = {&group_dw_tile<1, Vectors>, &group_dw_tile<2, Vectors>, &group_dw_tile<3, Vectors>,
                                &group_dw_tile<4, Vectors>};
  const int64_t tiles = (task.outputs + kGroupOutputs - 1) / kGroupOutputs;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = task.outputs * tile / tiles;
    of[task.outputs * (tile + 1) / tiles - from - 1](task, vectors, position, from);
  }
}

template <int R, int... kMinus1>
static void group_run_dw(const GroupDw& task, int64_t row, std::integer_sequence<int, kMinus1...>) {
  static constexpr void (*of[])(const GroupDw&, int, int64_t) = {[](const GroupDw& at_row, int last, int64_t position) {
    group_outputs_dw(at_row, RunVectors<R, kMinus1 + 1>{at_row, last}, position);
  }...};
  GroupDw at_row = task;
  at_row.x += row * task.x_row;
  at_row.sums += row * task.run;
  constexpr int64_t most = sizeof...(kMinus1);
  const int64_t vectors = (task.run + kLanes - 1) / kLanes;
  const int64_t tiles = (vectors + most - 1) / most;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = vectors * tile / tiles, to = vectors * (tile + 1) / tiles;
    const int64_t left = task.run - (to - 1) * kLanes;
    of[to - from - 1](at_row, static_cast<int>(min_of<int64_t>(left, kLanes)), from * kLanes);
  }
}

static void group_dw(const GroupDw& task) {
  constexpr int kRows = 3;
  constexpr int kRowVectors = kGroupVectors / kRows;
  if constexpr (kHalfLanes > 0 && kGroupVectors >= RunsWithHalves::kVectors) {
    if (task.kernel_rows == kRows && 2 * task.run == 3 * kLanes) {
      float lane[kLanes];
      for (int i = 0; i < kLanes; ++i) lane[i] = static_cast<float>(i);
      return group_outputs_dw(task, RunsWithHalves{task, less(load(lane), broadcast(kLanes / 2))}, 0);
    }
  }
  if constexpr (kRowVectors > 0) {
    if (task.kernel_rows == kRows && task.run <= kRowVectors * kLanes) {
      return group_run_dw<kRows>(task, 0, std::make_integer_sequence<int, kRowVectors>{});
    }
  }
  for (int64_t row = 0; row < task.kernel_rows; ++row) {
    group_run_dw<1>(task, row, std::make_integer_sequence<int, kGroupVectors>{});
  }
}
