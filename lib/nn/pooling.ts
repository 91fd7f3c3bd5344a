// Pooling layers over windows of one, two and three axes: each output position summarises a window of the input, channel
// by channel. Pooling of all positions and into a given number of windows is in global-pooling.ts.

import type { GraphTensor } from '../graph/graph.ts';
import {
  avgPooling,
  lpPooling,
  maxPooling,
  maxPoolingWithPositions,
  maxUnpooling,
  type PoolAxis,
  roundedUp,
} from '../ops/pooling.ts';
import { fail, integer, onlyKnown, real, show } from '../options.ts';
import { spatialInput } from './conv2d.ts';
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

/** `Size` is a number or one for each axis, `Padding` what can be said about the ends of the axes. */
export interface PoolOptions<Size, Padding> extends LayerOptions {
  /** Size of the window. */
  readonly size: Size;
  /** Positions between neighbouring windows. Default: `size`. */
  readonly stride?: Size;
  /** What is added around the input; less than a window reaches on each side. Default `'valid'` (nothing). */
  readonly padding?: Padding;
  /** Positions between neighbouring elements of a window. Default 1. */
  readonly dilation?: Size;
  /** Whether a last window that does not fit is kept, if it begins inside the input or the padding before it. Default
   * false. */
  readonly ceilMode?: boolean;
}

export interface AvgPoolOptions<Size, Padding> extends PoolOptions<Size, Padding> {
  /** Whether padding counts as zeros in the mean (PyTorch's `count_include_pad`); what `ceilMode` adds never does. Default
   * false. */
  readonly countPadding?: boolean;
  /** What the sum of a window is divided by (PyTorch's `divisor_override`). Default: the number of its elements. */
  readonly divisor?: number;
}

export interface LpPoolOptions<Size, Padding> extends PoolOptions<Size, Padding> {
  /** The exponent, 1 or more. Default 2. */
  readonly p?: number;
}

export type Pool1dOptions = PoolOptions<Size1d, Padding1d>;
export type Pool2dOptions = PoolOptions<Size2d, Padding2d>;
export type Pool3dOptions = PoolOptions<Size3d, Padding3d>;
export type AvgPool1dOptions = AvgPoolOptions<Size1d, Padding1d>;
export type AvgPool2dOptions = AvgPoolOptions<Size2d, Padding2d>;
export type AvgPool3dOptions = AvgPoolOptions<Size3d, Padding3d>;
export type LpPool1dOptions = LpPoolOptions<Size1d, Padding1d>;
export type LpPool2dOptions = LpPoolOptions<Size2d, Padding2d>;
export type LpPool3dOptions = LpPoolOptions<Size3d, Padding3d>;

const OPTIONS = ['size', 'stride', 'padding', 'dilation', 'ceilMode', 'name'];

const flag = (layer: string, option: string, value: unknown): boolean =>
  typeof value === 'boolean' ? value : fail(layer, `${option} must be true or false, not ${show(value)}`);

/** The windows of a layer over `rank` axes, from its options; of an input, once there is one. */
function poolWindows<Size, Padding>(
  layer: string,
  rank: number,
  options: PoolOptions<Size, Padding>,
): (name: string, x: GraphTensor) => PoolAxis[] {
  const kernel = spatialSizes(layer, 'size', options.size, rank, 1);
  const stride = spatialSizes(layer, 'stride', options.stride ?? options.size, rank, 1);
  const dilation = spatialSizes(layer, 'dilation', options.dilation ?? 1, rank, 1);
  const ceilMode = flag(layer, 'ceilMode', options.ceilMode ?? false);
  const { padding = 'valid' } = options;
  return (name, x) => {
    const { sizes } = spatialInput(name, x, rank);
    const { before, after } = spatialPadding(name, padding, { input: sizes, kernel, stride, dilation });
    return sizes.map((size, axis) => {
      const lies = { kernel: kernel[axis]!, stride: stride[axis]!, dilation: dilation[axis]! };
      const window = { ...lies, before: before[axis]!, after: after[axis]! };
      return ceilMode ? roundedUp(size, window) : { ...window, ceil: 0 };
    });
  };
}

function maxPool<Size, Padding>(type: string, rank: number, options: PoolOptions<Size, Padding>): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, OPTIONS);
  const windows = poolWindows(layer, rank, options);
  return defineLayer(type, options, ({ graph }, x) => maxPooling(graph, x, windows(graph.layer, x)));
}

function avgPool<Size, Padding>(type: string, rank: number, options: AvgPoolOptions<Size, Padding>): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, [...OPTIONS, 'countPadding', 'divisor']);
  const windows = poolWindows(layer, rank, options);
  const countPadding = flag(layer, 'countPadding', options.countPadding ?? false);
  const divisor = options.divisor === undefined ? 0 : integer(layer, 'divisor', options.divisor, 1);
  const counting = { countPadding, divisor };
  return defineLayer(type, options, ({ graph }, x) => avgPooling(graph, x, windows(graph.layer, x), counting));
}

function lpPool<Size, Padding>(type: string, rank: number, options: LpPoolOptions<Size, Padding>): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, [...OPTIONS, 'p']);
  const windows = poolWindows(layer, rank, options);
  const p = real(layer, 'p', options.p ?? 2, 1, 1000);
  return defineLayer(type, options, ({ graph }, x) => lpPooling(graph, x, windows(graph.layer, x), p));
}

function maxUnpool<Size, Padding>(type: string, rank: number, options: PoolOptions<Size, Padding>): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, OPTIONS);
  const windows = poolWindows(layer, rank, options);
  const emit: Layer['emit'] = ({ graph }, ...inputs) => {
    const [x, before] = inputs as [GraphTensor, GraphTensor];
    const [pooled, position] = maxPoolingWithPositions(graph, before, windows(graph.layer, before), 'plane');
    if (x.shape.join() !== pooled.shape.join()) {
      fail(graph.layer, `pooling [${before.shape}] gives [${pooled.shape}], the values to put back are [${x.shape}]`);
    }
    return maxUnpooling(graph, x, position, before.shape.slice(1, -1));
  };
  return defineLayer(type, options, emit, [2, 2]);
}

/**
 * `y[n,i,c] = max over r of x[n, i*stride + r*dilation - paddingLeft, c]`
 *
 * Input `[n, w, c]`, output `[n, ow, c]`. Padding never wins; a window with NaN gives NaN. Semantics of PyTorch's
 * `MaxPool1d` and ONNX's `MaxPool`.
 */
export const maxPool1d = (options: Pool1dOptions): Layer => maxPool('maxPool1d', 1, options);

/** Largest value of each window of images `[n, h, w, c]`: as `maxPool1d` over both axes (PyTorch's `MaxPool2d`). Output
 * `[n, oh, ow, c]` with `oh = floor((h + padding - dilation*(size - 1) - 1) / stride) + 1`. */
export const maxPool2d = (options: Pool2dOptions): Layer => maxPool('maxPool2d', 2, options);

/** Largest value of each window of volumes `[n, d, h, w, c]`: as `maxPool1d` over three axes (PyTorch's `MaxPool3d`). */
export const maxPool3d = (options: Pool3dOptions): Layer => maxPool('maxPool3d', 3, options);

/**
 * `y[n,i,c] = sum over j of x[n,j,c]` for the windows j whose maximum is at i, else 0: undoes `maxPool1d` with the same options.
 * `maxUnpool1d(options)(x, before)`, where `before` `[n, w, c]` is what was pooled and x `[n, ow, c]` what came of it in the end,
 * gives `[n, w, c]`. It finds the maxima anew, so nothing but `before` need be handed on; no gradient goes there.
 *
 * Semantics of PyTorch's `MaxUnpool1d` and ONNX's `MaxUnpool` for windows that do not overlap; where windows share a
 * maximum, those keep one of the values, this adds them.
 */
export const maxUnpool1d = (options: Pool1dOptions): Layer => maxUnpool('maxUnpool1d', 1, options);

/** Undoes `maxPool2d`: as `maxUnpool1d` for images `[n, h, w, c]` (Badrinarayanan et al. 2015, SegNet);
 * PyTorch's `MaxUnpool2d`. */
export const maxUnpool2d = (options: Pool2dOptions): Layer => maxUnpool('maxUnpool2d', 2, options);

/** Undoes `maxPool3d`: as `maxUnpool1d` for volumes `[n, d, h, w, c]`; PyTorch's `MaxUnpool3d`. */
export const maxUnpool3d = (options: Pool3dOptions): Layer => maxUnpool('maxUnpool3d', 3, options);

/**
 * `y[n,i,c] = (sum over r of x[n, i*stride + r*dilation - paddingLeft, c]) / count`
 *
 * Input `[n, w, c]`, output `[n, ow, c]`. `count` is how many elements of the window lie in x, with `countPadding` also
 * those in the padding, or `divisor`. Semantics of PyTorch's `AvgPool1d` (where `count_include_pad` is the default) and
 * ONNX's `AveragePool`.
 */
export const avgPool1d = (options: AvgPool1dOptions): Layer => avgPool('avgPool1d', 1, options);

/** Mean of each window of images `[n, h, w, c]`: as `avgPool1d` over both axes (PyTorch's `AvgPool2d`). */
export const avgPool2d = (options: AvgPool2dOptions): Layer => avgPool('avgPool2d', 2, options);

/** Mean of each window of volumes `[n, d, h, w, c]`: as `avgPool1d` over three axes (PyTorch's `AvgPool3d`). */
export const avgPool3d = (options: AvgPool3dOptions): Layer => avgPool('avgPool3d', 3, options);

/**
 * `y[n,i,c] = (sum over r of |x[n, i*stride + r*dilation - paddingLeft, c]|^p)^(1/p)`
 *
 * Input `[n, w, c]`, output `[n, ow, c]`. ONNX's `LpPool`; PyTorch's `LPPool1d` without the absolute value, which makes no
 * difference for even p. A window that `ceilMode` cuts off is scaled up to the size of a whole one, as in both. The gradient
 * of a window of zeros is 0.
 */
export const lpPool1d = (options: LpPool1dOptions): Layer => lpPool('lpPool1d', 1, options);

/** The p-norm of each window of images `[n, h, w, c]`: as `lpPool1d` over both axes (PyTorch's `LPPool2d`). */
export const lpPool2d = (options: LpPool2dOptions): Layer => lpPool('lpPool2d', 2, options);

/** The p-norm of each window of volumes `[n, d, h, w, c]`: as `lpPool1d` over three axes (PyTorch's `LPPool3d`). */
export const lpPool3d = (options: LpPool3dOptions): Layer => lpPool('lpPool3d', 3, options);
