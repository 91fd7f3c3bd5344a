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

void apply(Arrays& in, Array& y, const float* mean, const float* variance, BatchNorm2dAttrs a,
           const float* residual = nullptr) {
  const int64_t c = y.channels();
  for (int64_t i = 0; i < y.count(); ++i) {
    const float xhat = (in[0].f()[i] - mean[i % c]) * rstd_of(variance[i % c], a.epsilon);
    const float value = std::fmaf(xhat, in[1].f()[i % c], in[2].f()[i % c]);
    y.f()[i] = activate(residual == nullptr ? value : value + residual[i], a.activation, a.slope);
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

float xhat_at(Arrays& in, int64_t i) {
  const int64_t j = i % in[1].channels();
  return (in[1].f()[i] - in[4].f()[j]) * rstd_of(in[5].f()[j], 1e-3f);
}

/// dy through the gradient of the activation, from the result that the forward pass would have given.
float gradient_at(Arrays& in, int64_t i, int32_t activation, float slope) {
  const int64_t j = i % in[1].channels();
  const float y = activate(std::fmaf(xhat_at(in, i), in[2].f()[j], in[3].f()[j]), activation, slope);
  const float dy = in[0].f()[i];
  if (activation == 1) return y <= 0 ? 0.0f : dy;
  return activation == 2 && y < 0 ? dy * slope : dy;
}

/// `given` is dy, x, gamma, beta, mean, variance.
Case dx_case(const Arrays& given, int32_t activation) {
  const int64_t c = given[2].count();
  const float slope = activation == 2 ? 0.25f : 0.0f;
  Case dx{"batch_norm2d_dx", &batch_norm2d_dx_impl, given, {given[0]}, {}, [=](Arrays& in, Arrays& out) {
            const float rows = static_cast<float>(in[0].rows());
            for (int64_t i = 0; i < in[0].count(); ++i) {
              const int64_t j = i % c;
              const float k = in[2].f()[j] * rstd_of(in[5].f()[j], 1e-3f);
              const float a = in[7].f()[j] / rows, b = in[6].f()[j] / rows;
              float t = gradient_at(in, i, activation, slope) - a;
              t = std::fmaf(-xhat_at(in, i), b, t);
              out[0].f()[i] = k * t;
            }
          }};
  dx.inputs.push_back(values({c}, 8));
  dx.inputs.push_back(values({c}, 7));
  dx.in_place = true;
  return dx.with(BatchNorm2dDxAttrs{1e-3f, activation, slope});
}

/// The same.
void gradient_cases(Suite& suite, const Arrays& given, int32_t activation) {
  const int64_t c = given[2].count();
  const float slope = activation == 2 ? 0.25f : 0.0f;
  suite.run(Case{
      "batch_norm2d_dw", &batch_norm2d_dw_impl, given, {Array({c}), Array({c})}, {}, [=](Arrays& in, Arrays& out) {
        const auto g = [&](int64_t i) { return gradient_at(in, i, activation, slope); };
        for (int64_t j = 0; j < c; ++j) {
          const int64_t rows = in[0].rows();
          out[0].f()[j] = block_sum(
              rows, [&](float sum, int64_t r) { return std::fmaf(g(r * c + j), xhat_at(in, r * c + j), sum); });
          out[1].f()[j] = block_sum(rows, [&](float sum, int64_t r) { return sum + g(r * c + j); });
        }
      }}.with(BatchNorm2dDwAttrs{1e-3f, activation, slope}));
  const Case dx = dx_case(given, activation);
  suite.run(dx);
  for (size_t i = 1; i < dx.inputs.size(); ++i) {
    Case wrong = dx;
    wrong.inputs[i] = values({c + 1}, 8);
    suite.refused(wrong, "input of another size");
  }
  for (const float epsilon : {0.0f, -1.0f, NAN})
    suite.refused(Case(dx).with(BatchNorm2dDxAttrs{epsilon, 0, 0}), "epsilon");
  suite.refused(Case(dx).with(BatchNorm2dDxAttrs{1e-3f, 3, 0}), "activation 3");
  suite.refused(Case(dx).with(BatchNorm2dDxAttrs{1e-3f, 2, 0}), "activation without a slope");
}

/// Weights of `rows` rows, with the statistics of their c output channels.
void fold_cases(Suite& suite, int64_t rows, int64_t c) {
  for (const bool bias : {false, true}) {
    Case test{
        "batch_norm2d_fold",
        &batch_norm2d_fold_impl,
        {values({rows, c}, 1), values({c}, 2), values({c}, 3), values({c}, 4), positive_values({c}, 5), values({c}, 6)},
        {Array({rows, c}), Array({c})},
        {},
        [=](Arrays& in, Arrays& out) {
          for (int64_t j = 0; j < c; ++j) {
            const float scale = rstd_of(in[4].f()[j], 1e-3f) * in[1].f()[j];
            const float centre = bias ? in[5].f()[j] - in[3].f()[j] : -in[3].f()[j];
            out[1].f()[j] = std::fmaf(centre, scale, in[2].f()[j]);
            for (int64_t r = 0; r < rows; ++r) out[0].f()[r * c + j] = in[0].f()[r * c + j] * scale;
          }
        }};
    test.absent = bias ? 0 : 1 << 5;
    test.with(BatchNorm2dFoldAttrs{1e-3f});
    suite.run(test);
    for (size_t i = 1; i < (bias ? 6 : 5); ++i) {
      Case wrong = test;
      wrong.inputs[i] = values({c + 1}, 8);
      suite.refused(wrong, "vector of another size");
    }
    for (const float epsilon : {0.0f, -1.0f, NAN}) suite.refused(test.with(BatchNorm2dFoldAttrs{epsilon}), "epsilon");
  }
}

/// `given` is x, gamma, beta and the residual, which is `added` or left out.
Case forward_case(const Arrays& given, const BatchNorm2dAttrs& attrs, bool added) {
  const int64_t c = given[1].count();
  const Array vector({c});
  Case test{"batch_norm2d", &batch_norm2d_impl, given, {given[0], vector, vector}, {}, [=](Arrays& in, Arrays& out) {
              for (int64_t j = 0; j < c; ++j) {
                const Moments m = moments(in[0].f() + j, in[0].rows(), c);
                out[1].f()[j] = m.mean;
                out[2].f()[j] = m.variance;
              }
              apply(in, out[0], out[1].f(), out[2].f(), attrs, added ? in[3].f() : nullptr);
            }};
  test.absent = added ? 0 : 1 << 3;
  return test.with(attrs);
}

void cases_of_shape(Suite& suite, std::vector<int64_t> shape, bool wild) {
  const int64_t c = shape[3];
  const Array x = values(shape, 1, wild), dy = values(shape, 2), gamma = values({c}, 3), beta = values({c}, 4);
  const Array mean = values({c}, 5), variance = positive_values({c}, 6);
  for (const int32_t activation : {0, 1, 2}) {
    const BatchNorm2dAttrs attrs = {1e-5f, activation, 0.1f};
    for (const bool added : {false, true}) {
      suite.run(forward_case({x, gamma, beta, values(shape, 9, wild)}, attrs, added));
    }
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
  for (const int32_t activation : {0, 1, 2}) gradient_cases(suite, {dy, x, gamma, beta, mean, variance}, activation);
}

}  // namespace

void batch_norm_cases(Suite& suite) {
  for (const int64_t c : {1, 3, 6, 8, 16, 17, 20, 31, 32, 64, 100, 128, 255, 256, 300}) {
    cases_of_shape(suite, {1, 1, 1, c}, false);
    cases_of_shape(suite, {2, 5, 7, c}, true);
    cases_of_shape(suite, {1, 16, 16, c}, false);
    cases_of_shape(suite, {3, 13, 21, c}, false);
  }
  for (const int64_t c : {1, 6, 16, 37, 256}) {
    for (const int64_t rows : {1, 9, 130, 600}) fold_cases(suite, rows, c);
  }
  Case residual{"batch_norm2d",
                &batch_norm2d_impl,
                {values({2, 3, 4, 5}, 1), values({5}, 2), values({5}, 3), values({2, 3, 4, 6}, 4)},
                {Array({2, 3, 4, 5}), Array({5}), Array({5})},
                {},
                {}};
  suite.refused(residual.with(BatchNorm2dAttrs{1e-3f, 0, 0}), "residual of another size");
  // Arguments of the activation that are denormal: times the slope they vanish, and the result is 0 instead of
  // negative.
  Arrays tiny = {values({2, 5, 7, 20}, 1), values({2, 5, 7, 20}, 2), values({20}, 3),
                 values({20}, 4),          values({20}, 5),          positive_values({20}, 6)};
  std::fill_n(tiny[2].f(), 20, 1e-45f);
  std::fill_n(tiny[3].f(), 20, 0.0f);
  gradient_cases(suite, tiny, 2);
  for (const int64_t c : {16, 17}) {  // rows that vectors fit, and others
    const std::vector<int64_t> shape = {2, 363, 363, c};
    const Array x = values(shape, 1), gamma = values({c}, 3), beta = values({c}, 4);
    suite.compare(forward_case({x, gamma, beta, values({1, 1, 1, c}, 9)}, {1e-5f, 1, 0}, false));
    suite.compare(dx_case({values(shape, 2), x, gamma, beta, values({c}, 5), positive_values({c}, 6)}, 1));
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
