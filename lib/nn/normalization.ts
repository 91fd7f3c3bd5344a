// Normalisation layers. Batch norm takes its statistics over the examples of a batch and behaves differently in training
// and inference; group, instance and layer norm take them within each example, and local response norm within each pixel.

import type { GraphTensor } from '../graph/graph.ts';
import {
  batchNorm2dInference as batchNorm2dInferenceOp,
  batchNorm2d as batchNorm2dOp,
  batchNorm2dRunning as batchNorm2dRunningOp,
} from '../ops/batch_norm2d.ts';
import { groupNorm as groupNormOp } from '../ops/group_norm.ts';
import { localResponseNorm as localResponseNormOp } from '../ops/local_response_norm.ts';
import { elementCount } from '../ops/op.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { fail, integer, onlyKnown, real, show } from '../options.ts';
import type { Builder } from './builder.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

export interface AffineOptions extends LayerOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether the result is scaled by a trained gamma and shifted by a trained beta. Default true; false in `instanceNorm`. */
  readonly affine?: boolean;
}

export interface BatchNormOptions extends AffineOptions {
  /** Weight of the newest batch in the running statistics: `running = (1 - momentum) * running + momentum * batch`
   * (PyTorch's convention). Default 0.1. */
  readonly momentum?: number;
  /** The running statistics are used in training too, and stay as they are. Default false. */
  readonly frozen?: boolean;
}

export type BatchNorm2dOptions = BatchNormOptions;

function checkEpsilon(layer: string, { epsilon = 1e-5 }: AffineOptions): number {
  return real(layer, 'epsilon', epsilon, 1e-12, 1);
}

function flag(layer: string, option: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : fail(layer, `${option} must be true or false, not ${show(value)}`);
}

/** gamma and beta of this shape: trained, or 1 and 0 for ever. */
function affineOf(
  builder: Builder,
  shape: readonly number[],
  affine: boolean,
): [gamma: GraphTensor, beta: GraphTensor] {
  const fans = { fanIn: 1, fanOut: 1 };
  if (affine) return [builder.parameter('gamma', shape, 'ones', fans), builder.parameter('beta', shape, 'zeros', fans)];
  return [builder.constant('gamma', shape, 1), builder.constant('beta', shape, 0)];
}

function batchNorm(type: string, ranks: readonly number[], inputs: string, options: BatchNormOptions): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, ['momentum', 'epsilon', 'affine', 'frozen', 'name']);
  const momentum = real(layer, 'momentum', options.momentum ?? 0.1, 0, 1);
  const epsilon = checkEpsilon(layer, options);
  const affine = flag(layer, 'affine', options.affine ?? true);
  const frozen = flag(layer, 'frozen', options.frozen ?? false);

  return defineLayer(type, options, (builder, x) => {
    const { graph } = builder;
    if (!ranks.includes(x.shape.length)) fail(graph.layer, `needs ${inputs}, got [${x.shape}]`);
    const c = x.shape.at(-1) as number;
    const [gamma, beta] = affineOf(builder, [c], affine);
    const runningMean = builder.state('runningMean', [c], 0);
    const runningVariance = builder.state('runningVariance', [c], 1);
    const attrs = { epsilon, activation: 0, slope: 0 };
    if (builder.mode === 'inference' || frozen || builder.isFrozen(runningMean)) {
      return graph.emit(
        batchNorm2dInferenceOp,
        [x, gamma, beta, runningMean, runningVariance],
        attrs,
      )[0] as GraphTensor;
    }
    const [y, mean, variance] = graph.emit(batchNorm2dOp, [x, gamma, beta], attrs) as [
      GraphTensor,
      GraphTensor,
      GraphTensor,
    ];
    const rows = elementCount(x.shape) / c;
    const unbiased = rows > 1 ? rows / (rows - 1) : 1;
    builder.afterForward(() => {
      graph.emit(batchNorm2dRunningOp, [runningMean, runningVariance, mean, variance], { momentum, unbiased });
    });
    return y;
  });
}

/** `batchNorm2d` for features `[n, c]` and sequences `[n, w, c]`; torch.nn.BatchNorm1d. */
export const batchNorm1d = (options: BatchNormOptions = {}): Layer =>
  batchNorm('batchNorm1d', [2, 3], 'features [n, c] or sequences [n, w, c]', options);

/**
 * `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta` per channel (Ioffe & Szegedy 2015), with the batch's mean and
 * biased variance in training and the running ones in inference, or where they are frozen. The running variance is unbiased, as in PyTorch.
 * Images `[n, h, w, c]`; gamma and beta, where `affine` is true (the default), `[c]`. Semantics: torch.nn.BatchNorm2d.
 */
export const batchNorm2d = (options: BatchNormOptions = {}): Layer =>
  batchNorm('batchNorm2d', [4], 'images [n, h, w, c]', options);

/** `batchNorm2d` for volumes `[n, d, h, w, c]`; torch.nn.BatchNorm3d. */
export const batchNorm3d = (options: BatchNormOptions = {}): Layer =>
  batchNorm('batchNorm3d', [5], 'volumes [n, d, h, w, c]', options);

/** Group norm of `x` read as `[n, ..., c]`, back in the shape of x. */
function normalizeGroups(
  builder: Builder,
  x: GraphTensor,
  shape: readonly number[],
  groups: number,
  epsilon: number,
  [gamma, beta]: readonly [GraphTensor, GraphTensor],
): GraphTensor {
  const { graph } = builder;
  const viewed = (tensor: GraphTensor, to: readonly number[]) =>
    tensor.shape.join() === to.join() ? tensor : (graph.emit(reshape, [tensor], reshapeTo(to))[0] as GraphTensor);
  const c = [shape.at(-1) as number];
  const attrs = { groups, epsilon, activation: 0, slope: 0 };
  const inputs = [viewed(x, shape), viewed(gamma, c), viewed(beta, c)];
  return viewed(graph.emit(groupNormOp, inputs, attrs)[0] as GraphTensor, x.shape);
}

export interface GroupNormOptions extends AffineOptions {
  /** Number of groups; it divides the channels. */
  readonly groups: number;
}

/**
 * `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with mean and biased variance of each example over all its
 * pixels and `c / groups` neighbouring channels (Wu & He 2018); the same in training and inference. Input `[n, ..., c]`; gamma
 * and beta, where `affine` is true (the default), `[c]`. Semantics: torch.nn.GroupNorm.
 */
export function groupNorm(options: GroupNormOptions): Layer {
  const layer = options?.name ?? 'groupNorm';
  onlyKnown(layer, options, ['groups', 'epsilon', 'affine', 'name']);
  const groups = integer(layer, 'groups', options.groups, 1);
  const epsilon = checkEpsilon(layer, options);
  const affine = flag(layer, 'affine', options.affine ?? true);
  return defineLayer('groupNorm', options, (builder, x) => {
    const c = x.shape.at(-1) as number;
    if (c % groups !== 0) fail(builder.graph.layer, `groups (${groups}) must divide the input's ${c} channels`);
    return normalizeGroups(builder, x, x.shape, groups, epsilon, affineOf(builder, [c], affine));
  });
}

/**
 * `groupNorm` with every channel a group of its own (Ulyanov et al. 2016): mean and variance over the pixels of each channel
 * of each example. Input `[n, ..., c]` with at least one axis of pixels; `affine` is false unless it is given. Semantics
 * of PyTorch's `InstanceNorm1d`, `InstanceNorm2d` and `InstanceNorm3d` without running statistics.
 */
export function instanceNorm(options: AffineOptions = {}): Layer {
  const layer = options?.name ?? 'instanceNorm';
  onlyKnown(layer, options, ['epsilon', 'affine', 'name']);
  const epsilon = checkEpsilon(layer, options);
  const affine = flag(layer, 'affine', options.affine ?? false);
  return defineLayer('instanceNorm', options, (builder, x) => {
    const c = x.shape.at(-1) as number;
    if (x.shape.length < 3) fail(builder.graph.layer, `needs [n, ..., c] with pixels between, got [${x.shape}]`);
    return normalizeGroups(builder, x, x.shape, c, epsilon, affineOf(builder, [c], affine));
  });
}

export interface LayerNormOptions extends AffineOptions {
  /** Number of last axes that are normalised together: 1 is the channels of each pixel, 3 a whole image. Default 1. */
  readonly axes?: number;
}

/**
 * `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with mean and biased variance over the last `axes` axes (Ba et
 * al. 2016); gamma and beta, where `affine` is true (the default), have the sizes of these axes. Semantics: torch.nn.LayerNorm,
 * whose normalised shape has the channels first where this one has them last.
 */
export function layerNorm(options: LayerNormOptions = {}): Layer {
  const layer = options?.name ?? 'layerNorm';
  onlyKnown(layer, options, ['axes', 'epsilon', 'affine', 'name']);
  const axes = integer(layer, 'axes', options.axes ?? 1, 1);
  const epsilon = checkEpsilon(layer, options);
  const affine = flag(layer, 'affine', options.affine ?? true);
  return defineLayer('layerNorm', options, (builder, x) => {
    if (x.shape.length <= axes) fail(builder.graph.layer, `axes is ${axes}, an example has ${x.shape.length - 1} axes`);
    const shape = x.shape.slice(-axes);
    const size = elementCount(shape);
    const rows = [elementCount(x.shape) / size, size];
    return normalizeGroups(builder, x, rows, 1, epsilon, affineOf(builder, shape, affine));
  });
}

export interface LocalResponseNormOptions extends LayerOptions {
  /** Channels in a window. */
  readonly size: number;
  /** Default 1e-4. */
  readonly alpha?: number;
  /** Default 0.75. */
  readonly beta?: number;
  /** Above 0. Default 1. */
  readonly k?: number;
}

/**
 * `y[i] = x[i] / (k + alpha / size * sum of x[j]^2)^beta` over the channels j from `i - floor(size / 2)` to
 * `i + floor((size - 1) / 2)` that there are (Krizhevsky et al. 2012). Semantics: torch.nn.LocalResponseNorm; the paper's alpha
 * is `alpha / size`, and its k is 2.
 */
export function localResponseNorm(options: LocalResponseNormOptions): Layer {
  const layer = options?.name ?? 'localResponseNorm';
  onlyKnown(layer, options, ['size', 'alpha', 'beta', 'k', 'name']);
  const size = integer(layer, 'size', options.size, 1);
  if (size > MOST_NEIGHBOURS) fail(layer, `size must be at most ${MOST_NEIGHBOURS}, not ${size}`);
  const alpha = real(layer, 'alpha', options.alpha ?? 1e-4, 0, 1e6);
  const beta = real(layer, 'beta', options.beta ?? 0.75, -100, 100);
  const k = real(layer, 'k', options.k ?? 1, 1e-6, 1e6);
  const attrs = { before: Math.floor(size / 2), after: Math.floor((size - 1) / 2), alpha, beta, k };
  return defineLayer(
    'localResponseNorm',
    options,
    ({ graph }, x) => graph.emit(localResponseNormOp, [x], attrs)[0] as GraphTensor,
  );
}

const MOST_NEIGHBOURS = 8192;
