// What max and average pooling share: which part of a window exists, and which windows cover an element.
// Needs lanes.inl. Vectorised over channels; offsets are integers, since a window may start outside the tensor.

/// Half-open range along one axis.
struct Range {
  int64_t begin, end;
};

/// Taps of the window at `origin` (of `kernel` taps) that fall inside [0, size).
LANEWISE_INLINE Range taps_inside(int64_t origin, int64_t kernel, int64_t size) {
  return {origin < 0 ? -origin : 0, size - origin < kernel ? size - origin : kernel};
}

/// Windows that cover position `at`, counted from the start of the padding.
LANEWISE_INLINE Range windows_covering(int64_t at, int64_t kernel, int64_t stride, int64_t windows) {
  const int64_t last = at / stride + 1;
  return {at < kernel ? 0 : (at - kernel) / stride + 1, last < windows ? last : windows};
}

/// Windows that do not overlap: an element belongs to at most one.
LANEWISE_INLINE bool disjoint(const PoolShape& s) { return s.stride_h >= s.kernel_h && s.stride_w >= s.kernel_w; }

LANEWISE_INLINE void fill_zero(float* y, int64_t count) {
  for_lanes(count, [=](int64_t i, auto lanes) { lanes.write(y + i, zero()); });
}

/// One row of a gradient when windows are disjoint: `f(ow, taps, left)` writes the columns that window `ow` covers, the
/// others become zero. `dx` is the row; nothing covers it when `covered` is false.
template <class F>
LANEWISE_INLINE void scatter_row(const PoolShape& s, float* dx, bool covered, F f) {
  int64_t done = 0;
  for (int64_t ow = 0; covered && ow < s.ow; ++ow) {
    const int64_t left = ow * s.stride_w - s.pad_left;
    const Range taps = taps_inside(left, s.kernel_w, s.w);
    fill_zero(dx + done * s.c, (left + taps.begin - done) * s.c);
    f(ow, taps, left);
    done = left + taps.end;
  }
  fill_zero(dx + done * s.c, (s.w - done) * s.c);
}
