// adam_step: one step of Adam (or AdamW, when weight decay is decoupled) on w, m and v, in place.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AdamStepAttrs>();
  if (!is_fraction(attrs.beta1) || !is_fraction(attrs.beta2)) return "beta1 and beta2 must be at least 0 and below 1";
  if (!(attrs.epsilon > 0) || !(attrs.weight_decay >= 0) || !is_flag(attrs.decoupled)) {
    return "epsilon must be above 0, weight_decay at least 0";
  }
  const Tensor& w = *args.inputs[0];
  for (int input = 1; input < 4; ++input) {
    if (!same_f32(w, *args.inputs[input])) return "w, m, v and g must be f32 of one shape";
  }
  return is_vector(*args.inputs[4], 3) ? nullptr : "hyper must be f32 [3]";
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<AdamStepAttrs>();
  const float* hyper = context.inputs[4]->as<float>();
  const AdamParameters parameters = {hyper[0],    hyper[1],      hyper[2],           attrs.beta1,
                                     attrs.beta2, attrs.epsilon, attrs.weight_decay, attrs.decoupled != 0};
  float* w = context.inputs[0]->as<float>();
  float* m = context.inputs[1]->as<float>();
  float* v = context.inputs[2]->as<float>();
  const float* g = context.inputs[3]->as<float>();
  for_elements(context.parallel, context.inputs[0]->count, [&](int64_t at, int64_t count) {
    context.kernels.adam_step_flat(w + at, m + at, v + at, g + at, count, parameters);
  });
  return true;
}

}  // namespace

const OpImpl adam_step_impl = {verify, nullptr, run};

}  // namespace lanewise
