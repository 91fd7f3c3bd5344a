// Adam, and AdamW, which decays weights apart from the gradient.

import { adamStep } from '../ops/adam_step.ts';
import { onlyKnown, real } from '../options.ts';
import { groupsConfig, type ParameterGroup, parameterSettings } from './groups.ts';
import { checkLearningRate, type LearningRate, learningRateConfig, type Optimizer } from './optimizer.ts';

export interface AdamOptions {
  /** Default 0.001. */
  readonly learningRate?: LearningRate;
  /** Decay of the gradient's mean. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the squared gradient's mean. Default 0.999. */
  readonly beta2?: number;
  /** Keeps the division finite. Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0 for `adam`, 0.01 for `adamw`. */
  readonly weightDecay?: number;
  /** Settings for some of the parameters, such as `noDecayOfVectors`. */
  readonly groups?: readonly ParameterGroup[];
}

function adamFamily(type: 'adam' | 'adamw', options: AdamOptions): Optimizer {
  onlyKnown(type, options, ['learningRate', 'beta1', 'beta2', 'epsilon', 'weightDecay', 'groups']);
  const decoupled = type === 'adamw' ? 1 : 0;
  const learningRate = checkLearningRate(type, options.learningRate ?? 0.001);
  const beta1 = real(type, 'beta1', options.beta1 ?? 0.9, 0, 0.9999);
  const beta2 = real(type, 'beta2', options.beta2 ?? 0.999, 0, 0.999999);
  const epsilon = real(type, 'epsilon', options.epsilon ?? 1e-8, 1e-20, 1);
  const weightDecay = real(type, 'weightDecay', options.weightDecay ?? (decoupled ? 0.01 : 0), 0, 1e3);
  const { groups } = options;
  const settings = parameterSettings(type, groups, weightDecay);
  return {
    type,
    learningRate,
    config: {
      learningRate: learningRateConfig(learningRate),
      beta1,
      beta2,
      epsilon,
      weightDecay,
      ...groupsConfig(groups),
    },
    slots: ['mean', 'variance'],
    learningRateScale: (parameter) => settings(parameter).learningRateScale,
    hyperSize: 3,
    hyper: (step, rate) => [rate / (1 - beta1 ** (step + 1)), 1 / Math.sqrt(1 - beta2 ** (step + 1)), rate],
    emitStep(graph, parameter, [mean, variance], gradient, hyper) {
      const attrs = { beta1, beta2, epsilon, weightDecay: settings(parameter).weightDecay, decoupled };
      graph.emit(adamStep, [parameter, mean, variance, gradient, hyper], attrs);
    },
  };
}

/**
 * `m = beta1*m + (1-beta1)*g; v = beta2*v + (1-beta2)*g^2; w = w - learningRate * mhat / (sqrt(vhat) + epsilon)` with
 * bias-corrected mhat, vhat (Kingma & Ba 2015). Weight decay is added to the gradient. Semantics of PyTorch's `Adam`.
 */
export const adam = (options: AdamOptions = {}): Optimizer => adamFamily('adam', options);

/** Adam with decoupled weight decay: `w = w * (1 - learningRate * weightDecay)` first (Loshchilov & Hutter 2019). Semantics
 * of PyTorch's `AdamW`. */
export const adamw = (options: AdamOptions = {}): Optimizer => adamFamily('adamw', options);
