// What max and average pooling share: which part of a window exists, and which windows cover an element.
// Needs lanes.inl. Vectorised over channels; offsets are integers, since a window may start outside the tensor.
// Sizes are copied out of PoolShape before the loops: captured as a whole, it would be copied for every pixel.

/// One of several ways through an op: inlined beside the others it would cost them registers.
#define LANEWISE_APART __attribute__((noinline))

/// Half-open range along one axis.
struct Range {
  int64_t begin, end;
};

/// Taps of the window at `origin` (of `kernel` taps side by side) that fall inside [0, size).
LANEWISE_INLINE Range taps_inside(int64_t origin, int64_t kernel, int64_t size) {
  return {max_of<int64_t>(-origin, 0), min_of(size - origin, kernel)};
}

/// The same of taps that are `dilation` apart; `origin` is before `size`.
LANEWISE_INLINE Range taps_inside(int64_t origin, int64_t kernel, int64_t size, int64_t dilation) {
  if (dilation == 1) return taps_inside(origin, kernel, size);
  return {origin < 0 ? (dilation - 1 - origin) / dilation : 0,
          min_of((size - origin + dilation - 1) / dilation, kernel)};
}

/// Windows that cover position `at`, counted from the start of the padding.
LANEWISE_INLINE Range windows_covering(int64_t at, int64_t kernel, int64_t stride, int64_t windows) {
  return {at < kernel ? 0 : (at - kernel) / stride + 1, min_of(at / stride + 1, windows)};
}

/// Whether taps lie side by side along both axes. What follows is compiled for this case, which is the common one, and
/// for any dilation.
LANEWISE_INLINE bool dense(const PoolShape& s) { return s.dilation_h == 1 && s.dilation_w == 1; }

/// The windows with a tap on one position, every `step`-th from `begin` on: the position is tap `tap` of the first and,
/// with each further one, `tap_step` less.
struct Cover {
  int64_t begin, end, step, tap, tap_step;

  int64_t windows() const { return begin < end ? (end - begin + step - 1) / step : 0; }
};

/// The windows over one element: the first one's channel 0 in dy, and how far it is to the next ones.
struct Covering {
  int64_t from, row_step, column_step;
  int64_t down, across;
  int64_t tap, row_taps, column_taps;  // the element's tap in the first one, and how much less it is in the next ones
};

/// One axis of a window that slides, for asking what covers its positions, which count from the start of the padding.
struct SlidingAxis {
  int64_t windows, kernel, stride, dilation, period;

  Cover covering_dense(int64_t at) const {
    const Range range = windows_covering(at, kernel, stride, windows);
    return {range.begin, range.end, 1, at - range.begin * stride, stride};
  }
  Cover covering_dilated(int64_t at) const {
    const Range range = windows_covering(at, (kernel - 1) * dilation + 1, stride, windows);
    const int64_t last = min_of(range.begin + period, range.end);
    for (int64_t first = range.begin; first < last; ++first) {
      if ((at - first * stride) % dilation != 0) continue;
      return {first, range.end, period, (at - first * stride) / dilation, period * stride / dilation};
    }
    return {0, 0, 1, 0, 0};
  }
  template <bool kDense>
  Cover covering(int64_t at) const {
    return kDense ? covering_dense(at) : covering_dilated(at);
  }
};

LANEWISE_INLINE SlidingAxis vertical_axis(const PoolShape& s) {
  return {s.oh, s.kernel_h, s.stride_h, s.dilation_h, s.period_h};
}
LANEWISE_INLINE SlidingAxis horizontal_axis(const PoolShape& s) {
  return {s.ow, s.kernel_w, s.stride_w, s.dilation_w, s.period_w};
}

LANEWISE_INLINE Covering covering(const PoolShape& s, int64_t image, const Cover& rows, const Cover& columns) {
  const int64_t first = (image * s.oh + rows.begin) * s.ow + columns.begin;
  return {first * s.c,
          rows.step * s.ow * s.c,
          columns.step * s.c,
          rows.windows(),
          columns.windows(),
          rows.tap * s.kernel_w + columns.tap,
          rows.tap_step * s.kernel_w,
          columns.tap_step};
}

/// Windows without gaps that do not overlap: an element belongs to at most one.
LANEWISE_INLINE bool disjoint(const PoolShape& s) {
  return s.stride_h >= s.kernel_h && s.stride_w >= s.kernel_w && dense(s);
}

LANEWISE_INLINE void fill_zero(float* y, int64_t count) {
  for_lanes(count, [=](int64_t i, auto lanes) { lanes.write(y + i, zero()); });
}

/// One window of x: tap (r, t) is `origin + r * row_step + t * column_step`.
struct Window {
  int64_t origin, row_step, column_step;
  Range rows, columns;

  int64_t at(int64_t r, int64_t t) const { return origin + r * row_step + t * column_step; }
  int64_t taps() const { return (rows.end - rows.begin) * (columns.end - columns.begin); }
};

/// f(window, top, left, to, room) for every window of the output rows [begin, end) of the n * oh, in order: its tap (0,
/// 0) is at row `top` and column `left`, element `to` of y is its first channel, `room` the elements from there on, in
/// y and from every tap in x, that vectors may use.
template <bool kDense, class F>
LANEWISE_INLINE void for_windows(const PoolShape& s, int64_t begin, int64_t end, F f) {
  const int64_t h = s.h, w = s.w, c = s.c, oh = s.oh, ow = s.ow, row_stride = w * c;
  const int64_t kernel_w = s.kernel_w, stride_w = s.stride_w, pad_left = s.pad_left;
  const int64_t dilation_h = kDense ? 1 : s.dilation_h, dilation_w = kDense ? 1 : s.dilation_w;
  const int64_t x_end = s.n * h * row_stride, y_end = end * ow * c;
  int64_t to = begin * ow * c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / oh;
    const int64_t top = (row - image * oh) * s.stride_h - s.pad_top;
    const Range rows = taps_inside(top, s.kernel_h, h, dilation_h);
    const int64_t start = (image * h + top) * row_stride;
    for (int64_t left = -pad_left, last = left + ow * stride_w; left < last; left += stride_w, to += c) {
      const Range columns = taps_inside(left, kernel_w, w, dilation_w);
      const Window window = {start + left * c, dilation_h * row_stride, dilation_w * c, rows, columns};
      f(window, top, left, to, min_of(y_end - to, x_end - window.at(rows.end - 1, columns.end - 1)));
    }
  }
}

/// One input row of a gradient when windows are disjoint; `window_row` is the output row that covers it, or -1.
/// f(from, to, left, taps, room) writes the columns a window covers: element `from` of dy is the window's first
/// channel, `to` of dx its tap 0 in this row, which is column `left`. The columns in between become zero.
template <class F>
LANEWISE_INLINE void scatter_row(const PoolShape& s, float* dx, int64_t row, int64_t dx_end, int64_t window_row, F f) {
  const int64_t w = s.w, c = s.c, ow = s.ow, kernel_w = s.kernel_w, stride_w = s.stride_w;
  const int64_t dy_end = s.n * s.oh * ow * c;
  const int64_t start = row * w * c;
  int64_t done = 0;
  int64_t from = window_row * ow * c;
  for (int64_t left = -s.pad_left, last = left + ow * stride_w; window_row >= 0 && left < last; left += stride_w) {
    const Range taps = taps_inside(left, kernel_w, w);
    if (left + taps.begin > done) fill_zero(dx + start + done * c, (left + taps.begin - done) * c);
    done = left + taps.end;
    f(from, start + left * c, left, taps, min_of(dy_end - from, dx_end - start - (done - 1) * c));
    from += c;
  }
  if (done < w) fill_zero(dx + start + done * c, (w - done) * c);
}

/// Positions of `size` that window `at` of `of` gets when they share them out (AdaptivePoolShape); the other way round,
/// the windows over position `at` when `size` windows share `of` positions.
LANEWISE_INLINE Range shared_out(int64_t at, int64_t of, int64_t size) {
  return {at * size / of, ((at + 1) * size + of - 1) / of};
}

/// for_windows of adaptive pooling. Taps are positions in the image.
template <class F>
LANEWISE_INLINE void for_adaptive_windows(const AdaptivePoolShape& s, int64_t begin, int64_t end, F f) {
  const int64_t h = s.h, w = s.w, c = s.c, oh = s.oh, ow = s.ow, row_stride = w * c;
  const int64_t x_end = s.n * h * row_stride, y_end = end * ow * c;
  int64_t to = begin * ow * c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / oh;
    const Range rows = shared_out(row - image * oh, oh, h);
    for (int64_t o = 0; o < ow; ++o, to += c) {
      const Window window = {image * h * row_stride, row_stride, c, rows, shared_out(o, ow, w)};
      f(window, to, min_of(y_end - to, x_end - window.at(rows.end - 1, window.columns.end - 1)));
    }
  }
}
