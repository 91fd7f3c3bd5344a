// Average pooling and its gradient. Needs pool.inl.

template <class Lanes>
LANEWISE_INLINE Vec sum_window(const float* x, int64_t origin, Range rows, Range columns, int64_t row_stride, int64_t c,
                      Lanes lanes) {
  Vec sum = zero();
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    for (int64_t s = columns.begin; s < columns.end; ++s) sum = add(sum, lanes.read(x + origin + r * row_stride + s * c));
  }
  return sum;
}

/// What the sum over a window with these taps is divided by.
LANEWISE_INLINE float window_count(const PoolShape& s, Range rows, Range columns) {
  const int64_t taps = (rows.end - rows.begin) * (columns.end - columns.begin);
  return static_cast<float>(s.count_padding ? s.kernel_h * s.kernel_w : taps);
}

/// Output rows [begin, end) of the n * oh.
static void avg_pool_rows(const PoolShape& s, const float* x, float* y, int64_t begin, int64_t end) {
  const int64_t row_stride = s.w * s.c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.oh;
    const int64_t top = (row - image * s.oh) * s.stride_h - s.pad_top;
    const Range rows = taps_inside(top, s.kernel_h, s.h);
    for (int64_t ow = 0; ow < s.ow; ++ow) {
      const int64_t left = ow * s.stride_w - s.pad_left;
      const Range columns = taps_inside(left, s.kernel_w, s.w);
      const int64_t origin = ((image * s.h + top) * s.w + left) * s.c;
      const int64_t to = (row * s.ow + ow) * s.c;
      const bool square2 = rows.begin == 0 && rows.end == 2 && columns.begin == 0 && columns.end == 2;
      const Vec count = broadcast(window_count(s, rows, columns));
      for_lanes(s.c, [=](int64_t j, auto lanes) {
        const Vec sum = square2 ? sum_window(x, origin + j, {0, 2}, {0, 2}, row_stride, s.c, lanes)
                                : sum_window(x, origin + j, rows, columns, row_stride, s.c, lanes);
        lanes.write(y + to + j, div(sum, count));
      });
    }
  }
}

/// Input rows [begin, end) of the n * h.
static void avg_pool_backward_rows(const PoolShape& s, const float* dy, float* dx, int64_t begin, int64_t end) {
  const bool scatter = disjoint(s);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const int64_t h = row - image * s.h + s.pad_top;
    const Range rows = windows_covering(h, s.kernel_h, s.stride_h, s.oh);
    float* to = dx + row * s.w * s.c;
    if (scatter) {
      const Range tap_rows = taps_inside(rows.begin * s.stride_h - s.pad_top, s.kernel_h, s.h);
      scatter_row(s, to, rows.begin < rows.end, [=](int64_t ow, Range taps, int64_t left) {
        const int64_t from = ((image * s.oh + rows.begin) * s.ow + ow) * s.c;
        const Vec count = broadcast(window_count(s, tap_rows, taps));
        for_lanes(s.c, [=](int64_t j, auto lanes) {
          const Vec share = div(lanes.read(dy + from + j), count);
          for (int64_t tap = taps.begin; tap < taps.end; ++tap) lanes.write(to + (left + tap) * s.c + j, share);
        });
      });
      continue;
    }
    for (int64_t w = s.pad_left; w < s.w + s.pad_left; ++w, to += s.c) {
      const Range columns = windows_covering(w, s.kernel_w, s.stride_w, s.ow);
      for_lanes(s.c, [=](int64_t j, auto lanes) {
        Vec sum = zero();
        for (int64_t oh = rows.begin; oh < rows.end; ++oh) {
          const Range tap_rows = taps_inside(oh * s.stride_h - s.pad_top, s.kernel_h, s.h);
          for (int64_t ow = columns.begin; ow < columns.end; ++ow) {
            const Range taps = taps_inside(ow * s.stride_w - s.pad_left, s.kernel_w, s.w);
            const int64_t from = ((image * s.oh + oh) * s.ow + ow) * s.c + j;
            sum = add(sum, div(lanes.read(dy + from), broadcast(window_count(s, tap_rows, taps))));
          }
        }
        lanes.write(to + j, sum);
      });
    }
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
