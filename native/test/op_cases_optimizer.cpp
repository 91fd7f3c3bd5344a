// Cases of the optimizer steps. Momenta near the denormals check that those are flushed.
#include "../generated/op_table.h"
#include "op_case.h"
#include "op_reference.h"

namespace lanewise::test {
namespace {

Array momenta(int64_t n, uint32_t seed) {
  Array array = values({n}, seed);
  for (int64_t i = 0; i < n; i += 3) array.f()[i] *= 0x1p-126f;
  return array;
}

Case sgd_case(int64_t n, float momentum, int32_t nesterov, float decay, bool has_velocity) {
  Array rate({1});
  rate.f()[0] = 0.05f;
  Case test{"sgd_step",
            &sgd_step_impl,
            {values({n}, 1), momenta(n, 2), momenta(n, 3), rate},
            {},
            {},
            [=](Arrays& in, Arrays&) {
              for (int64_t i = 0; i < n; ++i) {
                float &w = in[0].f()[i], &v = in[1].f()[i];
                float u = decay == 0 ? in[2].f()[i] : std::fmaf(decay, w, in[2].f()[i]);
                if (momentum != 0) {
                  v = flush_reference(std::fmaf(momentum, v, u));
                  u = nesterov ? std::fmaf(momentum, v, u) : v;
                }
                w = std::fmaf(-0.05f, u, w);
              }
            }};
  test.absent = has_velocity ? 0 : 2;
  return test.with(SgdStepAttrs{momentum, nesterov, decay});
}

Case adam_case(int64_t n, AdamStepAttrs a) {
  Array hyper({3});
  const float step_size = 0.002f, rsqrt_bias2 = 1.7f, rate = 0.001f;
  hyper.f()[0] = step_size;
  hyper.f()[1] = rsqrt_bias2;
  hyper.f()[2] = rate;
  Array v = positive_values({n}, 6);
  for (int64_t i = 0; i < n; i += 5) v.f()[i] = 1e-39f;
  Case test{"adam_step",
            &adam_step_impl,
            {values({n}, 4), momenta(n, 5), v, momenta(n, 7), hyper},
            {},
            {},
            [=](Arrays& in, Arrays&) {
              for (int64_t i = 0; i < n; ++i) {
                float &w = in[0].f()[i], &m = in[1].f()[i], &v2 = in[2].f()[i];
                float g = in[3].f()[i];
                if (a.decoupled) {
                  const float decayed = rate * a.weight_decay;
                  w = w * (1.0f - decayed);
                } else if (a.weight_decay != 0) {
                  g = std::fmaf(a.weight_decay, w, g);
                }
                m = flush_reference(std::fmaf(1.0f - a.beta1, g - m, m));
                v2 = flush_reference(std::fmaf(1.0f - a.beta2, g * g - v2, v2));
                const float d = std::fmaf(std::sqrt(v2), rsqrt_bias2, a.epsilon);
                w = std::fmaf(-step_size, m / d, w);
              }
            }};
  return test.with(a);
}

}  // namespace

void optimizer_cases(Suite& suite) {
  for (const int64_t n : {1, 3, 4, 8, 15, 16, 17, 100, 16384, 16387, 40001}) {
    for (const float momentum : {0.0f, 0.9f}) {
      for (const int32_t nesterov : {0, 1}) {
        for (const float decay : {0.0f, 5e-4f}) {
          suite.run(sgd_case(n, momentum, nesterov, decay, true));
          if (momentum == 0) suite.run(sgd_case(n, momentum, nesterov, decay, false));
        }
      }
    }
    for (const int32_t decoupled : {0, 1}) {
      for (const float decay : {0.0f, 0.01f}) suite.run(adam_case(n, {0.9f, 0.999f, 1e-8f, decay, decoupled}));
    }
  }
  suite.refused(sgd_case(4, 0.9f, 0, 0, false), "momentum without a velocity");
  suite.refused(sgd_case(4, 1.0f, 0, 0, true), "momentum of 1");
  suite.refused(sgd_case(4, NAN, 0, 0, true), "momentum of NaN");
  suite.refused(sgd_case(4, 0.5f, 2, 0, true), "flag of 2");
  suite.refused(sgd_case(4, 0.5f, 0, -1, true), "negative weight decay");
  for (size_t i = 0; i < 4; ++i) {
    Case test = sgd_case(4, 0.5f, 0, 0, true);
    test.inputs[i] = values({5}, 1);
    suite.refused(test, "input of another size");
    test = adam_case(4, {0.9f, 0.999f, 1e-8f, 0, 0});
    test.inputs[i] = values({5}, 1);
    suite.refused(test, "input of another size");
  }
  suite.refused(adam_case(4, {1.0f, 0.999f, 1e-8f, 0, 0}), "beta1 of 1");
  suite.refused(adam_case(4, {0.9f, NAN, 1e-8f, 0, 0}), "beta2 of NaN");
  suite.refused(adam_case(4, {0.9f, 0.999f, 0, 0, 0}), "epsilon of 0");
}

}  // namespace lanewise::test
