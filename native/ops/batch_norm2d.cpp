// batch_norm2d: training forward with the batch's statistics, running statistics, inference and both gradients.
// Everything is per channel of x[rows,c], rows being all axes but the last; statistics come in blocks of rows
// (column_blocks.h).
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "around.h"
#include "channel_rows.h"
#include "checks.h"
#include "column_moments.h"

namespace lanewise {
namespace {

constexpr const char* kBadAttributes = "epsilon must be above 0, the activation known, its slope above 0";

/// Tensor x with its channels last, and `count` tensors from `vectors` on that hold one value per channel.
template <class Vectors>
bool are_channels(const Tensor& x, const Vectors* vectors, int count) {
  if (!is_f32(x)) return false;
  for (int i = 0; i < count; ++i) {
    const Tensor* vector;
    if constexpr (std::is_pointer_v<Vectors>) {
      vector = vectors[i];
    } else {
      vector = vectors + i;
    }
    if (!is_vector(*vector, channels_of(x))) return false;
  }
  return true;
}

/// Scratch memory of all five ops: each takes what it names.
struct Scratch {
  ColumnBlocks columns;
  ChannelRows channel_rows;
  Layout layout;

  Scratch(const Tensor& x, const Kernels& kernels)
      : columns{rows_of(x), channels_of(x)}, channel_rows(rows_of(x), channels_of(x), kernels.lanes) {}

  int64_t per_channel() { return layout.take(columns.c, sizeof(float)); }
  int64_t partial() { return layout.take(columns.blocks() * columns.c, sizeof(float)); }
  int64_t wide() { return layout.take(channel_rows.width(), sizeof(float)); }
};

float* floats(const OpContext& context, int64_t offset) { return reinterpret_cast<float*>(context.workspace + offset); }

struct ApplyScratch : Scratch {
  int64_t rstd = per_channel(), wide_mean = wide(), wide_rstd = wide(), wide_gamma = wide(), wide_beta = wide();
  using Scratch::Scratch;
};

/// y = act((x - mean) * rstd * gamma + beta + residual), where `residual` may be null.
template <class Attrs>
void apply(const OpContext& context, const ApplyScratch& scratch, const float* mean, const float* variance,
           const float* residual) {
  const auto& attrs = context.attrs_as<Attrs>();
  const ChannelRows& channel_rows = scratch.channel_rows;
  float* rstd = floats(context, scratch.rstd);
  context.kernels.batch_norm_rstd(variance, rstd, channel_rows.c, attrs.epsilon);
  const float* means = channel_rows.repeat(mean, floats(context, scratch.wide_mean));
  const float* rstds = channel_rows.repeat(rstd, floats(context, scratch.wide_rstd));
  const float* gammas = channel_rows.repeat(context.inputs[1]->as<float>(), floats(context, scratch.wide_gamma));
  const float* betas = channel_rows.repeat(context.inputs[2]->as<float>(), floats(context, scratch.wide_beta));
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  const bool around = goes_around(context);
  channel_rows.run(context.parallel, [&](int64_t at, int64_t rows, int64_t c) {
    context.kernels.batch_norm_apply(x + at, means, rstds, gammas, betas, residual == nullptr ? nullptr : residual + at,
                                     y + at, rows, c, attrs.activation, attrs.slope, around);
  });
}

struct ForwardScratch : ApplyScratch {
  ColumnMoments moments{columns.rows, columns.c, layout};
  using ApplyScratch::ApplyScratch;
};

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<BatchNorm2dAttrs>();
  if (!(attrs.epsilon > 0) || !is_activation(attrs.activation, attrs.slope)) return kBadAttributes;
  const Tensor& x = *args.inputs[0];
  const Tensor* residual = args.inputs[3];
  const bool fits =
      are_channels(x, args.inputs + 1, 2) && same_f32(x, args.outputs[0]) && are_channels(x, args.outputs + 1, 2);
  return fits && (residual == nullptr || same_f32(x, *residual))
             ? nullptr
             : "x, residual and y must be f32 [...,c], the others f32 [c]";
}

int64_t workspace_bytes(const OpArgs& args, const Kernels& kernels, int) {
  return ForwardScratch(*args.inputs[0], kernels).layout.bytes;
}

bool run(const OpContext& context) {
  const ForwardScratch scratch(*context.inputs[0], context.kernels);
  float* mean = context.outputs[1].as<float>();
  float* variance = context.outputs[2].as<float>();
  scratch.moments.run(context.kernels, context.parallel, context.workspace, context.inputs[0]->as<float>(), mean,
                      variance);
  const Tensor* residual = context.inputs[3];
  apply<BatchNorm2dAttrs>(context, scratch, mean, variance, residual == nullptr ? nullptr : residual->as<float>());
  return true;
}

const char* verify_running(const OpArgs& args) {
  const auto& attrs = args.attrs_as<BatchNorm2dRunningAttrs>();
  if (!(attrs.momentum >= 0 && attrs.momentum <= 1) || !(attrs.unbiased >= 1)) {
    return "momentum must be from 0 to 1, unbiased at least 1";
  }
  for (int input = 0; input < 4; ++input) {
    if (!is_vector(*args.inputs[input], args.inputs[0]->dims[0])) return "every tensor must be f32 [c]";
  }
  return nullptr;
}

bool run_running(const OpContext& context) {
  const auto& attrs = context.attrs_as<BatchNorm2dRunningAttrs>();
  context.kernels.batch_norm_update(context.inputs[0]->as<float>(), context.inputs[1]->as<float>(),
                                    context.inputs[2]->as<float>(), context.inputs[3]->as<float>(),
                                    context.inputs[0]->count, attrs.momentum, attrs.unbiased);
  return true;
}

const char* verify_inference(const OpArgs& args) {
  const auto& attrs = args.attrs_as<BatchNorm2dInferenceAttrs>();
  if (!(attrs.epsilon > 0) || !is_activation(attrs.activation, attrs.slope)) return kBadAttributes;
  const Tensor& x = *args.inputs[0];
  const bool fits = are_channels(x, args.inputs + 1, 4) && same_f32(x, args.outputs[0]);
  return fits ? nullptr : "x and y must be f32 [...,c], the others f32 [c]";
}

int64_t workspace_bytes_inference(const OpArgs& args, const Kernels& kernels, int) {
  return ApplyScratch(*args.inputs[0], kernels).layout.bytes;
}

bool run_inference(const OpContext& context) {
  const ApplyScratch scratch(*context.inputs[0], context.kernels);
  apply<BatchNorm2dInferenceAttrs>(context, scratch, context.inputs[3]->as<float>(), context.inputs[4]->as<float>(),
                                   nullptr);
  return true;
}

/// The inputs that both gradients begin with, as the kernels take them, but for `rstd`.
template <class Attrs>
BatchNormGradient gradient_of(const OpContext& context, const float* rstd) {
  const auto& attrs = context.attrs_as<Attrs>();
  const auto input = [&](int i) { return context.inputs[i]->template as<float>(); };
  return {input(0), input(1), input(4), rstd, input(2), input(3), attrs.activation, attrs.slope};
}

struct DwScratch : Scratch {
  int64_t rstd = per_channel(), dgammas = partial(), dbetas = partial();
  using Scratch::Scratch;
};

const char* verify_dw(const OpArgs& args) {
  const auto& attrs = args.attrs_as<BatchNorm2dDwAttrs>();
  if (!(attrs.epsilon > 0) || !is_activation(attrs.activation, attrs.slope)) return kBadAttributes;
  const Tensor& dy = *args.inputs[0];
  const bool fits =
      same_f32(dy, *args.inputs[1]) && are_channels(dy, args.inputs + 2, 4) && are_channels(dy, args.outputs, 2);
  return fits ? nullptr : "dy and x must be f32 [...,c], the others f32 [c]";
}

int64_t workspace_bytes_dw(const OpArgs& args, const Kernels& kernels, int) {
  return DwScratch(*args.inputs[0], kernels).layout.bytes;
}

bool run_dw(const OpContext& context) {
  const DwScratch scratch(*context.inputs[0], context.kernels);
  const ColumnBlocks& columns = scratch.columns;
  const int64_t c = columns.c;
  float* rstd = floats(context, scratch.rstd);
  float* dgammas = floats(context, scratch.dgammas);
  float* dbetas = floats(context, scratch.dbetas);
  context.kernels.batch_norm_rstd(context.inputs[5]->as<float>(), rstd, c,
                                  context.attrs_as<BatchNorm2dDwAttrs>().epsilon);
  const BatchNormGradient gradient = gradient_of<BatchNorm2dDwAttrs>(context, rstd);
  columns.run(context.parallel, [&](int64_t block, int64_t blocks, int64_t rows, int64_t column, int64_t width) {
    const int64_t to = block * c + column;
    context.kernels.batch_norm_sums(gradient.from(block * ColumnBlocks::kBlockRows * c + column, column), blocks, rows,
                                    c, width, dgammas + to, dbetas + to, c);
  });
  columns.fold(context.kernels, context.parallel, dgammas, context.outputs[0].as<float>());
  columns.fold(context.kernels, context.parallel, dbetas, context.outputs[1].as<float>());
  return true;
}

struct DxScratch : Scratch {
  int64_t rstd = per_channel(), k = per_channel(), a = per_channel(), b = per_channel();
  int64_t wide_mean = wide(), wide_rstd = wide(), wide_gamma = wide(), wide_beta = wide();
  int64_t wide_k = wide(), wide_a = wide(), wide_b = wide();
  using Scratch::Scratch;
};

const char* verify_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<BatchNorm2dDxAttrs>();
  if (!(attrs.epsilon > 0) || !is_activation(attrs.activation, attrs.slope)) return kBadAttributes;
  const Tensor& dy = *args.inputs[0];
  const bool fits =
      same_f32(dy, *args.inputs[1]) && are_channels(dy, args.inputs + 2, 6) && same_f32(dy, args.outputs[0]);
  return fits ? nullptr : "dy, x and dx must be f32 [...,c], the others f32 [c]";
}

int64_t workspace_bytes_dx(const OpArgs& args, const Kernels& kernels, int) {
  return DxScratch(*args.inputs[0], kernels).layout.bytes;
}

bool run_dx(const OpContext& context) {
  const DxScratch scratch(*context.inputs[0], context.kernels);
  const ChannelRows& channel_rows = scratch.channel_rows;
  const auto input = [&](int i) { return context.inputs[i]->as<float>(); };
  float* rstd = floats(context, scratch.rstd);
  float* k = floats(context, scratch.k);
  float* a = floats(context, scratch.a);
  float* b = floats(context, scratch.b);
  context.kernels.batch_norm_rstd(input(5), rstd, channel_rows.c, context.attrs_as<BatchNorm2dDxAttrs>().epsilon);
  context.kernels.batch_norm_factors(input(2), rstd, input(6), input(7), channel_rows.c,
                                     static_cast<float>(channel_rows.rows), k, a, b);
  BatchNormGradient gradient = gradient_of<BatchNorm2dDxAttrs>(context, rstd);
  gradient.mean = channel_rows.repeat(gradient.mean, floats(context, scratch.wide_mean));
  gradient.rstd = channel_rows.repeat(gradient.rstd, floats(context, scratch.wide_rstd));
  gradient.gamma = channel_rows.repeat(gradient.gamma, floats(context, scratch.wide_gamma));
  gradient.beta = channel_rows.repeat(gradient.beta, floats(context, scratch.wide_beta));
  const float* ks = channel_rows.repeat(k, floats(context, scratch.wide_k));
  const float* as = channel_rows.repeat(a, floats(context, scratch.wide_a));
  const float* bs = channel_rows.repeat(b, floats(context, scratch.wide_b));
  float* dx = context.outputs[0].as<float>();
  const bool around = goes_around(context);
  channel_rows.run(context.parallel, [&](int64_t at, int64_t rows, int64_t c) {
    context.kernels.batch_norm_backward(gradient.from(at, 0), ks, as, bs, dx + at, rows, c, around);
  });
  return true;
}

}  // namespace

const OpImpl batch_norm2d_impl = {verify, workspace_bytes, run};
const OpImpl batch_norm2d_running_impl = {verify_running, nullptr, run_running};
const OpImpl batch_norm2d_inference_impl = {verify_inference, workspace_bytes_inference, run_inference};
const OpImpl batch_norm2d_dw_impl = {verify_dw, workspace_bytes_dw, run_dw};
const OpImpl batch_norm2d_dx_impl = {verify_dx, workspace_bytes_dx, run_dx};

}  // namespace lanewise
