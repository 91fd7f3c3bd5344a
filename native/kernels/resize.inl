// Weighted sums of rows and of pixels, for resizing. Needs lanes.inl.
// Each element is a chain over its taps; a first tap is multiplied, which is the chain from +0 but for the sign of a
// zero.

/// y[i] = sum over r of weights[r] * x[r * stride + i], for `count` elements; `rows` may be 0.
static void blend_rows(const float* x, int64_t stride, const float* weights, int64_t rows, int64_t count, float* y) {
  if (rows == 0) return fill_value(y, count, 0.0f);
  const Vec first = broadcast(weights[0]);
  for_lanes(count, [=](int64_t i, auto lanes) {
    Vec sum = mul(first, lanes.read(x + i));
    for (int64_t r = 1; r < rows; ++r) sum = fma(broadcast(weights[r]), lanes.read(x + r * stride + i), sum);
    lanes.write(y + i, sum);
  });
}

/// Pixel p of y = sum over its taps of weights[t] * pixel (first[p] + t - offsets[p]) of x, t from offsets[p] up to
/// offsets[p + 1]; x has `x_pixels` pixels.
static void blend_pixels(const float* x, int64_t x_pixels, const int32_t* first, const int32_t* offsets,
                         const float* weights, int64_t pixels, int64_t c, float* y) {
  for (int64_t p = 0; p < pixels; ++p) {
    const float* const from = x + first[p] * c;
    const float* const w = weights + offsets[p];
    const int64_t taps = offsets[p + 1] - offsets[p];
    const int64_t room = min_of(pixels - p, x_pixels - first[p] - taps + 1) * c;
    float* const to = y + p * c;
    for_pixel_lanes(c, room, [=](int64_t i, auto lanes) {
      Vec sum = taps == 0 ? zero() : mul(broadcast(w[0]), lanes.read(from + i));
      for (int64_t t = 1; t < taps; ++t) sum = fma(broadcast(w[t]), lanes.read(from + t * c + i), sum);
      lanes.write(to + i, sum);
    });
  }
}

/// The same where every pixel is one of x.
static void pick_pixels(const float* x, int64_t x_pixels, const int32_t* first, int64_t pixels, int64_t c, float* y) {
  for (int64_t p = 0; p < pixels; ++p) {
    const float* const from = x + first[p] * c;
    float* const to = y + p * c;
    const int64_t room = min_of(pixels - p, x_pixels - first[p]) * c;
    for_pixel_lanes(c, room, [=](int64_t i, auto lanes) { lanes.write(to + i, lanes.read(from + i)); });
  }
}
