// Cases of batch normalisation: block counts of 1 and more, with and without a last partial block, few and many
// channels.
#include "../generated/op_table.h"
#include "op_case.h"
#include "op_reference.h"

namespace lanewise::test {
namespace {

constexpr int64_t kBlock = 256;

struct Moments {
  float mean, variance;
};

Moments moments(const float* x, int64_t rows, int64_t c) {
  float mean = 0, m2 = 0;
  for (int64_t begin = 0; begin < rows; begin += kBlock) {
    const int64_t count = std::min(kBlock, rows - begin);
    float sum = 0, squares = 0;
    for (int64_t r = begin; r < begin + count; ++r) sum += x[r * c];
    const float block_mean = sum / static_cast<float>(count);
    for (int64_t r = begin; r < begin + count; ++r) {
      const float d = x[r * c] - block_mean;
      squares = std::fmaf(d, d, squares);
    }
    if (begin == 0) {
      mean = block_mean;
      m2 = squares;
      continue;
    }
    const double na = static_cast<double>(begin), nb = static_cast<double>(count);
    const float delta = block_mean - mean;
    mean = std::fmaf(delta, static_cast<float>(nb / (na + nb)), mean);
    m2 = m2 + squares;
    m2 = std::fmaf(delta * delta, static_cast<float>(na * nb / (na + nb)), m2);
  }
  return {mean, m2 / static_cast<float>(rows)};
}

float rstd_of(float variance, float epsilon) {
  const float deviation = std::sqrt(variance + epsilon);
  return 1.0f / deviation;
}

void apply(Arrays& in, Array& y, const float* mean, const float* variance, BatchNorm2dAttrs a) {
  const int64_t c = y.channels();
  for (int64_t i = 0; i < y.count(); ++i) {
    const float xhat = (in[0].f()[i] - mean[i % c]) * rstd_of(variance[i % c], a.epsilon);
    y.f()[i] = activate(std::fmaf(xhat, in[1].f()[i % c], in[2].f()[i % c]), a.activation, a.slope);
  }
}

/// Chain of term(row) in blocks, left fold.
template <class Term>
float block_sum(int64_t rows, Term term) {
  float total = 0;
  for (int64_t begin = 0; begin < rows; begin += kBlock) {
    float sum = 0;
    for (int64_t r = begin; r < std::min(rows, begin + kBlock); ++r) sum = term(sum, r);
    total = begin == 0 ? sum : total + sum;
  }
  return total;
}

void cases_of_shape(Suite& suite, std::vector<int64_t> shape, bool wild) {
  const int64_t c = shape[3];
  const Array x = values(shape, 1, wild), dy = values(shape, 2), gamma = values({c}, 3), beta = values({c}, 4);
  const Array mean = values({c}, 5), variance = positive_values({c}, 6), vector({c});
  for (const int32_t activation : {0, 1, 2}) {
    const BatchNorm2dAttrs attrs = {1e-5f, activation, 0.1f};
    suite.run(Case{
        "batch_norm2d", &batch_norm2d_impl, {x, gamma, beta}, {x, vector, vector}, {}, [=](Arrays& in, Arrays& out) {
          for (int64_t j = 0; j < c; ++j) {
            const Moments m = moments(in[0].f() + j, in[0].rows(), c);
            out[1].f()[j] = m.mean;
            out[2].f()[j] = m.variance;
          }
          apply(in, out[0], out[1].f(), out[2].f(), attrs);
        }}.with(attrs));
    suite.run(Case{
        "batch_norm2d_inference",
        &batch_norm2d_inference_impl,
        {x, gamma, beta, mean, variance},
        {x},
        {},
        [=](Arrays& in, Arrays& out) {
          apply(in, out[0], in[3].f(), in[4].f(), attrs);
        }}.with(attrs));
  }
  const auto xhat = [c](Arrays& in, int x_at, int mean_at, int64_t i) {
    return (in[x_at].f()[i] - in[mean_at].f()[i % c]) * rstd_of(in[mean_at + 1].f()[i % c], 1e-3f);
  };
  suite.run(Case{
      "batch_norm2d_dw",
      &batch_norm2d_dw_impl,
      {dy, x, mean, variance},
      {vector, vector},
      {},
      [=](Arrays& in, Arrays& out) {
        for (int64_t j = 0; j < c; ++j) {
          out[0].f()[j] = block_sum(in[0].rows(), [&](float sum, int64_t r) {
            return std::fmaf(in[0].f()[r * c + j], xhat(in, 1, 2, r * c + j), sum);
          });
          out[1].f()[j] = block_sum(in[0].rows(), [&](float sum, int64_t r) { return sum + in[0].f()[r * c + j]; });
        }
      }}.with(BatchNorm2dDwAttrs{1e-3f}));
  Case dx{"batch_norm2d_dx",
          &batch_norm2d_dx_impl,
          {dy, x, gamma, mean, variance, beta, values({c}, 7)},
          {dy},
          {},
          [=](Arrays& in, Arrays& out) {
            const float rows = static_cast<float>(in[0].rows());
            for (int64_t i = 0; i < in[0].count(); ++i) {
              const int64_t j = i % c;
              const float k = in[2].f()[j] * rstd_of(in[4].f()[j], 1e-3f);
              const float a = in[6].f()[j] / rows, b = in[5].f()[j] / rows;
              float t = in[0].f()[i] - a;
              t = std::fmaf(-xhat(in, 1, 3, i), b, t);
              out[0].f()[i] = k * t;
            }
          }};
  dx.in_place = true;
  suite.run(dx.with(BatchNorm2dDxAttrs{1e-3f}));
  for (size_t i = 1; i < dx.inputs.size(); ++i) {
    Case wrong = dx;
    wrong.inputs[i] = values({c + 1}, 8);
    suite.refused(wrong, "input of another size");
  }
  for (const float epsilon : {0.0f, -1.0f, NAN}) suite.refused(dx.with(BatchNorm2dDxAttrs{epsilon}), "epsilon");
}

}  // namespace

void batch_norm_cases(Suite& suite) {
  for (const int64_t c : {1, 3, 6, 8, 16, 17, 20, 31, 32, 64, 100, 128, 255, 256, 300}) {
    cases_of_shape(suite, {1, 1, 1, c}, false);
    cases_of_shape(suite, {2, 5, 7, c}, true);
    cases_of_shape(suite, {1, 16, 16, c}, false);
    cases_of_shape(suite, {3, 13, 21, c}, false);
  }
  cases_of_shape(suite, {9, 29, 31, 5}, false);
  cases_of_shape(suite, {8, 33, 32, 70}, false);

  for (const int64_t c : {1, 6, 16, 17, 512}) {
    const BatchNorm2dRunningAttrs attrs = {0.1f, 1.01f};
    Case test{"batch_norm2d_running",
              &batch_norm2d_running_impl,
              {values({c}, 1), positive_values({c}, 2), values({c}, 3), positive_values({c}, 4)},
              {},
              {},
              [=](Arrays& in, Arrays&) {
                for (int64_t j = 0; j < c; ++j) {
                  float &mean = in[0].f()[j], &variance = in[1].f()[j];
                  mean = std::fmaf(attrs.momentum, in[2].f()[j] - mean, mean);
                  const float unbiased = in[3].f()[j] * attrs.unbiased;
                  variance = std::fmaf(attrs.momentum, unbiased - variance, variance);
                }
              }};
    suite.run(test.with(attrs));
    for (size_t i = 0; i < 4; ++i) {
      Case wrong = test;
      wrong.inputs[i] = values({c + 1}, 5);
      suite.refused(wrong, "input of another size");
    }
    suite.refused(test.with(BatchNorm2dRunningAttrs{1.5f, 1.0f}), "momentum above 1");
  }
}

}  // namespace lanewise::test
