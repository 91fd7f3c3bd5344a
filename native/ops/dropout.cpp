// dropout: drops elements by (seed, stream, step, element) alone; its gradient is the same op on dy.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  if (!is_fraction(args.attrs_as<DropoutAttrs>().rate)) return "rate must be at least 0 and below 1";
  if (!same_f32(*args.inputs[0], args.outputs[0])) return "x and y must be f32 of one shape";
  return is_vector(*args.inputs[1], 2, kI32) ? nullptr : "step must be i32 [2]";
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<DropoutAttrs>();
  const float* x = context.inputs[0]->as<float>();
  const int32_t* step = context.inputs[1]->as<int32_t>();
  float* y = context.outputs[0].as<float>();
  const uint32_t key =
      stream_key(static_cast<uint32_t>(step[0]), static_cast<uint32_t>(attrs.stream), static_cast<uint32_t>(step[1]));
  const int32_t threshold = static_cast<int32_t>(std::ceil(attrs.rate * 0x1p24f));
  const float scale = 1.0f / (1.0f - attrs.rate);
  for_elements(context.parallel, context.outputs[0].count, [&](int64_t at, int64_t count) {
    context.kernels.dropout_flat(x + at, y + at, at, count, key, threshold, scale);
  });
  return true;
}

}  // namespace

const OpImpl dropout_impl = {verify, nullptr, run};

}  // namespace lanewise
