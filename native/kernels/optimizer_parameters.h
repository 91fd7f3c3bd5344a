// Parameters of the optimizer kernels: constants of a plan and what the training loop writes before each step.
#pragma once

namespace lanewise {

struct SgdParameters {
  float learning_rate, momentum, weight_decay;
  bool nesterov;
};

/// step_size and rsqrt_bias2 carry Adam's bias corrections: lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t).
struct AdamParameters {
  float step_size, rsqrt_bias2, learning_rate, beta1, beta2, epsilon, weight_decay;
  bool decoupled;
};

struct RmspropParameters {
  float learning_rate, alpha, momentum, epsilon, weight_decay;
  bool cumulative;
};

}  // namespace lanewise
