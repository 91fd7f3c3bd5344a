// Stochastic gradient descent.

import { sgdStep } from '../ops/sgd_step.ts';
import { onlyKnown, real } from '../options.ts';
import { checkLearningRate, type LearningRate, learningRateConfig, type Optimizer } from './optimizer.ts';

export interface SgdOptions {
  readonly learningRate: LearningRate;
  /** Share of the previous update that is kept, 0 to below 1. Default 0. */
  readonly momentum?: number;
  /** Nesterov's form of momentum. Default false. */
  readonly nesterov?: boolean;
  /** L2 penalty added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

/**
 * `g = gradient + weightDecay * w; v = momentum * v + g; w = w - learningRate * (nesterov ? g + momentum * v : v)`.
 * Semantics of PyTorch's `SGD` without dampening.
 */
export function sgd(options: SgdOptions): Optimizer {
  onlyKnown('sgd', options, ['learningRate', 'momentum', 'nesterov', 'weightDecay']);
  const learningRate = checkLearningRate('sgd', options.learningRate);
  const momentum = real('sgd', 'momentum', options.momentum ?? 0, 0, 0.9999);
  const weightDecay = real('sgd', 'weightDecay', options.weightDecay ?? 0, 0, 1e3);
  const nesterov = options.nesterov ? 1 : 0;
  return {
    type: 'sgd',
    learningRate,
    config: { learningRate: learningRateConfig(learningRate), momentum, nesterov, weightDecay },
    slots: momentum > 0 ? ['velocity'] : [],
    hyperSize: 1,
    hyper: (_, rate) => [rate],
    emitStep(graph, parameter, [velocity], gradient, hyper) {
      graph.emit(sgdStep, [parameter, velocity, gradient, hyper], { momentum, nesterov, weightDecay });
    },
  };
}
