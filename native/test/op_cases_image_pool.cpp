// Cases of pooling that shares whole images out, global and adaptive, and of unpooling.
#include "../generated/op_table.h"
#include "op_case.h"
#include "op_reference.h"

namespace lanewise::test {
namespace {

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

void adaptive_cases(Suite& suite, int64_t n, int64_t h, int64_t w, int64_t oh, int64_t ow, int64_t c) {
  const Array x = values({n, h, w, c}, 9, true), y({n, oh, ow, c}), dy = values({n, oh, ow, c}, 10, true);
  Array index({n, oh, ow, c}, kI32);
  /// f(i, element of x, place in the image, pixels in the window) for the elements under every output i.
  const auto each = [=](const auto& f) {
    for (int64_t i = 0; i < n * oh * ow * c; ++i) {
      const int64_t image = i / c / (oh * ow), at_h = i / c / ow % oh, at_w = i / c % ow;
      const int64_t top = at_h * h / oh, bottom = ((at_h + 1) * h + oh - 1) / oh;
      const int64_t left = at_w * w / ow, right = ((at_w + 1) * w + ow - 1) / ow;
      for (int64_t row = top; row < bottom; ++row) {
        for (int64_t column = left; column < right; ++column) {
          const int64_t place = row * w + column;
          f(i, (image * h * w + place) * c + i % c, place, (bottom - top) * (right - left));
        }
      }
    }
  };
  const auto [out_h, out_w] = std::pair{static_cast<int32_t>(oh), static_cast<int32_t>(ow)};
  const auto [in_h, in_w] = std::pair{static_cast<int32_t>(h), static_cast<int32_t>(w)};
  suite.run(Case{
      "adaptive_avg_pool2d", &adaptive_avg_pool2d_impl, {x}, {y}, {}, [=](Arrays& in, Arrays& out) {
        Array counts({n, oh, ow, c});
        each([&](int64_t i, int64_t from, int64_t, int64_t pixels) {
          out[0].f()[i] += in[0].f()[from];
          counts.f()[i] = static_cast<float>(pixels);
        });
        for (int64_t i = 0; i < y.count(); ++i) out[0].f()[i] /= counts.f()[i];
      }}.with(AdaptiveAvgPool2dAttrs{out_h, out_w}));
  suite.run(Case{
      "adaptive_avg_pool2d_dx", &adaptive_avg_pool2d_dx_impl, {dy}, {x}, {}, [=](Arrays& in, Arrays& out) {
        std::fill(out[0].bytes.begin(), out[0].bytes.end(), uint8_t{0});
        each([&](int64_t i, int64_t from, int64_t, int64_t pixels) {
          out[0].f()[from] += in[0].f()[i] / static_cast<float>(pixels);
        });
      }}.with(AdaptiveAvgPool2dDxAttrs{in_h, in_w}));
  suite.run(Case{
      "adaptive_max_pool2d", &adaptive_max_pool2d_impl, {x}, {y, index}, {}, [=](Arrays& in, Arrays& out) {
        int64_t last = -1;
        each([&](int64_t i, int64_t from, int64_t place, int64_t) {
          const float best = out[0].f()[i], v = in[0].f()[from];
          if (i == last && (v <= best || std::isnan(best))) return;
          last = i;
          out[0].f()[i] = v;
          out[1].i()[i] = static_cast<int32_t>(place);
        });
      }}.with(AdaptiveMaxPool2dAttrs{out_h, out_w}));
  fill_below(index, 11, h * w);
  suite.run(Case{
      "adaptive_max_pool2d_dx", &adaptive_max_pool2d_dx_impl, {dy, index}, {x}, {}, [=](Arrays& in, Arrays& out) {
        std::fill(out[0].bytes.begin(), out[0].bytes.end(), uint8_t{0});
        each([&](int64_t i, int64_t from, int64_t place, int64_t) {
          if (in[1].i()[i] == place) out[0].f()[from] += in[0].f()[i];
        });
      }}.with(AdaptiveMaxPool2dDxAttrs{in_h, in_w}));
}

void unpool_cases(Suite& suite, int64_t n, int64_t oh, int64_t ow, int64_t h, int64_t w, int64_t c) {
  const Array x = values({n, oh, ow, c}, 12, true), whole({n, h, w, c});
  Array position({n, oh, ow, c}, kI32);
  // Beyond the image, and below 0: a position counts modulo the image.
  fill_below(position, 13, 3 * h * w);
  for (int64_t i = 0; i < position.count(); i += 5) position.i()[i] = -position.i()[i];
  const auto place = [=](Arrays& in, int64_t i) {
    const int64_t pixels = h * w, pixel = (in[1].i()[i] % pixels + pixels) % pixels;
    return (i / (oh * ow * c) * pixels + pixel) * c + i % c;
  };
  const MaxUnpool2dAttrs size = {static_cast<int32_t>(h), static_cast<int32_t>(w)};
  suite.run(Case{
      "max_unpool2d", &max_unpool2d_impl, {x, position}, {whole}, {}, [=](Arrays& in, Arrays& out) {
        for (int64_t i = 0; i < x.count(); ++i) out[0].f()[place(in, i)] += in[0].f()[i];
      }}.with(size));
  const auto fetch = [=](Arrays& in, Arrays& out) {
    for (int64_t i = 0; i < x.count(); ++i) out[0].i()[i] = in[0].i()[place(in, i)];
  };
  suite.run({"max_unpool2d_dx", &max_unpool2d_dx_impl, {values({n, h, w, c}, 14), position}, {x}, {}, fetch});
  Array numbers({n, h, w, c}, kI32);
  fill_below(numbers, 15, 1000);
  suite.run({"max_unpool2d_dx", &max_unpool2d_dx_impl, {numbers, position}, {position}, {}, fetch});
}

}  // namespace

void image_pool_cases(Suite& suite) {
  for (const int64_t c : {1, 2, 3, 6, 8, 15, 16, 17, 33, 64}) {
    global_cases(suite, 2, 3, 5, c);
    global_cases(suite, 3, 1, 1, c);
    global_cases(suite, 40, 9, 9, c);
    adaptive_cases(suite, 2, 7, 9, 3, 4, c);
    adaptive_cases(suite, 1, 2, 3, 5, 3, c);
    adaptive_cases(suite, 3, 8, 6, 4, 1, c);
    unpool_cases(suite, 2, 3, 4, 5, 7, c);
    unpool_cases(suite, 1, 2, 2, 40, 41, c);
  }
}

}  // namespace lanewise::test
