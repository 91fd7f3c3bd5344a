// blend: a = share[0] * a + share[1] * b, in place.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  if (!same_f32(*args.inputs[0], *args.inputs[1])) return "a and b must be f32 of one shape";
  return is_vector(*args.inputs[2], 2) ? nullptr : "share must be f32 [2]";
}

bool run(const OpContext& context) {
  float* const a = context.inputs[0]->as<float>();
  const float* const b = context.inputs[1]->as<float>();
  const float* const share = context.inputs[2]->as<float>();
  for_elements(context.parallel, context.inputs[0]->count, [&](int64_t at, int64_t count) {
    context.kernels.blend_flat(a + at, b + at, count, share[0], share[1]);
  });
  return true;
}

}  // namespace

const OpImpl blend_impl = {verify, nullptr, run};

}  // namespace lanewise
