// bias_add: y[..., c] = x[..., c] + b[c], and its gradient, the column sum; bias_activation_dx, that of act(x + b).
#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "channel_rows.h"
#include "checks.h"
#include "column_blocks.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const Tensor& x = *args.inputs[0];
  if (!same_f32(x, args.outputs[0])) return "x and y must be f32 of one shape";
  return is_vector(*args.inputs[1], channels_of(x)) ? nullptr : "b must be f32 [c]";
}

ChannelRows rows_to_add(const OpArgs& args, const Kernels& kernels) {
  return {rows_of(*args.inputs[0]), channels_of(*args.inputs[0]), kernels.lanes};
}

int64_t workspace_bytes(const OpArgs& args, const Kernels& kernels, int) {
  return rows_to_add(args, kernels).width() * static_cast<int64_t>(sizeof(float));
}

bool run(const OpContext& context) {
  const ChannelRows channel_rows = rows_to_add(context, context.kernels);
  const float* x = context.inputs[0]->as<float>();
  const float* b = channel_rows.repeat(context.inputs[1]->as<float>(), reinterpret_cast<float*>(context.workspace));
  float* y = context.outputs[0].as<float>();
  channel_rows.run(context.parallel, [&](int64_t at, int64_t rows, int64_t c) {
    context.kernels.bias_add_rows(x + at, b, y + at, rows, c);
  });
  return true;
}

const char* verify_db(const OpArgs& args) {
  const Tensor& dy = *args.inputs[0];
  if (!is_f32(dy)) return "dy must be f32";
  return is_vector(args.outputs[0], channels_of(dy)) ? nullptr : "db must be f32 [c]";
}

ColumnBlocks blocks_to_sum(const OpArgs& args) { return {rows_of(*args.inputs[0]), channels_of(*args.inputs[0])}; }

int64_t workspace_bytes_db(const OpArgs& args, const Kernels&, int) {
  const ColumnBlocks columns = blocks_to_sum(args);
  return columns.blocks() * columns.c * static_cast<int64_t>(sizeof(float));
}

bool run_db(const OpContext& context) {
  const ColumnBlocks columns = blocks_to_sum(context);
  const int64_t c = columns.c;
  const float* dy = context.inputs[0]->as<float>();
  float* db = context.outputs[0].as<float>();
  float* partial = columns.blocks() == 1 ? db : reinterpret_cast<float*>(context.workspace);
  columns.run(context.parallel, [&](int64_t block, int64_t blocks, int64_t rows, int64_t column, int64_t width) {
    context.kernels.column_sum(dy + block * ColumnBlocks::kBlockRows * c + column, blocks, rows, c, width,
                               partial + block * c + column, c);
  });
  if (partial != db) columns.fold(context.kernels, context.parallel, partial, db);
  return true;
}

const char* verify_activation_dx(const OpArgs& args) {
  const auto& attrs = args.attrs_as<BiasActivationDxAttrs>();
  if (attrs.activation == 0 || !is_activation(attrs.activation, attrs.slope)) {
    return "the activation must be known, its slope above 0";
  }
  const Tensor& dy = *args.inputs[0];
  if (!same_f32(dy, *args.inputs[1]) || !same_f32(dy, args.outputs[0])) return "dy, y and dx must be f32 of one shape";
  return is_vector(args.outputs[1], channels_of(dy)) ? nullptr : "db must be f32 [c]";
}

bool run_activation_dx(const OpContext& context) {
  const auto& attrs = context.attrs_as<BiasActivationDxAttrs>();
  const ColumnBlocks columns = blocks_to_sum(context);
  const int64_t c = columns.c;
  const float* dy = context.inputs[0]->as<float>();
  const float* y = context.inputs[1]->as<float>();
  float* dx = context.outputs[0].as<float>();
  float* db = context.outputs[1].as<float>();
  float* partial = columns.blocks() == 1 ? db : reinterpret_cast<float*>(context.workspace);
  columns.run(context.parallel, [&](int64_t block, int64_t blocks, int64_t rows, int64_t column, int64_t width) {
    const int64_t at = block * ColumnBlocks::kBlockRows * c + column;
    context.kernels.bias_activation_backward(dy + at, y + at, dx + at, blocks, rows, c, width,
                                             partial + block * c + column, c, attrs.activation, attrs.slope);
  });
  if (partial != db) columns.fold(context.kernels, context.parallel, partial, db);
  return true;
}

}  // namespace

const OpImpl bias_add_impl = {verify, workspace_bytes, run};
const OpImpl bias_add_db_impl = {verify_db, workspace_bytes_db, run_db};
const OpImpl bias_activation_dx_impl = {verify_activation_dx, workspace_bytes_db, run_activation_dx};

}  // namespace lanewise
