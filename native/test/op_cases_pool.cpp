// Cases of pooling: strides below, at and above the window, padding, large windows (i32 positions), NaN and infinities.
#include "../generated/op_table.h"
#include "op_case.h"
#include "op_reference.h"

namespace lanewise::test {
namespace {

struct Pool {
  int64_t n, h, w, c;
  MaxPool2dAttrs a;

  int64_t oh() const { return (h + a.pad_top + a.pad_bottom - a.kernel_h) / a.stride_h + 1; }
  int64_t ow() const { return (w + a.pad_left + a.pad_right - a.kernel_w) / a.stride_w + 1; }
  DType index_dtype() const { return a.kernel_h * a.kernel_w <= 256 ? kU8 : kI32; }

  /// f(row, column, position in the window) of the elements of window (oh, ow) that exist.
  template <class F>
  void window(int64_t at_h, int64_t at_w, F f) const {
    for (int64_t r = 0; r < a.kernel_h; ++r) {
      for (int64_t s = 0; s < a.kernel_w; ++s) {
        const int64_t ih = at_h * a.stride_h - a.pad_top + r, iw = at_w * a.stride_w - a.pad_left + s;
        if (ih >= 0 && ih < h && iw >= 0 && iw < w) f(ih, iw, r * a.kernel_w + s);
      }
    }
  }

  /// f(output offset, window) for every output element.
  template <class F>
  void outputs(F f) const {
    for (int64_t i = 0; i < n * oh() * ow() * c; ++i) {
      const int64_t pixel = i / c;
      f(i, pixel / (oh() * ow()), pixel / ow() % oh(), pixel % ow(), i % c);
    }
  }

  int64_t input(int64_t image, int64_t row, int64_t column, int64_t channel) const {
    return ((image * h + row) * w + column) * c + channel;
  }
};

void set_index(Array& index, int64_t at, int64_t value) {
  if (index.tensor.dtype == kU8) {
    index.u()[at] = static_cast<uint8_t>(value);
  } else {
    index.i()[at] = static_cast<int32_t>(value);
  }
}

Case max_case(const Pool& p, bool wild) {
  const Array y({p.n, p.oh(), p.ow(), p.c}), index({p.n, p.oh(), p.ow(), p.c}, p.index_dtype());
  Array x = values({p.n, p.h, p.w, p.c}, 1, wild);
  // Few distinct values, so that there are ties.
  if (!wild) {
    for (int64_t i = 0; i < x.count(); ++i) x.f()[i] = std::round(x.f()[i] * 2);
  }
  Case test{"max_pool2d", &max_pool2d_impl, {x}, {y, index}, {}, [=](Arrays& in, Arrays& out) {
              p.outputs([&](int64_t i, int64_t image, int64_t oh, int64_t ow, int64_t channel) {
                float best = 0;
                int64_t where = -1;
                p.window(oh, ow, [&](int64_t row, int64_t column, int64_t at) {
                  const float v = in[0].f()[p.input(image, row, column, channel)];
                  if (where >= 0 && (v <= best || std::isnan(best))) return;
                  best = v;
                  where = at;
                });
                out[0].f()[i] = best;
                set_index(out[1], i, where);
              });
            }};
  return test.with(p.a);
}

/// The gradient gathers in the order of windows: every output in turn adds to its inputs.
Case max_dx_case(const Pool& p) {
  const Array dy = values({p.n, p.oh(), p.ow(), p.c}, 2, true);
  Array index({p.n, p.oh(), p.ow(), p.c}, p.index_dtype());
  fill_below(index, 3, p.a.kernel_h * p.a.kernel_w);
  Case test{"max_pool2d_dx",
            &max_pool2d_dx_impl,
            {dy, index},
            {Array({p.n, p.h, p.w, p.c})},
            {},
            [=](Arrays& in, Arrays& out) {
              p.outputs([&](int64_t i, int64_t image, int64_t oh, int64_t ow, int64_t channel) {
                const int64_t chosen = p.index_dtype() == kU8 ? in[1].u()[i] : in[1].i()[i];
                p.window(oh, ow, [&](int64_t row, int64_t column, int64_t at) {
                  if (at == chosen) out[0].f()[p.input(image, row, column, channel)] += in[0].f()[i];
                });
              });
            }};
  const auto& a = p.a;
  return test.with(MaxPool2dDxAttrs{a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.pad_top, a.pad_left, a.pad_bottom,
                                    a.pad_right, static_cast<int32_t>(p.h), static_cast<int32_t>(p.w)});
}

float divisor(const Pool& p, bool count_padding, int64_t oh, int64_t ow) {
  int64_t count = 0;
  p.window(oh, ow, [&](int64_t, int64_t, int64_t) { ++count; });
  return static_cast<float>(count_padding ? p.a.kernel_h * p.a.kernel_w : count);
}

Case avg_case(const Pool& p, bool count_padding) {
  Case test{"avg_pool2d",
            &avg_pool2d_impl,
            {values({p.n, p.h, p.w, p.c}, 4, true)},
            {Array({p.n, p.oh(), p.ow(), p.c})},
            {},
            [=](Arrays& in, Arrays& out) {
              p.outputs([&](int64_t i, int64_t image, int64_t oh, int64_t ow, int64_t channel) {
                float sum = 0;
                p.window(oh, ow, [&](int64_t row, int64_t column, int64_t) {
                  sum += in[0].f()[p.input(image, row, column, channel)];
                });
                out[0].f()[i] = sum / divisor(p, count_padding, oh, ow);
              });
            }};
  const auto& a = p.a;
  return test.with(AvgPool2dAttrs{a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.pad_top, a.pad_left, a.pad_bottom,
                                  a.pad_right, count_padding});
}

Case avg_dx_case(const Pool& p, bool count_padding) {
  Case test{"avg_pool2d_dx",
            &avg_pool2d_dx_impl,
            {values({p.n, p.oh(), p.ow(), p.c}, 5)},
            {Array({p.n, p.h, p.w, p.c})},
            {},
            [=](Arrays& in, Arrays& out) {
              p.outputs([&](int64_t i, int64_t image, int64_t oh, int64_t ow, int64_t channel) {
                const float share = in[0].f()[i] / divisor(p, count_padding, oh, ow);
                p.window(oh, ow, [&](int64_t row, int64_t column, int64_t) {
                  out[0].f()[p.input(image, row, column, channel)] += share;
                });
              });
            }};
  const auto& a = p.a;
  return test.with(AvgPool2dDxAttrs{a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.pad_top, a.pad_left, a.pad_bottom,
                                    a.pad_right, count_padding, static_cast<int32_t>(p.h), static_cast<int32_t>(p.w)});
}

void global_cases(Suite& suite, int64_t n, int64_t h, int64_t w, int64_t c) {
  const int64_t positions = h * w;
  const Array x = values({n, h, w, c}, 6, true), y({n, c}), image({n, h, w, c}), dy = values({n, c}, 7, true);
  const GlobalAvgPool2dDxAttrs size = {static_cast<int32_t>(h), static_cast<int32_t>(w)};
  suite.run({"global_avg_pool2d", &global_avg_pool2d_impl, {x}, {y}, {}, [=](Arrays& in, Arrays& out) {
               for (int64_t i = 0; i < n * c; ++i) {
                 float sum = 0;
                 for (int64_t at = 0; at < positions; ++at) sum += in[0].f()[(i / c * positions + at) * c + i % c];
                 out[0].f()[i] = sum / static_cast<float>(positions);
               }
             }});
  suite.run(Case{
      "global_avg_pool2d_dx", &global_avg_pool2d_dx_impl, {dy}, {image}, {}, [=](Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < image.count(); ++i) {
          out[0].f()[i] = in[0].f()[i / (positions * c) * c + i % c] / static_cast<float>(positions);
        }
      }}.with(size));
  Array index({n, c}, kI32);
  suite.run({"global_max_pool2d", &global_max_pool2d_impl, {x}, {y, index}, {}, [=](Arrays& in, Arrays& out) {
               for (int64_t i = 0; i < n * c; ++i) {
                 const float* from = in[0].f() + i / c * positions * c + i % c;
                 int64_t best = 0;
                 for (int64_t at = 1; at < positions; ++at) {
                   if (!(from[at * c] <= from[best * c]) && !std::isnan(from[best * c])) best = at;
                 }
                 out[0].f()[i] = from[best * c];
                 out[1].i()[i] = static_cast<int32_t>(best);
               }
             }});
  fill_below(index, 8, positions);
  index.i()[0] = -7;
  suite.run(Case{
      "global_max_pool2d_dx", &global_max_pool2d_dx_impl, {dy, index}, {image}, {}, [=](Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < n * c; ++i) {
          const int64_t at = in[1].i()[i];
          if (at >= 0) out[0].f()[(i / c * positions + at) * c + i % c] = in[0].f()[i];
        }
      }}.with(size));
}

}  // namespace

void pool_cases(Suite& suite) {
  for (const int64_t c : {1, 2, 3, 6, 8, 15, 16, 17, 33, 64}) {
    const Pool pools[] = {
        {2, 8, 8, c, {2, 2, 2, 2, 0, 0, 0, 0}},       {2, 7, 9, c, {2, 2, 2, 2, 0, 0, 0, 0}},
        {1, 7, 7, c, {3, 3, 2, 2, 1, 1, 1, 1}},       {2, 9, 8, c, {3, 3, 1, 1, 1, 1, 1, 1}},
        {1, 9, 11, c, {2, 3, 3, 4, 1, 0, 0, 2}},      {1, 6, 5, c, {3, 2, 3, 1, 2, 1, 0, 1}},
        {1, 5, 5, c, {5, 5, 5, 5, 0, 0, 0, 0}},       {2, 5, 6, c, {1, 1, 1, 1, 0, 0, 0, 0}},
        {1, 3, 3, c, {3, 3, 9, 9, 2, 2, 2, 2}},       {1, 20, 17, c, {17, 16, 2, 1, 0, 3, 4, 0}},
        {1, 1, 1, c, {2, 2, 2, 2, 1, 1, 0, 1}},       {3, 28, 28, c, {2, 2, 2, 2, 0, 0, 0, 0}},
        {1, 18, 18, c, {17, 17, 17, 17, 8, 8, 8, 8}},
    };
    for (const Pool& p : pools) {
      suite.run(max_case(p, false));
      suite.run(max_case(p, true));
      suite.run(max_dx_case(p));
      for (const bool count_padding : {false, true}) {
        suite.run(avg_case(p, count_padding));
        suite.run(avg_dx_case(p, count_padding));
      }
    }
    global_cases(suite, 2, 3, 5, c);
    global_cases(suite, 3, 1, 1, c);
    global_cases(suite, 40, 9, 9, c);
  }
  // Attributes that do not lead from x to y, or would overflow.
  const Pool good = {1, 8, 8, 3, {2, 2, 2, 2, 0, 0, 0, 0}};
  for (int word = 0; word < 8; ++word) {
    for (const int32_t value : {-1, 0, 1, 3, 9, INT32_MAX, INT32_MIN}) {
      int32_t words[8];
      std::memcpy(words, &good.a, sizeof words);
      // The division by the stride hides a window or a padding of 1.
      if ((word >= 4 && value == 0) || ((word >= 4 || word < 2) && value == 1)) continue;
      words[word] = value;
      for (Case test : {max_case(good, false), max_dx_case(good), avg_case(good, true), avg_dx_case(good, true)}) {
        std::memcpy(test.attrs.data(), words, sizeof words);
        suite.refused(test, "impossible window");
      }
    }
  }
  for (Case test : {max_dx_case(good), avg_dx_case(good, false)}) {
    int32_t word = 9;
    std::memcpy(test.attrs.data() + test.attrs.size() - 4, &word, 4);
    suite.refused(test, "in_w that is not dx's");
  }
}

}  // namespace lanewise::test
