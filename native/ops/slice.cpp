// slice: every step-th position of each axis from start on; slice_dx puts them back into zeros.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"
#include "strided_copy.h"

namespace lanewise {
namespace {

/// The words of SliceAttrs and SliceDxAttrs: start, step, and the sizes of what the op makes.
struct SliceWords {
  const int32_t *start, *step, *size;

  explicit SliceWords(const OpArgs& args) : start(attr_words(args)), step(start + kMaxRank), size(step + kMaxRank) {}
};

/// Whether `part` fits into `whole` at start and step. Sizes below 2^31 cannot overflow.
bool inside(const SliceWords& words, const Tensor& whole, const Tensor& part) {
  for (int axis = 0; axis < whole.rank; ++axis) {
    const int64_t first = words.start[axis];
    const int64_t last = first + (part.dims[axis] - 1) * words.step[axis];
    if (words.step[axis] == 0 || first < 0 || first >= whole.dims[axis]) return false;
    if (last < 0 || last >= whole.dims[axis]) return false;
  }
  return true;
}

const char* verify_parts(const OpArgs& args, const Tensor& whole, const Tensor& part) {
  const SliceWords words(args);
  const Tensor& result = args.outputs[0];
  if (!is_f32(whole) || !is_f32(part) || whole.rank != part.rank) return "the tensors must be f32 of one rank";
  for (int axis = 0; axis < result.rank; ++axis) {
    if (words.size[axis] != result.dims[axis]) return "the result has other sizes than the attributes say";
  }
  return inside(words, whole, part) ? nullptr : "a step is 0, or a position lies outside";
}

const char* verify(const OpArgs& args) { return verify_parts(args, *args.inputs[0], args.outputs[0]); }
const char* verify_dx(const OpArgs& args) { return verify_parts(args, args.outputs[0], *args.inputs[0]); }

/// Elements of `whole` before the first one picked.
int64_t first_of(const SliceWords& words, const Tensor& whole) {
  const Strides strides(whole);
  int64_t first = 0;
  for (int axis = 0; axis < whole.rank; ++axis) first += words.start[axis] * strides.of[axis];
  return first;
}

/// The step of an axis in elements; of an axis with one position it could overflow and does not matter.
int64_t stride_of(const SliceWords& words, const Strides& whole, const Tensor& part, int axis) {
  return part.dims[axis] == 1 ? 0 : words.step[axis] * whole.of[axis];
}

bool run(const OpContext& context) {
  const SliceWords words(context);
  const Tensor &x = *context.inputs[0], &y = context.outputs[0];
  const Strides from(x), to(y);
  StridedCopy copy;
  for (int axis = 0; axis < y.rank; ++axis) copy.axis(y.dims[axis], stride_of(words, from, y, axis), to.of[axis]);
  copy.run(context.parallel, x.as<float>() + first_of(words, x), y.as<float>());
  return true;
}

bool run_dx(const OpContext& context) {
  const SliceWords words(context);
  const Tensor &dy = *context.inputs[0], &dx = context.outputs[0];
  const Strides from(dy), to(dx);
  StridedCopy copy;
  for (int axis = 0; axis < dy.rank; ++axis) copy.axis(dy.dims[axis], from.of[axis], stride_of(words, to, dy, axis));
  float* const zeros = dx.as<float>();
  for_elements(context.parallel, dx.count,
               [&](int64_t at, int64_t count) { context.kernels.fill_value(zeros + at, count, 0.0f); });
  copy.run(context.parallel, dy.as<float>(), zeros + first_of(words, dx));
  return true;
}

}  // namespace

const OpImpl slice_impl = {verify, nullptr, run};
const OpImpl slice_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
