// gemm: c[m,n] = a * b, a[m,k] or a[k,m] when transA, b[k,n] or b[n,k] when transB.
// transA = 0 is a linear layer's forward pass; transA = 1 is its weight gradient (reduction in blocks of 1024).
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "matrix_shape.h"
#include "op.h"

namespace lanewise {
namespace {

struct Sizes {
  int64_t m, n, k, b_k, b_n;
  bool trans_a, trans_b;
};

Sizes sizes_of(const OpArgs& args) {
  const GemmAttrs& attrs = args.attrs_as<GemmAttrs>();
  const int64_t* const a = args.inputs[0]->dims;
  const int64_t* const b = args.inputs[1]->dims;
  const bool trans_a = attrs.trans_a != 0;
  const bool trans_b = attrs.trans_b != 0;
  return {a[trans_a ? 1 : 0],
          args.outputs[0].dims[1],
          a[trans_a ? 0 : 1],
          b[trans_b ? 1 : 0],
          b[trans_b ? 0 : 1],
          trans_a,
          trans_b};
}

const char* verify(const OpArgs& args) {
  const Tensor& c = args.outputs[0];
  for (const Tensor* tensor : {args.inputs[0], args.inputs[1], &c}) {
    if (tensor->dtype != kF32 || tensor->rank != 2) return "every matrix must be f32 of rank 2";
  }
  const Sizes s = sizes_of(args);
  if (s.k != s.b_k) return "the inner sizes of a and b differ";
  if (s.m != c.dims[0] || s.n != s.b_n) return "c has the wrong shape";
  return nullptr;
}

int64_t workspace(const OpArgs& args, const Kernels& kernels, int threads) {
  const Sizes s = sizes_of(args);
  return s.trans_a ? conv_dw_workspace(matrix_dw(s.k, s.m, s.n, s.trans_b), kernels, threads)
                   : conv_pass_workspace(matrix_pass(s.m, s.k, s.n, s.trans_b), kernels, threads);
}

bool run(const OpContext& c) {
  const Sizes s = sizes_of(c);
  const float* const a = c.inputs[0]->as<float>();
  const float* const b = c.inputs[1]->as<float>();
  float* const out = c.outputs[0].as<float>();
  if (s.trans_a) {
    conv_dw_run(matrix_dw(s.k, s.m, s.n, s.trans_b), a, b, out, c.kernels, c.parallel, c.workspace);
  } else {
    const ConvPassData data = {a, b, nullptr, out, kNoActivation, 0.0f};
    conv_pass_run(matrix_pass(s.m, s.k, s.n, s.trans_b), data, c.kernels, c.parallel, c.workspace);
  }
  return true;
}

}  // namespace

const OpImpl gemm_impl = {verify, workspace, run};

}  // namespace lanewise
