// Cases of softmax and of softmax with cross-entropy.
#include "../generated/op_table.h"
#include "op_case.h"
#include "op_reference.h"

namespace lanewise::test {
namespace {

struct RowSum {
  float top;
  double sum;
};

/// 16 partial sums that take turns, added from left to right.
template <class F>
double sum_in_turns(int64_t k, F value) {
  double sums[16] = {};
  for (int64_t i = 0; i < k; ++i) sums[i % 16] += value(i);
  double sum = sums[0];
  for (int lane = 1; lane < 16; ++lane) sum += sums[lane];
  return sum;
}

RowSum softmax_row(const float* x, float* y, int64_t k) {
  RowSum row = {-INFINITY, 0.0};
  for (int64_t i = 0; i < k; ++i) row.top = x[i] > row.top ? x[i] : row.top;
  for (int64_t i = 0; i < k; ++i) y[i] = exp_reference(x[i] - row.top);
  row.sum = sum_in_turns(k, [=](int64_t i) { return double{y[i]}; });
  for (int64_t i = 0; i < k; ++i) y[i] = y[i] / static_cast<float>(row.sum);
  return row;
}

float target(int64_t i, int64_t label, int64_t k, double s) {
  return static_cast<float>((i == label ? 1.0 - s : 0.0) + s / static_cast<double>(k));
}

Case loss_case(const Array& logits, const Array& labels, float smoothing) {
  Case test{"softmax_cross_entropy",
            &softmax_cross_entropy_impl,
            {logits, labels, Array({1})},
            {Array({1}), logits},
            {},
            [=](Arrays& in, Arrays& out) {
              const int64_t n = in[0].dim(0), k = in[0].dim(1);
              const double s = smoothing;
              double total = 0;
              for (int64_t r = 0; r < n; ++r) {
                const float* x = in[0].f() + r * k;
                const RowSum row = softmax_row(x, out[1].f() + r * k, k);
                const double lse = log_reference(row.sum);
                const int64_t label = in[1].i()[r];
                double loss = NAN;
                if (label >= 0 && label < k) loss = (1 - s) * (lse - (x[label] - row.top));
                if (s != 0) {
                  loss += s / static_cast<double>(k) *
                          sum_in_turns(k, [=](int64_t i) { return lse - double{x[i] - row.top}; });
                }
                total += loss;
              }
              out[0].f()[0] = static_cast<float>(total / static_cast<double>(n));
            }};
  test.absent = 1 << 2;
  return test.with(SoftmaxCrossEntropyAttrs{smoothing, -100});
}

Case gradient_case(const Array& probs, const Array& labels, float dloss, float smoothing) {
  Array scale({1});
  scale.f()[0] = dloss;
  Case test{"softmax_cross_entropy_dx",
            &softmax_cross_entropy_dx_impl,
            {probs, labels, scale, Array({1})},
            {probs},
            {},
            [=](Arrays& in, Arrays& out) {
              const int64_t n = in[0].dim(0), k = in[0].dim(1);
              const float g = static_cast<float>(dloss / static_cast<double>(n));
              for (int64_t i = 0; i < n * k; ++i) {
                out[0].f()[i] = (in[0].f()[i] - target(i % k, in[1].i()[i / k], k, smoothing)) * g;
              }
            }};
  test.absent = 1 << 3;
  return test.with(SoftmaxCrossEntropyDxAttrs{smoothing, -100});
}

}  // namespace

void softmax_cases(Suite& suite) {
  for (const int64_t k : {1, 2, 3, 7, 8, 10, 15, 16, 17, 33, 100, 1000}) {
    for (const int64_t n : {1, 3, 5, 64, 200}) {
      for (const bool wild : {false, true}) {
        const Array x = values({n, k}, 1, wild);
        suite.run({"softmax", &softmax_impl, {x}, {x}, {}, [=](Arrays& in, Arrays& out) {
                     for (int64_t r = 0; r < n; ++r) softmax_row(in[0].f() + r * k, out[0].f() + r * k, k);
                   }});
        Case dx{"softmax_dx", &softmax_dx_impl, {x, values({n, k}, 2, wild)}, {x}, {}, [=](Arrays& in, Arrays& out) {
                  for (int64_t r = 0; r < n * k; r += k) {
                    const float *dy = in[0].f() + r, *y = in[1].f() + r;
                    float sum = 0;
                    for (int64_t i = 0; i < k; ++i) sum = std::fmaf(dy[i], y[i], sum);
                    for (int64_t i = 0; i < k; ++i) out[0].f()[r + i] = y[i] * (dy[i] - sum);
                  }
                }};
        dx.in_place = true;
        suite.run(dx);

        Array labels({n}, kI32);
        fill_below(labels, 3, k);
        for (const float smoothing : {0.0f, 0.1f}) {
          suite.run(loss_case(x, labels, smoothing));
          suite.run(gradient_case(values({n, k}, 4, wild), labels, 0.7f, smoothing));
        }
        if (wild) continue;
        labels.i()[n / 2] = static_cast<int32_t>(k);
        labels.i()[n - 1] = INT32_MIN;
        suite.run(loss_case(x, labels, 0.1f));
        suite.run(gradient_case(x, labels, -1.0f, 0.1f));
      }
    }
  }
  const Array x = values({4, 3}, 5);
  Array labels({5}, kI32);
  fill_below(labels, 6, 3);
  suite.refused(loss_case(x, labels, 0), "number of labels");
  suite.refused(gradient_case(x, labels, 1, 0), "number of labels");
  for (const float smoothing : {1.0f, -0.1f, NAN}) {
    Array fitting({4}, kI32);
    suite.refused(loss_case(x, fitting, smoothing), "label smoothing outside [0, 1)");
    suite.refused(gradient_case(x, fitting, 1, smoothing), "label smoothing outside [0, 1)");
  }
}

}  // namespace lanewise::test
