// Average pooling and its gradient. Needs pool.inl.

template <class Lanes>
LANEWISE_INLINE Vec sum_window(const float* x, const Window& window, Lanes lanes) {
  Vec sum = zero();
  for (int64_t r = window.rows.begin; r < window.rows.end; ++r) {
    for (int64_t t = window.columns.begin; t < window.columns.end; ++t) sum = add(sum, lanes.read(x + window.at(r, t)));
  }
  return sum;
}

/// Taps along one axis that an average counts, of a window at `origin` with `inside` of its taps in x.
LANEWISE_INLINE int64_t counted_taps(int64_t origin, Range inside, int64_t kernel, int64_t dilation, int64_t count) {
  return count == 0 ? inside.end - inside.begin : taps_inside(origin, kernel, count, dilation).end;
}

/// What the sum over the window at (top, left), with these taps in x, is divided by.
LANEWISE_INLINE Vec window_count(const PoolShape& s, int64_t top, int64_t left, Range rows, Range columns) {
  if (s.divisor != 0) return broadcast(static_cast<float>(s.divisor));
  const int64_t down = counted_taps(top, rows, s.kernel_h, s.dilation_h, s.count_h);
  return broadcast(static_cast<float>(down * counted_taps(left, columns, s.kernel_w, s.dilation_w, s.count_w)));
}

/// The common window is unrolled.
template <bool kDense>
LANEWISE_APART void avg_pool_windows(const PoolShape& s, const float* x, float* y, int64_t begin, int64_t end) {
  const int64_t c = s.c;
  for_windows<kDense>(s, begin, end, [=, &s](Window window, int64_t top, int64_t left, int64_t to, int64_t room) {
    const Vec count = window_count(s, top, left, window.rows, window.columns);
    const bool square2 = s.kernel_h == 2 && s.kernel_w == 2 && window.taps() == 4;
    const int64_t column_step = kDense ? c : window.column_step;
    for_pixel_lanes(c, room, [=](int64_t j, auto lanes) {
      const Window two = {window.origin, window.row_step, column_step, {0, 2}, {0, 2}};
      const Window any = {window.origin, window.row_step, column_step, window.rows, window.columns};
      const Vec sum = square2 ? sum_window(x + j, two, lanes) : sum_window(x + j, any, lanes);
      lanes.write(y + to + j, div(sum, count));
    });
  });
}

/// Output rows [begin, end) of the n * oh.
static void avg_pool_rows(const PoolShape& s, const float* x, float* y, int64_t begin, int64_t end) {
  if (dense(s)) {
    avg_pool_windows<true>(s, x, y, begin, end);
  } else {
    avg_pool_windows<false>(s, x, y, begin, end);
  }
}

/// Rows of dx when windows are disjoint: each window writes its taps.
template <class Lanes>
LANEWISE_APART void avg_pool_scatter(const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end) {
  const int64_t c = s.c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const Range rows = windows_covering(row - image * s.h + s.pad_top, s.kernel_h, s.stride_h, s.oh);
    const int64_t window_row = rows.begin < rows.end ? image * s.oh + rows.begin : -1;
    const int64_t top = rows.begin * s.stride_h - s.pad_top;
    const Range tap_rows = taps_inside(top, s.kernel_h, s.h);
    const auto scatter = [=, &s](int64_t from, int64_t to, int64_t left, Range taps, int64_t room) {
      const Vec count = window_count(s, top, left, tap_rows, taps);
      for_pixel_lanes<Lanes>(c, room, [=](int64_t j, auto lanes) {
        const Vec share = div(lanes.read(dy + from + j), count);
        for (int64_t tap = taps.begin; tap < taps.end; ++tap) lanes.write(dx + to + tap * c + j, share);
      });
    };
    scatter_row(s, dx, row, end * s.w * c, window_row, scatter);
  }
}

/// Rows of dx when an element may be in several windows: each element adds up its shares. count(oh, o) is what the
/// window there is divided by.
template <bool kDense, class Lanes, class Count>
LANEWISE_APART void avg_pool_gather(const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end,
                                    Count count) {
  const int64_t c = s.c, ow = s.ow;
  const SlidingAxis vertical = vertical_axis(s), horizontal = horizontal_axis(s);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const Cover rows = vertical.covering<kDense>(row - image * s.h + s.pad_top);
    const int64_t first_row = image * s.oh, row_step = kDense ? 1 : rows.step;
    float* to = dx + row * s.w * c;
    for (int64_t w = s.pad_left, last = w + s.w; w < last; ++w, to += c) {
      const Cover columns = horizontal.covering<kDense>(w);
      const int64_t column_step = kDense ? 1 : columns.step;
      for_lanes<Lanes>(c, [=](int64_t j, auto lanes) {
        Vec sum = zero();
        for (int64_t oh = rows.begin; oh < rows.end; oh += row_step) {
          for (int64_t o = columns.begin; o < columns.end; o += column_step) {
            sum = add(sum, div(lanes.read(dy + ((first_row + oh) * ow + o) * c + j), count(oh, o)));
          }
        }
        lanes.write(to + j, sum);
      });
    }
  }
}

template <class Lanes>
LANEWISE_INLINE void avg_pool_backward(const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end) {
  if (disjoint(s)) return avg_pool_scatter<Lanes>(s, dy, dx, begin, end);
  const Vec fixed = broadcast(static_cast<float>(s.divisor));
  if (dense(s) && s.divisor != 0) {
    return avg_pool_gather<true, Lanes>(s, dy, dx, begin, end, [=](int64_t, int64_t) { return fixed; });
  }
  const auto counted = [&s](int64_t oh, int64_t o) {
    const int64_t top = oh * s.stride_h - s.pad_top, left = o * s.stride_w - s.pad_left;
    const Range rows = taps_inside(top, s.kernel_h, s.h, s.dilation_h);
    return window_count(s, top, left, rows, taps_inside(left, s.kernel_w, s.w, s.dilation_w));
  };
  if (dense(s)) return avg_pool_gather<true, Lanes>(s, dy, dx, begin, end, counted);
  avg_pool_gather<false, Lanes>(s, dy, dx, begin, end, counted);
}

/// Input rows [begin, end) of the n * h.
static void avg_pool_backward_rows(const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end) {
  with_stores(s.around, dx, s.c, [=, &s](auto lanes) { avg_pool_backward<decltype(lanes)>(s, dy, dx, begin, end); });
}

/// Every one of `positions` rows of dx[positions,c] becomes dy[c] / positions.
static void global_avg_pool_backward(const float* dy, int64_t positions, int64_t c, float* dx) {
  const Vec count = broadcast(static_cast<float>(positions));
  for_lanes(c, [=](int64_t j, auto lanes) {
    const Vec share = div(lanes.read(dy + j), count);
    for (int64_t at = 0; at < positions; ++at) lanes.write(dx + at * c + j, share);
  });
}

/// Output rows [begin, end) of the n * oh.
static void adaptive_avg_pool_rows(const AdaptivePoolShape& s, const float* x, float* y, int64_t begin, int64_t end) {
  const int64_t c = s.c;
  for_adaptive_windows(s, begin, end, [=](Window window, int64_t to, int64_t room) {
    const Vec count = broadcast(static_cast<float>(window.taps()));
    for_pixel_lanes(
        c, room, [=](int64_t j, auto lanes) { lanes.write(y + to + j, div(sum_window(x + j, window, lanes), count)); });
  });
}

/// Input rows [begin, end) of the n * h: each element adds up its shares.
static void adaptive_avg_pool_backward_rows(const AdaptivePoolShape& s, const float* dy, float* dx, int64_t begin,
                                            int64_t end) {
  const int64_t c = s.c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const Range rows = shared_out(row - image * s.h, s.h, s.oh);
    for (int64_t w = 0; w < s.w; ++w) {
      const Range columns = shared_out(w, s.w, s.ow);
      float* to = dx + (row * s.w + w) * c;
      fill_zero(to, c);
      for (int64_t oh = rows.begin; oh < rows.end; ++oh) {
        const Range tap_rows = shared_out(oh, s.oh, s.h);
        for (int64_t o = columns.begin; o < columns.end; ++o) {
          const Range taps = shared_out(o, s.ow, s.w);
          const int64_t held = (tap_rows.end - tap_rows.begin) * (taps.end - taps.begin);
          const Vec count = broadcast(static_cast<float>(held));
          const float* from = dy + ((image * s.oh + oh) * s.ow + o) * c;
          map2(to, from, to, c, [=](Vec sum, Vec gradient) { return add(sum, div(gradient, count)); });
        }
      }
    }
  }
}
