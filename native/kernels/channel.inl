// Elementwise ops with one parameter per channel: rows of x[rows,c] against vectors of c values. Needs lanes.inl.
// The caller widens few channels to several rows' worth (native/ops/channel_rows.h), so the tail is rarely taken.

static void bias_add_rows(const float* x, const float* b, float* y, int64_t rows, int64_t c) {
  for_channel_rows(rows, c, [=](int64_t at, int64_t j, auto lanes) {
    lanes.write(y + at, add(lanes.read(x + at), lanes.read(b + j)));
  });
}

static void prelu_rows(const float* x, const float* slope, float* y, int64_t rows, int64_t c) {
  for_channel_rows(rows, c, [=](int64_t at, int64_t j, auto lanes) {
    const Vec v = lanes.read(x + at);
    lanes.write(y + at, select(less(zero(), v), v, mul(v, lanes.read(slope + j))));
  });
}

static void prelu_backward_rows(const float* dy, const float* x, const float* slope, float* dx, int64_t rows,
                                int64_t c) {
  for_channel_rows(rows, c, [=](int64_t at, int64_t j, auto lanes) {
    const Vec g = lanes.read(dy + at);
    lanes.write(dx + at, select(less(zero(), lanes.read(x + at)), g, mul(g, lanes.read(slope + j))));
  });
}

template <class T>
LANEWISE_INLINE void normalize_any(const T* x, const float* scale, const float* shift, float* y, int64_t rows,
                                   int64_t c) {
  for_channel_rows(rows, c, [=](int64_t at, int64_t j, auto lanes) {
    lanes.write(y + at, fma(lanes.read(x + at), lanes.read(scale + j), lanes.read(shift + j)));
  });
}

static void normalize_rows(const float* x, const float* scale, const float* shift, float* y, int64_t rows, int64_t c) {
  normalize_any(x, scale, shift, y, rows, c);
}

static void normalize_rows_u8(const uint8_t* x, const float* scale, const float* shift, float* y, int64_t rows,
                              int64_t c) {
  normalize_any(x, scale, shift, y, rows, c);
}
