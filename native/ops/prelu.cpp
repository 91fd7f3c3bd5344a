// prelu: y = x > 0 ? x : slope[c] * x, with one slope for all channels or one for each, and its gradients.
// With one slope the tensor is taken as rows of a single channel; only the slope's gradient still goes by columns.
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "channel_rows.h"
#include "checks.h"
#include "column_blocks.h"

namespace lanewise {
namespace {

bool is_slopes(const Tensor& slope, const Tensor& x) { return is_vector(slope, 1) || is_vector(slope, channels_of(x)); }

ChannelRows rows_of_slopes(const Tensor& x, const Tensor& slope, const Kernels& kernels) {
  return {x.count / slope.count, slope.count, kernels.lanes};
}

const char* verify(const OpArgs& args) {
  const Tensor& x = *args.inputs[0];
  if (!same_f32(x, args.outputs[0])) return "x and y must be f32 of one shape";
  return is_slopes(*args.inputs[1], x) ? nullptr : "slope must be f32 [1] or [c]";
}

int64_t workspace_bytes(const OpArgs& args, const Kernels& kernels, int) {
  const Tensor& slope = *args.inputs[args.n_inputs - 1];
  return rows_of_slopes(*args.inputs[0], slope, kernels).width() * static_cast<int64_t>(sizeof(float));
}

bool run(const OpContext& context) {
  const Tensor& slopes = *context.inputs[1];
  const ChannelRows channel_rows = rows_of_slopes(*context.inputs[0], slopes, context.kernels);
  const float* x = context.inputs[0]->as<float>();
  const float* slope = channel_rows.repeat(slopes.as<float>(), reinterpret_cast<float*>(context.workspace));
  float* y = context.outputs[0].as<float>();
  channel_rows.run(context.parallel, [&](int64_t at, int64_t rows, int64_t c) {
    context.kernels.prelu_rows(x + at, slope, y + at, rows, c);
  });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const Tensor& dy = *args.inputs[0];
  if (!same_f32(dy, *args.inputs[1]) || !same_f32(dy, args.outputs[0])) return "dy, x and dx must be f32 of one shape";
  return is_slopes(*args.inputs[2], dy) ? nullptr : "slope must be f32 [1] or [c]";
}

bool run_dx(const OpContext& context) {
  const Tensor& slopes = *context.inputs[2];
  const ChannelRows channel_rows = rows_of_slopes(*context.inputs[0], slopes, context.kernels);
  const float* dy = context.inputs[0]->as<float>();
  const float* x = context.inputs[1]->as<float>();
  const float* slope = channel_rows.repeat(slopes.as<float>(), reinterpret_cast<float*>(context.workspace));
  float* dx = context.outputs[0].as<float>();
  channel_rows.run(context.parallel, [&](int64_t at, int64_t rows, int64_t c) {
    context.kernels.prelu_backward_rows(dy + at, x + at, slope, dx + at, rows, c);
  });
  return true;
}

const char* verify_dw(const OpArgs& args) {
  const Tensor& dy = *args.inputs[0];
  const int32_t shared = args.attrs_as<PreluDwAttrs>().shared;
  if (!is_flag(shared)) return "shared must be 0 or 1";
  if (!same_f32(dy, *args.inputs[1])) return "dy and x must be f32 of one shape";
  return is_vector(args.outputs[0], shared == 1 ? 1 : channels_of(dy)) ? nullptr : "dslope must be f32 [c], or [1]";
}

ColumnBlocks blocks_to_sum(const OpArgs& args) { return {rows_of(*args.inputs[0]), channels_of(*args.inputs[0])}; }

/// The sums of each block, then those of each channel.
int64_t workspace_bytes_dw(const OpArgs& args, const Kernels&, int) {
  const ColumnBlocks columns = blocks_to_sum(args);
  return (columns.blocks() + 1) * columns.c * static_cast<int64_t>(sizeof(float));
}

bool run_dw(const OpContext& context) {
  const bool shared = context.attrs_as<PreluDwAttrs>().shared == 1;
  const ColumnBlocks columns = blocks_to_sum(context);
  const int64_t c = columns.c;
  const float* dy = context.inputs[0]->as<float>();
  const float* x = context.inputs[1]->as<float>();
  float* partial = reinterpret_cast<float*>(context.workspace);
  float* sums = shared ? partial + columns.blocks() * c : context.outputs[0].as<float>();
  columns.run(context.parallel, [&](int64_t block, int64_t blocks, int64_t rows, int64_t column, int64_t width) {
    const int64_t at = block * ColumnBlocks::kBlockRows * c + column;
    context.kernels.prelu_slope_sums(dy + at, x + at, blocks, rows, c, width, partial + block * c + column, c);
  });
  columns.fold(context.kernels, context.parallel, partial, sums);
  if (shared) {
    float total = sums[0];
    for (int64_t j = 1; j < c; ++j) total = total + sums[j];
    context.outputs[0].as<float>()[0] = total;
  }
  return true;
}

}  // namespace

const OpImpl prelu_impl = {verify, workspace_bytes, run};
const OpImpl prelu_dx_impl = {verify_dx, workspace_bytes, run_dx};
const OpImpl prelu_dw_impl = {verify_dw, workspace_bytes_dw, run_dw};

}  // namespace lanewise
