// unary: one of many functions of each element, and its gradient from the input.
#include <cmath>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"

namespace lanewise {
namespace {

/// The conditions of lib/ops/unary-functions.ts.
bool is_function(int32_t kind, float alpha, float beta) {
  if (kind < 0 || kind >= kUnaryKinds) return false;
  const bool finite = std::isfinite(alpha) && std::isfinite(beta);
  switch (static_cast<UnaryKind>(kind)) {
    case UnaryKind::kHardTanh:
    case UnaryKind::kClip: return alpha <= beta;
    case UnaryKind::kElu:
    case UnaryKind::kAffine:
    case UnaryKind::kHardSigmoid: return finite;
    case UnaryKind::kPower:
    case UnaryKind::kCelu: return finite && alpha != 0 && beta == 0;
    case UnaryKind::kSilu: return finite && beta == 0;
    case UnaryKind::kSoftplus: return finite && alpha > 0;
    case UnaryKind::kHuber: return finite && alpha > 0 && beta == 0;
    default: return alpha == 0 && beta == 0;
  }
}

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<UnaryAttrs>();
  if (!is_function(attrs.kind, attrs.alpha, attrs.beta)) return "the kind must be known and have these parameters";
  return same_f32(*args.inputs[0], args.outputs[0]) ? nullptr : "x and y must be f32 of one shape";
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<UnaryAttrs>();
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  for_elements(context.parallel, context.outputs[0].count, [&](int64_t at, int64_t count) {
    context.kernels.unary_forward(x + at, y + at, count, static_cast<UnaryKind>(attrs.kind), attrs.alpha, attrs.beta);
  });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<UnaryDxAttrs>();
  if (!is_function(attrs.kind, attrs.alpha, attrs.beta)) return "the kind must be known and have these parameters";
  const bool fits = same_f32(*args.inputs[0], args.outputs[0]) && same_f32(*args.inputs[1], args.outputs[0]);
  return fits ? nullptr : "dy, x and dx must be f32 of one shape";
}

bool run_dx(const OpContext& context) {
  const auto& attrs = context.attrs_as<UnaryDxAttrs>();
  const float* dy = context.inputs[0]->as<float>();
  const float* x = context.inputs[1]->as<float>();
  float* dx = context.outputs[0].as<float>();
  for_elements(context.parallel, context.outputs[0].count, [&](int64_t at, int64_t count) {
    context.kernels.unary_backward(dy + at, x + at, dx + at, count, static_cast<UnaryKind>(attrs.kind), attrs.alpha,
                                   attrs.beta);
  });
  return true;
}

}  // namespace

const OpImpl unary_impl = {verify, nullptr, run};
const OpImpl unary_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
