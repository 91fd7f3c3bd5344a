// The transforms of Winograd's F(4x4, 3x3) at the points 0, +-5/8, +-3/2 and infinity, and of F(3x3, 2x2) at 0, +-1 and
// infinity, over channels. Needs lanes.inl and gemm_tile.inl. Everything is a fixed sequence of operations per channel,
// so the bits depend on nothing else.
//
// Along one axis, 4 outputs y[i] = sum over k < 3 of d[i + k] g[k] come from a product of polynomials (Toom-Cook),
// which is evaluated at the points p, multiplied there and interpolated: y = A^T [(G g) * (B^T d)], * being
// elementwise, with
//   A^T[i][p] = p^i,   G[p][k] = p^k / N(p),   N(p) = product of (p - q) over the other finite points q,
//   B^T[p] = coefficients of the product of (z - q) over the other finite points, for infinity over all of them:
//
//   B^T   225/256       0  -169/64       0   1   0     G    256/225         0        0
//               0  -45/32     -9/4     5/8   1   0       -2048/2975  -256/595  -32/119
//               0   45/32     -9/4    -5/8   1   0       -2048/2975   256/595  -32/119
//               0 -75/128   -25/64     3/2   1   0         128/1071    64/357   32/119
//               0  75/128   -25/64    -3/2   1   0         128/1071   -64/357   32/119
//               0 225/256        0 -169/64   0   1                0         0        1
//
//   A^T         1       1        1       1       1   0
//               0     5/8     -5/8     3/2    -3/2   0
//               0   25/64    25/64     9/4     9/4   0
//               0 125/512 -125/512    27/8   -27/8   1
//
// and for F(3, 2), with the sign of the point 0 moved from G to B^T:
//
//   B^T   1  0 -1  0     G     1     0     A^T   1  1  1  0
//         0  1  1  0         1/2   1/2           0  1 -1  0
//         0 -1  1  0         1/2  -1/2           0  1  1  1
//         0 -1  0  1           0     1
//
// In two dimensions each matrix is applied to columns and rows. Only the constants of G are not exact in fp32. These
// points have half the error of the usual 0, +-1, +-2. The weight gradient is the same trilinear form read another way:
// dg = G^T [sum over tiles of (B^T d B) * (A dy A^T)] G.
// Points p and -p share the even and the odd part of their polynomials; hence the pairs below.

/// B^T: a patch of the input, 12 operations.
struct WinogradInput {
  static constexpr int kIn = 6, kOut = 6;
  LANEWISE_INLINE void run(const Vec* d, Vec* v) {
    const Vec even_a = fma(broadcast(-2.25f), d[2], d[4]);
    const Vec odd_a = fma(broadcast(-2.25f), d[1], d[3]);
    const Vec even_b = fma(broadcast(-0.390625f), d[2], d[4]);
    const Vec odd_b = fma(broadcast(-0.390625f), d[1], d[3]);
    v[0] = fma(broadcast(0.87890625f), d[0], fma(broadcast(-2.640625f), d[2], d[4]));
    v[1] = fma(broadcast(0.625f), odd_a, even_a);
    v[2] = fma(broadcast(-0.625f), odd_a, even_a);
    v[3] = fma(broadcast(1.5f), odd_b, even_b);
    v[4] = fma(broadcast(-1.5f), odd_b, even_b);
    v[5] = fma(broadcast(0.87890625f), d[1], fma(broadcast(-2.640625f), d[3], d[5]));
  }
};

/// A^T: products to outputs, 12 operations.
struct WinogradOutput {
  static constexpr int kIn = 6, kOut = 4;
  LANEWISE_INLINE void run(const Vec* m, Vec* y) {
    const Vec sum_a = add(m[1], m[2]);
    const Vec difference_a = sub(m[1], m[2]);
    const Vec sum_b = add(m[3], m[4]);
    const Vec difference_b = sub(m[3], m[4]);
    y[0] = add(add(m[0], sum_a), sum_b);
    y[1] = fma(broadcast(1.5f), difference_b, mul(broadcast(0.625f), difference_a));
    y[2] = fma(broadcast(2.25f), sum_b, mul(broadcast(0.390625f), sum_a));
    y[3] = fma(broadcast(3.375f), difference_b, fma(broadcast(0.244140625f), difference_a, m[5]));
  }
};

/// A: the gradient of a tile of outputs, 8 operations.
struct WinogradOutputGradient {
  static constexpr int kIn = 4, kOut = 6;
  LANEWISE_INLINE void run(const Vec* dy, Vec* z) {
    const Vec even_a = fma(broadcast(0.390625f), dy[2], dy[0]);
    const Vec odd_a = fma(broadcast(0.390625f), dy[3], dy[1]);
    const Vec even_b = fma(broadcast(2.25f), dy[2], dy[0]);
    const Vec odd_b = fma(broadcast(2.25f), dy[3], dy[1]);
    z[0] = dy[0];
    z[1] = fma(broadcast(0.625f), odd_a, even_a);
    z[2] = fma(broadcast(-0.625f), odd_a, even_a);
    z[3] = fma(broadcast(1.5f), odd_b, even_b);
    z[4] = fma(broadcast(-1.5f), odd_b, even_b);
    z[5] = dy[3];
  }
};

/// G: the taps, 11 operations.
struct WinogradWeights {
  static constexpr int kIn = 3, kOut = 6;
  LANEWISE_INLINE void run(const Vec* g, Vec* u) {
    const Vec even_a = fma(broadcast(-32.0f / 119), g[2], mul(broadcast(-2048.0f / 2975), g[0]));
    const Vec odd_a = mul(broadcast(-256.0f / 595), g[1]);
    const Vec even_b = fma(broadcast(32.0f / 119), g[2], mul(broadcast(128.0f / 1071), g[0]));
    const Vec odd_b = mul(broadcast(64.0f / 357), g[1]);
    u[0] = mul(broadcast(256.0f / 225), g[0]);
    u[1] = add(even_a, odd_a);
    u[2] = sub(even_a, odd_a);
    u[3] = add(even_b, odd_b);
    u[4] = sub(even_b, odd_b);
    u[5] = g[2];
  }
};

/// G^T: sums over tiles to the gradient of the taps, 11 operations.
struct WinogradWeightsGradient {
  static constexpr int kIn = 6, kOut = 3;
  LANEWISE_INLINE void run(const Vec* s, Vec* dg) {
    const Vec sum_a = add(s[1], s[2]);
    const Vec difference_a = sub(s[1], s[2]);
    const Vec sum_b = add(s[3], s[4]);
    const Vec difference_b = sub(s[3], s[4]);
    dg[0] = fma(broadcast(256.0f / 225), s[0],
                fma(broadcast(-2048.0f / 2975), sum_a, mul(broadcast(128.0f / 1071), sum_b)));
    dg[1] = fma(broadcast(-256.0f / 595), difference_a, mul(broadcast(64.0f / 357), difference_b));
    dg[2] = fma(broadcast(32.0f / 119), sub(sum_b, sum_a), s[5]);
  }
};

/// The same for F(3, 2): 4, 4, 3, 4 and 4 operations.
struct SmallWinogradInput {
  static constexpr int kIn = 4, kOut = 4;
  LANEWISE_INLINE void run(const Vec* d, Vec* v) {
    v[0] = sub(d[0], d[2]);
    v[1] = add(d[1], d[2]);
    v[2] = sub(d[2], d[1]);
    v[3] = sub(d[3], d[1]);
  }
};

struct SmallWinogradOutput {
  static constexpr int kIn = 4, kOut = 3;
  LANEWISE_INLINE void run(const Vec* m, Vec* y) {
    const Vec sum = add(m[1], m[2]);
    y[0] = add(m[0], sum);
    y[1] = sub(m[1], m[2]);
    y[2] = add(sum, m[3]);
  }
};

struct SmallWinogradOutputGradient {
  static constexpr int kIn = 3, kOut = 4;
  LANEWISE_INLINE void run(const Vec* dy, Vec* z) {
    const Vec even = add(dy[0], dy[2]);
    z[0] = dy[0];
    z[1] = add(even, dy[1]);
    z[2] = sub(even, dy[1]);
    z[3] = dy[2];
  }
};

struct SmallWinogradWeights {
  static constexpr int kIn = 2, kOut = 4;
  LANEWISE_INLINE void run(const Vec* g, Vec* u) {
    u[0] = g[0];
    u[1] = mul(broadcast(0.5f), add(g[0], g[1]));
    u[2] = mul(broadcast(0.5f), sub(g[0], g[1]));
    u[3] = g[1];
  }
};

struct SmallWinogradWeightsGradient {
  static constexpr int kIn = 4, kOut = 2;
  LANEWISE_INLINE void run(const Vec* s, Vec* dg) {
    dg[0] = fma(broadcast(0.5f), add(s[1], s[2]), s[0]);
    dg[1] = fma(broadcast(0.5f), sub(s[1], s[2]), s[3]);
  }
};

/// One vector of channels: write(i, j, value) of the two-dimensional transform of read(i, j). Columns first, then rows.
template <class Transform, class Read, class Write>
LANEWISE_INLINE void winograd_2d(Read read, Write write) {
  constexpr int kIn = Transform::kIn, kOut = Transform::kOut;
  Vec middle[kOut][kIn];
#pragma GCC unroll 6
  for (int j = 0; j < kIn; ++j) {
    Vec in[kIn], out[kOut];
#pragma GCC unroll 6
    for (int i = 0; i < kIn; ++i) in[i] = read(i, j);
    Transform::run(in, out);
#pragma GCC unroll 6
    for (int i = 0; i < kOut; ++i) middle[i][j] = out[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < kOut; ++i) {
    Vec out[kOut];
    Transform::run(middle[i], out);
#pragma GCC unroll 6
    for (int j = 0; j < kOut; ++j) write(i, j, out[j]);
  }
}

/// to[position * stride + c] for c < channels rounded up to whole vectors; pixels are kIn x kIn pointers to channel 0.
/// Meanwhile the pixels of the tile after this one are on their way from memory.
template <class Transform>
LANEWISE_INLINE void winograd_tile(const float* const* pixels, const float* const* next, int64_t channels, float* to,
                                   int64_t stride) {
  for_lanes(channels, [=](int64_t c, auto lanes) {
    winograd_2d<Transform>(
        [=](int i, int j) {
          __builtin_prefetch(next[i * Transform::kIn + j] + c);
          return lanes.read(pixels[i * Transform::kIn + j] + c);
        },
        [=](int i, int j, Vec v) { store(to + (i * Transform::kOut + j) * stride + c, v); });
  });
}

static void winograd_input(int taps, const float* const* pixels, const float* const* next, int64_t channels, float* to,
                           int64_t stride) {
  if (taps == 3) return winograd_tile<WinogradInput>(pixels, next, channels, to, stride);
  winograd_tile<SmallWinogradInput>(pixels, next, channels, to, stride);
}

static void winograd_output_gradient(int taps, const float* const* pixels, const float* const* next, int64_t channels,
                                     float* to, int64_t stride) {
  if (taps == 3) return winograd_tile<WinogradOutputGradient>(pixels, next, channels, to, stride);
  winograd_tile<SmallWinogradOutputGradient>(pixels, next, channels, to, stride);
}

template <class Transform>
LANEWISE_INLINE void winograd_outputs(const WinogradOutputTask& task) {
  constexpr int kIn = Transform::kIn, kOut = Transform::kOut;
  const Vec slope = broadcast(task.slope);
  for_lanes(task.n, [&](int64_t c, auto lanes) {
    const Vec bias = task.bias == nullptr ? zero() : lanes.read(task.bias + c);
    winograd_2d<Transform>([&](int i, int j) { return lanes.read(task.m + (i * kIn + j) * task.m_stride + c); },
                           [&](int i, int j, Vec v) {
                             if (task.bias != nullptr) v = add(v, bias);
                             v = apply_activation(v, task.activation, slope);
                             __builtin_prefetch(task.next_y[i * kOut + j] + task.y_offset + c, 1);
                             lanes.write(task.y[i * kOut + j] + task.y_offset + c, v);
                           });
  });
}

static void winograd_output(const WinogradOutputTask& task) {
  if (task.taps == 3) return winograd_outputs<WinogradOutput>(task);
  winograd_outputs<SmallWinogradOutput>(task);
}

template <class Transform>
LANEWISE_INLINE void winograd_taps(const float* weights, int64_t tap_stride, int64_t count, float* to, int64_t stride) {
  constexpr int kIn = Transform::kIn, kOut = Transform::kOut;
  for_lanes(count, [=](int64_t at, auto lanes) {
    winograd_2d<Transform>([=](int i, int j) { return lanes.read(weights + (i * kIn + j) * tap_stride + at); },
                           [=](int i, int j, Vec v) { lanes.write(to + (i * kOut + j) * stride + at, v); });
  });
}

static void winograd_weights(int taps, const float* weights, int64_t tap_stride, int64_t count, float* to,
                             int64_t stride) {
  if (taps == 3) return winograd_taps<WinogradWeights>(weights, tap_stride, count, to, stride);
  winograd_taps<SmallWinogradWeights>(weights, tap_stride, count, to, stride);
}

template <class Transform>
LANEWISE_INLINE void winograd_taps_gradient(const WinogradWeightsGradientTask& task) {
  for (int64_t row = 0; row < task.rows; ++row) {
    const float* const sums = task.sums + row * task.width;
    float* const dw = task.dw + row * task.ldw;
    for_lanes(task.n, [&](int64_t c, auto lanes) {
      winograd_2d<Transform>(
          [&](int i, int j) { return lanes.read(sums + (i * Transform::kIn + j) * task.stride + c); },
          [&](int i, int j, Vec v) { lanes.write(dw + i * task.tap_row_stride + j * task.tap_stride + c, v); });
    });
  }
}

static void winograd_weights_gradient(const WinogradWeightsGradientTask& task) {
  if (task.taps == 3) return winograd_taps_gradient<WinogradWeightsGradient>(task);
  winograd_taps_gradient<SmallWinogradWeightsGradient>(task);
}
