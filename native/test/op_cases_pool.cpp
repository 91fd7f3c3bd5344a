// Cases of pooling: strides below, at and above the window, padding, dilation, large windows (i32 positions), NaN and
// infinities.
#include "../generated/op_table.h"
#include "op_case.h"
#include "op_reference.h"

namespace lanewise::test {
namespace {

struct Pool {
  int64_t n, h, w, c;
  MaxPool2dAttrs a;

  int64_t oh() const { return (h + a.pad_top + a.pad_bottom - (a.kernel_h - 1) * a.dilation_h - 1) / a.stride_h + 1; }
  int64_t ow() const { return (w + a.pad_left + a.pad_right - (a.kernel_w - 1) * a.dilation_w - 1) / a.stride_w + 1; }
  DType index_dtype() const { return a.kernel_h * a.kernel_w <= 256 ? kU8 : kI32; }

  /// f(row, column, position in the window) of the elements of window (oh, ow) that exist.
  template <class F>
  void window(int64_t at_h, int64_t at_w, F f) const {
    for (int64_t r = 0; r < a.kernel_h; ++r) {
      for (int64_t s = 0; s < a.kernel_w; ++s) {
        const int64_t ih = at_h * a.stride_h - a.pad_top + r * a.dilation_h;
        const int64_t iw = at_w * a.stride_w - a.pad_left + s * a.dilation_w;
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
                                    a.pad_right, a.dilation_h, a.dilation_w, static_cast<int32_t>(p.h),
                                    static_cast<int32_t>(p.w)});
}

/// How averages count; as many of the last rows and columns of padding as there are up to `ceil` never do.
struct Counting {
  int32_t count_padding, ceil, divisor;

  int32_t bottom(const Pool& p) const { return std::min(ceil, p.a.pad_bottom); }
  int32_t right(const Pool& p) const { return std::min(ceil, p.a.pad_right); }
};

float divisor(const Pool& p, const Counting& counting, int64_t oh, int64_t ow) {
  if (counting.divisor != 0) return static_cast<float>(counting.divisor);
  int64_t count = 0;
  const auto& a = p.a;
  for (int64_t r = 0; r < a.kernel_h; ++r) {
    for (int64_t s = 0; s < a.kernel_w; ++s) {
      const int64_t ih = oh * a.stride_h - a.pad_top + r * a.dilation_h;
      const int64_t iw = ow * a.stride_w - a.pad_left + s * a.dilation_w;
      const bool inside = ih >= 0 && ih < p.h && iw >= 0 && iw < p.w;
      const bool counts = ih < p.h + a.pad_bottom - counting.bottom(p) && iw < p.w + a.pad_right - counting.right(p);
      count += counting.count_padding ? counts : inside;
    }
  }
  return static_cast<float>(count);
}

Case avg_case(const Pool& p, Counting counting) {
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
                out[0].f()[i] = sum / divisor(p, counting, oh, ow);
              });
            }};
  const auto& a = p.a;
  return test.with(AvgPool2dAttrs{a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.pad_top, a.pad_left, a.pad_bottom,
                                  a.pad_right, a.dilation_h, a.dilation_w, counting.count_padding, counting.bottom(p),
                                  counting.right(p), counting.divisor});
}

Case avg_dx_case(const Pool& p, Counting counting) {
  Case test{"avg_pool2d_dx",
            &avg_pool2d_dx_impl,
            {values({p.n, p.oh(), p.ow(), p.c}, 5)},
            {Array({p.n, p.h, p.w, p.c})},
            {},
            [=](Arrays& in, Arrays& out) {
              p.outputs([&](int64_t i, int64_t image, int64_t oh, int64_t ow, int64_t channel) {
                const float share = in[0].f()[i] / divisor(p, counting, oh, ow);
                p.window(oh, ow, [&](int64_t row, int64_t column, int64_t) {
                  out[0].f()[p.input(image, row, column, channel)] += share;
                });
              });
            }};
  const auto& a = p.a;
  return test.with(AvgPool2dDxAttrs{a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.pad_top, a.pad_left, a.pad_bottom,
                                    a.pad_right, a.dilation_h, a.dilation_w, counting.count_padding, counting.bottom(p),
                                    counting.right(p), counting.divisor, static_cast<int32_t>(p.h),
                                    static_cast<int32_t>(p.w)});
}

/// Images are slices of volumes of `depth`.
Case position_case(const Pool& p, int32_t depth) {
  Array index({p.n, p.oh(), p.ow(), p.c}, p.index_dtype());
  fill_below(index, 16, p.a.kernel_h * p.a.kernel_w);
  const Array position({p.n, p.oh(), p.ow(), p.c}, kI32);
  const auto [h, w, c] = std::tuple{static_cast<int32_t>(p.h), static_cast<int32_t>(p.w), static_cast<int32_t>(p.c)};
  const auto& a = p.a;
  const MaxPool2dPositionAttrs attrs = {a.kernel_h,
                                        a.kernel_w,
                                        a.stride_h,
                                        a.stride_w,
                                        a.pad_top,
                                        a.pad_left,
                                        a.pad_bottom,
                                        a.pad_right,
                                        a.dilation_h,
                                        a.dilation_w,
                                        h,
                                        w,
                                        depth,
                                        c * depth * h * w,
                                        h * w,
                                        w,
                                        1,
                                        depth * h * w};
  return Case{"max_pool2d_position",
              &max_pool2d_position_impl,
              {index},
              {position},
              {},
              [=](Arrays& in, Arrays& out) {
                p.outputs([&](int64_t i, int64_t image, int64_t oh, int64_t ow, int64_t channel) {
                  const int64_t tap = p.index_dtype() == kU8 ? in[0].u()[i] : in[0].i()[i];
                  const int64_t ih = oh * a.stride_h - a.pad_top + tap / a.kernel_w * a.dilation_h;
                  const int64_t iw = ow * a.stride_w - a.pad_left + tap % a.kernel_w * a.dilation_w;
                  const int64_t slice = (image / depth * p.c + channel) * depth + image % depth;
                  out[0].i()[i] = static_cast<int32_t>((slice * p.h + ih) * p.w + iw);
                });
              }}
      .with(attrs);
}

}  // namespace

void pool_cases(Suite& suite) {
  for (const int64_t c : {1, 2, 3, 6, 8, 15, 16, 17, 33, 64}) {
    const Pool pools[] = {
        {2, 8, 8, c, {2, 2, 2, 2, 0, 0, 0, 0, 1, 1}},       {2, 7, 9, c, {2, 2, 2, 2, 0, 0, 0, 0, 1, 1}},
        {1, 7, 7, c, {3, 3, 2, 2, 1, 1, 1, 1, 1, 1}},       {2, 9, 8, c, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}},
        {1, 9, 11, c, {2, 3, 3, 4, 1, 0, 0, 2, 1, 1}},      {1, 6, 5, c, {3, 2, 3, 1, 2, 1, 0, 1, 1, 1}},
        {1, 5, 5, c, {5, 5, 5, 5, 0, 0, 0, 0, 1, 1}},       {2, 5, 6, c, {1, 1, 1, 1, 0, 0, 0, 0, 7, 7}},
        {1, 3, 3, c, {3, 3, 9, 9, 2, 2, 2, 2, 1, 1}},       {1, 20, 17, c, {17, 16, 2, 1, 0, 3, 4, 0, 1, 1}},
        {1, 1, 1, c, {2, 2, 2, 2, 1, 1, 0, 1, 1, 1}},       {3, 28, 28, c, {2, 2, 2, 2, 0, 0, 0, 0, 1, 1}},
        {1, 18, 18, c, {17, 17, 17, 17, 8, 8, 8, 8, 1, 1}}, {2, 9, 8, c, {2, 3, 1, 1, 1, 2, 1, 0, 2, 3}},
        {1, 10, 9, c, {2, 2, 2, 2, 2, 3, 1, 1, 3, 4}},      {1, 11, 12, c, {3, 2, 2, 6, 3, 0, 3, 1, 4, 4}},
        {2, 8, 8, c, {2, 2, 2, 2, 0, 0, 0, 0, 2, 2}},
    };
    for (const Pool& p : pools) {
      suite.run(max_case(p, false));
      suite.run(max_case(p, true));
      suite.run(max_dx_case(p));
      suite.run(position_case(p, 1));
      for (const Counting& counting : {Counting{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {1, 0, 5}}) {
        suite.run(avg_case(p, counting));
        suite.run(avg_dx_case(p, counting));
      }
    }
    suite.run(position_case({6, 5, 6, c, {2, 3, 2, 1, 1, 1, 0, 1, 1, 2}}, 3));
  }
  for (const int64_t c : {16, 20}) {  // rows that vectors fit, and others
    for (const Pool& p :
         {Pool{2, 363, 363, c, {3, 3, 2, 2, 1, 1, 1, 1, 1, 1}}, Pool{2, 364, 364, c, {2, 2, 2, 2, 0, 0, 0, 0, 1, 1}}}) {
      suite.compare(max_dx_case(p));
      suite.compare(avg_dx_case(p, {1, 0, 0}));
    }
  }
  // Attributes that do not lead from x to y, or would overflow.
  const Pool good = {1, 8, 8, 3, {2, 2, 2, 2, 0, 0, 0, 0, 1, 1}};
  for (int word = 0; word < 10; ++word) {
    for (const int32_t value : {-1, 0, 1, 3, 9, INT32_MAX, INT32_MIN}) {
      int32_t words[10];
      std::memcpy(words, &good.a, sizeof words);
      // The division by the stride hides a window, a padding or a dilation of 1 or 2.
      if ((word >= 4 && word < 8 && value == 0) || ((word >= 4 || word < 2) && value == 1)) continue;
      words[word] = value;
      for (Case test : {max_case(good, false), max_dx_case(good), avg_case(good, {1, 0, 0}),
                        avg_dx_case(good, {1, 0, 0}), position_case(good, 1)}) {
        std::memcpy(test.attrs.data(), words, sizeof words);
        suite.refused(test, "impossible window");
      }
    }
  }
  for (Case test : {max_dx_case(good), avg_dx_case(good, {0, 0, 0})}) {
    int32_t word = 9;
    std::memcpy(test.attrs.data() + test.attrs.size() - 4, &word, 4);
    suite.refused(test, "in_w that is not dx's");
  }
  // Taps 4 apart over 2 rows: the first window has one before them and one behind.
  suite.refused(max_case({1, 2, 8, 3, {2, 2, 4, 2, 2, 0, 2, 0, 4, 1}}, false), "a window without elements");
  const Pool padded = {1, 8, 8, 3, {3, 3, 2, 2, 1, 1, 1, 1, 1, 1}};
  for (const auto& [word, value] :
       {std::pair{10, 2}, {11, -1}, {11, 2}, {12, 2}, {12, -1}, {13, -1}, {13, INT32_MAX}}) {
    for (Case test : {avg_case(padded, {1, 1, 0}), avg_dx_case(padded, {1, 1, 0})}) {
      std::memcpy(test.attrs.data() + word * 4, &value, 4);
      suite.refused(test, "counting that makes no sense");
    }
  }
  for (const auto& [word, value] : {std::pair{12, 0}, {12, 2}, {13, -1}, {15, INT32_MAX}, {17, INT32_MAX / 2}}) {
    Case test = position_case(good, 1);
    std::memcpy(test.attrs.data() + word * 4, &value, 4);
    suite.refused(test, "steps that make no sense");
  }
}

}  // namespace lanewise::test
