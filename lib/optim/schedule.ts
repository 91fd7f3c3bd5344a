// Learning-rate schedules: functions of where training stands, and of nothing else, so that a resumed run goes on with the
// rates that it would have had.

import { fail, integer, onlyKnown, real } from '../options.ts';
import type { LearningRate, Progress } from './optimizer.ts';

const rate = (schedule: string, option: string, value: unknown): number => real(schedule, option, value, 0, 1e6);
const share = (schedule: string, option: string, value: unknown): number => real(schedule, option, value, 0, 1);

/** Epochs done, the part of the current one included. */
const epochsDone = ({ step, epoch, totalSteps, epochs }: Progress): number =>
  Math.max(epoch, (step * epochs) / totalSteps);

export interface StepDecayOptions {
  readonly initial: number;
  /** Epochs between two drops. */
  readonly everyEpochs: number;
  /** Factor of a drop. Default 0.1. */
  readonly gamma?: number;
}

/** `initial * gamma^floor(epoch / everyEpochs)`: PyTorch's `StepLR`. */
export function stepDecay(options: StepDecayOptions): LearningRate {
  onlyKnown('stepDecay', options, ['initial', 'everyEpochs', 'gamma']);
  const initial = rate('stepDecay', 'initial', options.initial);
  const everyEpochs = integer('stepDecay', 'everyEpochs', options.everyEpochs, 1);
  const gamma = share('stepDecay', 'gamma', options.gamma ?? 0.1);
  return ({ epoch }) => initial * gamma ** Math.floor(epoch / everyEpochs);
}

export interface ExponentialDecayOptions {
  readonly initial: number;
  /** Factor of an epoch. */
  readonly gamma: number;
}

/** `initial * gamma^epoch`: PyTorch's `ExponentialLR`. */
export function exponentialDecay(options: ExponentialDecayOptions): LearningRate {
  onlyKnown('exponentialDecay', options, ['initial', 'gamma']);
  const initial = rate('exponentialDecay', 'initial', options.initial);
  const gamma = share('exponentialDecay', 'gamma', options.gamma);
  return ({ epoch }) => initial * gamma ** epoch;
}

export interface CosineOptions {
  readonly initial: number;
  /** Where a cycle ends. Default 0. */
  readonly minimum?: number;
  /** Length of the first cycle; the rate then starts anew. Default: the whole training, without restarts. */
  readonly restartEpochs?: number;
  /** How much longer each cycle is than the one before. Default 1. */
  readonly multiplier?: number;
}

/**
 * `minimum + (initial - minimum) * (1 + cos(pi * t / T)) / 2`, t being the epochs, fractions included, since the cycle of length
 * T began (Loshchilov & Hutter 2017): PyTorch's `CosineAnnealingWarmRestarts`, stepped in every batch.
 */
export function cosine(options: CosineOptions): LearningRate {
  onlyKnown('cosine', options, ['initial', 'minimum', 'restartEpochs', 'multiplier']);
  const initial = rate('cosine', 'initial', options.initial);
  const minimum = real('cosine', 'minimum', options.minimum ?? 0, 0, initial);
  const multiplier = integer('cosine', 'multiplier', options.multiplier ?? 1, 1);
  const first =
    options.restartEpochs === undefined ? undefined : integer('cosine', 'restartEpochs', options.restartEpochs, 1);
  return (progress) => {
    let length = first ?? progress.epochs;
    let since = epochsDone(progress);
    while (since >= length && first !== undefined) {
      since -= length;
      length *= multiplier;
    }
    return minimum + ((initial - minimum) * (1 + Math.cos((Math.PI * since) / length))) / 2;
  };
}

export interface OneCycleOptions {
  /** Share of the steps that the rate rises. Default 0.15. */
  readonly warmup?: number;
  /** The first rate, as a share of the peak. Default 0.1. */
  readonly start?: number;
}

/**
 * Up in a straight line from `start * peak` to `peak`, then down to zero after the last step in the smooth curve
 * `r^2 (3 - 2 r)` (Smith & Topin 2018). PyTorch's `OneCycleLR`, which goes along a cosine or straight lines.
 */
export function oneCycle(peak: number, options: OneCycleOptions = {}): LearningRate {
  onlyKnown('oneCycle', options, ['warmup', 'start']);
  rate('oneCycle', 'peak', peak);
  const warmup = real('oneCycle', 'warmup', options.warmup ?? 0.15, 0, 0.99);
  const start = share('oneCycle', 'start', options.start ?? 0.1);
  return ({ step, totalSteps }) => {
    const progress = (step + 0.5) / totalSteps;
    if (progress < warmup) return peak * (start + ((1 - start) * progress) / warmup);
    const rest = Math.max(0, 1 - progress) / (1 - warmup);
    return peak * rest * rest * (3 - 2 * rest);
  };
}

/** The rate of `after`, times `(step + 1) / steps` in the first `steps` steps (Goyal et al. 2017): PyTorch's `LinearLR`. */
export function linearWarmup(steps: number, after: LearningRate): LearningRate {
  integer('linearWarmup', 'steps', steps, 1);
  if (typeof after !== 'function') rate('linearWarmup', 'after', after);
  return (progress) => {
    const target = typeof after === 'function' ? after(progress) : after;
    return progress.step < steps ? (target * (progress.step + 1)) / steps : target;
  };
}

export interface ReduceOnPlateauOptions {
  readonly initial: number;
  /** Factor of a drop. Default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement that are let pass. Default 10. */
  readonly patience?: number;
  /** An improvement is a loss below `best * (1 - threshold)`. Default 1e-4. */
  readonly threshold?: number;
  /** The rate does not fall below this. Default 0. */
  readonly minimum?: number;
}

/** Drops the rate to `max(factor * rate, minimum)` when the training loss of an epoch has not improved for more than `patience`
 * epochs: PyTorch's `ReduceLROnPlateau` with mode 'min', fed with the mean training loss. */
export function reduceOnPlateau(options: ReduceOnPlateauOptions): LearningRate {
  const name = 'reduceOnPlateau';
  onlyKnown(name, options, ['initial', 'factor', 'patience', 'threshold', 'minimum']);
  const initial = rate(name, 'initial', options.initial);
  const factor = share(name, 'factor', options.factor ?? 0.1);
  const patience = integer(name, 'patience', options.patience ?? 10, 0);
  const threshold = share(name, 'threshold', options.threshold ?? 1e-4);
  const minimum = rate(name, 'minimum', options.minimum ?? 0);
  if (factor === 1) fail(name, 'factor must be below 1');
  return ({ epochLosses }) => {
    let current = initial;
    let best = Infinity;
    let waited = 0;
    for (const loss of epochLosses) {
      waited = loss < best * (1 - threshold) ? 0 : waited + 1;
      if (waited === 0) best = loss;
      if (waited <= patience) continue;
      current = Math.max(current * factor, minimum);
      waited = 0;
    }
    return current;
  };
}
