// sgd_step: one step of stochastic gradient descent on w and its velocity, in place.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<SgdStepAttrs>();
  const Tensor& w = *args.inputs[0];
  const Tensor* velocity = args.inputs[1];
  if (!is_fraction(attrs.momentum) || !is_flag(attrs.nesterov)) return "momentum must be at least 0 and below 1";
  if (!(attrs.weight_decay >= 0)) return "weight_decay must be at least 0";
  if (velocity == nullptr && attrs.momentum != 0) return "momentum needs a velocity";
  if ((velocity != nullptr && !same_f32(w, *velocity)) || !same_f32(w, *args.inputs[2])) {
    return "w, velocity and g must be f32 of one shape";
  }
  return is_vector(*args.inputs[3], 1) ? nullptr : "hyper must be f32 [1]";
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<SgdStepAttrs>();
  const float learning_rate = context.inputs[3]->as<float>()[0];
  const SgdParameters parameters = {learning_rate, attrs.momentum, attrs.weight_decay, attrs.nesterov != 0};
  float* w = context.inputs[0]->as<float>();
  float* velocity = attrs.momentum != 0 ? context.inputs[1]->as<float>() : nullptr;
  const float* g = context.inputs[2]->as<float>();
  for_elements(context.parallel, context.inputs[0]->count, [&](int64_t at, int64_t count) {
    float* v = velocity == nullptr ? nullptr : velocity + at;
    context.kernels.sgd_step_flat(w + at, v, g + at, count, parameters);
  });
  return true;
}

}  // namespace

const OpImpl sgd_step_impl = {verify, nullptr, run};

}  // namespace lanewise
