// linear and its two gradients: x[n,i] w[i,o] y[n,o]. The same register tiles as a 1x1 convolution.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "matrix_shape.h"
#include "op.h"

namespace lanewise {
namespace {

bool is_matrix(const Tensor& tensor) { return tensor.dtype == kF32 && tensor.rank == 2; }

/// x, w and y in the roles of the forward pass.
const char* verify_shapes(const Tensor& x, const Tensor& w, const Tensor& y) {
  if (!is_matrix(x) || !is_matrix(w) || !is_matrix(y)) return "every matrix must be f32 of rank 2";
  if (x.dims[0] != y.dims[0]) return "x and y have different numbers of rows";
  if (x.dims[1] != w.dims[0]) return "the columns of x do not fit the rows of w";
  if (w.dims[1] != y.dims[1]) return "the columns of w do not fit the columns of y";
  return nullptr;
}

const char* verify_forward(const OpArgs& args) {
  const LinearAttrs& attrs = args.attrs_as<LinearAttrs>();
  if (attrs.activation < kNoActivation || attrs.activation > kLeakyReluActivation) return "unknown activation";
  const Tensor* b = args.inputs[2];
  if (b != nullptr && (b->dtype != kF32 || b->rank != 1 || b->count != args.inputs[1]->dims[1])) {
    return "b must be f32 with one element per column of y";
  }
  return verify_shapes(*args.inputs[0], *args.inputs[1], args.outputs[0]);
}

ConvPass forward_pass(const OpArgs& args) {
  const int64_t* const x = args.inputs[0]->dims;
  ConvPass pass = matrix_pass(x[0], x[1], args.inputs[1]->dims[1], false);
  pass.prepared = args.prepared;
  return pass;
}

int64_t prepared_bytes(const OpArgs& args, const Kernels& kernels, int) {
  return conv_pass_prepared_bytes(forward_pass(args), kernels);
}

void prepare(const OpContext& c) {
  conv_pass_prepare(forward_pass(c), c.inputs[1]->as<float>(), c.kernels, c.parallel, c.prepared_memory);
}

int64_t forward_workspace(const OpArgs& args, const Kernels& kernels, int threads) {
  return conv_pass_workspace(forward_pass(args), kernels, threads);
}

bool run_forward(const OpContext& c) {
  const LinearAttrs& attrs = c.attrs_as<LinearAttrs>();
  const ConvPassData data = {
      c.inputs[0]->as<float>(), c.inputs[1]->as<float>(), c.inputs[2] == nullptr ? nullptr : c.inputs[2]->as<float>(),
      c.outputs[0].as<float>(), attrs.activation,         attrs.slope,
      c.prepared_memory};
  conv_pass_run(forward_pass(c), data, c.kernels, c.parallel, c.workspace);
  return true;
}

const char* verify_dx(const OpArgs& args) { return verify_shapes(args.outputs[0], *args.inputs[1], *args.inputs[0]); }

ConvPass dx_pass(const OpArgs& args) {
  const int64_t* const dy = args.inputs[0]->dims;
  return matrix_pass(dy[0], dy[1], args.inputs[1]->dims[0], true);
}

int64_t dx_workspace(const OpArgs& args, const Kernels& kernels, int threads) {
  return conv_pass_workspace(dx_pass(args), kernels, threads);
}

bool run_dx(const OpContext& c) {
  const ConvPassData data = {
      c.inputs[0]->as<float>(), c.inputs[1]->as<float>(), nullptr, c.outputs[0].as<float>(), kNoActivation, 0.0f};
  conv_pass_run(dx_pass(c), data, c.kernels, c.parallel, c.workspace);
  return true;
}

const char* verify_dw(const OpArgs& args) { return verify_shapes(*args.inputs[0], args.outputs[0], *args.inputs[1]); }

ConvDw dw_shape(const OpArgs& args) {
  const int64_t* const x = args.inputs[0]->dims;
  return matrix_dw(x[0], x[1], args.inputs[1]->dims[1], false);
}

int64_t dw_workspace(const OpArgs& args, const Kernels& kernels, int threads) {
  return conv_dw_workspace(dw_shape(args), kernels, threads);
}

bool run_dw(const OpContext& c) {
  conv_dw_run(dw_shape(c), c.inputs[0]->as<float>(), c.inputs[1]->as<float>(), c.outputs[0].as<float>(), c.kernels,
              c.parallel, c.workspace);
  return true;
}

constexpr Preparation kPrepareWeights = {1, prepared_bytes, prepare};

}  // namespace

const OpImpl linear_impl = {verify_forward, forward_workspace, run_forward, &kPrepareWeights};
const OpImpl linear_dx_impl = {verify_dx, dx_workspace, run_dx};
const OpImpl linear_dw_impl = {verify_dw, dw_workspace, run_dw};

}  // namespace lanewise
