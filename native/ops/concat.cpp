// concat: two to eight tensors one after the other along an axis.
#include "../generated/op_table.h"
#include "checks.h"
#include "strided_copy.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const int32_t axis = args.attrs_as<ConcatAttrs>().axis;
  const Tensor& y = args.outputs[0];
  if (!is_f32(y) || axis < 0 || axis >= y.rank) return "y must be f32 and have the axis";
  int64_t size = 0;
  for (int i = 0; i < args.n_inputs; ++i) {
    const Tensor* x = args.inputs[i];
    if (x == nullptr) continue;
    if (!is_f32(*x) || x->rank != y.rank) return "all tensors must be f32 of one rank";
    for (int d = 0; d < y.rank; ++d) {
      if (d != axis && x->dims[d] != y.dims[d]) return "tensors differ at another axis than the one they are joined at";
    }
    size += x->dims[axis];
  }
  return size == y.dims[axis] ? nullptr : "y is not as long as its parts";
}

bool run(const OpContext& context) {
  const int32_t axis = context.attrs_as<ConcatAttrs>().axis;
  const Tensor& y = context.outputs[0];
  const Strides to(y);
  int64_t start = 0;
  for (int i = 0; i < context.n_inputs; ++i) {
    const Tensor* x = context.inputs[i];
    if (x == nullptr) continue;
    const Strides from(*x);
    StridedCopy copy;
    for (int d = 0; d < y.rank; ++d) copy.axis(x->dims[d], from.of[d], to.of[d]);
    copy.run(context.parallel, x->as<float>(), y.as<float>() + start * to.of[axis]);
    start += x->dims[axis];
  }
  return true;
}

}  // namespace

const OpImpl concat_impl = {verify, nullptr, run};

}  // namespace lanewise
