// Convolutions that look at each channel by itself, and the pair with a 1x1 convolution that mixes them afterwards.

import type { GraphTensor } from '../graph/graph.ts';
import { type ConvWindow, convolution, padSpatially } from '../ops/convolution.ts';
import { integer, onlyKnown } from '../options.ts';
import type { Builder } from './builder.ts';
import { type Conv2dOptions, paddingModeOf, spatialInput } from './conv2d.ts';
import type { Initializer } from './initializer.ts';
import { defineLayer, type Layer } from './layer.ts';
import { size2d, spatialPadding } from './window.ts';

export interface DepthwiseConv2dOptions extends Omit<Conv2dOptions, 'filters' | 'groups'> {
  /** Filters for each input channel. Default 1. */
  readonly depthMultiplier?: number;
}

export interface SeparableConv2dOptions extends Omit<Conv2dOptions, 'groups' | 'weightInit'> {
  /** Depthwise filters for each input channel. Default 1. */
  readonly depthMultiplier?: number;
  /** Of the depthwise filters. Default `'he'`. */
  readonly depthwiseInit?: Initializer;
  /** Of the 1x1 filters. Default `'he'`. */
  readonly pointwiseInit?: Initializer;
}

const WINDOW = ['kernelSize', 'stride', 'padding', 'paddingMode', 'dilation'];

/** Checks what both layers share; what it returns emits the depthwise convolution without its bias. */
function depthwisePart(layer: string, options: DepthwiseConv2dOptions) {
  const multiplier = integer(layer, 'depthMultiplier', options.depthMultiplier ?? 1, 1);
  const kernel = size2d(layer, 'kernelSize', options.kernelSize, 1);
  const stride = size2d(layer, 'stride', options.stride ?? 1, 1);
  const dilation = size2d(layer, 'dilation', options.dilation ?? 1, 1);
  const paddingMode = paddingModeOf(layer, options.paddingMode ?? 'zeros');
  const { padding = 'valid' } = options;
  return (builder: Builder, x: GraphTensor, name: string, init: Initializer, withBias: Initializer | undefined) => {
    const { graph } = builder;
    const { sizes, c } = spatialInput(graph.layer, x, 2);
    const sides = spatialPadding(graph.layer, padding, { input: sizes, kernel, stride, dilation });
    const [area, filters] = [kernel[0] * kernel[1], c * multiplier];
    const fans = { fanIn: area, fanOut: area * multiplier };
    const weight = builder.parameter(name, [...kernel, 1, filters], init, fans);
    const b = withBias && builder.parameter('bias', [filters], withBias, fans);
    const window = { stride, dilation, groups: c };
    if (paddingMode === 'zeros') return convolution(graph, x, weight, b, { ...window, ...sides });
    const padded = padSpatially(graph, x, sides.before, sides.after, paddingMode);
    return convolution(graph, padded, weight, b, { ...window, before: [0, 0], after: [0, 0] });
  };
}

/**
 * `y[n,i,j,c*m + k] = b[c*m + k] + sum over r,s of x[n, i*stride + r*dilation - padTop, j*stride + s*dilation - padLeft, c] * w[r,s,0,c*m + k]`
 *
 * Each channel has `depthMultiplier` = m filters of its own. Input `[n, h, w, c]`, output `[n, oh, ow, c * m]`, sizes as in
 * `conv2d`. Weights `[kh, kw, 1, c * m]`. PyTorch's `Conv2d` with `groups = in_channels`, Keras' `DepthwiseConv2D`.
 */
export function depthwiseConv2d(options: DepthwiseConv2dOptions): Layer {
  const layer = options?.name ?? 'depthwiseConv2d';
  onlyKnown(layer, options, [...WINDOW, 'depthMultiplier', 'bias', 'weightInit', 'biasInit', 'name']);
  const emit = depthwisePart(layer, options);
  const { bias = true, weightInit = 'he', biasInit = 'zeros' } = options;
  return defineLayer('depthwiseConv2d', options, (builder, x) =>
    emit(builder, x, 'weight', weightInit, bias ? biasInit : undefined),
  );
}

const POINTWISE: ConvWindow = { stride: [1, 1], dilation: [1, 1], before: [0, 0], after: [0, 0], groups: 1 };

/**
 * A depthwise convolution without bias, then a 1x1 convolution: `y = conv1x1(depthwise(x)) + b` (Chollet 2016).
 *
 * Input `[n, h, w, c]`, output `[n, oh, ow, filters]`, sizes as in `conv2d`. Parameters `depthwise`
 * `[kh, kw, 1, c * depthMultiplier]`, `pointwise` `[1, 1, c * depthMultiplier, filters]` and `bias` `[filters]`. Two of PyTorch's
 * `Conv2d`, Keras' `SeparableConv2D`.
 */
export function separableConv2d(options: SeparableConv2dOptions): Layer {
  const layer = options?.name ?? 'separableConv2d';
  const known = ['filters', ...WINDOW, 'depthMultiplier', 'bias', 'depthwiseInit', 'pointwiseInit', 'biasInit', 'name'];
  onlyKnown(layer, options, known);
  const filters = integer(layer, 'filters', options.filters, 1);
  const emit = depthwisePart(layer, options);
  const { bias = true, depthwiseInit = 'he', pointwiseInit = 'he', biasInit = 'zeros' } = options;
  return defineLayer('separableConv2d', options, (builder, x) => {
    const channels = emit(builder, x, 'depthwise', depthwiseInit, undefined);
    const c = channels.shape[3] as number;
    const fans = { fanIn: c, fanOut: filters };
    const weight = builder.parameter('pointwise', [1, 1, c, filters], pointwiseInit, fans);
    const b = bias ? builder.parameter('bias', [filters], biasInit, fans) : undefined;
    return convolution(builder.graph, channels, weight, b, POINTWISE);
  });
}
