// Average pooling and its gradient. Needs pool.inl.

template <class Lanes>
LANEWISE_INLINE Vec sum_window(const float* x, const Window& window, Lanes lanes) {
  Vec sum = zero();
  for (int64_t r = window.rows.begin; r < window.rows.end; ++r) {
    for (int64_t t = window.columns.begin; t < window.columns.end; ++t) sum = add(sum, lanes.read(x + window.at(r, t)));
  }
  return sum;
}

/// What the sum over a window with these taps is divided by.
LANEWISE_INLINE Vec window_count(const PoolShape& s, Range rows, Range columns) {
  const int64_t taps = (rows.end - rows.begin) * (columns.end - columns.begin);
  return broadcast(static_cast<float>(s.count_padding ? s.kernel_h * s.kernel_w : taps));
}

/// Output rows [begin, end) of the n * oh. The common window is unrolled.
static void avg_pool_rows(const PoolShape& s, const float* x, float* y, int64_t begin, int64_t end) {
  const int64_t c = s.c;
  for_windows(s, begin, end, [=, &s](Window window, int64_t to, int64_t room) {
    const Vec count = window_count(s, window.rows, window.columns);
    const bool square2 = s.kernel_h == 2 && s.kernel_w == 2 && window.taps() == 4;
    for_pixel_lanes(c, room, [=](int64_t j, auto lanes) {
      const Window two = {window.origin, window.row_stride, c, {0, 2}, {0, 2}};
      const Vec sum = square2 ? sum_window(x + j, two, lanes) : sum_window(x + j, window, lanes);
      lanes.write(y + to + j, div(sum, count));
    });
  });
}

/// Rows of dx when windows are disjoint: each window writes its taps.
LANEWISE_INLINE void avg_pool_scatter(const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end) {
  const int64_t c = s.c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const Range rows = windows_covering(row - image * s.h + s.pad_top, s.kernel_h, s.stride_h, s.oh);
    const int64_t window_row = rows.begin < rows.end ? image * s.oh + rows.begin : -1;
    const Range tap_rows = taps_inside(rows.begin * s.stride_h - s.pad_top, s.kernel_h, s.h);
    scatter_row(s, dx, row, end * s.w * c, window_row, [=, &s](int64_t from, int64_t to, Range taps, int64_t room) {
      const Vec count = window_count(s, tap_rows, taps);
      for_pixel_lanes(c, room, [=](int64_t j, auto lanes) {
        const Vec share = div(lanes.read(dy + from + j), count);
        for (int64_t tap = taps.begin; tap < taps.end; ++tap) lanes.write(dx + to + tap * c + j, share);
      });
    });
  }
}

/// Rows of dx when an element may be in several windows: each element adds up its shares.
LANEWISE_INLINE void avg_pool_gather(const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end) {
  const int64_t c = s.c, ow = s.ow;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const Range rows = windows_covering(row - image * s.h + s.pad_top, s.kernel_h, s.stride_h, s.oh);
    const int64_t first_row = image * s.oh;
    float* to = dx + row * s.w * c;
    for (int64_t w = s.pad_left, last = w + s.w; w < last; ++w, to += c) {
      const Range columns = windows_covering(w, s.kernel_w, s.stride_w, ow);
      for_lanes(c, [=, &s](int64_t j, auto lanes) {
        Vec sum = zero();
        for (int64_t oh = rows.begin; oh < rows.end; ++oh) {
          const Range tap_rows = taps_inside(oh * s.stride_h - s.pad_top, s.kernel_h, s.h);
          for (int64_t o = columns.begin; o < columns.end; ++o) {
            const Range taps = taps_inside(o * s.stride_w - s.pad_left, s.kernel_w, s.w);
            const Vec gradient = lanes.read(dy + ((first_row + oh) * ow + o) * c + j);
            sum = add(sum, div(gradient, window_count(s, tap_rows, taps)));
          }
        }
        lanes.write(to + j, sum);
      });
    }
  }
}

/// Input rows [begin, end) of the n * h.
static void avg_pool_backward_rows(const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end) {
  if (disjoint(s)) {
    avg_pool_scatter(s, dy, dx, begin, end);
  } else {
    avg_pool_gather(s, dy, dx, begin, end);
  }
}

/// Every one of `positions` rows of dx[positions,c] becomes dy[c] / positions.
static void global_avg_pool_backward(const float* dy, int64_t positions, int64_t c, float* dx) {
  const Vec count = broadcast(static_cast<float>(positions));
  for_lanes(c, [=](int64_t j, auto lanes) {
    const Vec share = div(lanes.read(dy + j), count);
    for (int64_t at = 0; at < positions; ++at) lanes.write(dx + at * c + j, share);
  });
}
