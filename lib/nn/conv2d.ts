// The convolution layer: a set of filters slid over the input, each giving one feature map.

import type { GraphTensor } from '../graph/graph.ts';
import { biasAdd } from '../ops/bias_add.ts';
import { conv2d as conv2dOp } from '../ops/conv2d.ts';
import { fail, integer, onlyKnown } from '../options.ts';
import type { Initializer } from './initializer.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import { type Padding2d, paddingSides, type Size2d, size2d } from './window.ts';

export interface Conv2dOptions extends LayerOptions {
  /** Number of filters: channels of the output. */
  readonly filters: number;
  /** Height and width of each filter. */
  readonly kernelSize: Size2d;
  /** Pixels between neighbouring windows. Default 1. */
  readonly stride?: Size2d;
  /** Zeros around the input. Default `'valid'` (none). */
  readonly padding?: Padding2d;
  /** Pixels between neighbouring taps of a filter. Default 1. */
  readonly dilation?: Size2d;
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

const OPTIONS = [
  'filters',
  'kernelSize',
  'stride',
  'padding',
  'dilation',
  'groups',
  'bias',
  'weightInit',
  'biasInit',
  'name',
];

/**
 * `y[n,i,j,o] = b[o] + sum over r,s,c of x[n, i*stride + r*dilation - padTop, j*stride + s*dilation - padLeft, c] * w[r,s,c,o]`
 *
 * Input `[n, h, w, c]`, output `[n, oh, ow, filters]` with `oh = floor((h + padding - dilation*(kernel - 1) - 1) / stride) + 1`.
 * Weights `[kh, kw, c / groups, filters]`. Semantics of PyTorch's `Conv2d` (cross-correlation) with NHWC tensors.
 */
export function conv2d(options: Conv2dOptions): Layer {
  const layer = options?.name ?? 'conv2d';
  onlyKnown(layer, options, OPTIONS);
  const filters = integer(layer, 'filters', options.filters, 1);
  const [kernelH, kernelW] = size2d(layer, 'kernelSize', options.kernelSize, 1);
  const [strideH, strideW] = size2d(layer, 'stride', options.stride ?? 1, 1);
  const [dilationH, dilationW] = size2d(layer, 'dilation', options.dilation ?? 1, 1);
  const groups = integer(layer, 'groups', options.groups ?? 1, 1);
  const { padding = 'valid', bias = true, weightInit = 'he', biasInit = 'zeros' } = options;
  if (filters % groups !== 0) fail(layer, `groups (${groups}) must divide filters (${filters})`);

  return defineLayer('conv2d', options, (builder, x) => {
    const name = builder.graph.layer;
    const [, h = 1, w = 1, c = 0] = x.shape;
    if (x.shape.length !== 4) fail(name, `needs images [n, h, w, c], got [${x.shape}]`);
    if (c % groups !== 0) fail(name, `groups (${groups}) must divide the input's ${c} channels`);
    const window = {
      input: [h, w] as const,
      kernel: [kernelH, kernelW] as const,
      stride: [strideH, strideW] as const,
      dilation: [dilationH, dilationW] as const,
    };
    const sides = paddingSides(name, padding, window);
    const fans = { fanIn: (kernelH * kernelW * c) / groups, fanOut: (kernelH * kernelW * filters) / groups };
    const weight = builder.parameter('weight', [kernelH, kernelW, c / groups, filters], weightInit, fans);
    const attrs = { strideH, strideW, ...sides, dilationH, dilationW, groups, activation: 0, slope: 0 };
    const [y] = builder.graph.emit(conv2dOp, [x, weight, undefined], attrs) as [GraphTensor];
    if (!bias) return y;
    const b = builder.parameter('bias', [filters], biasInit, fans);
    return builder.graph.emit(biasAdd, [y, b], {})[0] as GraphTensor;
  });
}
