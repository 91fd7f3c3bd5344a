// local_response_norm and its gradient: rows of channels, each on its own.
#include <cmath>
#include <cstring>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"
#include "workspace.h"

namespace lanewise {
namespace {

constexpr int32_t kMost = 4096;

template <class Attrs>
const char* check(const Attrs& attrs) {
  const auto fits = [](int32_t count) { return count >= 0 && count <= kMost; };
  if (!fits(attrs.before) || !fits(attrs.after)) return "before and after must be from 0 to 4096";
  const bool numbers = std::isfinite(attrs.alpha) && attrs.alpha >= 0 && std::isfinite(attrs.beta) &&
                       std::isfinite(attrs.k) && attrs.k > 0;
  return numbers ? nullptr : "alpha must be at least 0, k above 0, beta finite";
}

/// What one worker needs: two padded rows.
struct Scratch {
  Layout layout;
  int64_t padded, terms;

  template <class Attrs>
  Scratch(const Tensor& x, const Attrs& attrs) {
    const int64_t width = channels_of(x) + attrs.before + attrs.after;
    padded = layout.take(width, sizeof(float));
    terms = layout.take(width, sizeof(float));
  }
};

template <class Attrs>
int64_t workspace_bytes(const OpArgs& args, const Kernels&, int threads) {
  return sat_mul(Scratch(*args.inputs[0], args.attrs_as<Attrs>()).layout.bytes, threads);
}

/// f(task, begin, end) for ranges of rows.
template <class Attrs, class F>
void for_tasks(const OpContext& context, F&& f) {
  const auto& attrs = context.attrs_as<Attrs>();
  const Tensor& x = *context.inputs[0];
  const Scratch scratch(x, attrs);
  const double size = attrs.before + attrs.after + 1;
  LocalResponseNorm task{};
  task.c = channels_of(x);
  task.before = attrs.before;
  task.after = attrs.after;
  task.weight = static_cast<float>(attrs.alpha / size);
  task.factor = static_cast<float>(2.0 * attrs.alpha * attrs.beta / size);
  task.beta = attrs.beta;
  task.k = attrs.k;
  const int64_t rows = rows_of(x);
  const int64_t taken = max_of(int64_t{1}, kItemElements / task.c);
  const auto item = [&](int64_t index, int worker) {
    std::byte* memory = context.workspace + worker * scratch.layout.bytes;
    LocalResponseNorm own = task;
    own.padded = reinterpret_cast<float*>(memory + scratch.padded);
    own.terms = reinterpret_cast<float*>(memory + scratch.terms);
    std::memset(memory, 0, scratch.layout.bytes);
    f(own, index * taken, min_of(rows, (index + 1) * taken));
  };
  const int64_t items = ceil_div(rows, taken);
  if (x.count >= kSharedElements) return context.parallel.run(items, item);
  for (int64_t index = 0; index < items; ++index) item(index, 0);
}

const char* verify(const OpArgs& args) {
  if (!same_f32(*args.inputs[0], args.outputs[0])) return "x and y must be f32 of one shape";
  return check(args.attrs_as<LocalResponseNormAttrs>());
}

bool run(const OpContext& context) {
  const float* x = context.inputs[0]->as<float>();
  float* y = context.outputs[0].as<float>();
  for_tasks<LocalResponseNormAttrs>(context, [&](const LocalResponseNorm& task, int64_t begin, int64_t end) {
    const int64_t at = begin * task.c;
    context.kernels.local_response_norm_rows(task, x + at, y + at, end - begin);
  });
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const bool fits = same_f32(*args.inputs[0], args.outputs[0]) && same_f32(*args.inputs[1], args.outputs[0]);
  if (!fits) return "dy, x and dx must be f32 of one shape";
  return check(args.attrs_as<LocalResponseNormDxAttrs>());
}

bool run_dx(const OpContext& context) {
  const float* dy = context.inputs[0]->as<float>();
  const float* x = context.inputs[1]->as<float>();
  float* dx = context.outputs[0].as<float>();
  for_tasks<LocalResponseNormDxAttrs>(context, [&](const LocalResponseNorm& task, int64_t begin, int64_t end) {
    const int64_t at = begin * task.c;
    context.kernels.local_response_norm_backward_rows(task, dy + at, x + at, dx + at, end - begin);
  });
  return true;
}

}  // namespace

const OpImpl local_response_norm_impl = {verify, workspace_bytes<LocalResponseNormAttrs>, run};
const OpImpl local_response_norm_dx_impl = {verify_dx, workspace_bytes<LocalResponseNormDxAttrs>, run_dx};

}  // namespace lanewise
