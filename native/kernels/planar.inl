// planar_panel: N columns x V vectors of pixels of accumulators stay in registers for the whole reduction.
// Needs planar.h, gemm_tile.inl. The order of operations of one output never depends on V or the instruction set.

template <int N, int V>
LANEWISE_INLINE void planar_step(const float* x, const float* w, Vec (&acc)[N][V]) {
  // The side with fewer vectors is held in registers.
  if constexpr (N < V) {
    Vec b[N];
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) b[j] = broadcast(w[j]);
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const Vec a = load(x + v * kLanes);
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) acc[j][v] = fma(a, b[j], acc[j][v]);
    }
  } else {
    Vec a[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) a[v] = load(x + v * kLanes);
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      const Vec b = broadcast(w[j]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[j][v] = fma(a[v], b, acc[j][v]);
    }
  }
}

template <int N, int V>
static void planar_tile(const PlanarPanel& task, int64_t first) {
  Vec acc[N][V];
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) acc[j][v] = zero();
  }
  const int64_t plane = task.plane;
  for (int64_t r = 0; r < task.n_rows; ++r) {
    const float* const x_row = task.x + first * kLanes + task.rows[r].x;
    const float* const w_row = task.w + task.rows[r].w;
    // Without the innermost loop a first layer of one channel takes an eighth less.
    if (task.k == 1) {
      for (int64_t s = 0; s < task.n_cols; ++s) planar_step(x_row + task.cols[s].x, w_row + task.cols[s].w, acc);
      continue;
    }
    for (int64_t s = 0; s < task.n_cols; ++s) {
      const float* x = x_row + task.cols[s].x;
      const float* w = w_row + task.cols[s].w;
      for (int64_t k = task.k; k > 0; --k, x += plane, w += N) planar_step(x, w, acc);
    }
  }

  // A copy, since the compiler cannot know that y does not overlap the task.
  const PlanarPanel out = task;
  const Vec slope = broadcast(out.slope);
  float* column = out.y + first / out.group * out.y_group;
  const int64_t first_at = first % out.group;
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j, column += out.y_column) {
    const Vec bias = out.bias == nullptr ? zero() : broadcast(out.bias[j]);
    float* to = column;
    int64_t at = first_at;
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      Vec r = acc[j][v];
      if (out.bias != nullptr) r = add(r, bias);
      if (out.activation != kNoActivation) r = apply_activation(r, out.activation, slope);
      store(to + at * kLanes, r);
      if (++at == out.group) at = 0, to += out.y_group;
    }
  }
}

template <int N, int... kMinus1>
static void planar_tiles(const PlanarPanel& task, std::integer_sequence<int, kMinus1...>) {
  static constexpr void (*of[])(const PlanarPanel&, int64_t) = {&planar_tile<N, kMinus1 + 1>...};
  constexpr int64_t tile = sizeof...(kMinus1);
  const int64_t tiles = (task.vectors + tile - 1) / tile;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t from = task.vectors * i / tiles;
    of[task.vectors * (i + 1) / tiles - from - 1](task, from);
  }
}

template <int N>
LANEWISE_INLINE void planar_columns(const PlanarPanel& task) {
  constexpr int kMost = 8;
  constexpr int kFit = kPlanarAccumulators / N;
  constexpr int kVectors = kFit < kMost ? kFit : kMost;
  planar_tiles<N>(task, std::make_integer_sequence<int, kVectors>{});
}

static void planar_panel(const PlanarPanel& task) {
  if (task.lanes == kHalfLanes) return half_table()->planar_panel(task);
  switch (task.n) {
    case 1: return planar_columns<1>(task);
    case 2: return planar_columns<2>(task);
    case 3: return planar_columns<3>(task);
    case 4: return planar_columns<4>(task);
    case 5: return planar_columns<5>(task);
    case 6: return planar_columns<6>(task);
    case 7: return planar_columns<7>(task);
    default: return planar_columns<8>(task);
  }
}

/** Copies a plane's row where nothing needs to be transposed. */
LANEWISE_INLINE void copy_floats(float* to, const float* from, int64_t n) {
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) store(to + j, load(from + j));
  if (j < n) store_n(to + j, load_n(from + j, static_cast<int>(n - j)), static_cast<int>(n - j));
}

/** to[r * to_ld + j] = from[j * from_ld + r] for j < n, 0 for n <= j < width: the transpose. Writes whole vectors, so
 * up to kLanes - 1 floats more of every row: what follows a row is written after it. */
static void to_planes(float* to, int64_t to_ld, const float* from, int64_t from_ld, int64_t rows, int64_t n,
                      int64_t width) {
  if (rows <= kHalfLanes && n > 0) return half_table()->to_planes(to, to_ld, from, from_ld, rows, n, width);
  int64_t j = 0;
  if (rows == 1 && from_ld == 1) {
    for (; j + kLanes <= n; j += kLanes) store(to + j, load(from + j));
    if (j < n) store(to + j, load_n(from + j, static_cast<int>(n - j))), j += kLanes;
  }
  for (; j < n; j += kLanes) {
    const int64_t lines_left = n - j;
    for (int64_t r = 0; r < rows; r += kLanes) {
      const int block = static_cast<int>(min_of<int64_t>(rows - r, kLanes));
      const float* const source = from + j * from_ld + r;
      float* const target = to + r * to_ld + j;
      Vec lines[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        lines[i] = i >= lines_left   ? zero()
                   : block == kLanes ? load(source + i * from_ld)
                                     : load_n(source + i * from_ld, block);
      }
      transpose(lines);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        if (i < block) store(target + i * to_ld, lines[i]);
      }
    }
  }
  for (; j < width; j += kLanes) {
    for (int64_t r = 0; r < rows; ++r) store(to + r * to_ld + j, zero());
  }
}

/** to[r * to_ld + j] = from[j * from_ld + r] for j < n, and nothing else: the transpose. Reads whole vectors of r. */
static void from_planes(float* to, int64_t to_ld, const float* from, int64_t from_ld, int64_t rows, int64_t n) {
  if (n == 1 && to_ld == 1) return copy_floats(to, from, rows);
  // Pixels that follow each other may be written beyond their end: the next one comes later.
  const bool dense = n == to_ld && n <= kLanes;
  if (dense && n <= kHalfLanes) return half_table()->from_planes(to, to_ld, from, from_ld, rows, n);
  const int64_t end = rows * to_ld;
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int block = static_cast<int>(min_of<int64_t>(rows - r, kLanes));
    for (int64_t j = 0; j < n; j += kLanes) {
      const int count = static_cast<int>(min_of<int64_t>(n - j, kLanes));
      const float* const source = from + j * from_ld + r;
      Vec lines[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) lines[i] = i < count ? load(source + i * from_ld) : zero();
      transpose(lines);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        const int64_t at = (r + i) * to_ld + j;
        if (i < block) {
          if (count == kLanes || (dense && at + kLanes <= end)) {
            store(to + at, lines[i]);
          } else {
            store_n(to + at, lines[i], count);
          }
        }
      }
    }
  }
}
