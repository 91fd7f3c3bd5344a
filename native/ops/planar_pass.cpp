// Runs a planar pass: work item = block of pixels of one phase and group. Its input goes into planes in the worker's
// memory, a row of outputs at a time comes out of the kernel as planes too, and is transposed into its place.
#include "planar_pass.h"

#include "workspace.h"

namespace lanewise {
namespace {

struct Plan {
  PlanarTiling tiling;
  int64_t taps, w_floats;  // of a group
  int64_t row_floats;      // of a row of outputs
  int64_t at_w, at_workers, at_rows, at_cols, at_runs, at_y, worker_bytes, bytes;
};

/// Neighbouring columns [from, to) that meet the same taps: of those listed, `taps` from the first one on.
struct Run {
  int64_t from, to, first_tap, taps;
};

Plan make_plan(const ConvPass& pass, const Kernels& kernels, int threads) {
  Plan plan = {};
  plan.tiling = planar_tiling(pass, kernels);
  plan.taps = sat_mul(pass.rows.kernel, pass.cols.kernel);
  plan.w_floats = sat_mul(plan.taps, sat_mul(pass.k, pass.columns));
  const int64_t lanes = plan.tiling.lanes;
  plan.row_floats = sat_mul(ceil_div(sat_mul(plan.tiling.cols, plan.tiling.images), lanes) * lanes, pass.columns);
  // from_planes reads whole vectors.
  plan.row_floats = sat_add(plan.row_floats, kernels.lanes);
  Layout layout;
  plan.at_w = layout.take(sat_mul(plan.w_floats, pass.groups), sizeof(float));
  plan.at_workers = layout.bytes;
  Layout worker;
  worker.take(sat_mul(plan.tiling.plane_floats, pass.k), sizeof(float));
  plan.at_rows = worker.take(pass.rows.kernel, sizeof(Tap));
  plan.at_cols = worker.take(sat_mul(2, pass.cols.kernel), sizeof(Tap));
  plan.at_runs = worker.take(plan.tiling.images == 1 ? 0 : plan.tiling.cols, sizeof(Run));
  plan.at_y = worker.take(plan.row_floats, sizeof(float));
  plan.worker_bytes = apart(worker.bytes);
  plan.bytes = sat_add(layout.bytes, sat_mul(plan.worker_bytes, threads));
  return plan;
}

/// -> [group][tap][k][columns]
void pack_weights(const ConvPass& pass, int64_t taps, const float* w, float* packed) {
  const int64_t in_c = pass.groups * pass.k, out_c = pass.groups * pass.columns;
  for (int64_t group = 0; group < pass.groups; ++group) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t k = 0; k < pass.k; ++k) {
        for (int64_t j = 0; j < pass.columns; ++j) {
          *packed++ = pass.transposed ? w[(tap * pass.columns + j) * in_c + group * pass.k + k]
                                      : w[(tap * pass.k + k) * out_c + group * pass.columns + j];
        }
      }
    }
  }
}

class PlanarBlock {
 public:
  PlanarBlock(const ConvPass& pass, const Plan& plan, const ConvPassData& data, const Kernels& kernels,
              std::byte* memory)
      : pass_(pass),
        tiling_(plan.tiling),
        data_(data),
        kernels_(kernels),
        in_c_(pass.groups * pass.k),
        out_c_(pass.groups * pass.columns),
        planes_(reinterpret_cast<float*>(memory)),
        rows_(reinterpret_cast<Tap*>(memory + plan.at_rows)),
        cols_(reinterpret_cast<Tap*>(memory + plan.at_cols)),
        run_cols_(cols_ + pass.cols.kernel),
        runs_(reinterpret_cast<Run*>(memory + plan.at_runs)),
        y_(reinterpret_cast<float*>(memory + plan.at_y)) {}

  void run(int64_t item, const float* packed, int64_t w_floats) {
    if (!locate(item)) return;
    w_ = packed + group_ * w_floats;
    list_cols();
    if (tiling_.images > 1) list_runs();
    if (has_taps_) fill_planes();
    for (int64_t row = row_from_; row < row_to_; ++row) {
      list_rows(row);
      if (tiling_.images == 1) {
        row_of_one_image(row);
      } else {
        row_of_images(row);
      }
    }
  }

 private:
  /// False when the phase has no pixels in this block.
  bool locate(int64_t item) {
    const PlanarTiling& t = tiling_;
    const auto next = [&](int64_t count) {
      const int64_t index = item % count;
      item /= count;
      return index;
    };
    group_ = next(pass_.groups);
    const int64_t col_block = next(t.col_blocks);
    const int64_t row_block = next(t.row_blocks);
    image_from_ = next(t.image_blocks) * t.images;
    images_ = min_of(t.images, pass_.images - image_from_);
    col_phase_ = item % t.col_phases;
    row_phase_ = item / t.col_phases;
    row_from_ = row_block * t.rows;
    row_to_ = min_of(row_from_ + t.rows, pass_.rows.count(row_phase_));
    col_from_ = col_block * t.cols;
    col_to_ = min_of(col_from_ + t.cols, pass_.cols.count(col_phase_));
    const AxisSpan rows = span_of(pass_.rows, row_phase_);
    const AxisSpan cols = span_of(pass_.cols, col_phase_);
    const int64_t step = pass_.cols.in_step();
    has_taps_ = rows.taps > 0 && cols.taps > 0;
    window_row_ = max_of(row_from_ * pass_.rows.in_step() + rows.min, 0);
    window_row_to_ = min_of((row_to_ - 1) * pass_.rows.in_step() + rows.max + 1, pass_.rows.in);
    window_col_ = col_from_ + floor_div(cols.min, step);
    window_col_to_ = col_to_ + floor_div(cols.max, step);
    if (t.images > 1) window_col_ = max_of(window_col_, 0);
    return row_from_ < row_to_ && col_from_ < col_to_;
  }

  /// Offsets are those of output column 0.
  void list_cols() {
    const int64_t step = pass_.cols.in_step();
    n_cols_ = 0;
    for (int64_t s = 0; s < pass_.cols.kernel; ++s) {
      int64_t offset;
      if (!pass_.cols.hits(col_phase_, s, &offset)) continue;
      const int64_t q = floor_div(offset, step);
      const int64_t phase = offset - q * step;
      cols_[n_cols_++] = {(phase * tiling_.window_cols + q - window_col_) * tiling_.images,
                          s * pass_.k * pass_.columns};
    }
  }

  /// The taps of a column that meet the input follow each other.
  void list_runs() {
    const int64_t step = pass_.cols.in_step();
    Run* last = nullptr;
    n_runs_ = 0;
    for (int64_t col = col_from_; col < col_to_; ++col) {
      Run run = {col, col + 1, 0, 0};
      for (int64_t s = 0, nth = 0; s < pass_.cols.kernel; ++s) {
        int64_t offset;
        if (!pass_.cols.hits(col_phase_, s, &offset)) continue;
        const int64_t in_col = col * step + offset;
        if (in_col >= 0 && in_col < pass_.cols.in && run.taps++ == 0) run.first_tap = nth;
        ++nth;
      }
      if (last != nullptr && last->first_tap == run.first_tap && last->taps == run.taps) {
        last->to = run.to;
      } else {
        last = &runs_[n_runs_++];
        *last = run;
      }
    }
  }

  /// The kernel rows that meet the input for an output row; they follow each other.
  void list_rows(int64_t row) {
    n_rows_ = 0;
    for (int64_t r = 0; r < pass_.rows.kernel && has_taps_; ++r) {
      int64_t offset;
      if (!pass_.rows.hits(row_phase_, r, &offset)) continue;
      const int64_t in_row = row * pass_.rows.in_step() + offset;
      if (in_row < 0 || in_row >= pass_.rows.in) continue;
      rows_[n_rows_++] = {(in_row - window_row_) * tiling_.row_floats, r * pass_.cols.kernel * pass_.k * pass_.columns};
    }
  }

  void fill_planes() {
    const int64_t step = pass_.cols.in_step();
    const int64_t in_row_floats = pass_.cols.in * in_c_;
    const float* const image = data_.in + image_from_ * pass_.rows.in * in_row_floats + group_ * pass_.k;
    for (int64_t row = window_row_; row < window_row_to_; ++row) {
      for (int64_t phase = 0; phase < step; ++phase) {
        const int64_t in_cols = (pass_.cols.in - phase + step - 1) / step;
        const int64_t from = min_of(max_of(window_col_, 0), in_cols);
        const int64_t n = max_of(min_of(window_col_to_, in_cols) - from, 0);
        const float* const x = image + row * in_row_floats + (from * step + phase) * in_c_;
        float* const to =
            planes_ + (row - window_row_) * tiling_.row_floats + phase * tiling_.window_cols * tiling_.images;
        if (tiling_.images == 1) {
          fill_row(to, x, from - window_col_, n);
        } else {
          fill_images(to, x, n);
        }
      }
    }
  }

  /// Zeros before and after what lies within the image.
  void fill_row(float* to, const float* x, int64_t before, int64_t n) {
    const int64_t width = tiling_.window_cols;
    const int64_t first = n > 0 ? min_of(before, width) : 0;
    if (first > 0) kernels_.to_planes(to, tiling_.plane_floats, nullptr, 0, pass_.k, 0, first);
    kernels_.to_planes(to + first, tiling_.plane_floats, x, pass_.cols.in_step() * in_c_, pass_.k, n, width - first);
  }

  void fill_images(float* to, const float* x, int64_t n) {
    const int64_t step = pass_.cols.in_step();
    const int64_t image_floats = pass_.rows.in * pass_.cols.in * in_c_;
    // A single channel: the columns take its place.
    if (in_c_ == 1 && step == 1)
      return kernels_.to_planes(to, tiling_.images, x, image_floats, n, images_, tiling_.images);
    for (int64_t i = 0; i < n; ++i) {
      kernels_.to_planes(to + i * tiling_.images, tiling_.plane_floats, x + i * step * in_c_, image_floats, pass_.k,
                         images_, tiling_.images);
    }
  }

  PlanarPanel panel() const {
    PlanarPanel task = {};
    task.x = planes_;
    task.plane = tiling_.plane_floats;
    task.rows = rows_;
    task.n_rows = n_rows_;
    task.cols = run_cols_;
    task.k = pass_.k;
    task.w = w_;
    task.n = static_cast<int>(pass_.columns);
    task.lanes = static_cast<int>(tiling_.lanes);
    task.bias = data_.bias == nullptr ? nullptr : data_.bias + group_ * pass_.columns;
    task.activation = data_.activation;
    task.slope = data_.slope;
    return task;
  }

  float* out_at(int64_t row, int64_t col) const {
    const int64_t out_row = row_phase_ + row * pass_.rows.out_step();
    const int64_t out_col = col_phase_ + col * pass_.cols.out_step();
    return data_.out + ((image_from_ * pass_.rows.out + out_row) * pass_.cols.out + out_col) * out_c_ +
           group_ * pass_.columns;
  }

  void row_of_one_image(int64_t row) {
    const int64_t cols = col_to_ - col_from_;
    PlanarPanel task = panel();
    for (int64_t s = 0; s < n_cols_; ++s) run_cols_[s] = {cols_[s].x + col_from_, cols_[s].w};
    task.n_cols = n_cols_;
    task.vectors = ceil_div(cols, tiling_.lanes);
    task.y = y_;
    task.y_column = task.vectors * tiling_.lanes;
    task.group = task.vectors;
    kernels_.planar_panel(task);
    kernels_.from_planes(out_at(row, col_from_), pass_.cols.out_step() * out_c_, y_, task.y_column, cols,
                         pass_.columns);
  }

  void row_of_images(int64_t row) {
    const int64_t images = tiling_.images;
    const int64_t group = images / tiling_.lanes;
    for (const Run* run = runs_; run < runs_ + n_runs_; ++run) {
      PlanarPanel task = panel();
      for (int64_t s = 0; s < run->taps; ++s) {
        const Tap& col = cols_[run->first_tap + s];
        run_cols_[s] = {col.x + run->from * images, col.w};
      }
      task.n_cols = run->taps;
      task.vectors = (run->to - run->from) * group;
      task.y = y_ + (run->from - col_from_) * images * pass_.columns;
      task.y_column = images;
      task.group = group;
      task.y_group = images * pass_.columns;
      kernels_.planar_panel(task);
    }
    const int64_t cols = col_to_ - col_from_;
    const int64_t image_floats = pass_.rows.out * pass_.cols.out * out_c_;
    if (pass_.groups == 1 && pass_.cols.out_step() == 1) {
      kernels_.from_planes(out_at(row, col_from_), image_floats, y_, images, images_, cols * pass_.columns);
      return;
    }
    for (int64_t i = 0; i < cols; ++i) {
      kernels_.from_planes(out_at(row, col_from_ + i), image_floats, y_ + i * images * pass_.columns, images, images_,
                           pass_.columns);
    }
  }

  const ConvPass& pass_;
  const PlanarTiling& tiling_;
  const ConvPassData& data_;
  const Kernels& kernels_;
  const int64_t in_c_, out_c_;
  float* const planes_;
  Tap* const rows_;
  Tap* const cols_;
  Tap* const run_cols_;
  Run* const runs_;
  float* const y_;
  const float* w_ = nullptr;
  int64_t group_ = 0, image_from_ = 0, images_ = 0, row_phase_ = 0, col_phase_ = 0;
  int64_t row_from_ = 0, row_to_ = 0, col_from_ = 0, col_to_ = 0;
  /// The input that the planes hold, before it is clipped to the image; columns of a phase.
  int64_t window_row_ = 0, window_row_to_ = 0, window_col_ = 0, window_col_to_ = 0;
  bool has_taps_ = false;
  int64_t n_rows_ = 0, n_cols_ = 0, n_runs_ = 0;
};

}  // namespace

int64_t planar_pass_workspace(const ConvPass& pass, const Kernels& kernels, int threads) {
  const int64_t bytes = make_plan(pass, kernels, threads).bytes;
  return bytes > kMaxWorkspaceBytes ? -1 : bytes;
}

void planar_pass_run(const ConvPass& pass, const ConvPassData& data, const Kernels& kernels, Parallel& parallel,
                     std::byte* workspace) {
  const Plan plan = make_plan(pass, kernels, parallel.threads());
  float* const packed = reinterpret_cast<float*>(workspace + plan.at_w);
  pack_weights(pass, plan.taps, data.w, packed);
  parallel.run(plan.tiling.items, [&](int64_t item, int worker) {
    PlanarBlock block(pass, plan, data, kernels, workspace + plan.at_workers + worker * plan.worker_bytes);
    block.run(item, packed, plan.w_floats);
  });
}

}  // namespace lanewise
