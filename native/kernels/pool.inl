// What max and average pooling share: which part of a window exists, and which windows cover an element.
// Needs lanes.inl. Vectorised over channels; offsets are integers, since a window may start outside the tensor.
// Sizes are copied out of PoolShape before the loops: captured as a whole, it would be copied for every pixel.

/// Half-open range along one axis.
struct Range {
  int64_t begin, end;
};

/// Taps of the window at `origin` (of `kernel` taps) that fall inside [0, size).
LANEWISE_INLINE Range taps_inside(int64_t origin, int64_t kernel, int64_t size) {
  return {max_of<int64_t>(-origin, 0), min_of(size - origin, kernel)};
}

/// Windows that cover position `at`, counted from the start of the padding.
LANEWISE_INLINE Range windows_covering(int64_t at, int64_t kernel, int64_t stride, int64_t windows) {
  return {at < kernel ? 0 : (at - kernel) / stride + 1, min_of(at / stride + 1, windows)};
}

/// Windows that do not overlap: an element belongs to at most one.
LANEWISE_INLINE bool disjoint(const PoolShape& s) { return s.stride_h >= s.kernel_h && s.stride_w >= s.kernel_w; }

LANEWISE_INLINE void fill_zero(float* y, int64_t count) {
  for_lanes(count, [=](int64_t i, auto lanes) { lanes.write(y + i, zero()); });
}

/// One window of x: tap (r, t) is `origin + r * row_stride + t * c`.
struct Window {
  int64_t origin, row_stride, c;
  Range rows, columns;

  int64_t at(int64_t r, int64_t t) const { return origin + r * row_stride + t * c; }
  int64_t taps() const { return (rows.end - rows.begin) * (columns.end - columns.begin); }
};

/// f(window, to, room) for every window of the output rows [begin, end) of the n * oh, in order: element `to` of y is
/// its first channel, `room` the elements from there on, in y and from every tap in x, that vectors may use.
template <class F>
LANEWISE_INLINE void for_windows(const PoolShape& s, int64_t begin, int64_t end, F f) {
  const int64_t h = s.h, w = s.w, c = s.c, oh = s.oh, ow = s.ow, row_stride = w * c;
  const int64_t kernel_w = s.kernel_w, stride_w = s.stride_w, pad_left = s.pad_left;
  const int64_t x_end = s.n * h * row_stride, y_end = end * ow * c;
  int64_t to = begin * ow * c;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / oh;
    const int64_t top = (row - image * oh) * s.stride_h - s.pad_top;
    const Range rows = taps_inside(top, s.kernel_h, h);
    const int64_t start = (image * h + top) * row_stride;
    for (int64_t left = -pad_left, last = left + ow * stride_w; left < last; left += stride_w, to += c) {
      const Window window = {start + left * c, row_stride, c, rows, taps_inside(left, kernel_w, w)};
      f(window, to, min_of(y_end - to, x_end - window.at(rows.end - 1, window.columns.end - 1)));
    }
  }
}

/// One input row of a gradient when windows are disjoint; `window_row` is the output row that covers it, or -1.
/// f(from, to, taps, room) writes the columns a window covers: element `from` of dy is the window's first channel, `to`
/// of dx its tap 0 in this row. The columns in between become zero.
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
    f(from, start + left * c, taps, min_of(dy_end - from, dx_end - start - (done - 1) * c));
    from += c;
  }
  if (done < w) fill_zero(dx + start + done * c, (w - done) * c);
}
