// RMSprop, and Adagrad, which adds up what RMSprop averages.

import { rmspropStep } from '../ops/rmsprop_step.ts';
import { onlyKnown, real } from '../options.ts';
import { groupsConfig, type ParameterGroup, parameterSettings } from './groups.ts';
import { checkLearningRate, type LearningRate, learningRateConfig, type Optimizer } from './optimizer.ts';

export interface AdagradOptions {
  /** Default 0.01. */
  readonly learningRate?: LearningRate;
  /** Keeps the division finite. Default 1e-10 for `adagrad`, 1e-8 for `rmsprop`. */
  readonly epsilon?: number;
  /** L2 penalty added to the gradient. Default 0. */
  readonly weightDecay?: number;
  /** Settings for some of the parameters, such as `noDecayOfVectors`. */
  readonly groups?: readonly ParameterGroup[];
}

export interface RmspropOptions extends AdagradOptions {
  /** Decay of the squared gradient's mean. Default 0.99. */
  readonly alpha?: number;
  /** Share of the previous update that is kept. Default 0. */
  readonly momentum?: number;
  /** Whether the variance of the gradient is used in place of its mean square. Default false. */
  readonly centered?: boolean;
}

interface Form {
  readonly type: 'rmsprop' | 'adagrad';
  readonly epsilon: number;
  readonly cumulative: 0 | 1;
}

function rmspropFamily({ type, epsilon: usual, cumulative }: Form, options: RmspropOptions): Optimizer {
  const learningRate = checkLearningRate(type, options.learningRate ?? 0.01);
  const epsilon = real(type, 'epsilon', options.epsilon ?? usual, 1e-20, 1);
  const weightDecay = real(type, 'weightDecay', options.weightDecay ?? 0, 0, 1e3);
  const alpha = cumulative ? 0 : real(type, 'alpha', options.alpha ?? 0.99, 0, 0.999999);
  const momentum = real(type, 'momentum', options.momentum ?? 0, 0, 0.9999);
  const centered = options.centered === true;
  const { groups } = options;
  const settings = parameterSettings(type, groups, weightDecay);
  const slots = ['square', ...(centered ? ['mean'] : []), ...(momentum > 0 ? ['velocity'] : [])];
  const form = cumulative ? {} : { alpha, momentum, centered };
  return {
    type,
    learningRate,
    config: { learningRate: learningRateConfig(learningRate), ...form, epsilon, weightDecay, ...groupsConfig(groups) },
    slots,
    learningRateScale: (parameter) => settings(parameter).learningRateScale,
    hyperSize: 1,
    hyper: (_, rate) => [rate],
    emitStep(graph, parameter, given, gradient, hyper) {
      const slot = (name: string) => given[slots.indexOf(name)];
      const attrs = { alpha, momentum, epsilon, weightDecay: settings(parameter).weightDecay, cumulative };
      graph.emit(rmspropStep, [parameter, slot('square'), slot('mean'), slot('velocity'), gradient, hyper], attrs);
    },
  };
}

/**
 * `s = alpha*s + (1-alpha)*g^2; v = momentum*v + g / (sqrt(s) + epsilon); w = w - learningRate * v` (Tieleman & Hinton 2012);
 * centered: `m = alpha*m + (1-alpha)*g` and `sqrt(s - m^2)` (Graves 2013). Weight decay is added to the gradient. Semantics of
 * PyTorch's `RMSprop`.
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const known = ['learningRate', 'alpha', 'momentum', 'centered', 'epsilon', 'weightDecay', 'groups'];
  onlyKnown('rmsprop', options, known);
  return rmspropFamily({ type: 'rmsprop', epsilon: 1e-8, cumulative: 0 }, options);
}

/** `s = s + g^2; w = w - learningRate * g / (sqrt(s) + epsilon)` (Duchi et al. 2011). Weight decay is added to the gradient.
 * Semantics of PyTorch's `Adagrad`; a falling rate is a learning-rate function. */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  onlyKnown('adagrad', options, ['learningRate', 'epsilon', 'weightDecay', 'groups']);
  return rmspropFamily({ type: 'adagrad', epsilon: 1e-10, cumulative: 1 }, options);
}
