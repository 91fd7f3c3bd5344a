// Stochastic gradient descent.

import { sgdStep } from '../ops/sgd_step.ts';
import { onlyKnown, real } from '../options.ts';
import { groupsConfig, type ParameterGroup, parameterSettings } from './groups.ts';
import { checkLearningRate, type LearningRate, learningRateConfig, type Optimizer } from './optimizer.ts';

export interface SgdOptions {
  readonly learningRate: LearningRate;
  /** Share of the previous update that is kept, 0 to below 1. Default 0. */
  readonly momentum?: number;
  /** Nesterov's form of momentum. Default false. */
  readonly nesterov?: boolean;
  /** L2 penalty added to the gradient. Default 0. */
  readonly weightDecay?: number;
  /** Settings for some of the parameters, such as `noDecayOfVectors`. */
  readonly groups?: readonly ParameterGroup[];
}

/**
 * `g = gradient + weightDecay * w; v = momentum * v + g; w = w - learningRate * (nesterov ? g + momentum * v : v)`.
 * Semantics of PyTorch's `SGD` without dampening.
 */
export function sgd(options: SgdOptions): Optimizer {
  onlyKnown('sgd', options, ['learningRate', 'momentum', 'nesterov', 'weightDecay', 'groups']);
  const learningRate = checkLearningRate('sgd', options.learningRate);
  const momentum = real('sgd', 'momentum', options.momentum ?? 0, 0, 0.9999);
  const weightDecay = real('sgd', 'weightDecay', options.weightDecay ?? 0, 0, 1e3);
  const nesterov = options.nesterov ? 1 : 0;
  const { groups } = options;
  const settings = parameterSettings('sgd', groups, weightDecay);
  return {
    type: 'sgd',
    learningRate,
    config: {
      learningRate: learningRateConfig(learningRate),
      momentum,
      nesterov,
      weightDecay,
      ...groupsConfig(groups),
    },
    slots: momentum > 0 ? ['velocity'] : [],
    learningRateScale: (parameter) => settings(parameter).learningRateScale,
    hyperSize: 1,
    hyper: (_, rate) => [rate],
    emitStep(graph, parameter, [velocity], gradient, hyper) {
      const attrs = { momentum, nesterov, weightDecay: settings(parameter).weightDecay };
      graph.emit(sgdStep, [parameter, velocity, gradient, hyper], attrs);
    },
  };
}
