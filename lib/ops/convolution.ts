// Convolutions over one to three axes, all of them the op conv2d: with one axis the other has size 1, with three the planes
// that a plane of the result reads lie side by side as channels. So gradients and bits are those of conv2d.

import { LanewiseError } from '../errors.ts';
import { biasAdd } from './bias_add.ts';
import { joined } from './concat.ts';
import { conv2d } from './conv2d.ts';
import type { Emitter, TensorSpec } from './op.ts';
import { type PadMode, pad, padBy } from './pad.ts';
import { view } from './reshape.ts';
import { slice, sliceOf } from './slice.ts';
import { transpose, transposeBy } from './transpose.ts';

/** Where a kernel lies, one number for each axis: zeros before and after, steps, and what it leaves out in between. */
export interface ConvWindow {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly groups: number;
}

const NO_ACTIVATION = { activation: 0, slope: 0 };

/** The attributes of conv2d for a window over two axes. */
export const planeAttrs = ({ stride, dilation, before, after, groups }: ConvWindow) => ({
  strideH: stride[0]!,
  strideW: stride[1]!,
  padTop: before[0]!,
  padLeft: before[1]!,
  padBottom: after[0]!,
  padRight: after[1]!,
  dilationH: dilation[0]!,
  dilationW: dilation[1]!,
  groups,
  ...NO_ACTIVATION,
});

/** A window over one axis as one over two, the first of size 1; and one over three without its first. */
export const asPlane = ({ stride, dilation, before, after, groups }: ConvWindow): ConvWindow => ({
  stride: [1, ...stride].slice(-2),
  dilation: [1, ...dilation].slice(-2),
  before: [0, ...before].slice(-2),
  after: [0, ...after].slice(-2),
  groups,
});

/** x [n, ...sizes, c] with `before` and `after` more positions on each of its inner axes. */
export function padSpatially<T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  before: readonly number[],
  after: readonly number[],
  mode: PadMode = 'constant',
  value = 0,
): T {
  if ([...before, ...after].every((side) => side === 0)) return x;
  return emitter.emit(pad, [x], padBy([0, ...before, 0], [0, ...after, 0], mode, value))[0] as T;
}

/** x [n, d, h, w, c] to [n * od, h, w, kd * c]: the planes that each plane of the result reads, by group, then plane, then
 * channel of the group. */
function gatherPlanes<T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  kernel: number,
  window: ConvWindow,
): [T, od: number] {
  const [stride, dilation, before, after] = [
    window.stride[0]!,
    window.dilation[0]!,
    window.before[0]!,
    window.after[0]!,
  ];
  const padded = padSpatially(emitter, x, [before, 0, 0], [after, 0, 0]);
  const [n, d, h, w, c] = padded.shape as [number, number, number, number, number];
  const od = Math.floor((d - dilation * (kernel - 1) - 1) / stride) + 1;
  if (od < 1) {
    const reach = dilation * (kernel - 1) + 1;
    throw new LanewiseError('shape', `the kernel covers ${reach} planes, the padded input has only ${d}`);
  }
  if (kernel === 1 && stride === 1) return [view(emitter, padded, [n * d, h, w, c]), od];
  const { groups } = window;
  const planes = Array.from({ length: kernel }, (_, tap) => {
    const attrs = sliceOf([0, tap * dilation, 0, 0, 0], [n, od, h, w, c], [1, stride, 1, 1, 1]);
    const planes = emitter.emit(slice, [padded], attrs)[0] as T;
    return view(emitter, planes, [n * od * h * w, groups, c / groups]);
  });
  return [view(emitter, joined(emitter, planes, 2), [n * od, h, w, kernel * c]), od];
}

/** w [kd, kh, kw, c, o] to [kh, kw, kd * c, o], to fit what `gatherPlanes` makes. */
export function flatWeights<T extends TensorSpec>(emitter: Emitter<T>, w: T): T {
  const [kd, kh, kw, c, o] = w.shape as [number, number, number, number, number];
  const moved = kd === 1 ? w : (emitter.emit(transpose, [w], transposeBy([1, 2, 0, 3, 4]))[0] as T);
  return view(emitter, moved, [kh, kw, kd * c, o]);
}

/**
 * The convolution of x [n, ...sizes, c] with w [...kernel, c / groups, o] and b [o], if there is one, over one to three axes:
 * y [n, ...outputs, o].
 */
export function convolution<T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  w: T,
  b: T | undefined,
  window: ConvWindow,
): T {
  const plane = planeAttrs(asPlane(window));
  const convolve = (images: T, weights: T): T => {
    const y = emitter.emit(conv2d, [images, weights, undefined], plane)[0] as T;
    return b ? (emitter.emit(biasAdd, [y, b], {})[0] as T) : y;
  };
  const { shape } = x;
  if (shape.length === 4) return convolve(x, w);
  if (shape.length === 3) {
    const y = convolve(view(emitter, x, [shape[0]!, 1, ...shape.slice(1)]), view(emitter, w, [1, ...w.shape]));
    return view(emitter, y, y.shape.toSpliced(1, 1));
  }
  const [planes, od] = gatherPlanes(emitter, x, w.shape[0]!, window);
  const y = convolve(planes, flatWeights(emitter, w));
  return view(emitter, y, [shape[0]!, od, ...y.shape.slice(1)]);
}
