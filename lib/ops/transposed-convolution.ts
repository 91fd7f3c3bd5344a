// Transposed convolutions over one to three axes, all of them the op conv2d_dx. With three, its result has the planes that
// each plane of x adds to side by side as channels; they are put in their places and added, tap by tap.

import { add } from './add.ts';
import { axisAttrs } from './axes.ts';
import { biasAdd } from './bias_add.ts';
import { conv2dDx } from './conv2d.ts';
import { asPlane, type ConvWindow, flatWeights, padSpatially, planeAttrs } from './convolution.ts';
import type { Emitter, TensorSpec } from './op.ts';
import { view } from './reshape.ts';
import { slice, sliceDx, sliceOf } from './slice.ts';

/** As of the convolution that it is the gradient of; `size` is that one's input, so the padding behind follows from it. */
export interface TransposedWindow extends Omit<ConvWindow, 'after'> {
  readonly size: readonly number[];
}

/**
 * The transposed convolution of x [n, ...sizes, c] with w [...kernel, o / groups, c] and b [o], if there is one, over one to
 * three axes: y [n, ...size, o]. Positions of y that no tap reaches are b.
 */
export function transposedConvolution<T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  w: T,
  b: T | undefined,
  window: TransposedWindow,
): T {
  const { shape } = x;
  if (shape.length === 4) return overPlane(emitter, x, w, b, window);
  if (shape.length === 5) return withBias(emitter, overVolume(emitter, x, w, window), b);
  const images = view(emitter, x, [shape[0]!, 1, ...shape.slice(1)]);
  const y = overPlane(emitter, images, view(emitter, w, [1, ...w.shape]), b, {
    ...asPlane({ ...window, after: [0] }),
    size: [1, ...window.size],
  });
  return view(emitter, y, y.shape.toSpliced(1, 1));
}

const withBias = <T extends TensorSpec>(emitter: Emitter<T>, y: T, b: T | undefined): T =>
  b ? (emitter.emit(biasAdd, [y, b], {})[0] as T) : y;

function overPlane<T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  w: T,
  b: T | undefined,
  { size, ...window }: TransposedWindow,
): T {
  // conv2d would give x for any size from `reach` on, less than a stride more: what is beyond is not reached.
  const reach = [0, 1].map((axis) => reachOf(x.shape[axis + 1]!, w.shape[axis]!, axis, window));
  const most = reach.map((end, axis) => end + window.stride[axis]! - 1 - window.before[axis]!);
  const reached = size.map((whole, axis) => Math.min(whole, most[axis]!));
  const after = reach.map((end, axis) => Math.max(end - window.before[axis]! - reached[axis]!, 0));
  const attrs = { ...planeAttrs({ ...window, after }), inH: reached[0]!, inW: reached[1]! };
  const y = emitter.emit(conv2dDx, [x, w, undefined], attrs)[0] as T;
  const beyond = size.map((whole, axis) => whole - reached[axis]!);
  return withBias(emitter, padSpatially(emitter, y, [0, 0], beyond), b);
}

/** The padded positions that `count` positions of x add to. */
const reachOf = (
  count: number,
  kernel: number,
  axis: number,
  { stride, dilation }: Omit<ConvWindow, 'after'>,
): number => (count - 1) * stride[axis]! + (kernel - 1) * dilation[axis]! + 1;

function overVolume<T extends TensorSpec>(emitter: Emitter<T>, x: T, w: T, window: TransposedWindow): T {
  const [n, d, h, width, c] = x.shape as [number, number, number, number, number];
  const [kernel, , , o] = w.shape as [number, number, number, number];
  const { groups, size } = window;
  const [outD, ...plane] = size as [number, number, number];
  const [stride, dilation, before] = [window.stride[0]!, window.dilation[0]!, window.before[0]!];
  const y = overPlane(emitter, view(emitter, x, [n * d, h, width, c]), flatWeights(emitter, w), undefined, {
    ...asPlane({ ...window, after: [0, 0, 0] }),
    size: plane,
  });
  const all = [n, outD, ...plane, groups * o];
  const area = plane[0]! * plane[1]!;
  if (kernel === 1 && stride === 1 && before === 0 && outD === d) return view(emitter, y, all);
  const split = view(emitter, y, [n, d, area, groups, kernel * o]);
  const whole = Math.max(reachOf(d, kernel, 0, window), before + outD);
  const placed = Array.from({ length: kernel }, (_, tap) => {
    const part = emitter.emit(slice, [split], sliceOf([0, 0, 0, 0, tap * o], [n, d, area, groups, o]))[0] as T;
    const planes = view(emitter, part, [n, d, area * groups * o]);
    return emitter.emit(sliceDx, [planes], {
      ...axisAttrs('start', [0, tap * dilation, 0], 0),
      ...axisAttrs('step', [1, stride, 1], 1),
      ...axisAttrs('in', [n, whole, area * groups * o], 1),
    })[0] as T;
  });
  const sum = placed.reduce((total, part) => emitter.emit(add, [total, part], { activation: 0, slope: 0 })[0] as T);
  const cut = sliceOf([0, before, 0], [n, outD, area * groups * o]);
  const result = whole === outD ? sum : (emitter.emit(slice, [sum], cut)[0] as T);
  return view(emitter, result, all);
}
