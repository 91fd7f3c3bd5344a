// The definition of convolution's arithmetic, one scalar operation after the other: what every kernel must equal.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace lanewise::test {

struct Conv {
  int64_t n, ih, iw, c, kh, kw, o;
  int32_t sh = 1, sw = 1, top = 0, left = 0, bottom = 0, right = 0, dh = 1, dw = 1, groups = 1;

  int64_t oh() const { return (ih + top + bottom - (kh - 1) * dh - 1) / sh + 1; }
  int64_t ow() const { return (iw + left + right - (kw - 1) * dw - 1) / sw + 1; }
  bool valid() const {
    return ih + top + bottom > (kh - 1) * dh && iw + left + right > (kw - 1) * dw && c % groups == 0 && o % groups == 0;
  }
  std::string text() const {
    char line[200];
    std::snprintf(line, sizeof line,
                  "x[%d,%d,%d,%d] w[%d,%d,%d,%d] stride %d,%d pad %d,%d,%d,%d dilation %d,%d groups %d", int(n),
                  int(ih), int(iw), int(c), int(kh), int(kw), int(c / groups), int(o), sh, sw, top, left, bottom, right,
                  dh, dw, groups);
    return line;
  }
};

/// Visits every (output pixel, tap) whose input lies inside x, in the order of the definition.
template <class F>
void each_tap(const Conv& s, F f) {
  for (int64_t image = 0; image < s.n; ++image) {
    for (int64_t oh = 0; oh < s.oh(); ++oh) {
      for (int64_t ow = 0; ow < s.ow(); ++ow) {
        for (int64_t r = 0; r < s.kh; ++r) {
          for (int64_t t = 0; t < s.kw; ++t) {
            const int64_t ih = oh * s.sh - s.top + r * s.dh;
            const int64_t iw = ow * s.sw - s.left + t * s.dw;
            if (ih < 0 || ih >= s.ih || iw < 0 || iw >= s.iw) continue;
            f((image * s.ih + ih) * s.iw + iw, (image * s.oh() + oh) * s.ow() + ow, r * s.kw + t);
          }
        }
      }
    }
  }
}

inline float activate(float v, int activation, float slope) {
  if (activation == 1) return v < 0 ? 0 : v;
  if (activation == 2) return v < 0 ? v * slope : v;
  return v;
}

inline void reference_forward(const Conv& s, const float* x, const float* w, const float* b, int activation,
                              float slope, float* y) {
  const int64_t cg = s.c / s.groups, og = s.o / s.groups, pixels = s.n * s.oh() * s.ow();
  std::memset(y, 0, static_cast<size_t>(pixels * s.o) * 4);
  each_tap(s, [&](int64_t in, int64_t out, int64_t tap) {
    for (int64_t o = 0; o < s.o; ++o) {
      float& acc = y[out * s.o + o];
      for (int64_t k = 0; k < cg; ++k) acc = std::fmaf(x[in * s.c + o / og * cg + k], w[(tap * cg + k) * s.o + o], acc);
    }
  });
  for (int64_t i = 0; i < pixels * s.o; ++i) {
    y[i] = activate(b == nullptr ? y[i] : y[i] + b[i % s.o], activation, slope);
  }
}

inline void reference_dx(const Conv& s, const float* dy, const float* w, const float* b, int activation, float slope,
                         float* dx) {
  const int64_t cg = s.c / s.groups, og = s.o / s.groups;
  for (int64_t image = 0; image < s.n; ++image) {
    for (int64_t ih = 0; ih < s.ih; ++ih) {
      for (int64_t iw = 0; iw < s.iw; ++iw) {
        for (int64_t c = 0; c < s.c; ++c) {
          float acc = 0;
          for (int64_t r = 0; r < s.kh; ++r) {
            for (int64_t t = 0; t < s.kw; ++t) {
              const int64_t oh = ih + s.top - r * s.dh, ow = iw + s.left - t * s.dw;
              if (oh < 0 || ow < 0 || oh % s.sh != 0 || ow % s.sw != 0) continue;
              if (oh / s.sh >= s.oh() || ow / s.sw >= s.ow()) continue;
              const int64_t pixel = (image * s.oh() + oh / s.sh) * s.ow() + ow / s.sw;
              for (int64_t o = c / cg * og; o < (c / cg + 1) * og; ++o) {
                acc = std::fmaf(dy[pixel * s.o + o], w[((r * s.kw + t) * cg + c % cg) * s.o + o], acc);
              }
            }
          }
          const float sum = b == nullptr ? acc : acc + b[c];
          dx[((image * s.ih + ih) * s.iw + iw) * s.c + c] = activate(sum, activation, slope);
        }
      }
    }
  }
}

inline void reference_dw(const Conv& s, const float* x, const float* dy, float* dw) {
  const int64_t cg = s.c / s.groups, og = s.o / s.groups, count = s.kh * s.kw * cg * s.o;
  const int64_t segment = s.ow() < 1024 ? s.ow() : 1024;
  const int64_t per_row = (s.ow() + 1023) / 1024;
  const int64_t per_block = 1024 / segment > 1 ? 1024 / segment : 1;
  std::vector<float> block(static_cast<size_t>(count));
  int64_t current = -1;
  std::memset(dw, 0, static_cast<size_t>(count) * 4);
  const auto flush = [&](int64_t next) {
    if (current >= 0) {
      for (int64_t i = 0; i < count; ++i) dw[i] = current == 0 ? block[size_t(i)] : dw[i] + block[size_t(i)];
    }
    block.assign(block.size(), 0.0f);
    current = next;
  };
  // A block that only sees padding still adds its zeros, which changes nothing.
  each_tap(s, [&](int64_t in, int64_t out, int64_t tap) {
    const int64_t index = (out / s.ow() * per_row + out % s.ow() / 1024) / per_block;
    if (index != current) flush(index);
    for (int64_t k = 0; k < cg; ++k) {
      for (int64_t o = 0; o < s.o; ++o) {
        float& acc = block[size_t((tap * cg + k) * s.o + o)];
        acc = std::fmaf(x[in * s.c + o / og * cg + k], dy[out * s.o + o], acc);
      }
    }
  });
  flush(-1);
}

}  // namespace lanewise::test
