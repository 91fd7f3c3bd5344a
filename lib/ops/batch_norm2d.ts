// batch_norm2d: training forward, running statistics, inference, and the two gradients, for any number of axes before the
// channels. Means and variances are sums over these axes, cut into blocks of 256 rows that depend on the shape alone.

import {
  type ActivationAttrs,
  activationAttrs,
  activationGradient,
  applyActivation,
  applyActivationGradient,
  checkActivation,
} from './activation.ts';
import { batchNorm2dFold, reciprocalDeviation } from './batch_norm2d_fold.ts';
import { columnMoments, columnProducts, columnSums } from './column-sums.ts';
import { costPerElement } from './elementwise.ts';
import { fill } from './fill.ts';
import { fma } from './fma.ts';
import { type AttrSchema, defineOp, elementCount, type TensorSpec, type TensorView } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, rowsOf, tensor } from './tensor-data.ts';

const { fround } = Math;

const epsilonAttrs = { epsilon: 'f32' } as const satisfies AttrSchema;
const normAttrs = { ...epsilonAttrs, ...activationAttrs } as const satisfies AttrSchema;

function checkEpsilon(check: ShapeCheck, epsilon: number): void {
  check.number('epsilon', epsilon, 'a finite number above 0', (value) => value > 0);
}

/** Every input named in `vectors` holds one value for each channel of input 0, whose channels come last. */
function checkVectors(check: ShapeCheck, vectors: readonly number[]): { shape: readonly number[]; c: TensorSpec } {
  const { shape } = check.spec(0);
  const c = check.channels(0);
  for (const index of vectors) check.shape(index, [c], 'one value for each channel');
  return { shape, c: tensor([c]) };
}

interface Channels {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

type NormAttrs = ActivationAttrs & { readonly epsilon: number };

/** y = act(fma((x - mean) * rstd, gamma, beta) + residual). */
function normalizeChannels(
  x: Float32Array,
  y: Float32Array,
  channels: Channels,
  attrs: NormAttrs,
  residual?: Float32Array,
): void {
  const { gamma, beta, mean } = channels;
  const rstd = reciprocalDeviation(channels.variance, attrs.epsilon);
  const c = mean.length;
  for (let start = 0; start < x.length; start += c) {
    for (let k = 0; k < c; k++) {
      const xhat = fround(fround(x[start + k]! - mean[k]!) * rstd[k]!);
      const value = fma(xhat, gamma[k]!, beta[k]!);
      y[start + k] = residual ? value + residual[start + k]! : value;
    }
  }
  applyActivation(y, attrs);
}

/** gamma, beta, mean and variance, the inputs from the third on of both gradients. */
function channelsFrom(inputs: readonly (TensorView | undefined)[]): Channels {
  const [, , gamma, beta, mean, variance] = inputs;
  return { gamma: f32(gamma), beta: f32(beta), mean: f32(mean), variance: f32(variance) };
}

/** The gradient before the activation. What the activation gave is computed anew from x, which the gradients read anyway. */
function gradientBefore(dy: Float32Array, x: Float32Array, channels: Channels, attrs: NormAttrs): Float32Array {
  if (attrs.activation === 0) return dy;
  const values = new Float32Array(x.length);
  normalizeChannels(x, values, channels, attrs);
  applyActivationGradient(dy, values, values, attrs);
  return values;
}

/**
 * y = act((x - mean) / sqrt(variance + epsilon) * gamma + beta + residual), with mean and biased variance of each channel
 * over all other axes of this batch.
 *
 * x [...,c], gamma [c], beta [c], residual [...,c] (optional) -> y [...,c], mean [c], variance [c]. Semantics:
 * torch.nn.BatchNorm1d, 2d and 3d in training mode. The gradient is that of y; mean and variance are for batch_norm2d_running and the
 * gradient ops.
 *
 * Errors: gamma or beta not [c]; residual not shaped as x; epsilon not above 0.
 */
export const batchNorm2d = defineOp({
  name: 'batch_norm2d',
  inputs: ['x', 'gamma', 'beta', 'residual?'],
  outputs: ['y', 'mean', 'variance'],
  attrs: normAttrs,
  inPlace: [3, 0],
  epilogue: { sum: 3 },
  infer(inputs, attrs) {
    const check = new ShapeCheck('batch_norm2d', ['x', 'gamma', 'beta', 'residual?'], inputs);
    const { shape, c } = checkVectors(check, [1, 2]);
    if (check.has(3)) check.shape(3, shape, 'the shape of x');
    checkEpsilon(check, attrs.epsilon);
    checkActivation(check, attrs);
    return [tensor(shape), c, c];
  },
  gradient(context) {
    const { attrs, inputs, outputGradients, outputs } = context;
    if (outputGradients[1] || outputGradients[2]) throw new Error('batch_norm2d: only y has a gradient');
    const [x, gamma, beta, residual] = inputs;
    const [y, mean, variance] = outputs;
    const norm = context.needs(0) || context.needs(1) || context.needs(2);
    if (!outputGradients[0] || !(norm || context.needs(3))) return [];
    // With a residual, what the activation was applied to is not known from x alone, and both branches take its gradient.
    const dy = residual ? activationGradient(context, outputGradients[0], y, attrs) : outputGradients[0];
    const rest = residual ? { ...attrs, activation: 0, slope: 0 } : attrs;
    const branch = residual && context.needs(3) ? dy : undefined;
    if (!norm) return [undefined, undefined, undefined, branch];
    const given = [dy, x, gamma, beta, mean, variance];
    const [dgamma, dbeta] = context.emit(batchNorm2dDw, given, rest);
    const dx = () => context.emit(batchNorm2dDx, [...given, dgamma, dbeta], rest);
    return [context.needs(0) ? dx()[0] : undefined, dgamma, dbeta, branch];
  },
  cost: (_, outputs) => costPerElement(outputs, 8),
  run(inputs, outputs, attrs) {
    const [x, gamma, beta] = [f32(inputs[0]), f32(inputs[1]), f32(inputs[2])];
    const [mean, variance] = [f32(outputs[1]), f32(outputs[2])];
    columnMoments(x, mean, variance);
    const residual = inputs[3] && f32(inputs[3]);
    normalizeChannels(x, f32(outputs[0]), { gamma, beta, mean, variance }, attrs, residual);
  },
});

/**
 * runningMean += momentum * (mean - runningMean); runningVariance += momentum * (variance * unbiased -
 * runningVariance), in place.
 *
 * All tensors [c]; unbiased is M / (M - 1) with M the product of x's other axes (1 for M = 1). Semantics: torch.nn.BatchNorm2d.
 * Errors: tensors of different lengths; momentum outside [0, 1].
 */
export const batchNorm2dRunning = defineOp({
  name: 'batch_norm2d_running',
  inputs: ['runningMean', 'runningVariance', 'mean', 'variance'],
  outputs: [],
  attrs: { momentum: 'f32', unbiased: 'f32' },
  mutates: [0, 1],
  infer(inputs, { momentum, unbiased }) {
    const names = ['runningMean', 'runningVariance', 'mean', 'variance'];
    const check = new ShapeCheck('batch_norm2d_running', names, inputs);
    const shape = check.dims(0, 1);
    for (const index of [1, 2, 3]) check.shape(index, shape, 'the shape of runningMean');
    check.number('momentum', momentum, 'from 0 to 1', (value) => value >= 0 && value <= 1);
    check.number('unbiased', unbiased, 'a finite number of at least 1', (value) => value >= 1);
    return [];
  },
  cost: ([mean]) => ({ flops: 7 * elementCount(mean?.shape ?? []) }),
  run(inputs, _, attrs) {
    const [runningMean, runningVariance] = [f32(inputs[0]), f32(inputs[1])];
    const [mean, variance] = [f32(inputs[2]), f32(inputs[3])];
    const momentum = fround(attrs.momentum);
    const unbiased = fround(attrs.unbiased);
    for (let k = 0; k < mean.length; k++) {
      runningMean[k] = fma(momentum, fround(mean[k]! - runningMean[k]!), runningMean[k]!);
      const sample = fround(variance[k]! * unbiased);
      runningVariance[k] = fma(momentum, fround(sample - runningVariance[k]!), runningVariance[k]!);
    }
  },
});

/**
 * As batch_norm2d, with given statistics instead of the batch's.
 *
 * x [...,c], gamma [c], beta [c], runningMean [c], runningVariance [c] -> y [...,c]. Semantics:
 * torch.nn.BatchNorm2d in eval mode; its gradient takes the statistics as constants.
 * Errors: a vector not [c]; epsilon not above 0.
 */
export const batchNorm2dInference = defineOp({
  name: 'batch_norm2d_inference',
  inputs: ['x', 'gamma', 'beta', 'runningMean', 'runningVariance'],
  outputs: ['y'],
  attrs: normAttrs,
  epilogue: {},
  foldInto: (emitter, weights, bias, [, ...channels], { epsilon }) =>
    emitter.emit(batchNorm2dFold, [weights, ...channels, bias], { epsilon }),
  infer(inputs, attrs) {
    const names = ['x', 'gamma', 'beta', 'runningMean', 'runningVariance'];
    const check = new ShapeCheck('batch_norm2d_inference', names, inputs);
    const { shape } = checkVectors(check, [1, 2, 3, 4]);
    checkEpsilon(check, attrs.epsilon);
    checkActivation(check, attrs);
    return [tensor(shape)];
  },
  gradient(context) {
    const { attrs, inputs, outputGradients } = context;
    if (!outputGradients[0]) return [];
    const given = [outputGradients[0], ...inputs];
    const [dgamma, dbeta] = context.needs(1) || context.needs(2) ? context.emit(batchNorm2dDw, given, attrs) : [];
    const dx = () => {
      // The terms of batch_norm2d_dx that come from the batch's own statistics vanish with zeros in their place.
      const [zeros] = context.emit(fill, [], { value: 0, count: rowsOf(inputs[0]).columns });
      return context.emit(batchNorm2dDx, [...given, zeros, zeros], attrs);
    };
    return [context.needs(0) ? dx()[0] : undefined, dgamma, dbeta];
  },
  cost: (_, outputs) => costPerElement(outputs, 4),
  run(inputs, outputs, attrs) {
    const [x, gamma, beta] = [f32(inputs[0]), f32(inputs[1]), f32(inputs[2])];
    const [mean, variance] = [f32(inputs[3]), f32(inputs[4])];
    normalizeChannels(x, f32(outputs[0]), { gamma, beta, mean, variance }, attrs);
  },
});

/**
 * dgamma[c] = sum of g * xhat, dbeta[c] = sum of g over all axes but the last, with xhat = (x - mean) / sqrt(variance + epsilon) and g
 * the gradient before the activation: dy through the activation's own gradient at act(xhat * gamma + beta).
 *
 * dy, x [...,c], gamma, beta, mean, variance [c] -> dgamma [c], dbeta [c]. Errors: shapes that do not fit.
 */
export const batchNorm2dDw = defineOp({
  name: 'batch_norm2d_dw',
  inputs: ['dy', 'x', 'gamma', 'beta', 'mean', 'variance'],
  outputs: ['dgamma', 'dbeta'],
  attrs: normAttrs,
  infer(inputs, attrs) {
    const names = ['dy', 'x', 'gamma', 'beta', 'mean', 'variance'];
    const check = new ShapeCheck('batch_norm2d_dw', names, inputs);
    const { shape, c } = checkVectors(check, [2, 3, 4, 5]);
    check.shape(1, shape, 'the shape of dy');
    checkEpsilon(check, attrs.epsilon);
    checkActivation(check, attrs);
    return [c, c];
  },
  cost: ([dy], _, { activation }) => ({ flops: (activation ? 8 : 5) * elementCount(dy?.shape ?? []) }),
  run(inputs, outputs, attrs) {
    const { rows, columns } = rowsOf(inputs[0]);
    const x = f32(inputs[1]);
    const channels = channelsFrom(inputs);
    const g = gradientBefore(f32(inputs[0]), x, channels, attrs);
    const rstd = reciprocalDeviation(channels.variance, attrs.epsilon);
    columnProducts(g, x, f32(outputs[0]), channels.mean, rstd);
    columnSums(g, f32(outputs[1]), rows, columns);
  },
});

/**
 * dx = gamma * rstd * (g - dbeta / M - xhat * dgamma / M), with M = rows of x, rstd = 1 / sqrt(variance + epsilon), and xhat
 * and g as in batch_norm2d_dw.
 *
 * dy, x [...,c], the others [c] -> dx [...,c]. Errors: shapes that do not fit.
 */
export const batchNorm2dDx = defineOp({
  name: 'batch_norm2d_dx',
  inputs: ['dy', 'x', 'gamma', 'beta', 'mean', 'variance', 'dgamma', 'dbeta'],
  outputs: ['dx'],
  attrs: normAttrs,
  inPlace: [0, 0],
  infer(inputs, attrs) {
    const names = ['dy', 'x', 'gamma', 'beta', 'mean', 'variance', 'dgamma', 'dbeta'];
    const check = new ShapeCheck('batch_norm2d_dx', names, inputs);
    const { shape } = checkVectors(check, [2, 3, 4, 5, 6, 7]);
    check.shape(1, shape, 'the shape of dy');
    checkEpsilon(check, attrs.epsilon);
    checkActivation(check, attrs);
    return [tensor(shape)];
  },
  cost: (_, outputs, { activation }) => costPerElement(outputs, activation ? 9 : 6),
  run(inputs, outputs, attrs) {
    const x = f32(inputs[1]);
    const channels = channelsFrom(inputs);
    const { gamma, mean } = channels;
    const g = gradientBefore(f32(inputs[0]), x, channels, attrs);
    const rstd = reciprocalDeviation(channels.variance, attrs.epsilon);
    const { rows, columns } = rowsOf(inputs[0]);
    const count = fround(rows);
    const dx = f32(outputs[0]);
    const scale = rstd.map((value, k) => value * gamma[k]!);
    const b = f32(inputs[6]).map((value) => value / count);
    const a = f32(inputs[7]).map((value) => value / count);
    for (let start = 0; start < dx.length; start += columns) {
      for (let k = 0; k < columns; k++) {
        const xhat = fround(fround(x[start + k]! - mean[k]!) * rstd[k]!);
        const centred = fround(g[start + k]! - a[k]!);
        dx[start + k] = scale[k]! * fma(-xhat, b[k]!, centred);
      }
    }
  },
});
