// Activation layers: elementwise, shape-preserving. All but the first few are functions of op `unary`.

import type { GraphTensor } from '../graph/graph.ts';
import { leakyRelu as leakyReluOp } from '../ops/leaky_relu.ts';
import { logSoftmax as logSoftmaxOp } from '../ops/log_softmax.ts';
import type { OpDefinition } from '../ops/op.ts';
import { prelu as preluOp } from '../ops/prelu.ts';
import { relu as reluOp } from '../ops/relu.ts';
import { sigmoid as sigmoidOp } from '../ops/sigmoid.ts';
import { softmax as softmaxOp } from '../ops/softmax.ts';
import { tanh as tanhOp } from '../ops/tanh.ts';
import { transpose, transposeBy } from '../ops/transpose.ts';
import { unary as unaryOp } from '../ops/unary.ts';
import { type UnaryName, unaryAttrs } from '../ops/unary-functions.ts';
import { fail, onlyKnown, real, show } from '../options.ts';
import type { Initializer } from './initializer.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

const LARGEST = 1e6;

function activation(type: string, op: OpDefinition<Record<never, never>>, options: LayerOptions): Layer {
  onlyKnown(options?.name ?? type, options, ['name']);
  return defineLayer(type, options, ({ graph }, x) => graph.emit(op, [x], {})[0] as GraphTensor);
}

/** A layer of type `type` that is one function of op `unary`. */
function unary(type: string, options: LayerOptions, name: UnaryName, alpha = 0, beta = 0): Layer {
  const attrs = unaryAttrs(name, alpha, beta);
  return defineLayer(type, options, ({ graph }, x) => graph.emit(unaryOp, [x], attrs)[0] as GraphTensor);
}

/** The same for a function without options. */
function plain(type: string, options: LayerOptions, name: UnaryName, alpha = 0, beta = 0): Layer {
  onlyKnown(options?.name ?? type, options, ['name']);
  return unary(type, options, name, alpha, beta);
}

/** `y = max(x, 0)`: PyTorch's `ReLU`. */
export const relu = (options: LayerOptions = {}): Layer => activation('relu', reluOp, options);

/** `y = 1 / (1 + exp(-x))`: PyTorch's `Sigmoid`. */
export const sigmoid = (options: LayerOptions = {}): Layer => activation('sigmoid', sigmoidOp, options);

/** `y = tanh(x)`: PyTorch's `Tanh`. */
export const tanh = (options: LayerOptions = {}): Layer => activation('tanh', tanhOp, options);

export interface SoftmaxOptions extends LayerOptions {
  /** Axis of one example, counted from 0, or from the last with -1, -2, ... Default -1, the channels. */
  readonly axis?: number;
}

/** `op`, which works on the last axis, on the axis that `options` names. */
function overAxis(type: string, op: OpDefinition<Record<never, never>>, options: SoftmaxOptions): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, ['axis', 'name']);
  const { axis = -1 } = options;
  if (!Number.isInteger(axis)) fail(layer, `axis must be a whole number, not ${show(axis)}`);
  return defineLayer(type, options, ({ graph }, x) => {
    const last = x.shape.length - 1;
    const place = axis < 0 ? last + 1 + axis : axis + 1;
    if (place < 1 || place > last) fail(graph.layer, `has axis ${axis}, an example [${x.shape.slice(1)}] has ${last}`);
    if (place === last) return graph.emit(op, [x], {})[0] as GraphTensor;
    const swap = transposeBy(x.shape.map((_, d) => (d === place ? last : d === last ? place : d)));
    const [turned] = graph.emit(transpose, [x], swap) as [GraphTensor];
    const [y] = graph.emit(op, [turned], {}) as [GraphTensor];
    return graph.emit(transpose, [y], swap)[0] as GraphTensor;
  });
}

/** `y_k = exp(x_k) / sum of exp(x_j)` over `axis`, by default the channels. Semantics of PyTorch's `Softmax`. The cross-entropy
 * loss takes logits and applies it itself, so a network trained with that loss ends without it. */
export const softmax = (options: SoftmaxOptions = {}): Layer => overAxis('softmax', softmaxOp, options);

/** `y_k = x_k - ln(sum of exp(x_j))` over `axis`: the logarithm of `softmax`, without its underflow. Semantics of PyTorch's
 * `LogSoftmax`. */
export const logSoftmax = (options: SoftmaxOptions = {}): Layer => overAxis('logSoftmax', logSoftmaxOp, options);

export interface LeakyReluOptions extends LayerOptions {
  /** Slope for negative inputs, above 0. Default 0.01. */
  readonly slope?: number;
}

/** `y = x` for x >= 0, `slope * x` below: PyTorch's `LeakyReLU`. */
export function leakyRelu(options: LeakyReluOptions = {}): Layer {
  const layer = options?.name ?? 'leakyRelu';
  onlyKnown(layer, options, ['slope', 'name']);
  const slope = real(layer, 'slope', options.slope ?? 0.01, 1e-6, 1);
  return defineLayer('leakyRelu', options, ({ graph }, x) => graph.emit(leakyReluOp, [x], { slope })[0] as GraphTensor);
}

export interface PreluOptions extends LayerOptions {
  /** One slope for each channel instead of one for all. Default false. */
  readonly perChannel?: boolean;
  /** Initial slopes. Default `{ constant: 0.25 }`. */
  readonly slopeInit?: Initializer;
}

/** `y = x` for x > 0, `slope * x` below, with a learned slope, the parameter `slope` of shape [1] or [channels] (He et al.
 * 2015): PyTorch's `PReLU`. The slope should not decay: pulled to 0 it makes a plain relu. */
export function prelu(options: PreluOptions = {}): Layer {
  const layer = options?.name ?? 'prelu';
  onlyKnown(layer, options, ['perChannel', 'slopeInit', 'name']);
  const { perChannel = false, slopeInit = { constant: 0.25 } } = options;
  if (typeof perChannel !== 'boolean') fail(layer, `perChannel must be true or false, not ${show(perChannel)}`);
  return defineLayer('prelu', options, (builder, x) => {
    const slopes = [perChannel ? (x.shape.at(-1) as number) : 1];
    const slope = builder.parameter('slope', slopes, slopeInit, { fanIn: 1, fanOut: 1 });
    return builder.graph.emit(preluOp, [x, slope], {})[0] as GraphTensor;
  });
}

/** `y = min(max(x, 0), 6)` (Howard et al. 2017); no gradient at 0 and 6. PyTorch's `ReLU6`. */
export const relu6 = (options: LayerOptions = {}): Layer => plain('relu6', options, 'hard_tanh', 0, 6);

export interface HardTanhOptions extends LayerOptions {
  /** Default -1. */
  readonly min?: number;
  /** Default 1. */
  readonly max?: number;
}

/** `y = min(max(x, min), max)`; no gradient at the ends. PyTorch's `Hardtanh`. */
export function hardTanh(options: HardTanhOptions = {}): Layer {
  const layer = options?.name ?? 'hardTanh';
  onlyKnown(layer, options, ['min', 'max', 'name']);
  const min = real(layer, 'min', options.min ?? -1, -LARGEST, LARGEST);
  const max = real(layer, 'max', options.max ?? 1, min, LARGEST);
  return unary('hardTanh', options, 'hard_tanh', min, max);
}

export interface ClipOptions extends LayerOptions {
  /** Default: no lower end. */
  readonly min?: number;
  /** Default: no upper end. */
  readonly max?: number;
}

/** `y = min(max(x, min), max)`, where the gradient passes at the ends too: PyTorch's `clamp`, ONNX's `Clip`. */
export function clip(options: ClipOptions): Layer {
  const layer = options?.name ?? 'clip';
  onlyKnown(layer, options, ['min', 'max', 'name']);
  if (options.min === undefined && options.max === undefined) fail(layer, 'needs min or max, or both');
  const min = options.min === undefined ? -Infinity : real(layer, 'min', options.min, -LARGEST, LARGEST);
  const lowest = Math.max(min, -LARGEST);
  const max = options.max === undefined ? Infinity : real(layer, 'max', options.max, lowest, LARGEST);
  return unary('clip', options, 'clip', min, max);
}

export interface EluOptions extends LayerOptions {
  /** What large negative inputs approach, negated; above 0. Default 1. */
  readonly alpha?: number;
}

function alphaOf(type: string, options: EluOptions): number {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, ['alpha', 'name']);
  return real(layer, 'alpha', options.alpha ?? 1, 1e-6, LARGEST);
}

/** `y = x` for x > 0, `alpha * (exp(x) - 1)` below (Clevert et al. 2015): PyTorch's `ELU`. */
export const elu = (options: EluOptions = {}): Layer => unary('elu', options, 'elu', alphaOf('elu', options), 1);

/** `y = x` for x > 0, `alpha * (exp(x / alpha) - 1)` below (Barron 2017): an elu whose slope has no jump. PyTorch's
 * `CELU`. */
export const celu = (options: EluOptions = {}): Layer => unary('celu', options, 'celu', alphaOf('celu', options));

/** `y = scale * elu(x, alpha)` with the two constants that keep mean 0 and variance 1 (Klambauer et al. 2017): PyTorch's
 * `SELU`. */
export const selu = (options: LayerOptions = {}): Layer =>
  plain('selu', options, 'elu', 1.6732632423543772, 1.0507009873554805);

export interface GeluOptions extends LayerOptions {
  /** `'none'`: with the error function. `'tanh'`: `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`, which is faster
   * and at most 5e-4 off. Default `'none'`. */
  readonly approximate?: 'none' | 'tanh';
}

/** `y = x * P(X <= x)` for a standard normal X (Hendrycks & Gimpel 2016): PyTorch's `GELU`. */
export function gelu(options: GeluOptions = {}): Layer {
  const layer = options?.name ?? 'gelu';
  onlyKnown(layer, options, ['approximate', 'name']);
  const { approximate = 'none' } = options;
  if (approximate !== 'none' && approximate !== 'tanh') {
    fail(layer, `approximate must be 'none' or 'tanh', not ${show(approximate)}`);
  }
  return unary('gelu', options, approximate === 'tanh' ? 'gelu_tanh' : 'gelu');
}

export interface SiluOptions extends LayerOptions {
  /** Factor in the sigmoid: another than 1 makes it what is called swish. Default 1. */
  readonly beta?: number;
}

/** `y = x * sigmoid(beta * x)` (Elfwing et al. 2017; Ramachandran et al. 2017): PyTorch's `SiLU`, which has no
 * beta. */
export function silu(options: SiluOptions = {}): Layer {
  const layer = options?.name ?? 'silu';
  onlyKnown(layer, options, ['beta', 'name']);
  return unary('silu', options, 'silu', real(layer, 'beta', options.beta ?? 1, -LARGEST, LARGEST));
}

/** `y = x * tanh(ln(1 + exp(x)))` (Misra 2019): PyTorch's `Mish`. */
export const mish = (options: LayerOptions = {}): Layer => plain('mish', options, 'mish');

export interface HardSigmoidOptions extends LayerOptions {
  /** Slope in the middle. Default 1/6, as in PyTorch; ONNX's is 0.2. */
  readonly alpha?: number;
  /** Value at 0. Default 0.5. */
  readonly beta?: number;
}

/** `y = min(max(alpha * x + beta, 0), 1)`: PyTorch's `Hardsigmoid`. */
export function hardSigmoid(options: HardSigmoidOptions = {}): Layer {
  const layer = options?.name ?? 'hardSigmoid';
  onlyKnown(layer, options, ['alpha', 'beta', 'name']);
  const alpha = real(layer, 'alpha', options.alpha ?? 1 / 6, -LARGEST, LARGEST);
  const beta = real(layer, 'beta', options.beta ?? 0.5, -LARGEST, LARGEST);
  return unary('hardSigmoid', options, 'hard_sigmoid', alpha, beta);
}

/** `y = x * min(max(x / 6 + 1/2, 0), 1)` (Howard et al. 2019): PyTorch's `Hardswish`. */
export const hardSwish = (options: LayerOptions = {}): Layer => plain('hardSwish', options, 'hard_swish');

export interface SoftplusOptions extends LayerOptions {
  /** Sharpness of the bend, above 0. Default 1. */
  readonly beta?: number;
  /** The result is x where `beta * x` is above this. Default 20. */
  readonly threshold?: number;
}

/** `y = ln(1 + exp(beta * x)) / beta`: PyTorch's `Softplus`. */
export function softplus(options: SoftplusOptions = {}): Layer {
  const layer = options?.name ?? 'softplus';
  onlyKnown(layer, options, ['beta', 'threshold', 'name']);
  const beta = real(layer, 'beta', options.beta ?? 1, 1e-6, LARGEST);
  const threshold = real(layer, 'threshold', options.threshold ?? 20, -LARGEST, LARGEST);
  return unary('softplus', options, 'softplus', beta, threshold);
}

/** `y = x / (1 + |x|)`: PyTorch's `Softsign`. */
export const softsign = (options: LayerOptions = {}): Layer => plain('softsign', options, 'softsign');
