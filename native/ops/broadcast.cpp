// broadcast: x repeated to the shape of y.
#include "broadcast_axes.h"

#include "../generated/op_table.h"
#include "checks.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const Tensor &x = *args.inputs[0], &y = args.outputs[0];
  const int32_t* words = attr_words(args);
  if (!is_f32(x) || !is_f32(y) || words[0] != y.rank) return "x and y must be f32, y of the rank in the attributes";
  for (int axis = 0; axis < y.rank; ++axis) {
    if (words[1 + axis] != y.dims[axis]) return "y has other sizes than the attributes say";
  }
  return broadcasts_to(x, y) ? nullptr : "x does not broadcast to y";
}

bool run(const OpContext& context) {
  const Tensor &x = *context.inputs[0], &y = context.outputs[0];
  const BroadcastStrides from(x, y);
  const Strides to(y);
  StridedCopy copy;
  for (int axis = 0; axis < y.rank; ++axis) copy.axis(y.dims[axis], from.of[axis], to.of[axis]);
  copy.run(context.parallel, x.as<float>(), y.as<float>());
  return true;
}

}  // namespace

const OpImpl broadcast_impl = {verify, nullptr, run};

}  // namespace lanewise
