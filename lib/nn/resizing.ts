// Layers that change the size of maps: interpolation, and moving channels into space and back.

import type { Graph, GraphTensor } from '../graph/graph.ts';
import { RESIZE_MODES, type ResizeMode } from '../ops/resample.ts';
import { view } from '../ops/reshape.ts';
import { resize2d } from '../ops/resize2d.ts';
import { transpose, transposeBy } from '../ops/transpose.ts';
import { fail, integer, onlyKnown, real, show } from '../options.ts';
import { spatialInput } from './conv2d.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import { type Size1d, type Size2d, spatialSizes } from './window.ts';

interface UpsampleOptions<Size, Mode> extends LayerOptions {
  /** Size of the output. Either this or `scale`. */
  readonly size?: Size;
  /** Output positions for each of the input's, `floor(size * scale)` in all; need not be whole. */
  readonly scale?: Size;
  /** Default `'nearest'`. */
  readonly mode?: 'nearest' | Mode;
  /** Whether the centres of the corner positions stay where they are, and not the edges of the input. Not with `'nearest'`.
   * Default false. */
  readonly alignCorners?: boolean;
}

export type Upsample1dOptions = UpsampleOptions<Size1d, 'linear'>;
export type Upsample2dOptions = UpsampleOptions<Size2d, 'bilinear'>;

const MOST_SCALE = 2 ** 16;

function scalesOf(layer: string, scale: unknown, rank: number): number[] {
  const list = Array.isArray(scale) ? scale : Array<unknown>(rank).fill(scale);
  if (list.length !== rank) fail(layer, `scale must be a number or ${rank} numbers, not ${show(scale)}`);
  return list.map((factor) => real(layer, 'scale', factor, 1 / MOST_SCALE, MOST_SCALE));
}

function upsampleLayer<Size>(
  type: string,
  rank: number,
  linear: string,
  options: UpsampleOptions<Size, string>,
): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, ['size', 'scale', 'mode', 'alignCorners', 'name']);
  const { size, scale, mode = 'nearest', alignCorners = false } = options;
  if ((size === undefined) === (scale === undefined)) fail(layer, 'needs either size or scale');
  const given = size === undefined ? undefined : spatialSizes(layer, 'size', size, rank, 1);
  const scales = scale === undefined ? undefined : scalesOf(layer, scale, rank);
  if (mode !== 'nearest' && mode !== linear) fail(layer, `mode must be 'nearest' or '${linear}', not ${show(mode)}`);
  if (mode === 'nearest' && alignCorners) fail(layer, `alignCorners has no meaning with mode 'nearest'`);
  const kind: ResizeMode = mode === 'nearest' ? 'nearest' : alignCorners ? 'corners' : 'linear';
  return defineLayer(type, options, ({ graph }, x) => {
    const { sizes, c } = spatialInput(graph.layer, x, rank);
    const target = given ?? sizes.map((whole, axis) => Math.floor(whole * scales![axis]!));
    if (target.some((count) => count < 1)) fail(graph.layer, `scale ${show(scale)} leaves nothing of [${sizes}]`);
    // A scale that divides evenly is the quotient of the sizes, which is exact.
    const steps = sizes.map((whole, axis) =>
      scales && target[axis] !== whole * scales[axis]! ? 1 / scales[axis]! : 0,
    );
    const [outH, outW] = [1, ...target].slice(-2) as [number, number];
    const [stepH, stepW] = [0, ...steps].slice(-2) as [number, number];
    const images = rank === 2 ? x : view(graph, x, [x.shape[0]!, 1, ...sizes, c]);
    const attrs = { mode: RESIZE_MODES.indexOf(kind), outH, outW, stepH, stepW };
    const y = graph.emit(resize2d, [images], attrs)[0] as GraphTensor;
    return rank === 2 ? y : view(graph, y, [x.shape[0]!, ...target, c]);
  });
}

/**
 * `[n, w, c]` to `[n, size, c]` or `[n, floor(w * scale), c]`: `upsample2d` along one axis, with the mode `'linear'`.
 * Semantics of PyTorch's `Upsample` for signals.
 */
export function upsample1d(options: Upsample1dOptions): Layer {
  return upsampleLayer('upsample1d', 1, 'linear', options);
}

/**
 * `[n, h, w, c]` resized to `size` or to `floor(h * scale)` rows and `floor(w * scale)` columns. Position p of an axis shows the
 * input at s: with `'nearest'` `y[p] = x[floor(p / scale)]`; with `'bilinear'` the two positions around
 * `s = (p + 1/2) / scale - 1/2`, held inside the input, or with `alignCorners` around `s = p * (in - 1) / (out - 1)`, in
 * proportion. Semantics of PyTorch's `Upsample` and `torch.nn.functional.interpolate` (a scale counts as given where
 * `size * scale` is not whole); also makes maps smaller, without smoothing.
 */
export function upsample2d(options: Upsample2dOptions): Layer {
  return upsampleLayer('upsample2d', 2, 'bilinear', options);
}

export interface PixelShuffleOptions extends LayerOptions {
  /** r: how many times as high and wide the output is. */
  readonly factor: number;
}

export interface PixelUnshuffleOptions extends LayerOptions {
  /** r: how many times less high and wide the output is. */
  readonly factor: number;
}

const permuted = (graph: Graph, x: GraphTensor, axes: readonly number[]) =>
  graph.emit(transpose, [x], transposeBy(axes))[0] as GraphTensor;

/**
 * `y[n, h*r + i, w*r + j, c] = x[n, h, w, c*r*r + i*r + j]`: `[n, h, w, c * r * r]` to `[n, h * r, w * r, c]` (Shi et al. 2016).
 * Semantics of PyTorch's `PixelShuffle` and ONNX DepthToSpace in mode CRD, with NHWC tensors. Errors: channels that r * r does
 * not divide.
 */
export function pixelShuffle(options: PixelShuffleOptions): Layer {
  const layer = options?.name ?? 'pixelShuffle';
  onlyKnown(layer, options, ['factor', 'name']);
  const r = integer(layer, 'factor', options.factor, 1);
  return defineLayer('pixelShuffle', options, ({ graph }, x) => {
    const { sizes, c } = spatialInput(graph.layer, x, 2);
    const [n, [h, w]] = [x.shape[0]!, sizes as [number, number]];
    if (c % (r * r) !== 0) fail(graph.layer, `${r * r} (the square of factor) must divide the input's ${c} channels`);
    const apart = view(graph, x, [n, h, w, c / (r * r), r, r]);
    return view(graph, permuted(graph, apart, [0, 1, 4, 2, 5, 3]), [n, h * r, w * r, c / (r * r)]);
  });
}

/**
 * `y[n, h, w, c*r*r + i*r + j] = x[n, h*r + i, w*r + j, c]`: `[n, h * r, w * r, c]` to `[n, h, w, c * r * r]`, what undoes
 * `pixelShuffle`. Semantics of PyTorch's `PixelUnshuffle` with NHWC tensors. Errors: a height or width that r does not divide.
 */
export function pixelUnshuffle(options: PixelUnshuffleOptions): Layer {
  const layer = options?.name ?? 'pixelUnshuffle';
  onlyKnown(layer, options, ['factor', 'name']);
  const r = integer(layer, 'factor', options.factor, 1);
  return defineLayer('pixelUnshuffle', options, ({ graph }, x) => {
    const { sizes, c } = spatialInput(graph.layer, x, 2);
    const [n, [h, w]] = [x.shape[0]!, sizes as [number, number]];
    if (h % r !== 0 || w % r !== 0) fail(graph.layer, `factor (${r}) must divide the input's ${h}x${w} pixels`);
    const apart = view(graph, x, [n, h / r, r, w / r, r, c]);
    return view(graph, permuted(graph, apart, [0, 1, 3, 5, 2, 4]), [n, h / r, w / r, c * r * r]);
  });
}
