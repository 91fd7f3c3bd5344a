// fill: a vector of one value.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  return is_vector(args.outputs[0], args.attrs_as<FillAttrs>().count) ? nullptr : "y must be f32 [count]";
}

bool run(const OpContext& context) {
  float* y = context.outputs[0].as<float>();
  const float value = context.attrs_as<FillAttrs>().value;
  for_elements(context.parallel, context.outputs[0].count,
               [&](int64_t at, int64_t count) { context.kernels.fill_value(y + at, count, value); });
  return true;
}

}  // namespace

const OpImpl fill_impl = {verify, nullptr, run};

}  // namespace lanewise
