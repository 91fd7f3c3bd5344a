// group_rows: a row of inputs meets the sums of the three rows of outputs that it belongs to, which stay in registers,
// so that an input is broadcast once for three multiply-adds. Needs group_rows.h, gemm_tile.inl.

constexpr int kGroupM = kPlanarAccumulators / kGroupRows;

/** Adds a row of inputs to the sums that have begun kFrom to kTo - 1 rows before: its products with those rows of w. */
template <int kFrom, int kTo, int M>
LANEWISE_INLINE void group_taps(const GroupRows& task, const float* x, Vec (&acc)[kGroupRows][M]) {
  const float* w = task.w;
  const int64_t ldw = task.ldw;
  const int64_t w_row = task.n_taps * task.k * ldw;
  const int64_t x_step = task.x_step;
  for (int64_t t = 0; t < task.n_taps; ++t) {
    const float* at = x + task.taps[t];
    const float* const end = at + task.k;
    do {
      Vec b[kGroupRows];
#pragma GCC unroll 3
      for (int r = kFrom; r < kTo; ++r) b[r] = load(w + r * w_row);
#pragma GCC unroll 8
      for (int m = 0; m < M; ++m) {
        const Vec a = broadcast(at[m * x_step]);
#pragma GCC unroll 3
        for (int r = kFrom; r < kTo; ++r) acc[r][m] = fma(a, b[r], acc[r][m]);
      }
      w += ldw;
    } while (++at < end);
  }
}

/** M columns, from the first row to the last. acc[r] are the outputs that began r rows of inputs before. */
template <int M>
static void group_tile(const GroupRows& task, int64_t col) {
  Vec acc[kGroupRows][M];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) acc[0][m] = acc[1][m] = zero();
  const float* x = task.x + col * task.x_step;
  float* y = task.y + col * task.y_step;
  for (int64_t row = 0; row < task.rows + kGroupRows - 1; ++row, x += task.x_row) {
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
      acc[2][m] = acc[1][m];
      acc[1][m] = acc[0][m];
      acc[0][m] = zero();
    }
    const bool begins = row < task.rows;
    const bool goes_on = row > 0 && row <= task.rows;
    if (row < kGroupRows - 1) {
      if (begins && goes_on) {
        group_taps<0, 2>(task, x, acc);
      } else if (begins) {
        group_taps<0, 1>(task, x, acc);
      } else {
        group_taps<1, 2>(task, x, acc);
      }
      continue;
    }
    if (begins) {
      group_taps<0, 3>(task, x, acc);
    } else if (goes_on) {
      group_taps<1, 3>(task, x, acc);
    } else {
      group_taps<2, 3>(task, x, acc);
    }
    const Vec bias = task.bias == nullptr ? zero() : load_n(task.bias, task.n);
    const Vec slope = broadcast(task.slope);
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
      Vec v = acc[2][m];
      if (task.bias != nullptr) v = add(v, bias);
      if (task.activation != kNoActivation) v = apply_activation(v, task.activation, slope);
      if (task.n == kLanes) {
        store(y + m * task.y_step, v);
      } else {
        store_n(y + m * task.y_step, v, task.n);
      }
    }
    y += task.y_row;
  }
}

template <int... kMinus1>
static void group_tiles(const GroupRows& task, std::integer_sequence<int, kMinus1...>) {
  static constexpr void (*of[])(const GroupRows&, int64_t) = {&group_tile<kMinus1 + 1>...};
  const int64_t tiles = (task.cols + kGroupM - 1) / kGroupM;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t from = task.cols * tile / tiles;
    of[task.cols * (tile + 1) / tiles - from - 1](task, from);
  }
}

/** Columns are spread evenly over as few tiles as possible. */
static void group_rows(const GroupRows& task) {
  if (task.n <= kHalfLanes) return half_table()->group_rows(task);
  group_tiles(task, std::make_integer_sequence<int, kGroupM>{});
}
