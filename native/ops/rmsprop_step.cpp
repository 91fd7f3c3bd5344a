// rmsprop_step: one step of RMSprop (or Adagrad, when the squares are summed up) on w and its slots, in place.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<RmspropStepAttrs>();
  if (!is_fraction(attrs.alpha) || !is_fraction(attrs.momentum))
    return "alpha and momentum must be at least 0 and below 1";
  if (!(attrs.epsilon > 0) || !(attrs.weight_decay >= 0) || !is_flag(attrs.cumulative)) {
    return "epsilon must be above 0, weight_decay at least 0";
  }
  if (args.inputs[3] == nullptr && attrs.momentum != 0) return "momentum needs a velocity";
  const Tensor& w = *args.inputs[0];
  for (int input = 1; input < 5; ++input) {
    const Tensor* const other = args.inputs[input];
    if (other != nullptr && !same_f32(w, *other)) return "w, its slots and g must be f32 of one shape";
  }
  return is_vector(*args.inputs[5], 1) ? nullptr : "hyper must be f32 [1]";
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<RmspropStepAttrs>();
  const RmspropParameters parameters = {context.inputs[5]->as<float>()[0],
                                        attrs.alpha,
                                        attrs.momentum,
                                        attrs.epsilon,
                                        attrs.weight_decay,
                                        attrs.cumulative != 0};
  float* const w = context.inputs[0]->as<float>();
  float* const v = context.inputs[1]->as<float>();
  float* const mean = context.inputs[2] == nullptr ? nullptr : context.inputs[2]->as<float>();
  float* const velocity = attrs.momentum == 0 ? nullptr : context.inputs[3]->as<float>();
  const float* const g = context.inputs[4]->as<float>();
  for_elements(context.parallel, context.inputs[0]->count, [&](int64_t at, int64_t count) {
    context.kernels.rmsprop_step_flat(w + at, v + at, mean == nullptr ? nullptr : mean + at,
                                      velocity == nullptr ? nullptr : velocity + at, g + at, count, parameters);
  });
  return true;
}

}  // namespace

const OpImpl rmsprop_step_impl = {verify, nullptr, run};

}  // namespace lanewise
