// Max pooling and its gradient. Needs pool.inl.
// Positions travel as floats, exactly: a window or an image has at most 2^24 elements.

LANEWISE_INLINE Vec position(int64_t at) { return broadcast(static_cast<float>(at)); }

/// The largest value so far and where it was. A NaN is taken and then kept; among equals the first stays.
struct Best {
  Vec value, index;

  void offer(Vec x, int64_t at) {
    const Mask better = mask_and(mask_not(less_equal(x, value)), mask_not(is_nan(value)));
    value = select(better, x, value);
    index = select(better, position(at), index);
  }
};

/// Taps rows x columns of the window whose tap (0, 0) is element `origin` of x. Sizes are constants where it matters.
template <class Lanes>
LANEWISE_INLINE Best max_window(const float* x, int64_t origin, Range rows, Range columns, int64_t kernel_w, int64_t row_stride,
                       int64_t c, Lanes lanes) {
  Best best = {lanes.read(x + origin + rows.begin * row_stride + columns.begin * c),
               position(rows.begin * kernel_w + columns.begin)};
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    for (int64_t s = r == rows.begin ? columns.begin + 1 : columns.begin; s < columns.end; ++s) {
      best.offer(lanes.read(x + origin + r * row_stride + s * c), r * kernel_w + s);
    }
  }
  return best;
}

/// Output rows [begin, end) of the n * oh.
template <class Index>
LANEWISE_INLINE void max_pool_forward(const PoolShape& s, const float* x, float* y, Index* index, int64_t begin, int64_t end) {
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
      const int64_t taps = (rows.end - rows.begin) * (columns.end - columns.begin);
      for_lanes(s.c, [=](int64_t j, auto lanes) {
        Best best;
        if (taps == 4 && s.kernel_h == 2 && s.kernel_w == 2) {
          best = max_window(x, origin + j, {0, 2}, {0, 2}, 2, row_stride, s.c, lanes);
        } else if (taps == 9 && s.kernel_h == 3 && s.kernel_w == 3) {
          best = max_window(x, origin + j, {0, 3}, {0, 3}, 3, row_stride, s.c, lanes);
        } else {
          best = max_window(x, origin + j, rows, columns, s.kernel_w, row_stride, s.c, lanes);
        }
        lanes.write(y + to + j, best.value);
        lanes.write(index + to + j, best.index);
      });
    }
  }
}

static void max_pool_rows_u8(const PoolShape& s, const float* x, float* y, uint8_t* index, int64_t begin, int64_t end) {
  max_pool_forward(s, x, y, index, begin, end);
}

static void max_pool_rows_i32(const PoolShape& s, const float* x, float* y, int32_t* index, int64_t begin,
                              int64_t end) {
  max_pool_forward(s, x, y, index, begin, end);
}

/// Input rows [begin, end) of the n * h.
template <class Index>
LANEWISE_INLINE void max_pool_backward(const PoolShape& s, const float* dy, const Index* index, float* dx, int64_t begin,
                              int64_t end) {
  const bool scatter = disjoint(s);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const int64_t h = row - image * s.h + s.pad_top;
    const Range rows = windows_covering(h, s.kernel_h, s.stride_h, s.oh);
    float* to = dx + row * s.w * s.c;
    if (scatter) {
      const int64_t tap_row = (h - rows.begin * s.stride_h) * s.kernel_w;
      scatter_row(s, to, rows.begin < rows.end, [=](int64_t ow, Range taps, int64_t left) {
        const int64_t from = ((image * s.oh + rows.begin) * s.ow + ow) * s.c;
        for_lanes(s.c, [=](int64_t j, auto lanes) {
          const Vec gradient = lanes.read(dy + from + j);
          const Vec chosen = lanes.read(index + from + j);
          for (int64_t tap = taps.begin; tap < taps.end; ++tap) {
            const Mask hit = equal(chosen, position(tap_row + tap));
            lanes.write(to + (left + tap) * s.c + j, select(hit, gradient, zero()));
          }
        });
      });
      continue;
    }
    for (int64_t w = s.pad_left; w < s.w + s.pad_left; ++w, to += s.c) {
      const Range columns = windows_covering(w, s.kernel_w, s.stride_w, s.ow);
      for_lanes(s.c, [=](int64_t j, auto lanes) {
        Vec sum = zero();
        for (int64_t oh = rows.begin; oh < rows.end; ++oh) {
          for (int64_t ow = columns.begin; ow < columns.end; ++ow) {
            const int64_t from = ((image * s.oh + oh) * s.ow + ow) * s.c + j;
            const int64_t tap = (h - oh * s.stride_h) * s.kernel_w + w - ow * s.stride_w;
            const Mask hit = equal(lanes.read(index + from), position(tap));
            sum = select(hit, add(sum, lanes.read(dy + from)), sum);
          }
        }
        lanes.write(to + j, sum);
      });
    }
  }
}

static void max_pool_backward_rows_u8(const PoolShape& s, const float* dy, const uint8_t* index, float* dx,
                                      int64_t begin, int64_t end) {
  max_pool_backward(s, dy, index, dx, begin, end);
}

static void max_pool_backward_rows_i32(const PoolShape& s, const float* dy, const int32_t* index, float* dx,
                                       int64_t begin, int64_t end) {
  max_pool_backward(s, dy, index, dx, begin, end);
}

/// Channels' maxima over `positions` rows of x[positions,c], and the rows they were in.
static void global_max_pool(const float* x, int64_t positions, int64_t c, float* y, int32_t* index) {
  for_lanes(c, [=](int64_t j, auto lanes) {
    Best best = {lanes.read(x + j), position(0)};
    for (int64_t at = 1; at < positions; ++at) best.offer(lanes.read(x + at * c + j), at);
    lanes.write(y + j, best.value);
    lanes.write(index + j, best.index);
  });
}

static void global_max_pool_backward(const float* dy, const int32_t* index, int64_t positions, int64_t c, float* dx) {
  for_lanes(c, [=](int64_t j, auto lanes) {
    const Vec gradient = lanes.read(dy + j);
    const Vec chosen = lanes.read(index + j);
    for (int64_t at = 0; at < positions; ++at) {
      const Mask hit = equal(chosen, position(at));
      lanes.write(dx + at * c + j, select(hit, gradient, zero()));
    }
  });
}
