// The Winograd kernels over channels (winograd.h has their contracts): the transforms of winograd_transforms.inl along
// one axis or both. Needs lanes.inl, gemm_tile.inl and winograd_transforms.inl.

/// f(the transforms of rows, those of columns).
template <class F>
LANEWISE_INLINE void with_winograd_sides(WinogradForm form, F f) {
  switch (form) {
    case kWinograd4x3: return f(SixPoints<3>{}, SixPoints<3>{});
    case kWinograd3x2: return f(FourPoints{}, FourPoints{});
    case kWinograd5x2: return f(SixPoints<2>{}, SixPoints<2>{});
    case kWinograd4x3Line: return f(OnePoint{}, SixPoints<3>{});
  }
}

/// One vector of channels: write(i, j, value) of the two-dimensional transform of read(i, j). Down the columns first.
template <class Down, class Across, class Read, class Write>
LANEWISE_INLINE void winograd_2d(Read read, Write write) {
  Vec middle[Down::kOut][Across::kIn];
#pragma GCC unroll 6
  for (int j = 0; j < Across::kIn; ++j) {
    Vec in[Down::kIn], out[Down::kOut];
#pragma GCC unroll 6
    for (int i = 0; i < Down::kIn; ++i) in[i] = read(i, j);
    Down::run(in, out);
#pragma GCC unroll 6
    for (int i = 0; i < Down::kOut; ++i) middle[i][j] = out[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < Down::kOut; ++i) {
    Vec out[Across::kOut];
    Across::run(middle[i], out);
#pragma GCC unroll 6
    for (int j = 0; j < Across::kOut; ++j) write(i, j, out[j]);
  }
}

/// to[position * stride + c] for c < channels rounded up to whole vectors; pixels are pointers to channel 0. Meanwhile
/// the pixels of the tile after this one are on their way from memory.
template <class Down, class Across>
LANEWISE_INLINE void winograd_tile(const float* const* pixels, const float* const* next, int64_t channels, float* to,
                                   int64_t stride) {
  for_lanes(channels, [=](int64_t c, auto lanes) {
    winograd_2d<Down, Across>(
        [=](int i, int j) {
          __builtin_prefetch(next[i * Across::kIn + j] + c);
          return lanes.read(pixels[i * Across::kIn + j] + c);
        },
        [=](int i, int j, Vec v) { store(to + (i * Across::kOut + j) * stride + c, v); });
  });
}

static void winograd_input(WinogradForm form, const float* const* pixels, const float* const* next, int64_t channels,
                           float* to, int64_t stride) {
  with_winograd_sides(form, [=](auto rows, auto cols) {
    winograd_tile<typename decltype(rows)::Input, typename decltype(cols)::Input>(pixels, next, channels, to, stride);
  });
}

static void winograd_output_gradient(WinogradForm form, const float* const* pixels, const float* const* next,
                                     int64_t channels, float* to, int64_t stride) {
  with_winograd_sides(form, [=](auto rows, auto cols) {
    winograd_tile<typename decltype(rows)::OutputGradient, typename decltype(cols)::OutputGradient>(
        pixels, next, channels, to, stride);
  });
}

template <class Down, class Across>
LANEWISE_INLINE void winograd_outputs(const WinogradOutputTask& task) {
  const Vec slope = broadcast(task.slope);
  for_lanes(task.n, [&](int64_t c, auto lanes) {
    const Vec bias = task.bias == nullptr ? zero() : lanes.read(task.bias + c);
    winograd_2d<Down, Across>(
        [&](int i, int j) { return lanes.read(task.m + (i * Across::kIn + j) * task.m_stride + c); },
        [&](int i, int j, Vec v) {
          if (task.bias != nullptr) v = add(v, bias);
          v = apply_activation(v, task.activation, slope);
          __builtin_prefetch(task.next_y[i * Across::kOut + j] + task.y_offset + c, 1);
          lanes.write(task.y[i * Across::kOut + j] + task.y_offset + c, v);
        });
  });
}

static void winograd_output(const WinogradOutputTask& task) {
  with_winograd_sides(task.form, [&](auto rows, auto cols) {
    winograd_outputs<typename decltype(rows)::Output, typename decltype(cols)::Output>(task);
  });
}

template <class Down, class Across>
LANEWISE_INLINE void winograd_taps(const float* weights, int64_t tap_stride, int64_t count, float* to, int64_t stride) {
  for_lanes(count, [=](int64_t at, auto lanes) {
    winograd_2d<Down, Across>(
        [=](int i, int j) { return lanes.read(weights + (i * Across::kIn + j) * tap_stride + at); },
        [=](int i, int j, Vec v) { lanes.write(to + (i * Across::kOut + j) * stride + at, v); });
  });
}

static void winograd_weights(WinogradForm form, const float* weights, int64_t tap_stride, int64_t count, float* to,
                             int64_t stride) {
  with_winograd_sides(form, [=](auto rows, auto cols) {
    winograd_taps<typename decltype(rows)::Weights, typename decltype(cols)::Weights>(weights, tap_stride, count, to,
                                                                                      stride);
  });
}

/// kAll: no tap is beyond the task's.
template <class Down, class Across, bool kAll>
LANEWISE_INLINE void winograd_taps_gradient(const WinogradWeightsGradientTask& task) {
  for (int64_t row = 0; row < task.rows; ++row) {
    const float* const sums = task.sums + row * task.width;
    float* const dw = task.dw + row * task.ldw;
    for_lanes(task.n, [&](int64_t c, auto lanes) {
      winograd_2d<Down, Across>(
          [&](int i, int j) { return lanes.read(sums + (i * Across::kIn + j) * task.stride + c); },
          [&](int i, int j, Vec v) {
            if (!kAll && (i >= task.tap_rows || j >= task.tap_cols)) return;
            lanes.write(dw + i * task.tap_row_stride + j * task.tap_stride + c, v);
          });
    });
  }
}

static void winograd_weights_gradient(const WinogradWeightsGradientTask& task) {
  with_winograd_sides(task.form, [&](auto rows, auto cols) {
    using Down = typename decltype(rows)::WeightsGradient;
    using Across = typename decltype(cols)::WeightsGradient;
    if (task.tap_rows >= Down::kOut && task.tap_cols >= Across::kOut) {
      winograd_taps_gradient<Down, Across, true>(task);
    } else if constexpr (Across::kOut == 3) {  // only its kernels have pieces
      winograd_taps_gradient<Down, Across, false>(task);
    }
  });
}
