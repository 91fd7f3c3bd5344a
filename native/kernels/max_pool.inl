// Max pooling and its gradient. Needs pool.inl.
// Positions travel as floats, exactly: a window or an image has at most 2^24 elements.

LANEWISE_INLINE Vec position(int64_t at) { return broadcast(static_cast<float>(at)); }

/// The largest value so far and where it was. A NaN is taken and then kept; among equals the first stays.
struct Best {
  Vec value, index;

  void offer(Vec x, int64_t at) {
    const Mask stays = mask_or(less_equal(x, value), is_nan(value));
    value = select(stays, value, x);
    index = select(stays, index, position(at));
  }
};

template <class Lanes>
LANEWISE_INLINE Best max_window(const float* x, const Window& window, int64_t kernel_w, Lanes lanes) {
  const Range rows = window.rows, columns = window.columns;
  Best best = {lanes.read(x + window.at(rows.begin, columns.begin)), position(rows.begin * kernel_w + columns.begin)};
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    for (int64_t t = r == rows.begin ? columns.begin + 1 : columns.begin; t < columns.end; ++t) {
      best.offer(lanes.read(x + window.at(r, t)), r * kernel_w + t);
    }
  }
  return best;
}

/// A window of kHeight x kWidth taps that is whole, from its tap (0, 0) on.
template <int kHeight, int kWidth, class Lanes>
LANEWISE_INLINE Best max_whole(const float* x, int64_t row_step, int64_t column_step, Lanes lanes) {
  Best best = {lanes.read(x), zero()};
#pragma GCC unroll 3
  for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 3
    for (int t = r == 0 ? 1 : 0; t < kWidth; ++t) {
      best.offer(lanes.read(x + r * row_step + t * column_step), r * kWidth + t);
    }
  }
  return best;
}

/// 2x2 windows side by side that never leave x, of pixels that fit into one vector: so little work that what is decided
/// for each window costs more than the window.
LANEWISE_INLINE bool small_quads(const PoolShape& s) {
  return s.c <= kLanes && s.kernel_h == 2 && s.kernel_w == 2 && s.stride_h == 2 && s.stride_w == 2 && s.pad_top == 0 &&
         s.pad_left == 0 && dense(s) && 2 * s.oh <= s.h && 2 * s.ow <= s.w;
}

template <class Index>
LANEWISE_INLINE void max_pool_quads(const PoolShape& s, const float* x, float* y, Index* index, int64_t begin,
                                    int64_t end) {
  const int64_t c = s.c, row_stride = s.w * c;
  const int64_t x_last = s.n * s.h * row_stride - kLanes, y_last = end * s.ow * c - kLanes;
  int64_t to = begin * s.ow * c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.oh;
    int64_t from = (image * s.h + (row - image * s.oh) * 2) * row_stride;
    for (const int64_t row_end = to + s.ow * c; to < row_end; to += c, from += 2 * c) {
      const auto pool = [=](auto lanes) {
        const Best best = max_whole<2, 2>(x + from, row_stride, c, lanes);
        lanes.write(y + to, best.value);
        lanes.write(index + to, best.index);
      };
      if (to <= y_last && from + row_stride + c <= x_last) {
        pool(AllLanes{});
      } else {
        pool(FirstLanes{static_cast<int>(c)});
      }
    }
  }
}

/// Rows [begin, end) of dx; beyond the windows it is zero.
template <class Index>
LANEWISE_APART void max_pool_scatter_quads(const PoolShape& s, const float* dy, const Index* index, float* dx,
                                           int64_t begin, int64_t end) {
  const int64_t c = s.c, dy_row = s.ow * c, dx_row = s.w * c;
  const int64_t dy_last = s.n * s.oh * dy_row - kLanes, dx_last = end * dx_row - kLanes;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const int64_t h = row - image * s.h;
    int64_t to = row * dx_row;
    const int64_t row_end = to + dx_row;
    if (h < 2 * s.oh) {
      const Vec left = position(h % 2 * 2), right = position(h % 2 * 2 + 1);
      int64_t from = (image * s.oh + h / 2) * dy_row;
      for (const int64_t windows_end = from + dy_row; from < windows_end; from += c, to += 2 * c) {
        const auto scatter = [=](auto lanes) {
          const Vec gradient = lanes.read(dy + from);
          const Vec chosen = lanes.read(index + from);
          lanes.write(dx + to, select(equal(chosen, left), gradient, zero()));
          lanes.write(dx + to + c, select(equal(chosen, right), gradient, zero()));
        };
        if (from <= dy_last && to + c <= dx_last) {
          scatter(AllLanes{});
        } else {
          scatter(FirstLanes{static_cast<int>(c)});
        }
      }
    }
    if (to < row_end) fill_zero(dx + to, row_end - to);
  }
}

/// The common windows are unrolled.
template <bool kDense, class Index>
LANEWISE_INLINE void max_pool_windows(const PoolShape& s, const float* x, float* y, Index* index, int64_t begin,
                                      int64_t end) {
  const int64_t c = s.c, kernel_h = s.kernel_h, kernel_w = s.kernel_w;
  for_windows<kDense>(s, begin, end, [=](Window window, int64_t, int64_t, int64_t to, int64_t room) {
    const auto pool = [=](auto best_of) {
      for_pixel_lanes(c, room, [=](int64_t j, auto lanes) {
        const Best best = best_of(j, lanes);
        lanes.write(y + to + j, best.value);
        lanes.write(index + to + j, best.index);
      });
    };
    const bool whole = window.taps() == kernel_h * kernel_w;
    const float* const origin = x + window.origin;
    const int64_t row_step = window.row_step, column_step = kDense ? c : window.column_step;
    if (whole && kernel_h == 2 && kernel_w == 2) {
      pool([=](int64_t j, auto lanes) { return max_whole<2, 2>(origin + j, row_step, column_step, lanes); });
    } else if (whole && kernel_h == 3 && kernel_w == 3) {
      pool([=](int64_t j, auto lanes) { return max_whole<3, 3>(origin + j, row_step, column_step, lanes); });
    } else {
      pool([=](int64_t j, auto lanes) { return max_window(x + j, window, kernel_w, lanes); });
    }
  });
}

template <class Index>
LANEWISE_APART void max_pool_dilated(const PoolShape& s, const float* x, float* y, Index* index, int64_t begin,
                                     int64_t end) {
  max_pool_windows<false>(s, x, y, index, begin, end);
}

/// Output rows [begin, end) of the n * oh.
template <class Index>
LANEWISE_INLINE void max_pool_forward(const PoolShape& s, const float* x, float* y, Index* index, int64_t begin,
                                      int64_t end) {
  if (small_quads(s)) {
    max_pool_quads(s, x, y, index, begin, end);
  } else if (dense(s)) {
    max_pool_windows<true>(s, x, y, index, begin, end);
  } else {
    max_pool_dilated(s, x, y, index, begin, end);
  }
}

static void max_pool_rows_u8(const PoolShape& s, const float* x, float* y, uint8_t* index, int64_t begin, int64_t end) {
  if (s.c <= kHalfLanes) return half_table()->max_pool_rows_u8(s, x, y, index, begin, end);
  max_pool_forward(s, x, y, index, begin, end);
}

static void max_pool_rows_i32(const PoolShape& s, const float* x, float* y, int32_t* index, int64_t begin,
                              int64_t end) {
  max_pool_forward(s, x, y, index, begin, end);
}

/// Rows of dx when windows are disjoint: each window writes its taps.
template <class Lanes, class Index>
LANEWISE_APART void max_pool_scatter(const PoolShape& s, const float* dy, const Index* index, float* dx, int64_t begin,
                                     int64_t end) {
  const int64_t c = s.c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const int64_t h = row - image * s.h + s.pad_top;
    const Range rows = windows_covering(h, s.kernel_h, s.stride_h, s.oh);
    const int64_t first_tap = (h - rows.begin * s.stride_h) * s.kernel_w;
    const int64_t window_row = rows.begin < rows.end ? image * s.oh + rows.begin : -1;
    scatter_row(
        s, dx, row, end * s.w * c, window_row, [=](int64_t from, int64_t to, int64_t, Range taps, int64_t room) {
          for_pixel_lanes<Lanes>(c, room, [=](int64_t j, auto lanes) {
            const Vec gradient = lanes.read(dy + from + j);
            const Vec chosen = lanes.read(index + from + j);
            for (int64_t tap = taps.begin; tap < taps.end; ++tap) {
              lanes.write(dx + to + tap * c + j, select(equal(chosen, position(first_tap + tap)), gradient, zero()));
            }
          });
        });
  }
}

/// What the windows over one element send to it. kDown and kAcross, if not 0, are their numbers.
template <int kDown, int kAcross, class Lanes, class Index>
LANEWISE_INLINE void max_gather(const Covering& windows, const float* dy, const Index* index, int64_t c, float* to) {
  const int64_t down = kDown == 0 ? windows.down : kDown, across = kAcross == 0 ? windows.across : kAcross;
  const int64_t from = windows.from, row_step = windows.row_step, column_step = windows.column_step;
  const int64_t tap = windows.tap, row_taps = windows.row_taps, column_taps = windows.column_taps;
  for_lanes<Lanes>(c, [=](int64_t j, auto lanes) {
    Vec sum = zero();
#pragma GCC unroll 2
    for (int64_t r = 0; r < down; ++r) {
#pragma GCC unroll 2
      for (int64_t o = 0; o < across; ++o) {
        const int64_t at = from + r * row_step + o * column_step + j;
        const Vec here = position(tap - r * row_taps - o * column_taps);
        sum = select(equal(lanes.read(index + at), here), add(sum, lanes.read(dy + at)), sum);
      }
    }
    lanes.write(to + j, sum);
  });
}

/// Rows of dx when an element may be in several windows: each element adds up what those send to it. Windows that
/// overlap by less than half meet it once or twice each way.
template <bool kDense, class Lanes, class Index>
LANEWISE_APART void max_pool_gather(const PoolShape& s, const float* dy, const Index* index, float* dx, int64_t begin,
                                    int64_t end) {
  const SlidingAxis vertical = vertical_axis(s), horizontal = horizontal_axis(s);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const Cover rows = vertical.covering<kDense>(row - image * s.h + s.pad_top);
    float* to = dx + row * s.w * s.c;
    for (int64_t w = s.pad_left, last = w + s.w; w < last; ++w, to += s.c) {
      const Covering windows = covering(s, image, rows, horizontal.covering<kDense>(w));
      if (windows.down == 1 && windows.across == 1) {
        max_gather<1, 1, Lanes>(windows, dy, index, s.c, to);
      } else if (windows.down == 1 && windows.across == 2) {
        max_gather<1, 2, Lanes>(windows, dy, index, s.c, to);
      } else if (windows.down == 2 && windows.across == 1) {
        max_gather<2, 1, Lanes>(windows, dy, index, s.c, to);
      } else if (windows.down == 2 && windows.across == 2) {
        max_gather<2, 2, Lanes>(windows, dy, index, s.c, to);
      } else {
        max_gather<0, 0, Lanes>(windows, dy, index, s.c, to);
      }
    }
  }
}

/// Input rows [begin, end) of the n * h.
template <class Index>
LANEWISE_INLINE void max_pool_backward(const PoolShape& s, const float* dy, const Index* index, float* dx,
                                       int64_t begin, int64_t end) {
  if (small_quads(s)) return max_pool_scatter_quads(s, dy, index, dx, begin, end);
  with_stores(s.around, dx, s.c, [=, &s](auto lanes) {
    using Lanes = decltype(lanes);
    if (disjoint(s)) {
      max_pool_scatter<Lanes>(s, dy, index, dx, begin, end);
    } else if (dense(s)) {
      max_pool_gather<true, Lanes>(s, dy, index, dx, begin, end);
    } else {
      max_pool_gather<false, Lanes>(s, dy, index, dx, begin, end);
    }
  });
}

static void max_pool_backward_rows_u8(const PoolShape& s, const float* dy, const uint8_t* index, float* dx,
                                      int64_t begin, int64_t end) {
  if (s.c <= kHalfLanes) return half_table()->max_pool_backward_rows_u8(s, dy, index, dx, begin, end);
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

/// Output rows [begin, end) of the n * oh; `index` is the place in the image.
static void adaptive_max_pool_rows(const AdaptivePoolShape& s, const float* x, float* y, int32_t* index, int64_t begin,
                                   int64_t end) {
  const int64_t c = s.c, w = s.w;
  for_adaptive_windows(s, begin, end, [=](Window window, int64_t to, int64_t room) {
    for_pixel_lanes(c, room, [=](int64_t j, auto lanes) {
      const Best best = max_window(x + j, window, w, lanes);
      lanes.write(y + to + j, best.value);
      lanes.write(index + to + j, best.index);
    });
  });
}

/// Input rows [begin, end) of the n * h.
static void adaptive_max_pool_backward_rows(const AdaptivePoolShape& s, const float* dy, const int32_t* index,
                                            float* dx, int64_t begin, int64_t end) {
  const int64_t c = s.c, ow = s.ow;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / s.h;
    const int64_t h = row - image * s.h;
    const Range rows = shared_out(h, s.h, s.oh);
    const int64_t first_row = image * s.oh;
    for (int64_t w = 0; w < s.w; ++w) {
      const Range columns = shared_out(w, s.w, ow);
      const Vec here = position(h * s.w + w);
      float* to = dx + (row * s.w + w) * c;
      for_lanes(c, [=](int64_t j, auto lanes) {
        Vec sum = zero();
        for (int64_t oh = rows.begin; oh < rows.end; ++oh) {
          for (int64_t o = columns.begin; o < columns.end; ++o) {
            const int64_t from = ((first_row + oh) * ow + o) * c + j;
            sum = select(equal(lanes.read(index + from), here), add(sum, lanes.read(dy + from)), sum);
          }
        }
        lanes.write(to + j, sum);
      });
    }
  }
}
