// transpose: the axes in another order, y's axis a being x's axis perm[a].
#include "../generated/op_table.h"
#include "checks.h"
#include "strided_copy.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const Tensor& x = *args.inputs[0];
  const Tensor& y = args.outputs[0];
  if ((!is_f32(x) && x.dtype != kI32) || y.dtype != x.dtype || x.rank != y.rank) {
    return "x and y must both be f32 or i32, of one rank";
  }
  const int32_t* perm = attr_words(args);
  unsigned seen = 0;
  for (int axis = 0; axis < x.rank; ++axis) {
    if (perm[axis] < 0 || perm[axis] >= x.rank || (seen >> perm[axis] & 1) != 0) return "perm is no permutation";
    seen |= 1u << perm[axis];
    if (y.dims[axis] != x.dims[perm[axis]]) return "y is not x with its axes in the order perm";
  }
  return nullptr;
}

bool run(const OpContext& context) {
  const Tensor& y = context.outputs[0];
  const Strides from(*context.inputs[0]), to(y);
  StridedCopy copy;
  for (int axis = 0; axis < y.rank; ++axis) copy.axis(y.dims[axis], from.of[attr_words(context)[axis]], to.of[axis]);
  // Elements are moved as bits, four bytes each.
  copy.run(context.parallel, context.inputs[0]->as<float>(), y.as<float>());
  return true;
}

}  // namespace

const OpImpl transpose_impl = {verify, nullptr, run};

}  // namespace lanewise
