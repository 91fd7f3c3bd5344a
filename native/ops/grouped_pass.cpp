// Work item = (image, block of rows and columns, some groups).
#include "grouped_pass.h"

#include "group_panels.h"
#include "workspace.h"

namespace lanewise {
namespace {

constexpr int64_t kLineFloats = 16;          // of a cache line
constexpr int64_t kPanelFloats = 48 * 1024;  // the panels of a block: 192 KiB, part of L2
constexpr int64_t kBlockCols = 128;

struct Plan {
  int64_t in_c, out_c;
  int64_t block_rows, block_cols, row_blocks, col_blocks;
  int64_t units, unit_groups, unit_blocks;  // groups are handed out in units of whole cache lines
  int64_t items;
  int64_t window_cols, panel_floats;
  int64_t at_taps, worker_bytes;
};

int64_t greatest_divisor(int64_t a, int64_t b) { return b == 0 ? a : greatest_divisor(b, a % b); }

Plan make_plan(const ConvPass& pass) {
  Plan plan = {};
  plan.in_c = sat_mul(pass.groups, pass.k);
  plan.out_c = sat_mul(pass.groups, pass.columns);
  plan.unit_groups = min_of(pass.groups, kLineFloats / greatest_divisor(kLineFloats, pass.k));
  plan.units = ceil_div(pass.groups, plan.unit_groups);
  plan.block_cols = ceil_div(pass.cols.out, ceil_div(pass.cols.out, kBlockCols));
  plan.col_blocks = ceil_div(pass.cols.out, plan.block_cols);
  plan.window_cols = sat_add(plan.block_cols, bounds_of(pass.cols).extent - 1);
  const int64_t row_floats = sat_mul(plan.window_cols, pass.k);
  const int64_t fit_rows = max_of(kPanelFloats / sat_mul(row_floats, plan.unit_groups) - (kGroupRows - 1), 1);
  plan.row_blocks = ceil_div(pass.rows.out, fit_rows);
  plan.block_rows = ceil_div(pass.rows.out, plan.row_blocks);
  // An odd number of lines, so that the panels, which are filled side by side, do not push each other out of L1.
  const int64_t floats = sat_mul(plan.block_rows + kGroupRows - 1, row_floats);
  plan.panel_floats = odd_lines(floats);
  const int64_t fit_units = max_of(kPanelFloats / sat_mul(plan.panel_floats, plan.unit_groups), 1);
  plan.unit_blocks = ceil_div(plan.units, fit_units);
  plan.items = sat_mul(sat_mul(pass.images, plan.unit_blocks), sat_mul(plan.row_blocks, plan.col_blocks));
  Layout worker;
  const int64_t most_groups = sat_mul(ceil_div(plan.units, plan.unit_blocks), plan.unit_groups);
  worker.take(sat_mul(most_groups, plan.panel_floats), sizeof(float));
  plan.at_taps = worker.take(pass.cols.kernel, sizeof(int64_t));
  plan.worker_bytes = apart(worker.bytes);
  return plan;
}

class GroupedBlock {
 public:
  GroupedBlock(const ConvPass& pass, const Plan& plan, int64_t item, std::byte* memory)
      : pass_(pass),
        plan_(plan),
        panels_(reinterpret_cast<float*>(memory)),
        taps_(reinterpret_cast<int64_t*>(memory + plan.at_taps)),
        row_span_(span_of(pass.rows, 0)),
        col_span_(span_of(pass.cols, 0)) {
    const int64_t unit_block = item % plan.unit_blocks;
    item /= plan.unit_blocks;
    group_from_ = plan.units * unit_block / plan.unit_blocks * plan.unit_groups;
    group_to_ = min_of(plan.units * (unit_block + 1) / plan.unit_blocks * plan.unit_groups, pass.groups);
    col_from_ = item % plan.col_blocks * plan.block_cols;
    cols_ = min_of(pass.cols.out - col_from_, plan.block_cols);
    item /= plan.col_blocks;
    row_from_ = item % plan.row_blocks * plan.block_rows;
    rows_ = min_of(pass.rows.out - row_from_, plan.block_rows);
    image_ = item / plan.row_blocks;
  }

  void fill(const float* in) const {
    const float* const image = in + image_ * pass_.rows.in * pass_.cols.in * plan_.in_c + group_from_ * pass_.k;
    const int64_t row = row_from_ + row_span_.min;
    for (int64_t i = 0; i < rows_ + kGroupRows - 1; ++i) fill_row(image, row + i, panels_ + i * pitch());
  }

  void run(const ConvPassData& data, const float* packed, int64_t panel_width, const Kernels& kernels) const {
    GroupRows task = {};
    task.taps = taps_;
    for (int64_t s = 0; s < pass_.cols.kernel; ++s) {
      int64_t offset;
      pass_.cols.hits(0, s, &offset);
      taps_[task.n_taps++] = (offset - col_span_.min) * pass_.k;
    }
    const int64_t out_row_floats = pass_.cols.out * plan_.out_c;
    float* const out = data.out + (image_ * pass_.rows.out + row_from_) * out_row_floats + col_from_ * plan_.out_c;
    task.k = pass_.k;
    task.ldw = panel_width;
    task.x_step = pass_.k;
    task.y_step = plan_.out_c;
    task.rows = rows_;
    task.cols = cols_;
    task.activation = data.activation;
    task.slope = data.slope;
    // Of the gradient a later kernel row meets an earlier row of dy: it goes from the last row up.
    const bool up = pass_.rows.backward;
    task.x_row = up ? -pitch() : pitch();
    task.y_row = up ? -out_row_floats : out_row_floats;
    const float* const x = panels_ + (up ? (rows_ + kGroupRows - 2) * pitch() : 0);
    float* const y = out + (up ? (rows_ - 1) * out_row_floats : 0);
    const int64_t w_floats = kGroupRows * pass_.cols.kernel * pass_.k * panel_width;
    const int64_t panels = ceil_div(pass_.columns, panel_width);
    for (int64_t group = group_from_; group < group_to_; ++group) {
      task.x = x + (group - group_from_) * plan_.panel_floats;
      for (int64_t panel = 0; panel < panels; ++panel) {
        const int64_t column = group * pass_.columns + panel * panel_width;
        task.w = packed + (group * panels + panel) * w_floats;
        task.y = y + column;
        task.n = static_cast<int>(min_of(pass_.columns - panel * panel_width, panel_width));
        task.bias = data.bias == nullptr ? nullptr : data.bias + column;
        kernels.group_rows(task);
      }
    }
  }

 private:
  int64_t pitch() const { return plan_.window_cols * pass_.k; }

  /// Row `row` of the image may lie outside, and so may columns: zeros there.
  void fill_row(const float* image, int64_t row, float* to) const {
    const int64_t in_col = col_from_ + col_span_.min;
    const bool outside = row < 0 || row >= pass_.rows.in;
    const int64_t from = outside ? plan_.window_cols : min_of(max_of(-in_col, 0), plan_.window_cols);
    const int64_t end = max_of(min_of(pass_.cols.in - in_col, plan_.window_cols), from);
    const int64_t groups = group_to_ - group_from_;
    for (int64_t group = 0; group < groups; ++group) {
      float* const panel = to + group * plan_.panel_floats;
      std::memset(panel, 0, static_cast<size_t>(from * pass_.k) * sizeof(float));
      std::memset(panel + end * pass_.k, 0, static_cast<size_t>((plan_.window_cols - end) * pass_.k) * sizeof(float));
    }
    if (end == from) return;
    to_group_panels(to + from * pass_.k, plan_.panel_floats, image + (row * pass_.cols.in + in_col + from) * plan_.in_c,
                    plan_.in_c, end - from, groups, pass_.k);
  }

  const ConvPass& pass_;
  const Plan& plan_;
  float* const panels_;
  int64_t* const taps_;
  const AxisSpan row_span_;
  const AxisSpan col_span_;
  int64_t image_, group_from_, group_to_, row_from_, rows_, col_from_, cols_;
};

}  // namespace

bool grouped_pass_applies(const ConvPass& pass) {
  return pass.groups > 1 && !pass.depthwise() && pass.k <= kFewChannels && pass.rows.kernel == kGroupRows &&
         pass.rows.stride == 1 && pass.rows.dilation == 1 && pass.cols.stride == 1;
}

int64_t grouped_pass_worker_bytes(const ConvPass& pass) { return make_plan(pass).worker_bytes; }

void grouped_pass_run(const ConvPass& pass, const ConvPassData& data, const float* packed, int64_t panel_width,
                      const Kernels& kernels, Parallel& parallel, std::byte* workers) {
  const Plan plan = make_plan(pass);
  parallel.run(plan.items, [&](int64_t item, int worker) {
    const GroupedBlock block(pass, plan, item, workers + worker * plan.worker_bytes);
    block.fill(data.in);
    block.run(data, packed, panel_width, kernels);
  });
}

}  // namespace lanewise
