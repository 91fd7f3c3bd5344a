// count_correct: how many rows have their first largest logit at the label.
#include "../generated/op_table.h"
#include "checks.h"

namespace lanewise {
namespace {

const char* verify(const OpArgs& args) {
  const Tensor& logits = *args.inputs[0];
  if (!is_f32(logits) || logits.rank < 2) return "logits must be f32 [..., k]";
  if (!is_rows_of(*args.inputs[1], logits, kI32)) return "labels must be i32, one for each row of logits";
  return is_vector(args.outputs[0], 1) ? nullptr : "correct must be f32 [1]";
}

/// Every logit before the label's is smaller and none after it larger; comparisons with NaN fail.
bool is_correct(const float* logits, int64_t k, int64_t label) {
  if (label < 0 || label >= k) return false;
  const float best = logits[label];
  bool wins = best == best;
  for (int64_t i = 0; i < label; ++i) wins &= logits[i] < best;
  for (int64_t i = label; i < k; ++i) wins &= logits[i] <= best;
  return wins;
}

bool run(const OpContext& context) {
  const Tensor& logits = *context.inputs[0];
  const int32_t* labels = context.inputs[1]->as<int32_t>();
  const int64_t k = channels_of(logits);
  int64_t correct = 0;
  for (int64_t row = 0; row < rows_of(logits); ++row) {
    if (is_correct(logits.as<float>() + row * k, k, labels[row])) ++correct;
  }
  context.outputs[0].as<float>()[0] = static_cast<float>(correct);
  return true;
}

}  // namespace

const OpImpl count_correct_impl = {verify, nullptr, run};

}  // namespace lanewise
