// The transforms of Winograd's F(4, 3) and F(5, 2) at the points 0, +-5/8, +-3/2 and infinity, and of F(3, 2) at 0, +-1
// and infinity. Fixed sequences of operations, so the bits depend on nothing else.
//
// Along one axis, m outputs y[i] = sum over k < r of d[i + k] g[k] come from a product of polynomials (Toom-Cook),
// which is evaluated at m + r - 1 points p, multiplied there and interpolated: y = A^T [(G g) * (B^T d)], * being
// elementwise. For F(4, 3)
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
// F(5, 2) has the same B^T, the first two columns of G (and a last row of 0 1), and in A^T a row of p^4 more, which has
// the 1 at infinity. For F(3, 2), with the sign of the point 0 moved from G to B^T:
//
//   B^T   1  0 -1  0     G     1     0     A^T   1  1  1  0
//         0  1  1  0         1/2   1/2           0  1 -1  0
//         0 -1  1  0         1/2  -1/2           0  1  1  1
//         0 -1  0  1           0     1
//
// The last output alone needs the point at infinity: a tile without it needs one position less along the axis.
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

/// A^T: products to outputs, 12 operations for 4, 15 for 5.
template <int kTaps>
struct WinogradOutput {
  static constexpr int kIn = 6, kOut = 7 - kTaps;
  LANEWISE_INLINE void run(const Vec* m, Vec* y) {
    const Vec sum_a = add(m[1], m[2]);
    const Vec difference_a = sub(m[1], m[2]);
    const Vec sum_b = add(m[3], m[4]);
    const Vec difference_b = sub(m[3], m[4]);
    y[0] = add(add(m[0], sum_a), sum_b);
    y[1] = fma(broadcast(1.5f), difference_b, mul(broadcast(0.625f), difference_a));
    y[2] = fma(broadcast(2.25f), sum_b, mul(broadcast(0.390625f), sum_a));
    if constexpr (kTaps == 3) {
      y[3] = fma(broadcast(3.375f), difference_b, fma(broadcast(0.244140625f), difference_a, m[5]));
    } else {
      y[3] = fma(broadcast(3.375f), difference_b, mul(broadcast(0.244140625f), difference_a));
      y[4] = fma(broadcast(5.0625f), sum_b, fma(broadcast(0.152587890625f), sum_a, m[5]));
    }
  }
};

/// A: the gradient of a tile of outputs, 8 operations for 4, 10 for 5.
template <int kTaps>
struct WinogradOutputGradient {
  static constexpr int kIn = 7 - kTaps, kOut = 6;
  LANEWISE_INLINE void run(const Vec* dy, Vec* z) {
    Vec even_a = fma(broadcast(0.390625f), dy[2], dy[0]);
    const Vec odd_a = fma(broadcast(0.390625f), dy[3], dy[1]);
    Vec even_b = fma(broadcast(2.25f), dy[2], dy[0]);
    const Vec odd_b = fma(broadcast(2.25f), dy[3], dy[1]);
    if constexpr (kTaps == 2) {
      even_a = fma(broadcast(0.152587890625f), dy[4], even_a);
      even_b = fma(broadcast(5.0625f), dy[4], even_b);
    }
    z[0] = dy[0];
    z[1] = fma(broadcast(0.625f), odd_a, even_a);
    z[2] = fma(broadcast(-0.625f), odd_a, even_a);
    z[3] = fma(broadcast(1.5f), odd_b, even_b);
    z[4] = fma(broadcast(-1.5f), odd_b, even_b);
    z[5] = dy[kIn - 1];
  }
};

/// G: the taps, 11 operations for 3, 9 for 2.
template <int kTaps>
struct WinogradWeights {
  static constexpr int kIn = kTaps, kOut = 6;
  LANEWISE_INLINE void run(const Vec* g, Vec* u) {
    Vec even_a = mul(broadcast(-2048.0f / 2975), g[0]);
    Vec even_b = mul(broadcast(128.0f / 1071), g[0]);
    if constexpr (kTaps == 3) {
      even_a = fma(broadcast(-32.0f / 119), g[2], even_a);
      even_b = fma(broadcast(32.0f / 119), g[2], even_b);
    }
    const Vec odd_a = mul(broadcast(-256.0f / 595), g[1]);
    const Vec odd_b = mul(broadcast(64.0f / 357), g[1]);
    u[0] = mul(broadcast(256.0f / 225), g[0]);
    u[1] = add(even_a, odd_a);
    u[2] = sub(even_a, odd_a);
    u[3] = add(even_b, odd_b);
    u[4] = sub(even_b, odd_b);
    u[5] = g[kTaps - 1];
  }
};

/// G^T: sums over tiles to the gradient of the taps, 11 operations for 3, 9 for 2.
template <int kTaps>
struct WinogradWeightsGradient {
  static constexpr int kIn = 6, kOut = kTaps;
  LANEWISE_INLINE void run(const Vec* s, Vec* dg) {
    const Vec sum_a = add(s[1], s[2]);
    const Vec difference_a = sub(s[1], s[2]);
    const Vec sum_b = add(s[3], s[4]);
    const Vec difference_b = sub(s[3], s[4]);
    dg[0] = fma(broadcast(256.0f / 225), s[0],
                fma(broadcast(-2048.0f / 2975), sum_a, mul(broadcast(128.0f / 1071), sum_b)));
    if constexpr (kTaps == 3) {
      dg[1] = fma(broadcast(-256.0f / 595), difference_a, mul(broadcast(64.0f / 357), difference_b));
      dg[2] = fma(broadcast(32.0f / 119), sub(sum_b, sum_a), s[5]);
    } else {
      dg[1] = fma(broadcast(-256.0f / 595), difference_a, fma(broadcast(64.0f / 357), difference_b, s[5]));
    }
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

/// Nothing along this axis.
struct WinogradNone {
  static constexpr int kIn = 1, kOut = 1;
  LANEWISE_INLINE void run(const Vec* from, Vec* to) { to[0] = from[0]; }
};

/// The transforms of an axis.
template <int kTaps>
struct SixPoints {
  using Input = WinogradInput;
  using Output = WinogradOutput<kTaps>;
  using OutputGradient = WinogradOutputGradient<kTaps>;
  using Weights = WinogradWeights<kTaps>;
  using WeightsGradient = WinogradWeightsGradient<kTaps>;
};

struct FourPoints {
  using Input = SmallWinogradInput;
  using Output = SmallWinogradOutput;
  using OutputGradient = SmallWinogradOutputGradient;
  using Weights = SmallWinogradWeights;
  using WeightsGradient = SmallWinogradWeightsGradient;
};

struct OnePoint {
  using Input = WinogradNone;
  using Output = WinogradNone;
  using OutputGradient = WinogradNone;
  using Weights = WinogradNone;
  using WeightsGradient = WinogradNone;
};
