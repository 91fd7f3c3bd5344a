// Convolution layers over one, two and three axes: a set of filters slid over the input, each giving one feature map.

import type { GraphTensor } from '../graph/graph.ts';
import { convolution, padSpatially } from '../ops/convolution.ts';
import { PAD_MODES } from '../ops/pad.ts';
import { fail, integer, onlyKnown, show } from '../options.ts';
import type { Initializer } from './initializer.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import {
  type Padding1d,
  type Padding2d,
  type Padding3d,
  type Size1d,
  type Size2d,
  type Size3d,
  spatialPadding,
  spatialSizes,
} from './window.ts';

/** What lies outside the input: zeros, the input mirrored at its first or last position, the nearest position, or the
 * input's other end. */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular';

/** `Size` is a number or one for each axis, `Padding` what can be said about the ends of the axes. */
export interface ConvOptions<Size, Padding> extends LayerOptions {
  /** Number of filters: channels of the output. */
  readonly filters: number;
  /** Size of each filter. */
  readonly kernelSize: Size;
  /** Positions between neighbouring windows. Default 1. */
  readonly stride?: Size;
  /** What is added around the input. Default `'valid'` (nothing). */
  readonly padding?: Padding;
  /** What the padding shows. Default `'zeros'`. */
  readonly paddingMode?: PaddingMode;
  /** Positions between neighbouring taps of a filter. Default 1. */
  readonly dilation?: Size;
  /** Input channels are split into this many groups that do not see each other; `groups` = input channels is a
   * depthwise convolution. Default 1. */
  readonly groups?: number;
  /** Whether each filter has a bias. Default true. */
  readonly bias?: boolean;
  /** Default `'he'`. */
  readonly weightInit?: Initializer;
  /** Default `'zeros'`. */
  readonly biasInit?: Initializer;
}

export type Conv1dOptions = ConvOptions<Size1d, Padding1d>;
export type Conv2dOptions = ConvOptions<Size2d, Padding2d>;
export type Conv3dOptions = ConvOptions<Size3d, Padding3d>;

/** What the input of a layer over `rank` axes is called. */
const INPUTS = ['signals [n, w, c]', 'images [n, h, w, c]', 'volumes [n, d, h, w, c]'];

/** The spatial sizes and channels of x, which must have `rank` axes between the images' and the channels'. */
export function spatialInput(layer: string, x: GraphTensor, rank: number): { sizes: readonly number[]; c: number } {
  if (x.shape.length !== rank + 2) fail(layer, `needs ${INPUTS[rank - 1]}, got [${x.shape}]`);
  return { sizes: x.shape.slice(1, -1), c: x.shape.at(-1) as number };
}

/** Padding of an input as a user asks for it; fails for another word. */
export function paddingModeOf(layer: string, mode: unknown): PaddingMode {
  const modes = PAD_MODES.map((word) => (word === 'constant' ? 'zeros' : word));
  return (
    modes.find((known) => known === mode) ??
    fail(layer, `paddingMode must be ${modes.map(show).join(', ')}, not ${show(mode)}`)
  );
}

const OPTIONS = [
  'filters',
  'kernelSize',
  'stride',
  'padding',
  'paddingMode',
  'dilation',
  'groups',
  'bias',
  'weightInit',
  'biasInit',
  'name',
];

function convLayer<Size, Padding>(type: string, rank: number, options: ConvOptions<Size, Padding>): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, OPTIONS);
  const filters = integer(layer, 'filters', options.filters, 1);
  const kernel = spatialSizes(layer, 'kernelSize', options.kernelSize, rank, 1);
  const stride = spatialSizes(layer, 'stride', options.stride ?? 1, rank, 1);
  const dilation = spatialSizes(layer, 'dilation', options.dilation ?? 1, rank, 1);
  const groups = integer(layer, 'groups', options.groups ?? 1, 1);
  const paddingMode = paddingModeOf(layer, options.paddingMode ?? 'zeros');
  const { padding = 'valid', bias = true, weightInit = 'he', biasInit = 'zeros' } = options;
  if (filters % groups !== 0) fail(layer, `groups (${groups}) must divide filters (${filters})`);

  return defineLayer(type, options, (builder, x) => {
    const { graph } = builder;
    const { sizes, c } = spatialInput(graph.layer, x, rank);
    if (c % groups !== 0) fail(graph.layer, `groups (${groups}) must divide the input's ${c} channels`);
    const sides = spatialPadding(graph.layer, padding, { input: sizes, kernel, stride, dilation });
    const area = kernel.reduce((product, size) => product * size, 1);
    const fans = { fanIn: (area * c) / groups, fanOut: (area * filters) / groups };
    const weight = builder.parameter('weight', [...kernel, c / groups, filters], weightInit, fans);
    const b = bias ? builder.parameter('bias', [filters], biasInit, fans) : undefined;
    const window = { stride, dilation, groups };
    if (paddingMode === 'zeros') return convolution(graph, x, weight, b, { ...window, ...sides });
    const padded = padSpatially(graph, x, sides.before, sides.after, paddingMode);
    const none = sizes.map(() => 0);
    return convolution(graph, padded, weight, b, { ...window, before: none, after: none });
  });
}

/**
 * `y[n,i,o] = b[o] + sum over s,c of x[n, i*stride + s*dilation - padLeft, c] * w[s,c,o]`
 *
 * Input `[n, w, c]`, output `[n, ow, filters]` with `ow = floor((w + padding - dilation*(kernel - 1) - 1) / stride) + 1`.
 * Weights `[kw, c / groups, filters]`. Semantics of PyTorch's `Conv1d` (cross-correlation) with channels last.
 */
export function conv1d(options: Conv1dOptions): Layer {
  return convLayer('conv1d', 1, options);
}

/**
 * `y[n,i,j,o] = b[o] + sum over r,s,c of x[n, i*stride + r*dilation - padTop, j*stride + s*dilation - padLeft, c] * w[r,s,c,o]`
 *
 * Input `[n, h, w, c]`, output `[n, oh, ow, filters]` with `oh = floor((h + padding - dilation*(kernel - 1) - 1) / stride) + 1`.
 * Weights `[kh, kw, c / groups, filters]`. Semantics of PyTorch's `Conv2d` (cross-correlation) with NHWC tensors.
 */
export function conv2d(options: Conv2dOptions): Layer {
  return convLayer('conv2d', 2, options);
}

/**
 * `y[n,i,j,k,o] = b[o] + sum over q,r,s,c of x[n, i*stride + q*dilation - padFront, ..., c] * w[q,r,s,c,o]`
 *
 * Input `[n, d, h, w, c]`, output `[n, od, oh, ow, filters]`, sizes as in `conv2d`. Weights `[kd, kh, kw, c / groups, filters]`.
 * Semantics of PyTorch's `Conv3d` (cross-correlation) with channels last. The kd planes of x that a plane of y reads are
 * laid side by side as channels, so it needs kd times the memory of its input.
 */
export function conv3d(options: Conv3dOptions): Layer {
  return convLayer('conv3d', 3, options);
}
