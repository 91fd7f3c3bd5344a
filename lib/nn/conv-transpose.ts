// Transposed convolution layers: the gradients of convolutions as layers of their own, which make maps larger.

import { transposedConvolution } from '../ops/transposed-convolution.ts';
import { fail, integer, onlyKnown } from '../options.ts';
import { type ConvOptions, spatialInput } from './conv2d.ts';
import type { Initializer } from './initializer.ts';
import { defineLayer, type Layer } from './layer.ts';
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

export interface ConvTransposeOptions<Size, Padding> extends Omit<ConvOptions<Size, Padding>, 'paddingMode'> {
  /** What is cut off from the ends of the output: the padding of the convolution this is the gradient of. `'same'` gives
   * size * stride outputs. Default `'valid'` (nothing). */
  readonly padding?: Padding;
  /** Positions added at the end of each axis of the output, since several sizes of a strided convolution's input give the
   * same output; below `stride` or below `dilation`. Default 0. */
  readonly outputPadding?: Size;
  /** Default `'he'`, which counts the taps that meet at a position of the output: `kernel / stride` along each axis. */
  readonly weightInit?: Initializer;
}

export type ConvTranspose1dOptions = ConvTransposeOptions<Size1d, Padding1d>;
export type ConvTranspose2dOptions = ConvTransposeOptions<Size2d, Padding2d>;
export type ConvTranspose3dOptions = ConvTransposeOptions<Size3d, Padding3d>;

const OPTIONS = [
  'filters',
  'kernelSize',
  'stride',
  'padding',
  'outputPadding',
  'dilation',
  'groups',
  'bias',
  'weightInit',
  'biasInit',
  'name',
];

function convTransposeLayer<Size, Padding>(
  type: string,
  rank: number,
  options: ConvTransposeOptions<Size, Padding>,
): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, OPTIONS);
  const filters = integer(layer, 'filters', options.filters, 1);
  const kernel = spatialSizes(layer, 'kernelSize', options.kernelSize, rank, 1);
  const stride = spatialSizes(layer, 'stride', options.stride ?? 1, rank, 1);
  const dilation = spatialSizes(layer, 'dilation', options.dilation ?? 1, rank, 1);
  const outputPadding = spatialSizes(layer, 'outputPadding', options.outputPadding ?? 0, rank, 0);
  const groups = integer(layer, 'groups', options.groups ?? 1, 1);
  const { padding = 'valid', bias = true, weightInit = 'he', biasInit = 'zeros' } = options;
  if (filters % groups !== 0) fail(layer, `groups (${groups}) must divide filters (${filters})`);
  for (const [axis, added] of outputPadding.entries()) {
    const limit = Math.max(stride[axis]!, dilation[axis]!);
    if (added >= limit) fail(layer, `outputPadding (${added}) must be below stride or dilation (${limit})`);
    if (added > 0 && padding === 'same') fail(layer, "padding 'same' decides the size of the output: no outputPadding");
  }

  return defineLayer(type, options, (builder, x) => {
    const { graph } = builder;
    const { sizes, c } = spatialInput(graph.layer, x, rank);
    if (c % groups !== 0) fail(graph.layer, `groups (${groups}) must divide the input's ${c} channels`);
    const same = sizes.map((size, axis) => size * stride[axis]!);
    const { before, after } = spatialPadding(graph.layer, padding, { input: same, kernel, stride, dilation });
    const size = sizes.map((count, axis) => {
      if (padding === 'same') return same[axis]!;
      const reach = (count - 1) * stride[axis]! + (kernel[axis]! - 1) * dilation[axis]! + 1;
      return reach + outputPadding[axis]! - before[axis]! - after[axis]!;
    });
    if (size.some((count) => count < 1)) fail(graph.layer, `the padding leaves an output of [${size}] positions`);
    const area = kernel.reduce((product, taps, axis) => product * Math.max(taps / stride[axis]!, 1), 1);
    const fans = { fanIn: (area * c) / groups, fanOut: (area * filters) / groups };
    const weight = builder.parameter('weight', [...kernel, filters / groups, c], weightInit, fans);
    const b = bias ? builder.parameter('bias', [filters], biasInit, fans) : undefined;
    return transposedConvolution(graph, x, weight, b, { stride, dilation, before, size, groups });
  });
}

/**
 * `y[n, i*stride + s*dilation - padLeft, o] = b[o] + sum over i,s,c of x[n,i,c] * w[s,o,c]`, over all i, s that give the position.
 *
 * Input `[n, w, c]`, output `[n, ow, filters]` with
 * `ow = (w - 1)*stride - padLeft - padRight + dilation*(kernel - 1) + outputPadding + 1`. Weights `[kw, filters / groups, c]`.
 * Semantics of PyTorch's `ConvTranspose1d` with channels last.
 */
export function convTranspose1d(options: ConvTranspose1dOptions): Layer {
  return convTransposeLayer('convTranspose1d', 1, options);
}

/**
 * `y[n, i*stride + r*dilation - padTop, j*stride + s*dilation - padLeft, o] = b[o] + sum over i,r,j,s,c of x[n,i,j,c] * w[r,s,o,c]`,
 * over all i, r, j, s that give the position (Zeiler et al. 2010; also called deconvolution).
 *
 * Input `[n, h, w, c]`, output `[n, oh, ow, filters]` with
 * `oh = (h - 1)*stride - padTop - padBottom + dilation*(kernel - 1) + outputPadding + 1`. Weights
 * `[kh, kw, filters / groups, c]`. Semantics of PyTorch's `ConvTranspose2d` with NHWC tensors.
 */
export function convTranspose2d(options: ConvTranspose2dOptions): Layer {
  return convTransposeLayer('convTranspose2d', 2, options);
}

/**
 * `convTranspose2d` with a third axis: input `[n, d, h, w, c]`, output `[n, od, oh, ow, filters]`, sizes as there. Weights
 * `[kd, kh, kw, filters / groups, c]`. Semantics of PyTorch's `ConvTranspose3d` with channels last.
 */
export function convTranspose3d(options: ConvTranspose3dOptions): Layer {
  return convTransposeLayer('convTranspose3d', 3, options);
}
