// reduce: sums, means and extremes over any axes. Where the last axis stays, columns are reduced in fp32, 256 positions
// a block; where it is reduced, runs are in double, 4096 positions a block. lib/ops/reduction-order.ts is the
// definition.
#include <cmath>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "column_blocks.h"
#include "reduce_axes.h"
#include "split.h"
#include "workspace.h"

namespace lanewise {
namespace {

constexpr int64_t kBlockRun = 4096;
/// Columns that are reduced together where rows must be gathered: a block of them is as large as one of a run.
constexpr int64_t kGatheredColumns = kBlockRun / ColumnBlocks::kBlockRows;

ReduceAxes axes_of(const OpArgs& args) {
  return ReduceAxes(*args.inputs[0], static_cast<uint32_t>(args.attrs_as<ReduceAttrs>().axes));
}

ReduceKind kind_of(const OpArgs& args) { return static_cast<ReduceKind>(args.attrs_as<ReduceAttrs>().kind); }

/// What combines the results of blocks.
ReduceKind fold_kind(ReduceKind kind) { return kind == ReduceKind::kSumSquares ? ReduceKind::kSum : kind; }

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<ReduceAttrs>();
  const Tensor &x = *args.inputs[0], &y = args.outputs[0];
  if (attrs.kind < 0 || attrs.kind >= kReduceKinds) return "unknown kind";
  if (!is_f32(x) || !is_f32(y) || x.rank != y.rank) return "x and y must be f32 of one rank";
  if (attrs.axes < 1 || attrs.axes >= 1 << x.rank) return "axes must be some of those of x";
  for (int axis = 0; axis < x.rank; ++axis) {
    const bool reduced = (attrs.axes >> axis & 1) != 0;
    if (y.dims[axis] != (reduced ? 1 : x.dims[axis])) return "y must be x with size 1 along the axes";
  }
  return nullptr;
}

/// Partial results that do not fit into y: doubles of runs, floats of columns.
int64_t workspace_bytes(const OpArgs& args, const Kernels&, int) {
  const ReduceAxes axes = axes_of(args);
  const int64_t run_blocks = ceil_div(axes.positions, kBlockRun);
  if (axes.width == 0) return run_blocks > 1 ? axes.outputs * run_blocks * static_cast<int64_t>(sizeof(double)) : 0;
  const int64_t blocks = ceil_div(axes.positions, ColumnBlocks::kBlockRows);
  if (axes.scattered() || blocks == 1) return 0;
  return axes.outputs * blocks * axes.width * static_cast<int64_t>(sizeof(float));
}

float rounded(double result, ReduceKind kind, int64_t count) {
  return static_cast<float>(kind == ReduceKind::kMean ? result / static_cast<double>(count) : result);
}

double combine(double sum, double next, ReduceKind kind) {
  if (kind == ReduceKind::kMaximum) return sum < next || next != next ? next : sum;
  if (kind == ReduceKind::kMinimum) return next < sum || next != next ? next : sum;
  return sum + next;
}

void run_runs(const OpContext& context, const ReduceAxes& axes) {
  const ReduceKind kind = kind_of(context);
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  const int64_t blocks = ceil_div(axes.positions, kBlockRun);
  const auto block_of = [&](int64_t output, int64_t block) {
    const int64_t first = block * kBlockRun, count = std::min(kBlockRun, axes.positions - first);
    const float* from = x + axes.output_offset(output);
    if (!axes.scattered()) return context.kernels.run_reduce(from + first, count, kind);
    float gathered[kBlockRun];
    axes.gather(from, first, count, 1, gathered);
    return context.kernels.run_reduce(gathered, count, kind);
  };
  if (blocks == 1) {
    return for_rows(context.parallel, axes.outputs, axes.positions, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) y[o] = rounded(block_of(o, 0), kind, axes.positions);
    });
  }
  auto* partial = reinterpret_cast<double*>(context.workspace);
  for_rows(context.parallel, axes.outputs * blocks, kBlockRun, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) partial[item] = block_of(item / blocks, item % blocks);
  });
  for_rows(context.parallel, axes.outputs, blocks, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      double sum = partial[o * blocks];
      for (int64_t block = 1; block < blocks; ++block) sum = combine(sum, partial[o * blocks + block], kind);
      y[o] = rounded(sum, kind, axes.positions);
    }
  });
}

/// Columns whose rows follow one another: one matrix for each output.
void run_matrices(const OpContext& context, const ReduceAxes& axes) {
  const ReduceKind kind = kind_of(context);
  const ColumnBlocks columns{axes.positions, axes.width};
  const int64_t c = axes.width;
  const bool direct = columns.blocks() == 1;
  const auto reduce = [&](Parallel* parallel, int64_t output) {
    const float* x = context.inputs[0]->as<float>() + axes.output_offset(output);
    float* y = context.outputs[0].as<float>() + output * c;
    float* partial = direct ? y : reinterpret_cast<float*>(context.workspace) + output * columns.blocks() * c;
    const auto part = [&](int64_t block, int64_t blocks, int64_t rows, int64_t column, int64_t width) {
      context.kernels.column_reduce(x + block * ColumnBlocks::kBlockRows * c + column, blocks, rows, c, width,
                                    partial + block * c + column, c, kind);
    };
    const auto finish = [&](int64_t column, int64_t width) {
      float* to = y + column;
      if (!direct) {
        context.kernels.column_reduce(partial + column, 1, columns.blocks(), c, width, to, c, fold_kind(kind));
      }
      if (kind == ReduceKind::kMean) context.kernels.divide_by(to, to, width, static_cast<float>(axes.positions));
    };
    if (parallel != nullptr) {
      columns.run(*parallel, part);
      columns.for_columns(*parallel, columns.blocks() * c, finish);
    } else {
      if (columns.full() > 0) part(0, columns.full(), ColumnBlocks::kBlockRows, 0, c);
      if (columns.rest() > 0) part(columns.full(), 1, columns.rest(), 0, c);
      finish(0, c);
    }
  };
  // A few large matrices are shared out one by one, many small ones together.
  if (axes.outputs == 1 || axes.positions * c >= kSharedElements) {
    for (int64_t o = 0; o < axes.outputs; ++o) reduce(&context.parallel, o);
  } else {
    for_rows(context.parallel, axes.outputs, axes.positions * c, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) reduce(nullptr, o);
    });
  }
}

/// Columns whose rows lie here and there: a block of them is gathered, a few columns at a time.
void run_scattered_columns(const OpContext& context, const ReduceAxes& axes) {
  const ReduceKind kind = kind_of(context);
  const int64_t across = ceil_div(axes.width, kGatheredColumns);
  for_rows(context.parallel, axes.outputs * across, axes.positions * kGatheredColumns, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t output = item / across, column = item % across * kGatheredColumns;
      const int64_t width = std::min(kGatheredColumns, axes.width - column);
      const float* x = context.inputs[0]->as<float>() + axes.output_offset(output) + column;
      float* y = context.outputs[0].as<float>() + output * axes.width + column;
      for (int64_t first = 0; first < axes.positions; first += ColumnBlocks::kBlockRows) {
        const int64_t rows = std::min(ColumnBlocks::kBlockRows, axes.positions - first);
        float gathered[kBlockRun];
        // The results so far, and below them those of this block.
        float pair[2 * kGatheredColumns];
        axes.gather(x, first, rows, width, gathered);
        context.kernels.column_reduce(gathered, 1, rows, width, width, first == 0 ? y : pair + width, width, kind);
        if (first == 0) continue;
        std::copy(y, y + width, pair);
        context.kernels.column_reduce(pair, 1, 2, width, width, y, width, fold_kind(kind));
      }
      if (kind == ReduceKind::kMean) context.kernels.divide_by(y, y, width, static_cast<float>(axes.positions));
    }
  });
}

bool run(const OpContext& context) {
  const ReduceAxes axes = axes_of(context);
  if (axes.width == 0) {
    run_runs(context, axes);
  } else if (axes.scattered()) {
    run_scattered_columns(context, axes);
  } else {
    run_matrices(context, axes);
  }
  return true;
}

}  // namespace

const OpImpl reduce_impl = {verify, workspace_bytes, run};

}  // namespace lanewise
