// softmax_cross_entropy: the weighted mean over rows of -sum t * log(softmax(logits)), and its gradient.
// Losses are doubles until the end. A label outside the classes makes the loss NaN and is never used as an index.
#include <limits>

#include "../generated/op_table.h"
#include "../kernels/kernels.h"
#include "checks.h"
#include "split.h"
#include "workspace.h"

namespace lanewise {
namespace {

/// `weights` may be null.
double row_loss(const Kernels& kernels, const float* logits, const float* weights, int64_t k, int64_t label, float top,
                double sum, double smoothing) {
  const double lse = log_of(sum);
  double loss = std::numeric_limits<double>::quiet_NaN();
  if (label >= 0 && label < k) {
    loss = (1.0 - smoothing) * (lse - static_cast<double>(logits[label] - top));
    if (weights != nullptr) loss = loss * static_cast<double>(weights[label]);
  }
  if (smoothing != 0) {
    loss = loss + smoothing / static_cast<double>(k) * kernels.smoothed_loss(logits, weights, k, top, lse);
  }
  return loss;
}

/// What the rows that count weigh together: their number, or the sum of their labels' weights.
double total_weight(const int32_t* labels, int64_t rows, const float* weights, int64_t k, int32_t ignored) {
  double total = 0.0;
  for (int64_t row = 0; row < rows; ++row) {
    const int32_t label = labels[row];
    if (label == ignored) continue;
    if (weights == nullptr) {
      total = total + 1.0;
    } else if (label >= 0 && label < k) {
      total = total + static_cast<double>(weights[label]);
    }
  }
  return total;
}

const float* data_of(const Tensor* tensor) { return tensor == nullptr ? nullptr : tensor->as<float>(); }

const char* verify_inputs(const Tensor& rows, const Tensor& labels, const Tensor* weights, float smoothing) {
  if (!is_f32(rows) || rows.rank < 2) return "logits or probs must be f32 [..., k]";
  if (!is_rows_of(labels, rows, kI32)) return "labels must be i32, one for each row";
  if (weights != nullptr && !is_vector(*weights, channels_of(rows))) return "weights must be f32 [k]";
  return is_fraction(smoothing) ? nullptr : "label_smoothing must be at least 0 and below 1";
}

const char* verify(const OpArgs& args) {
  const Tensor& logits = *args.inputs[0];
  if (!is_vector(args.outputs[0], 1) || !same_f32(logits, args.outputs[1])) {
    return "loss must be f32 [1], probs f32 of the shape of logits";
  }
  const auto& attrs = args.attrs_as<SoftmaxCrossEntropyAttrs>();
  return verify_inputs(logits, *args.inputs[1], args.inputs[2], attrs.label_smoothing);
}

struct Scratch {
  Layout layout;
  int64_t losses, sums, tops;

  explicit Scratch(const OpArgs& args) {
    const int64_t n = rows_of(*args.inputs[0]);
    losses = layout.take(n, sizeof(double));
    sums = layout.take(n, sizeof(double));
    tops = layout.take(n, sizeof(float));
  }
};

int64_t workspace_bytes(const OpArgs& args, const Kernels&, int) { return Scratch(args).layout.bytes; }

bool run(const OpContext& context) {
  const Scratch scratch(context);
  auto* losses = reinterpret_cast<double*>(context.workspace + scratch.losses);
  auto* sums = reinterpret_cast<double*>(context.workspace + scratch.sums);
  auto* tops = reinterpret_cast<float*>(context.workspace + scratch.tops);
  const float* logits = context.inputs[0]->as<float>();
  const int32_t* labels = context.inputs[1]->as<int32_t>();
  const float* weights = data_of(context.inputs[2]);
  const int64_t n = rows_of(*context.inputs[0]);
  const int64_t k = channels_of(*context.inputs[0]);
  const auto& attrs = context.attrs_as<SoftmaxCrossEntropyAttrs>();
  const double smoothing = attrs.label_smoothing;
  float* probs = context.outputs[1].as<float>();
  for_rows(context.parallel, n, k, [&](int64_t begin, int64_t end) {
    context.kernels.softmax_rows(logits + begin * k, probs + begin * k, end - begin, k, tops + begin, sums + begin);
    for (int64_t row = begin; row < end; ++row) {
      losses[row] = 0.0;
      if (labels[row] == attrs.ignore_index) continue;
      losses[row] =
          row_loss(context.kernels, logits + row * k, weights, k, labels[row], tops[row], sums[row], smoothing);
    }
  });
  double total = 0.0;
  for (int64_t row = 0; row < n; ++row) total = total + losses[row];
  const double weight = total_weight(labels, n, weights, k, attrs.ignore_index);
  context.outputs[0].as<float>()[0] = static_cast<float>(total / weight);
  return true;
}

const char* verify_dx(const OpArgs& args) {
  const Tensor& probs = *args.inputs[0];
  if (!is_vector(*args.inputs[2], 1) || !same_f32(probs, args.outputs[0])) {
    return "dloss must be f32 [1], dlogits f32 of the shape of probs";
  }
  const auto& attrs = args.attrs_as<SoftmaxCrossEntropyDxAttrs>();
  return verify_inputs(probs, *args.inputs[1], args.inputs[3], attrs.label_smoothing);
}

bool run_dx(const OpContext& context) {
  const float* probs = context.inputs[0]->as<float>();
  const int32_t* labels = context.inputs[1]->as<int32_t>();
  const float* weights = data_of(context.inputs[3]);
  const int64_t n = rows_of(*context.inputs[0]);
  const int64_t k = channels_of(*context.inputs[0]);
  const auto& attrs = context.attrs_as<SoftmaxCrossEntropyDxAttrs>();
  const double smoothing = attrs.label_smoothing;
  const double share = smoothing / static_cast<double>(k);
  const double total = total_weight(labels, n, weights, k, attrs.ignore_index);
  CrossEntropyGradient task{labels, weights, k, attrs.ignore_index};
  task.off = static_cast<float>(share);
  task.on = static_cast<float>(1.0 - smoothing + share);
  task.scale = static_cast<float>(static_cast<double>(context.inputs[2]->as<float>()[0]) / total);
  task.own = 1.0 - smoothing;
  double weight_sum = 0.0;
  for (int64_t i = 0; weights != nullptr && i < k; ++i) weight_sum = weight_sum + static_cast<double>(weights[i]);
  task.shared = share * weight_sum;
  float* dlogits = context.outputs[0].as<float>();
  for_rows(context.parallel, n, k, [&](int64_t begin, int64_t end) {
    context.kernels.cross_entropy_backward_rows(task, probs, dlogits, begin, end);
  });
  return true;
}

}  // namespace

const OpImpl softmax_cross_entropy_impl = {verify, workspace_bytes, run};
const OpImpl softmax_cross_entropy_dx_impl = {verify_dx, nullptr, run_dx};

}  // namespace lanewise
