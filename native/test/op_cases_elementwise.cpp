// Cases of the elementwise ops: activations, add, bias_add, normalize, fill, guard_finite, count_correct, dropout.
#include "../generated/op_table.h"
#include "op_case.h"
#include "op_reference.h"

namespace lanewise::test {
namespace {

/// Around every vector length, and around the sizes at which work is split.
constexpr int64_t kSizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1023, 16384, 16385, 50003};

using Unary = float (*)(float x, float slope);
using Binary = float (*)(float dy, float y, float slope);

struct Activation {
  const char* name;
  const OpImpl *forward, *backward;
  Unary value;
  Binary gradient;
};

const Activation kActivations[] = {
    {"relu", &relu_impl, &relu_dx_impl, [](float x, float) { return x < 0 ? 0.0f : x; },
     [](float dy, float y, float) { return y <= 0 ? 0.0f : dy; }},
    {"leaky_relu", &leaky_relu_impl, &leaky_relu_dx_impl, [](float x, float slope) { return x < 0 ? x * slope : x; },
     [](float dy, float y, float slope) { return y < 0 ? dy * slope : dy; }},
    {"sigmoid", &sigmoid_impl, &sigmoid_dx_impl, [](float x, float) { return sigmoid_reference(x); },
     [](float dy, float y, float) { return dy * (y * (1.0f - y)); }},
    {"tanh", &tanh_impl, &tanh_dx_impl, [](float x, float) { return tanh_reference(x); },
     [](float dy, float y, float) { return dy * std::fmaf(-y, y, 1.0f); }},
};

Case unary_case(const Activation& a, Array x, float slope) {
  const Array y(std::vector<int64_t>(x.tensor.dims, x.tensor.dims + x.tensor.rank));
  Case test{a.name, a.forward, {x}, {y}, {}, [=](Arrays& in, Arrays& out) {
              for (int64_t i = 0; i < in[0].count(); ++i) out[0].f()[i] = a.value(in[0].f()[i], slope);
            }};
  test.in_place = true;
  return test.with(slope);
}

Case binary_case(const Activation& a, Array dy, Array y, float slope) {
  Case test{std::string(a.name) + "_dx", a.backward, {dy, y}, {dy}, {}, [=](Arrays& in, Arrays& out) {
              for (int64_t i = 0; i < in[0].count(); ++i) {
                out[0].f()[i] = a.gradient(in[0].f()[i], in[1].f()[i], slope);
              }
            }};
  test.in_place = true;
  return test.with(slope);
}

/// In blocks of 256 rows.
void sum_columns(Array& x, Array& sums) {
  const int64_t rows = x.rows(), c = x.channels();
  for (int64_t j = 0; j < c; ++j) {
    for (int64_t begin = 0; begin < rows; begin += 256) {
      float sum = 0;
      for (int64_t r = begin; r < std::min(rows, begin + 256); ++r) sum += x.f()[r * c + j];
      sums.f()[j] = begin == 0 ? sum : sums.f()[j] + sum;
    }
  }
}

/// Every 16-bit pattern in the upper half of a float: all signs, all exponents, NaNs.
Array every_magnitude() {
  Array x({65536});
  for (uint32_t i = 0; i < 65536; ++i) {
    const uint32_t bits = i << 16 | (i * 40503u & 0xffffu);
    std::memcpy(x.f() + i, &bits, 4);
  }
  return x;
}

}  // namespace

void activation_cases(Suite& suite) {
  for (const Activation& a : kActivations) {
    for (const int64_t n : kSizes) {
      suite.run(unary_case(a, values({n}, 1, true), 0.01f));
      suite.run(binary_case(a, values({n}, 2, true), values({n}, 3, true), 0.25f));
    }
    suite.run(unary_case(a, values({2, 3, 5, 7}, 4), 0.3f));
    suite.run(unary_case(a, every_magnitude(), 0.2f));
  }
  suite.compare(unary_case(kActivations[0], values({kAroundFloats + 5}, 1, true), 0));
  suite.compare(
      binary_case(kActivations[0], values({kAroundFloats + 5}, 2, true), values({kAroundFloats + 5}, 3, true), 0));
  for (const float slope : {0.0f, -1.0f, NAN, INFINITY}) {
    suite.refused(unary_case(kActivations[1], values({4}, 5), slope), "slope that is not above 0");
    suite.refused(binary_case(kActivations[1], values({4}, 5), values({4}, 6), slope), "slope that is not above 0");
  }
  suite.refused(binary_case(kActivations[0], values({4}, 5), values({5}, 6), 1), "y of another size");
  suite.refused(binary_case(kActivations[2], values({4, 1}, 5), values({4}, 6), 1), "y of another rank");
}

void elementwise_cases(Suite& suite) {
  const auto add_case = [](Array a, Array b, AddAttrs attrs) {
    Case test{"add", &add_impl, {a, b, values({1}, 1)}, {a}, {}, [=](Arrays& in, Arrays& out) {
                for (int64_t i = 0; i < in[0].count(); ++i) {
                  out[0].f()[i] = activate(in[0].f()[i] + in[1].f()[i], attrs.activation, attrs.slope);
                }
              }};
    test.absent = 1 << 2;
    test.in_place = true;
    return test.with(attrs);
  };
  const auto gated_case = [](Array a, Array b, Array gate, AddAttrs attrs) {
    Case test{"add", &add_impl, {a, b, gate}, {a}, {}, [=](Arrays& in, Arrays& out) {
                const Activation& act = kActivations[attrs.activation - 1];
                for (int64_t i = 0; i < in[0].count(); ++i) {
                  out[0].f()[i] = act.gradient(in[0].f()[i] + in[1].f()[i], in[2].f()[i], attrs.slope);
                }
              }};
    test.in_place = true;
    return test.with(attrs);
  };
  for (const int64_t n : kSizes) {
    const Array a = values({n}, 1, true), b = values({n}, 2, true), gate = values({n}, 3, true);
    for (const int32_t activation : {0, 1, 2}) {
      suite.run(add_case(a, b, {activation, 0.1f}));
      if (activation != 0) suite.run(gated_case(a, b, gate, {activation, 0.1f}));
    }
  }
  suite.compare(add_case(values({kAroundFloats + 5}, 1, true), values({kAroundFloats + 5}, 2, true), {1, 0}));
  suite.refused(add_case(values({4}, 1), values({5}, 2), {0, 0}), "operand of another size");
  suite.refused(add_case(values({4}, 1), values({4}, 2), {3, 0}), "activation 3");
  suite.refused(add_case(values({4}, 1), values({4}, 2), {2, 0}), "activation without a slope");
  Case gated = gated_case(values({4}, 1), values({4}, 2), values({4}, 3), {1, 0});
  suite.refused(gated.with(AddAttrs{0, 0}), "gate without an activation");
  gated.inputs[2] = values({5}, 3);
  suite.refused(gated.with(AddAttrs{1, 0}), "gate of another size");

  for (const int64_t c : {1, 2, 3, 5, 6, 8, 10, 16, 17, 20, 31, 64, 100, 120, 127, 128, 500, 513}) {
    for (const int64_t rows : {1, 2, 63, 255, 256, 257, 512, 2305}) {
      Case bias{"bias_add",
                &bias_add_impl,
                {values({rows, c}, 3, true), values({c}, 4)},
                {Array({rows, c})},
                {},
                [=](Arrays& in, Arrays& out) {
                  for (int64_t i = 0; i < rows * c; ++i) out[0].f()[i] = in[0].f()[i] + in[1].f()[i % c];
                }};
      bias.in_place = true;
      suite.run(bias);
      suite.run(
          {"bias_add_db", &bias_add_db_impl, {values({rows, c}, 5)}, {Array({c})}, {}, [=](Arrays& in, Arrays& out) {
             sum_columns(in[0], out[0]);
           }});
      for (const int32_t activation : {1, 2}) {
        const BiasActivationDxAttrs attrs = {activation, 0.25f};
        Case gradient{"bias_activation_dx",
                      &bias_activation_dx_impl,
                      {values({rows, c}, 5, true), values({rows, c}, 6, true)},
                      {Array({rows, c}), Array({c})},
                      {},
                      [=](Arrays& in, Arrays& out) {
                        const Activation& a = kActivations[activation - 1];
                        for (int64_t i = 0; i < rows * c; ++i) {
                          out[0].f()[i] = a.gradient(in[0].f()[i], in[1].f()[i], attrs.slope);
                        }
                        sum_columns(out[0], out[1]);
                      }};
        gradient.in_place = true;
        suite.run(gradient.with(attrs));
      }
      for (const bool bytes : {false, true}) {
        Array x = values({rows, c}, 6, true);
        if (bytes) fill_below(x = Array({rows, c}, kU8), 7, 256);
        suite.run({"normalize",
                   &normalize_impl,
                   {x, values({c}, 8), values({c}, 9)},
                   {Array({rows, c})},
                   {},
                   [=](Arrays& in, Arrays& out) {
                     for (int64_t i = 0; i < rows * c; ++i) {
                       const float v = bytes ? in[0].u()[i] : in[0].f()[i];
                       out[0].f()[i] = std::fmaf(v, in[1].f()[i % c], in[2].f()[i % c]);
                     }
                   }});
      }
    }
  }
  Case gradient{"bias_activation_dx",
                &bias_activation_dx_impl,
                {values({4, 3}, 1), values({4, 3}, 2)},
                {Array({4, 3}), Array({3})},
                {},
                {}};
  suite.refused(gradient.with(BiasActivationDxAttrs{0, 0}), "activation 0");
  suite.refused(gradient.with(BiasActivationDxAttrs{3, 0}), "activation 3");
  suite.refused(gradient.with(BiasActivationDxAttrs{2, 0}), "activation without a slope");
  gradient.inputs[1] = values({3, 4}, 2);
  suite.refused(gradient.with(BiasActivationDxAttrs{1, 0}), "y of another shape");
  suite.refused({"bias_add", &bias_add_impl, {values({4, 3}, 1), values({4}, 2)}, {Array({4, 3})}, {}, {}}, "long b");
  suite.refused({"bias_add", &bias_add_impl, {values({4, 3}, 1), values({3, 1}, 2)}, {Array({4, 3})}, {}, {}},
                "b of rank 2");

  for (const int64_t n : kSizes) {
    const auto fill = [](Arrays&, Arrays& out) { std::fill_n(out[0].f(), out[0].count(), -1.5f); };
    const FillAttrs attrs = {-1.5f, static_cast<int32_t>(n)};
    suite.run(Case{"fill", &fill_impl, {}, {Array({n})}, {}, fill}.with(attrs));

    for (const float bad : {0.0f, NAN, INFINITY, -INFINITY}) {
      for (const int64_t at : {int64_t{0}, n / 2, n - 1}) {
        Case guard{"guard_finite", &guard_finite_impl, {values({n}, 10)}, {}, {}, [](Arrays&, Arrays&) {}};
        guard.inputs[0].f()[n / 3] = -3.402823466e+38f;
        guard.inputs[0].f()[at] = bad;
        guard.expected = bad == 0.0f;
        suite.run(guard);
      }
    }
  }

  for (const int64_t k : {1, 2, 10, 17}) {
    Array labels({500}, kI32);
    Array logits = values({500, k}, 11, true);
    for (int64_t i = 0; i < 500; ++i) labels.i()[i] = static_cast<int32_t>(i % (k + 2)) - 1;
    suite.run({"count_correct", &count_correct_impl, {logits, labels}, {Array({1})}, {}, [=](Arrays& in, Arrays& out) {
                 out[0].f()[0] = 0;
                 for (int64_t r = 0; r < 500; ++r) {
                   const float* row = in[0].f() + r * k;
                   bool finite = true;
                   int64_t best = 0;
                   for (int64_t j = 0; j < k; ++j) finite = finite && !std::isnan(row[j]);
                   for (int64_t j = 1; j < k; ++j) best = row[j] > row[best] ? j : best;
                   if (finite && best == in[1].i()[r]) out[0].f()[0] += 1;
                 }
               }});
  }

  for (const int64_t n : kSizes) {
    for (const float rate : {0.0f, 0.5f, 0.1f, 1e-8f, 0.99999994f}) {
      Array step({2}, kI32);
      step.i()[0] = -5;
      step.i()[1] = static_cast<int32_t>(n);
      const float scale = 1.0f / (1.0f - rate);
      Case test{"dropout", &dropout_impl, {values({n}, 12), step}, {Array({n})}, {}, [=](Arrays& in, Arrays& out) {
                  const uint32_t key = key_reference(static_cast<uint32_t>(-5), 3, static_cast<uint32_t>(n));
                  for (int64_t i = 0; i < n; ++i) {
                    const bool keep = uniform_reference(key, static_cast<uint32_t>(i)) >= rate;
                    out[0].f()[i] = keep ? in[0].f()[i] * scale : 0.0f;
                  }
                }};
      test.in_place = true;
      suite.run(test.with(DropoutAttrs{rate, 3}));
      for (const float bad : {1.0f, -0.1f, NAN}) suite.refused(test.with(DropoutAttrs{bad, 3}), "rate outside [0, 1)");
    }
  }
}

}  // namespace lanewise::test
