// relu: y = x < 0 ? 0 : x, and its gradient from the output.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "around.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  return same_f32(*args.inputs[0], args.outputs[0]) ? nullptr : "x and y must be f32 of one shape";
}

bool run(const OpContext& context) {
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  const bool around = goes_around(context);
  for_elements(context.parallel, context.outputs[0].count,
               [&](int64_t at, int64_t count) { context.kernels.relu_forward(x + at, y + at, count, around); });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const bool fits = same_f32(*args.inputs[0], args.outputs[0]) && same_f32(*args.inputs[1], args.outputs[0]);
  return fits ? nullptr : "dy, y and dx must be f32 of one shape";
}

bool run_dx(const OpContext& context) {
  const float* dy = context.inputs[0]->as<float>();
  const float* y = context.inputs[1]->as<float>();
  float* dx = context.outputs[0].as<float>();
  const bool around = goes_around(context);
  for_elements(context.parallel, context.outputs[0].count, [&](int64_t at, int64_t count) {
    context.kernels.relu_backward(dy + at, y + at, dx + at, count, around);
  });
  return true;
}

}  // namespace

const OpImpl relu_impl = {verify, nullptr, run};
const OpImpl relu_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
