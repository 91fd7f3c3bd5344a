// Depthwise forward pass and input gradient, one channel of y per channel of x, read in place. Work item = some rows of
// one image and stride phase. A row of outputs needs, for each row of the kernel, a list of the pixels it reads, in
// which padding is a pixel of zeros; the kernel walks these lists for a few channels at a time, which stay in L1 from
// one row of outputs to the next.
#include <cstring>

#include "around.h"
#include "conv_pass.h"
#include "workspace.h"

namespace lanewise {
namespace {

constexpr int64_t kItemFloats = 64 * 1024;  // outputs of an item, about
constexpr int64_t kBlockCols = 256;
constexpr int64_t kRowsFloats = 6 * 1024;  // 24 KiB: what a row of outputs reads, in L1
constexpr int64_t kChannels = 128;         // at least so many at a time: whole stretches of a row

/// The taps of a phase along the columns, and the list of columns that a row of outputs reads. Where neighbouring taps
/// read neighbouring columns the outputs share the list; flipped when a later tap reads further left.
struct Columns {
  int64_t taps = 0;
  int64_t tap = 0, tap_step = 1;      // of the kernel: the first, and the distance to the next
  int64_t offset = 0, direction = 1;  // of the input: likewise
  int64_t in_step;
  bool shared;

  Columns(const Axis& axis, int64_t phase) : in_step(axis.in_step()) {
    for (int64_t t = 0; t < axis.kernel; ++t) {
      int64_t at;
      if (!axis.hits(phase, t, &at)) continue;
      if (taps == 0) tap = t, offset = at;
      if (taps == 1) tap_step = t - tap, direction = at - offset;
      ++taps;
    }
    shared = direction == 1 || direction == -1;
  }

  int64_t step() const { return shared ? in_step : taps; }
  int64_t length(int64_t outputs) const { return shared ? (outputs - 1) * in_step + taps : outputs * taps; }
  bool flipped() const { return shared && direction < 0; }
  /// Column of element j in the list of the outputs from `from` on.
  int64_t column(int64_t from, int64_t j) const {
    if (!shared) return (from + j / taps) * in_step + offset + j % taps * direction;
    return from * in_step + (flipped() ? offset - taps + 1 : offset) + j;
  }
};

struct Plan {
  int64_t channels;
  int64_t block_rows, block_cols, row_blocks, col_blocks, col_phases, items;
  int64_t channel_block;
  int64_t kernel_rows, list;  // of a phase, at most
  int64_t at_zeros, at_workers, bytes;
  int64_t at_lists, at_list_rows, at_w, at_y, at_in_rows, at_tasks, worker_bytes;  // memory of a worker
  bool around;  // the outputs are written around the caches
};

Plan make_plan(const ConvPass& pass, int threads) {
  Plan plan = {};
  plan.channels = pass.groups;
  const int64_t rows = pass.rows.count(0);
  const int64_t cols = pass.cols.count(0);
  plan.block_cols = ceil_div(cols, ceil_div(cols, kBlockCols));
  plan.col_blocks = ceil_div(cols, plan.block_cols);
  const int64_t fit_rows = max_of(kItemFloats / sat_mul(plan.block_cols, plan.channels), 1);
  plan.block_rows = ceil_div(rows, ceil_div(rows, fit_rows));
  plan.row_blocks = ceil_div(rows, plan.block_rows);
  plan.col_phases = pass.cols.phases();
  plan.items = sat_mul(sat_mul(pass.images, sat_mul(pass.rows.phases(), plan.col_phases)),
                       sat_mul(plan.row_blocks, plan.col_blocks));
  plan.kernel_rows = max_of(bounds_of(pass.rows).taps, 1);
  plan.list = 1;
  for (int64_t phase = 0; phase < plan.col_phases; ++phase) {
    plan.list = max_of(plan.list, Columns(pass.cols, phase).length(plan.block_cols));
  }
  const int64_t fit_channels = kRowsFloats / sat_mul(plan.kernel_rows, plan.list);
  plan.channel_block = max_of(fit_channels / kChannels, 1) * kChannels;
  Layout layout;
  plan.at_zeros = layout.take(plan.channels, sizeof(float));
  plan.at_workers = layout.bytes;
  const int64_t lists = sat_mul(plan.block_rows, plan.kernel_rows);
  Layout worker;
  plan.at_lists = worker.take(sat_mul(lists, plan.list), sizeof(float*));
  plan.at_list_rows = worker.take(lists, sizeof(float**));
  plan.at_w = worker.take(lists, sizeof(float*));
  plan.at_in_rows = worker.take(lists, sizeof(int64_t));
  plan.at_tasks = worker.take(plan.block_rows, sizeof(DepthwiseRow));
  plan.at_y = worker.take(sat_mul(plan.block_rows, plan.block_cols), sizeof(float*));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

/// Which outputs an item computes: rows and columns of a phase.
struct Item {
  int64_t image, row_phase, col_phase, row_from, row_to, col_from, col_to;

  Item(const ConvPass& pass, const Plan& plan, int64_t index) {
    col_from = index % plan.col_blocks * plan.block_cols;
    index /= plan.col_blocks;
    row_from = index % plan.row_blocks * plan.block_rows;
    index /= plan.row_blocks;
    col_phase = index % plan.col_phases;
    index /= plan.col_phases;
    row_phase = index % pass.rows.phases();
    image = index / pass.rows.phases();
    row_to = min_of(row_from + plan.block_rows, pass.rows.count(row_phase));
    col_to = min_of(col_from + plan.block_cols, pass.cols.count(col_phase));
  }
};

/// What the kernel needs for each row of an item's outputs, in the memory of its worker. A row has `kernel_rows` slots
/// for its lists and fills those of the kernel's rows that meet the map.
class Rows {
 public:
  Rows(const ConvPass& pass, const Plan& plan, const ConvPassData& data, const float* zeros, const Item& item,
       std::byte* memory)
      : pass_(pass),
        plan_(plan),
        data_(data),
        zeros_(zeros),
        item_(item),
        columns_(pass.cols, item.col_phase),
        outputs_(item.col_to - item.col_from),
        next_(reinterpret_cast<const float**>(memory + plan.at_lists)),
        lists_(reinterpret_cast<const float* const**>(memory + plan.at_list_rows)),
        w_(reinterpret_cast<const float**>(memory + plan.at_w)),
        in_rows_(reinterpret_cast<int64_t*>(memory + plan.at_in_rows)),
        y_(reinterpret_cast<float**>(memory + plan.at_y)),
        tasks_(reinterpret_cast<DepthwiseRow*>(memory + plan.at_tasks)) {
    for (int64_t row = 0; row < item.row_to - item.row_from; ++row) list_row(row);
  }

  DepthwiseRow& operator[](int64_t row) const { return tasks_[row]; }

 private:
  void list_row(int64_t row) {
    const int64_t first = row * plan_.kernel_rows;
    int64_t used = 0;
    for (int64_t r = 0; r < pass_.rows.kernel && columns_.taps > 0; ++r) {
      int64_t offset;
      if (!pass_.rows.hits(item_.row_phase, r, &offset)) continue;
      const int64_t in_row = (item_.row_from + row) * pass_.rows.in_step() + offset;
      if (in_row < 0 || in_row >= pass_.rows.in) continue;
      const int64_t slot = first + used++;
      in_rows_[slot] = in_row;
      w_[slot] = data_.w + (r * pass_.cols.kernel + columns_.tap) * plan_.channels;
      lists_[slot] = list_of(row, in_row);
    }
    float** const y = y_ + row * plan_.block_cols;
    const int64_t out_row = item_.row_phase + (item_.row_from + row) * pass_.rows.out_step();
    float* const out = data_.out + (item_.image * pass_.rows.out + out_row) * pass_.cols.out * plan_.channels;
    for (int64_t i = 0; i < outputs_; ++i) {
      y[i] = out + (item_.col_phase + (item_.col_from + i) * pass_.cols.out_step()) * plan_.channels;
    }
    tasks_[row] = {lists_ + first,
                   w_ + first,
                   used,
                   columns_.taps,
                   columns_.step(),
                   columns_.flipped(),
                   columns_.tap_step * plan_.channels,
                   y,
                   outputs_,
                   0,
                   0,
                   data_.bias,
                   data_.activation,
                   data_.slope,
                   plan_.around};
  }

  /// The list that the row of outputs before this one has made, or a new one.
  const float* const* list_of(int64_t row, int64_t in_row) {
    for (int64_t i = 0; row > 0 && i < tasks_[row - 1].rows; ++i) {
      if (in_rows_[(row - 1) * plan_.kernel_rows + i] == in_row) return tasks_[row - 1].x[i];
    }
    const float** const pixels = next_;
    const int64_t length = columns_.length(outputs_);
    next_ += length;
    const float* const from = data_.in + (item_.image * pass_.rows.in + in_row) * pass_.cols.in * plan_.channels;
    for (int64_t j = 0; j < length; ++j) {
      const int64_t col = columns_.column(item_.col_from, j);
      pixels[j] = col < 0 || col >= pass_.cols.in ? zeros_ : from + col * plan_.channels;
    }
    return pixels;
  }

  const ConvPass& pass_;
  const Plan& plan_;
  const ConvPassData& data_;
  const float* const zeros_;
  const Item& item_;
  const Columns columns_;
  const int64_t outputs_;
  const float** next_;
  const float* const** const lists_;
  const float** const w_;
  int64_t* const in_rows_;
  float** const y_;
  DepthwiseRow* const tasks_;
};

}  // namespace

int64_t depthwise_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads) {
  if (max_of(pass.k, pass.columns) > 1) return depthwise_multiplier_workspace(pass, kernels, threads);
  const int64_t bytes = make_plan(pass, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void depthwise_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                        std::byte* workspace) {
  if (max_of(pass.k, pass.columns) > 1) {
    return depthwise_multiplier_run(pass, data, kernels, parallel, workspace);
  }
  Plan plan = make_plan(pass, parallel.threads());
  const int64_t floats = pass.images * pass.rows.out * pass.cols.out * plan.channels;
  constexpr int64_t kLineBytes = 64;
  const bool whole_lines = plan.channels * int64_t{sizeof(float)} % kLineBytes == 0 &&
                           reinterpret_cast<uintptr_t>(data.out) % kLineBytes == 0;
  plan.around = floats >= kAroundFloats && whole_lines;
  float* const zeros = reinterpret_cast<float*>(workspace + plan.at_zeros);
  std::memset(zeros, 0, static_cast<size_t>(plan.channels) * sizeof(float));
  parallel.run(plan.items, [&](int64_t index, int worker) {
    const Item item(pass, plan, index);
    if (item.row_from >= item.row_to || item.col_from >= item.col_to) return;
    const Rows rows(pass, plan, data, zeros, item, workspace + plan.at_workers + worker * plan.worker_bytes);
    for (int64_t from = 0; from < plan.channels; from += plan.channel_block) {
      for (int64_t row = 0; row < item.row_to - item.row_from; ++row) {
        rows[row].from = from;
        rows[row].to = min_of(from + plan.channel_block, plan.channels);
        kernels.depthwise_row(rows[row]);
      }
    }
  });
}

}  // namespace lanewise
