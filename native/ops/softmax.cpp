// softmax and log_softmax over the last axis, and their gradients. Rows are independent; within a row every order is
// fixed.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  return same_f32(*args.inputs[0], args.outputs[0]) ? nullptr : "x and y must be f32 of one shape";
}

bool run(const OpContext& context) {
  const Tensor& x = *context.inputs[0];
  const int64_t k = channels_of(x);
  float* y = context.outputs[0].as<float>();
  for_rows(context.parallel, rows_of(x), k, [&](int64_t begin, int64_t end) {
    context.kernels.softmax_rows(x.as<float>() + begin * k, y + begin * k, end - begin, k, nullptr, nullptr);
  });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const bool fits = same_f32(*args.inputs[0], args.outputs[0]) && same_f32(*args.inputs[1], args.outputs[0]);
  return fits ? nullptr : "dy, y and dx must be f32 of one shape";
}

bool run_dx(const OpContext& context) {
  const float* dy = context.inputs[0]->as<float>();
  const Tensor& y = *context.inputs[1];
  const int64_t k = channels_of(y);
  float* dx = context.outputs[0].as<float>();
  for_rows(context.parallel, rows_of(y), k, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * k;
    context.kernels.softmax_backward_rows(dy + at, y.as<float>() + at, dx + at, end - begin, k);
  });
  return true;
}

bool run_log(const OpContext& context) {
  const Tensor& x = *context.inputs[0];
  const int64_t k = channels_of(x);
  float* y = context.outputs[0].as<float>();
  for_rows(context.parallel, rows_of(x), k, [&](int64_t begin, int64_t end) {
    context.kernels.log_softmax_rows(x.as<float>() + begin * k, y + begin * k, end - begin, k);
  });
  return true;
}

bool run_log_dx(const OpContext& context) {
  const float* dy = context.inputs[0]->as<float>();
  const Tensor& y = *context.inputs[1];
  const int64_t k = channels_of(y);
  float* dx = context.outputs[0].as<float>();
  for_rows(context.parallel, rows_of(y), k, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * k;
    context.kernels.log_softmax_backward_rows(dy + at, y.as<float>() + at, dx + at, end - begin, k);
  });
  return true;
}

}  // namespace

const OpImpl softmax_impl = {verify, nullptr, run};
const OpImpl softmax_dx_impl = {verify_dx, nullptr, run_dx};
const OpImpl log_softmax_impl = {verify, nullptr, run_log};
const OpImpl log_softmax_dx_impl = {verify_dx, nullptr, run_log_dx};

}  // namespace lanewise
