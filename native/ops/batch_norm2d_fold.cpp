// batch_norm2d_fold: wFolded[..., o] = w[..., o] * scale[o], bFolded = fma(b - mean, scale, beta), scale = gamma *
// rstd. Few numbers beside the convolution they serve, and made once: only the weights are worth a kernel.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "channel_rows.h"
#include "checks.h"
#include "workspace.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const Tensor& w = *args.inputs[0];
  const int64_t o = channels_of(w);
  if (!same_f32(w, args.outputs[0])) return "w and wFolded must be f32 of one shape";
  for (int i = 1; i < args.n_inputs; ++i) {
    if (args.inputs[i] != nullptr && !is_vector(*args.inputs[i], o)) return "every vector must be f32 [o]";
  }
  if (!is_vector(args.outputs[1], o)) return "bFolded must be f32 [o]";
  return args.attrs_as<BatchNorm2dFoldAttrs>().epsilon > 0 ? nullptr : "epsilon must be above 0";
}

struct Scratch {
  ChannelRows rows;
  Layout layout;
  int64_t scale, shift, wide_scale, wide_shift;

  Scratch(const OpArgs& args, const Kernels& kernels)
      : rows(rows_of(*args.inputs[0]), channels_of(*args.inputs[0]), kernels.lanes) {
    scale = layout.take(rows.c, sizeof(float));
    shift = layout.take(rows.c, sizeof(float));
    wide_scale = layout.take(rows.width(), sizeof(float));
    wide_shift = layout.take(rows.width(), sizeof(float));
  }
};

int64_t workspace_bytes(const OpArgs& args, const Kernels& kernels, int) { return Scratch(args, kernels).layout.bytes; }

bool run(const OpContext& context) {
  const Scratch scratch(context, context.kernels);
  const auto input = [&](int i) { return context.inputs[i]->as<float>(); };
  const auto floats = [&](int64_t offset) { return reinterpret_cast<float*>(context.workspace + offset); };
  const ChannelRows& rows = scratch.rows;
  float* const scale = floats(scratch.scale);
  float* const shift = floats(scratch.shift);
  context.kernels.batch_norm_rstd(input(4), scale, rows.c, context.attrs_as<BatchNorm2dFoldAttrs>().epsilon);
  const float* const b = context.inputs[5] == nullptr ? nullptr : input(5);
  for (int64_t j = 0; j < rows.c; ++j) {
    scale[j] = scale[j] * input(1)[j];
    shift[j] = b == nullptr ? -input(3)[j] : b[j] - input(3)[j];
  }
  context.kernels.normalize_rows(shift, scale, input(2), context.outputs[1].as<float>(), 1, rows.c);

  // A fused multiply-add of -0 is the rounded product.
  std::fill_n(shift, rows.c, -0.0f);
  const float* const scales = rows.repeat(scale, floats(scratch.wide_scale));
  const float* const zeros = rows.repeat(shift, floats(scratch.wide_shift));
  const float* const w = input(0);
  float* const folded = context.outputs[0].as<float>();
  rows.run(context.parallel, [&](int64_t at, int64_t count, int64_t c) {
    context.kernels.normalize_rows(w + at, scales, zeros, folded + at, count, c);
  });
  return true;
}

}  // namespace

const OpImpl batch_norm2d_fold_impl = {verify, workspace_bytes, run};

}  // namespace lanewise
