// How kernels walk an axis with whole vectors and a masked tail: `for_lanes(count, f)` calls f(i, lanes) with i = 0,
// kLanes, ... where `lanes` reads and writes all lanes, or only the ones that are left at the end.
// Nothing is ever read or written beyond `count`; lanes that are not read are zero. Integers are converted to floats
// when read and back when written.

struct AllLanes {
  static Vec read(const float* p) { return load(p); }
  static Vec read(const uint8_t* p) { return load_u8(p); }
  static Vec read(const int32_t* p) { return load_i32(p); }
  static void write(float* p, Vec v) { store(p, v); }
  static void write(uint8_t* p, Vec v) { store_u8(p, v); }
  static void write(int32_t* p, Vec v) { store_i32(p, v); }
};

struct FirstLanes {
  int n;
  Vec read(const float* p) const { return load_n(p, n); }
  Vec read(const uint8_t* p) const { return load_u8_n(p, n); }
  Vec read(const int32_t* p) const { return load_i32_n(p, n); }
  void write(float* p, Vec v) const { store_n(p, v, n); }
  void write(uint8_t* p, Vec v) const { store_u8_n(p, v, n); }
  void write(int32_t* p, Vec v) const { store_i32_n(p, v, n); }
};

/// All lanes, written around the caches.
struct LanesAround : AllLanes {
  using AllLanes::write;
  static void write(float* p, Vec v) { store_around(p, v); }
};

template <class Lanes = AllLanes, class F>
LANEWISE_INLINE void for_lanes(int64_t count, F f) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) f(i, Lanes{});
  if (i < count) f(i, FirstLanes{static_cast<int>(count - i)});
}

/// f(AllLanes{}), or f(LanesAround{}) where every vector of y, in rows of c, can be written so. An op asks for it with
/// `around` (native/ops/around.h).
template <class F>
LANEWISE_INLINE void with_stores(bool around, const float* y, int64_t c, F f) {
  if constexpr (kStoresAround) {
    const bool aligned = reinterpret_cast<uintptr_t>(y) % sizeof(Vec) == 0 && c % kLanes == 0;
    if (around && aligned) {
      f(LanesAround{});
      return finish_around();
    }
  }
  f(AllLanes{});
}

/// As for_lanes, for a pixel of fewer channels than lanes inside a larger array: with `room` elements from here on,
/// whole vectors are used. What they write beyond the pixel is garbage, so pixels must be written in ascending order.
template <class Lanes = AllLanes, class F>
LANEWISE_INLINE void for_pixel_lanes(int64_t c, int64_t room, F f) {
  if (c < kLanes && room >= kLanes) {
    f(0, AllLanes{});
  } else {
    for_lanes<Lanes>(c, f);
  }
}

/// y = f(x), elementwise. y may be x.
template <class Lanes = AllLanes, class F>
LANEWISE_INLINE void map1(const float* x, float* y, int64_t count, F f) {
  for_lanes<Lanes>(count, [=](int64_t i, auto lanes) { lanes.write(y + i, f(lanes.read(x + i))); });
}

/// y = f(a, b), elementwise. y may be a or b.
template <class Lanes = AllLanes, class F>
LANEWISE_INLINE void map2(const float* a, const float* b, float* y, int64_t count, F f) {
  for_lanes<Lanes>(count, [=](int64_t i, auto lanes) { lanes.write(y + i, f(lanes.read(a + i), lanes.read(b + i))); });
}

/// The same over rows[rows,c] of values, where f(at, j, lanes) computes and writes element `at` of channel j.
template <class Lanes = AllLanes, class F>
LANEWISE_INLINE void for_channel_rows(int64_t rows, int64_t c, F f) {
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t start = row * c;
    for_lanes<Lanes>(c, [=](int64_t j, auto lanes) { f(start + j, j, lanes); });
  }
}

/// Column reductions cut [width] columns into register tiles of V vectors and take B = 8 / V blocks at a time, which
/// gives 8 independent chains however few the channels are. Calls tile.run<B, V>(block, column, lanes of the last
/// vector).
template <int V, class Lanes, class Tile>
LANEWISE_INLINE void tile_blocks(int64_t blocks, int64_t column, Lanes last, const Tile& tile) {
  constexpr int B = 8 / V;
  int64_t block = 0;
  for (; block + B <= blocks; block += B) tile.template run<B, V>(block, column, last);
  if constexpr (B > 1) {
    for (; block < blocks; ++block) tile.template run<1, V>(block, column, last);
  }
}

template <class Tile>
LANEWISE_INLINE void for_column_tiles(int64_t blocks, int64_t width, const Tile& tile) {
  int64_t column = 0;
  for (; column + 8 * kLanes <= width; column += 8 * kLanes) tile_blocks<8>(blocks, column, AllLanes{}, tile);
  if (column + 4 * kLanes <= width) tile_blocks<4>(blocks, column, AllLanes{}, tile), column += 4 * kLanes;
  if (column + 2 * kLanes <= width) tile_blocks<2>(blocks, column, AllLanes{}, tile), column += 2 * kLanes;
  if (column + kLanes <= width) tile_blocks<1>(blocks, column, AllLanes{}, tile), column += kLanes;
  if (column < width) tile_blocks<1>(blocks, column, FirstLanes{static_cast<int>(width - column)}, tile);
}

/// Asks for a row of the tile well before its turn. A tile of 8 vectors takes a part of every row, and the jumps
/// between them hide the pattern from the processor. Into the second-level cache: the first is too small for so many
/// rows.
template <int V>
LANEWISE_INLINE void fetch_ahead(const float* p, int64_t stride) {
  constexpr int64_t kRowsAhead = 16;
  constexpr int kSecondLevel = 2;
  if constexpr (V == 8) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) __builtin_prefetch(p + kRowsAhead * stride + v * kLanes, 0, kSecondLevel);
  }
}

/// Vector v of the V that start at p; the last one may be partial.
template <int V, class Lanes>
LANEWISE_INLINE Vec read_of(const float* p, int v, Lanes last) {
  return v == V - 1 ? last.read(p + v * kLanes) : load(p + v * kLanes);
}

template <int V, class Lanes>
LANEWISE_INLINE void write_of(float* p, int v, Lanes last, Vec value) {
  v == V - 1 ? last.write(p + v * kLanes, value) : store(p + v * kLanes, value);
}
