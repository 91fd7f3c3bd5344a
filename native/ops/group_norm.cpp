// group_norm: statistics over the groups of each example, and both gradients. An example is x[p,c]; its channels'
// moments and sums come as in batch_norm2d, then those of a group are combined. With one pixel and one group, which is
// layer norm, each example is a row that is normalised while it is in cache.
#include <algorithm>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "channel_rows.h"
#include "checks.h"
#include "column_moments.h"

namespace lanewise {
namespace {

struct Geometry {
  int64_t n, p, c, groups, size;

  Geometry(const Tensor& x, int64_t group_count)
      : n(x.dims[0]), p(rows_of(x) / x.dims[0]), c(channels_of(x)), groups(group_count), size(c / group_count) {}

  bool rows_alone() const { return p == 1 && groups == 1; }
  int64_t example() const { return p * c; }
};

/// The statistics of `geometry`'s examples: f32 [n,groups].
bool are_statistics(const Tensor& t, const Tensor& x) {
  return is_f32(t) && t.rank == 2 && t.dims[0] == x.dims[0] && channels_of(x) % t.dims[1] == 0;
}

/// f(example, worker, parallel): examples side by side where they keep all threads busy, else each by all threads.
template <class F>
void for_examples(const OpContext& context, const Geometry& geometry, F&& f) {
  const int threads = context.parallel.threads();
  const bool even = geometry.n % threads == 0 || geometry.n >= 4 * threads;
  if (threads > 1 && even && geometry.n * geometry.example() >= kSharedElements) {
    context.parallel.run(geometry.n, [&](int64_t example, int worker) {
      Parallel alone(1);
      f(example, worker, alone);
    });
    return;
  }
  for (int64_t example = 0; example < geometry.n; ++example) f(example, 0, context.parallel);
}

/// The memory that one worker needs for an example at a time.
struct Scratch {
  Geometry geometry;
  ColumnBlocks columns;
  ChannelRows channel_rows;
  Layout layout;

  Scratch(const Geometry& g, const Kernels& kernels)
      : geometry(g), columns{g.p, g.c}, channel_rows(g.p, g.c, kernels.lanes) {}

  int64_t per_channel() { return layout.take(geometry.c, sizeof(float)); }
  int64_t partial() { return layout.take(sat_mul(columns.blocks(), geometry.c), sizeof(float)); }
  int64_t wide() { return layout.take(channel_rows.width(), sizeof(float)); }
};

/// One worker's part of the workspace.
struct Memory {
  std::byte* start;
  float* operator()(int64_t at) const { return reinterpret_cast<float*>(start + at); }
};

template <class ExampleScratch>
Memory memory_of(const OpContext& context, const ExampleScratch& scratch, int worker) {
  return {context.workspace + worker * scratch.layout.bytes};
}

/// values[group] for every channel of the group.
const float* spread(const Geometry& geometry, const float* values, float* to) {
  if (geometry.size == 1) return values;
  for (int64_t group = 0; group < geometry.groups; ++group) {
    std::fill_n(to + group * geometry.size, geometry.size, values[group]);
  }
  return to;
}

struct ForwardScratch : Scratch {
  ColumnMoments moments{columns.rows, columns.c, layout};
  int64_t means = per_channel(), variances = per_channel();
  int64_t wide_mean = wide(), wide_rstd = wide(), wide_gamma = wide(), wide_beta = wide();
  using Scratch::Scratch;
};

Geometry geometry_of(const OpArgs& args) { return {*args.inputs[0], args.attrs_as<GroupNormAttrs>().groups}; }

const char* verify(const OpArgs& args) {
  const auto& attrs = args.attrs_as<GroupNormAttrs>();
  if (!(attrs.epsilon > 0) || !is_activation(attrs.activation, attrs.slope)) {
    return "epsilon must be above 0, the activation known, its slope above 0";
  }
  const Tensor& x = *args.inputs[0];
  if (x.rank < 2 || !same_f32(x, args.outputs[0])) return "x and y must be f32 [n,...,c]";
  const int64_t c = channels_of(x);
  if (attrs.groups < 1 || c % attrs.groups != 0) return "groups must divide the channels";
  if (!is_vector(*args.inputs[1], c) || !is_vector(*args.inputs[2], c)) return "gamma and beta must be f32 [c]";
  for (int output = 1; output < 3; ++output) {
    const Tensor& t = args.outputs[output];
    if (!are_statistics(t, x) || t.dims[1] != attrs.groups) return "mean and rstd must be f32 [n,groups]";
  }
  return nullptr;
}

int64_t workspace_bytes(const OpArgs& args, const Kernels& kernels, int threads) {
  const Geometry geometry = geometry_of(args);
  return geometry.rows_alone() ? 0 : sat_mul(ForwardScratch(geometry, kernels).layout.bytes, threads);
}

bool run(const OpContext& context) {
  const auto& attrs = context.attrs_as<GroupNormAttrs>();
  const Geometry geometry = geometry_of(context);
  const Kernels& kernels = context.kernels;
  const float* x = context.inputs[0]->as<float>();
  const float* gamma = context.inputs[1]->as<float>();
  const float* beta = context.inputs[2]->as<float>();
  float* y = context.outputs[0].as<float>();
  float* means = context.outputs[1].as<float>();
  float* rstds = context.outputs[2].as<float>();
  if (geometry.rows_alone()) {
    for_rows(context.parallel, geometry.n, geometry.c, [&](int64_t begin, int64_t end) {
      const int64_t at = begin * geometry.c;
      kernels.layer_norm_rows(x + at, gamma, beta, y + at, means + begin, rstds + begin, end - begin, geometry.c,
                              attrs.epsilon, attrs.activation, attrs.slope);
    });
    return true;
  }
  const ForwardScratch scratch(geometry, kernels);
  const ChannelRows& channel_rows = scratch.channel_rows;
  for_examples(context, geometry, [&](int64_t example, int worker, Parallel& parallel) {
    const Memory memory = memory_of(context, scratch, worker);
    const float* from = x + example * geometry.example();
    float* to = y + example * geometry.example();
    float* mean = means + example * geometry.groups;
    float* rstd = rstds + example * geometry.groups;
    scratch.moments.run(kernels, parallel, memory.start, from, memory(scratch.means), memory(scratch.variances));
    kernels.group_norm_statistics(memory(scratch.means), memory(scratch.variances), geometry.groups, geometry.size,
                                  attrs.epsilon, mean, rstd);
    const float* wide_mean =
        channel_rows.repeat(spread(geometry, mean, memory(scratch.means)), memory(scratch.wide_mean));
    const float* wide_rstd =
        channel_rows.repeat(spread(geometry, rstd, memory(scratch.variances)), memory(scratch.wide_rstd));
    const float* wide_gamma = channel_rows.repeat(gamma, memory(scratch.wide_gamma));
    const float* wide_beta = channel_rows.repeat(beta, memory(scratch.wide_beta));
    channel_rows.run(parallel, [&](int64_t at, int64_t rows, int64_t c) {
      kernels.batch_norm_apply(from + at, wide_mean, wide_rstd, wide_gamma, wide_beta, nullptr, to + at, rows, c,
                               attrs.activation, attrs.slope, false);
    });
  });
  return true;
}

/// What both gradients need of an example: the sums of dy * xhat and dy for each channel.
struct SumsScratch : Scratch {
  int64_t product_blocks = partial(), sum_blocks = partial();
  int64_t mean = per_channel(), rstd = per_channel();
  using Scratch::Scratch;

  void run(const Kernels& kernels, Parallel& parallel, Memory memory, const float* dy, const float* x,
           const float* means, const float* rstds, float* products, float* sums) const {
    // Without an activation gamma and beta do not matter; any channels' numbers do.
    const BatchNormGradient gradient = {dy, x, means, rstds, means, means, 0, 0};
    const int64_t c = geometry.c;
    columns.run(parallel, [&](int64_t block, int64_t blocks, int64_t rows, int64_t column, int64_t width) {
      const int64_t to = block * c + column;
      kernels.batch_norm_sums(gradient.from(block * ColumnBlocks::kBlockRows * c + column, column), blocks, rows, c,
                              width, memory(product_blocks) + to, memory(sum_blocks) + to, c);
    });
    columns.fold(kernels, parallel, memory(product_blocks), products);
    columns.fold(kernels, parallel, memory(sum_blocks), sums);
  }
};

const char* verify_dw(const OpArgs& args) {
  const Tensor& dy = *args.inputs[0];
  if (dy.rank < 2 || !same_f32(dy, *args.inputs[1])) return "dy and x must be f32 [n,...,c]";
  const bool statistics = are_statistics(*args.inputs[2], dy) && same_f32(*args.inputs[2], *args.inputs[3]);
  if (!statistics) return "mean and rstd must be f32 [n,groups]";
  const int64_t c = channels_of(dy);
  return is_vector(args.outputs[0], c) && is_vector(args.outputs[1], c) ? nullptr : "dgamma and dbeta must be f32 [c]";
}

/// The examples' sums, and those of blocks of them, or of blocks of rows, behind what the workers need.
struct DwScratch {
  Geometry geometry;
  ColumnBlocks columns;
  SumsScratch example;
  Layout layout;
  int64_t products = 0, sums = 0, product_blocks, sum_blocks;

  DwScratch(const OpArgs& args, const Kernels& kernels, int threads)
      : geometry(*args.inputs[0], args.inputs[2]->dims[1]),
        columns{geometry.n, geometry.c},
        example(geometry, kernels) {
    if (!geometry.rows_alone()) {
      layout.take(threads, example.layout.bytes);
      products = layout.take(sat_mul(geometry.n, geometry.c), sizeof(float));
      sums = layout.take(sat_mul(geometry.n, geometry.c), sizeof(float));
    }
    product_blocks = layout.take(sat_mul(columns.blocks(), geometry.c), sizeof(float));
    sum_blocks = layout.take(sat_mul(columns.blocks(), geometry.c), sizeof(float));
  }
};

int64_t workspace_bytes_dw(const OpArgs& args, const Kernels& kernels, int threads) {
  return DwScratch(args, kernels, threads).layout.bytes;
}

bool run_dw(const OpContext& context) {
  const Kernels& kernels = context.kernels;
  const DwScratch scratch(context, kernels, context.parallel.threads());
  const Geometry& geometry = scratch.geometry;
  const ColumnBlocks& columns = scratch.columns;
  const Memory memory = {context.workspace};
  const int64_t c = geometry.c;
  const auto input = [&](int i) { return context.inputs[i]->as<float>(); };
  const float *dy = input(0), *x = input(1), *means = input(2), *rstds = input(3);
  float* product_blocks = memory(scratch.product_blocks);
  float* sum_blocks = memory(scratch.sum_blocks);
  if (!geometry.rows_alone()) {
    const SumsScratch& example_scratch = scratch.example;
    for_examples(context, geometry, [&](int64_t example, int worker, Parallel& parallel) {
      const Memory own = memory_of(context, example_scratch, worker);
      const int64_t at = example * geometry.example();
      example_scratch.run(kernels, parallel, own, dy + at, x + at,
                          spread(geometry, means + example * geometry.groups, own(example_scratch.mean)),
                          spread(geometry, rstds + example * geometry.groups, own(example_scratch.rstd)),
                          memory(scratch.products) + example * c, memory(scratch.sums) + example * c);
    });
  }
  columns.run(context.parallel, [&](int64_t block, int64_t blocks, int64_t rows, int64_t column, int64_t width) {
    const int64_t row = block * ColumnBlocks::kBlockRows;
    const int64_t at = row * c + column;
    const int64_t to = block * c + column;
    if (geometry.rows_alone()) {
      kernels.layer_norm_sums(dy + at, x + at, means + row, rstds + row, blocks, rows, c, width, product_blocks + to,
                              sum_blocks + to, c);
    } else {
      kernels.column_sum(memory(scratch.products) + at, blocks, rows, c, width, product_blocks + to, c);
      kernels.column_sum(memory(scratch.sums) + at, blocks, rows, c, width, sum_blocks + to, c);
    }
  });
  columns.fold(kernels, context.parallel, product_blocks, context.outputs[0].as<float>());
  columns.fold(kernels, context.parallel, sum_blocks, context.outputs[1].as<float>());
  return true;
}

struct DxScratch : SumsScratch {
  int64_t products = per_channel(), sums = per_channel(), a = per_channel(), b = per_channel();
  int64_t wide_mean = wide(), wide_rstd = wide(), wide_gamma = wide(), wide_a = wide(), wide_b = wide();
  using SumsScratch::SumsScratch;
};

Geometry geometry_of_dx(const OpArgs& args) { return {*args.inputs[0], args.inputs[3]->dims[1]}; }

const char* verify_dx(const OpArgs& args) {
  const Tensor& dy = *args.inputs[0];
  const bool images = dy.rank >= 2 && same_f32(dy, *args.inputs[1]) && same_f32(dy, args.outputs[0]);
  if (!images) return "dy, x and dx must be f32 [n,...,c]";
  if (!is_vector(*args.inputs[2], channels_of(dy))) return "gamma must be f32 [c]";
  const bool statistics = are_statistics(*args.inputs[3], dy) && same_f32(*args.inputs[3], *args.inputs[4]);
  return statistics ? nullptr : "mean and rstd must be f32 [n,groups]";
}

int64_t workspace_bytes_dx(const OpArgs& args, const Kernels& kernels, int threads) {
  const Geometry geometry = geometry_of_dx(args);
  return geometry.rows_alone() ? 0 : sat_mul(DxScratch(geometry, kernels).layout.bytes, threads);
}

bool run_dx(const OpContext& context) {
  const Geometry geometry = geometry_of_dx(context);
  const Kernels& kernels = context.kernels;
  const auto input = [&](int i) { return context.inputs[i]->as<float>(); };
  const float *dy = input(0), *x = input(1), *gamma = input(2), *means = input(3), *rstds = input(4);
  float* dx = context.outputs[0].as<float>();
  if (geometry.rows_alone()) {
    for_rows(context.parallel, geometry.n, geometry.c, [&](int64_t begin, int64_t end) {
      const int64_t at = begin * geometry.c;
      kernels.layer_norm_backward_rows(dy + at, x + at, gamma, means + begin, rstds + begin, dx + at, end - begin,
                                       geometry.c);
    });
    return true;
  }
  const DxScratch scratch(geometry, kernels);
  const ChannelRows& channel_rows = scratch.channel_rows;
  for_examples(context, geometry, [&](int64_t example, int worker, Parallel& parallel) {
    const Memory memory = memory_of(context, scratch, worker);
    const int64_t start = example * geometry.example();
    const float* mean = spread(geometry, means + example * geometry.groups, memory(scratch.mean));
    const float* rstd = spread(geometry, rstds + example * geometry.groups, memory(scratch.rstd));
    float* a = memory(scratch.a);
    float* b = memory(scratch.b);
    scratch.run(kernels, parallel, memory, dy + start, x + start, mean, rstd, memory(scratch.products),
                memory(scratch.sums));
    kernels.group_norm_factors(gamma, memory(scratch.products), memory(scratch.sums), geometry.groups, geometry.size,
                               static_cast<double>(geometry.p * geometry.size), a, b);
    const float* wide_mean = channel_rows.repeat(mean, memory(scratch.wide_mean));
    const float* wide_rstd = channel_rows.repeat(rstd, memory(scratch.wide_rstd));
    const float* wide_gamma = channel_rows.repeat(gamma, memory(scratch.wide_gamma));
    const float* wide_a = channel_rows.repeat(a, memory(scratch.wide_a));
    const float* wide_b = channel_rows.repeat(b, memory(scratch.wide_b));
    channel_rows.run(parallel, [&](int64_t at, int64_t rows, int64_t c) {
      kernels.group_norm_backward(dy + start + at, x + start + at, wide_mean, wide_rstd, wide_gamma, wide_a, wide_b,
                                  dx + start + at, rows, c);
    });
  });
  return true;
}

}  // namespace

const OpImpl group_norm_impl = {verify, workspace_bytes, run};
const OpImpl group_norm_dw_impl = {verify_dw, workspace_bytes_dw, run_dw};
const OpImpl group_norm_dx_impl = {verify_dx, workspace_bytes_dx, run_dx};

}  // namespace lanewise
