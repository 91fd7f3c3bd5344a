// add: y = act(a + b), two tensors of one shape; with a gate, y = a + b through the gradient of the activation there.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "around.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<AddAttrs>();
  if (!is_activation(attrs.activation, attrs.slope)) return "unknown activation, or a slope that is not above 0";
  const Tensor* gate = args.inputs[2];
  if (gate != nullptr && attrs.activation == 0) return "a gate needs an activation";
  const Tensor& y = args.outputs[0];
  const bool fits = same_f32(*args.inputs[0], y) && same_f32(*args.inputs[1], y);
  return fits && (gate == nullptr || same_f32(*gate, y)) ? nullptr : "a, b, gate and y must be f32 of one shape";
}

bool run(const OpContext& context) {
  const float* a = context.inputs[0]->as<float>();
  const float* b = context.inputs[1]->as<float>();
  const float* gate = context.inputs[2] == nullptr ? nullptr : context.inputs[2]->as<float>();
  float* y = context.outputs[0].as<float>();
  const auto& attrs = context.attrs_as<AddAttrs>();
  const bool around = goes_around(context);
  for_elements(context.parallel, context.outputs[0].count, [&](int64_t at, int64_t count) {
    if (gate == nullptr) {
      context.kernels.add_forward(a + at, b + at, y + at, count, attrs.activation, attrs.slope, around);
    } else {
      context.kernels.add_gated(a + at, b + at, gate + at, y + at, count, attrs.activation, attrs.slope);
    }
  });
  return true;
}

}  // namespace

const OpImpl add_impl = {verify, nullptr, run};

}  // namespace lanewise
