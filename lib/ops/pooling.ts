// Pooling over one to three axes, composed of ops over two: with one axis the other has size 1, with three the planes are
// pooled first and then, position by position, what they gave. A window counts as the product of what it counts along its
// axes, so means compose as maxima and sums do.

import { adaptiveAvgPool2d } from './adaptive_avg_pool2d.ts';
import { adaptiveMaxPool2d } from './adaptive_max_pool2d.ts';
import { avgPool2d } from './avg_pool2d.ts';

import { globalAvgPool2d } from './global_avg_pool2d.ts';
import { globalMaxPool2d } from './global_max_pool2d.ts';
import { maxPool2d } from './max_pool2d.ts';
import { maxPool2dPosition } from './max_pool2d_position.ts';
import { maxUnpool2d, maxUnpool2dDx } from './max_unpool2d.ts';
import { type Emitter, elementCount, type TensorSpec } from './op.ts';
import { relu } from './relu.ts';
import { view } from './reshape.ts';
import { unary } from './unary.ts';
import { type UnaryName, unaryAttrs } from './unary-functions.ts';

/** How a pooling window lies on one axis. */
export interface PoolAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  /** What the windows reach behind the axis, `ceil` included. */
  readonly after: number;
  /** The part of `after` that was added for a last window that does not fit. */
  readonly ceil: number;
}

/** Every position a window of its own. */
const EACH: PoolAxis = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, ceil: 0 };

/** The axis with room for one more window where the last one does not fit and begins inside the `size` positions or the
 * padding before them (ceil_mode of PyTorch and ONNX). */
export function roundedUp(size: number, axis: Omit<PoolAxis, 'ceil'>): PoolAxis {
  const { kernel, stride, dilation, before, after } = axis;
  const room = size + before + after - (kernel - 1) * dilation - 1;
  const last = Math.ceil(room / stride) * stride;
  const ceil = last < size + before ? Math.max(0, last - room) : 0;
  return { ...axis, after: after + ceil, ceil };
}

/** The window attributes of the ops that pool two axes. */
export const windowAttrs = (h: PoolAxis, w: PoolAxis) => ({
  kernelH: h.kernel,
  kernelW: w.kernel,
  strideH: h.stride,
  strideW: w.stride,
  padTop: h.before,
  padLeft: w.before,
  padBottom: h.after,
  padRight: w.after,
  dilationH: h.dilation,
  dilationW: w.dilation,
});

/** `pool` over the axes of x [n, ..., c] that `axes` describes; `isLast` tells the pass that completes the windows. */
function overAxes<A, T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  axes: readonly A[],
  each: (size: number) => A,
  pool: (x: T, h: A, w: A, isLast: boolean) => T,
): T {
  const [n = 1, ...sizes] = x.shape;
  const c = sizes.pop() as number;
  if (axes.length === 1) {
    const [y, w] = [pool(view(emitter, x, [n, 1, ...sizes, c]), each(1), axes[0]!, true), 2];
    return view(emitter, y, [n, y.shape[w]!, c]);
  }
  if (axes.length === 2) return pool(x, axes[0]!, axes[1]!, true);
  const [d = 1, h = 1, w = 1] = sizes;
  const planes = pool(view(emitter, x, [n * d, h, w, c]), axes[1]!, axes[2]!, false);
  const [, oh = 1, ow = 1] = planes.shape;
  const y = pool(view(emitter, planes, [n, d, oh * ow, c]), axes[0]!, each(oh * ow), true);
  return view(emitter, y, [n, y.shape[1]!, oh, ow, c]);
}

/** The largest value of each window of x [n, ..., c]. */
export const maxPooling = <T extends TensorSpec>(emitter: Emitter<T>, x: T, axes: readonly PoolAxis[]): T =>
  overAxes(
    emitter,
    x,
    axes,
    () => EACH,
    (plane, h, w) => emitter.emit(maxPool2d, [plane], windowAttrs(h, w))[0] as T,
  );

/** Where a maximum of a tensor [n, ..., c] is: `plane` counts the positions of one channel of one example in row-major order
 * (PyTorch), `tensor` those of a whole tensor [n, c, ...] (ONNX), `columns` the same with each plane in column-major order
 * (ONNX's storage_order 1). */
export type PositionOrder = 'plane' | 'tensor' | 'columns';

/** The largest value of each window of x [n, ..., c], and where it is: i32 [n, ..., c]. */
export function maxPoolingWithPositions<T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  axes: readonly PoolAxis[],
  order: PositionOrder,
): [y: T, position: T] {
  const [n = 1, ...sizes] = x.shape;
  const c = sizes.pop() as number;
  const area = elementCount(sizes);
  const [d = 1, inH = 1, inW = 1] = [1, 1, ...sizes].slice(-3);
  const whole = order === 'plane' ? { stepN: 0, stepC: 0 } : { stepN: c * area, stepC: area };
  const steps =
    order === 'columns'
      ? { stepD: 1, stepH: d, stepW: d * inH, ...whole }
      : { stepD: inH * inW, stepH: inW, stepW: 1, ...whole };
  const pool = (image: T, h: PoolAxis, w: PoolAxis, places: typeof steps & { depth: number }): [T, T] => {
    const attrs = windowAttrs(h, w);
    const [, height = 1, width = 1] = image.shape;
    const [y, index] = emitter.emit(maxPool2d, [image], attrs) as [T, T];
    const placed = { ...attrs, inH: height, inW: width, ...places };
    return [y, emitter.emit(maxPool2dPosition, [index], placed)[0] as T];
  };
  const [first = EACH, h = EACH, w = EACH] = [EACH, EACH, ...axes].slice(-3);
  const [planes, inPlane] = pool(view(emitter, x, [n * d, inH, inW, c]), h, w, { ...steps, depth: d });
  const [, oh = 1, ow = 1] = planes.shape;
  const shapeOf = (od: number) => [n, ...[od, oh, ow].slice(-sizes.length), c];
  if (sizes.length < 3) return [view(emitter, planes, shapeOf(1)), view(emitter, inPlane, shapeOf(1))];
  const columns = { stepN: 0, stepC: 0, stepD: 0, stepH: oh * ow, stepW: 1, depth: 1 };
  const [y, chosen] = pool(view(emitter, planes, [n, d, oh * ow, c]), first, EACH, columns);
  const of = view(emitter, inPlane, [n, d, oh * ow, c]);
  const position = emitter.emit(maxUnpool2dDx, [of, chosen], {})[0] as T;
  return [view(emitter, y, shapeOf(y.shape[1]!)), view(emitter, position, shapeOf(y.shape[1]!))];
}

/** x [n, ..., c] put at its positions (in the order `plane` or `tensor`) in [n, ...sizes, c], which is 0 elsewhere; values that
 * meet are added. */
export function maxUnpooling<T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  position: T,
  sizes: readonly number[],
): T {
  const [n = 1, ...inner] = x.shape;
  const c = inner.pop() as number;
  const row = [n, 1, elementCount(inner), c];
  const size = { outH: 1, outW: elementCount(sizes) };
  const y = emitter.emit(maxUnpool2d, [view(emitter, x, row), view(emitter, position, row)], size)[0] as T;
  return view(emitter, y, [n, ...sizes, c]);
}

/** The sum of each window of x [n, ..., c] divided by `divisor` or, where that is 0, by the number of its elements, with
 * or without those in the padding. */
export const avgPooling = <T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  axes: readonly PoolAxis[],
  { countPadding, divisor }: { readonly countPadding: boolean; readonly divisor: number },
): T =>
  overAxes(
    emitter,
    x,
    axes,
    () => EACH,
    (plane, h, w, isLast) => {
      const counting = { countPadding: Number(countPadding), ceilBottom: h.ceil, ceilRight: w.ceil };
      const attrs = { ...windowAttrs(h, w), ...counting, divisor: isLast ? divisor : Math.min(divisor, 1) };
      return emitter.emit(avgPool2d, [plane], attrs)[0] as T;
    },
  );

/** (sum of |x|^p)^(1/p) of each window of x [n, ..., c], p from 1 on. A window that ceil mode cuts off counts as if the
 * rest of it were like what is there, as in PyTorch. */
export function lpPooling<T extends TensorSpec>(emitter: Emitter<T>, x: T, axes: readonly PoolAxis[], p: number): T {
  const apply = (t: T, name: UnaryName, alpha = 0) => emitter.emit(unary, [t], unaryAttrs(name, alpha))[0] as T;
  const powers = p === 2 ? apply(x, 'square') : apply(x, 'abs');
  const terms = p === 1 || p === 2 ? powers : apply(powers, 'power', p);
  const isCut = axes.some(({ ceil }) => ceil > 0);
  const sums = avgPooling(emitter, terms, axes, { countPadding: true, divisor: isCut ? 0 : 1 });
  const area = axes.reduce((product, { kernel }) => product * kernel, 1);
  const whole = isCut ? apply(sums, 'affine', area) : sums;
  if (p === 1) return whole;
  // The root is infinitely steep at 0; relu, which changes nothing else, gives 0 there.
  const steady = emitter.emit(relu, [whole], {})[0] as T;
  return p === 2 ? apply(steady, 'sqrt') : apply(steady, 'power', 1 / p);
}

/** The mean or maximum of x [n, ..., c] over all inner axes: [n, c]. */
export function globalPooling<T extends TensorSpec>(emitter: Emitter<T>, x: T, kind: 'max' | 'avg'): T {
  const [n = 1, ...sizes] = x.shape;
  const c = sizes.pop() as number;
  const image = sizes.length === 2 ? x : view(emitter, x, [n, 1, elementCount(sizes), c]);
  return emitter.emit(kind === 'max' ? globalMaxPool2d : globalAvgPool2d, [image], {})[0] as T;
}

/** The mean or maximum of windows that share the inner axes of x [n, ..., c] out: `sizes[a]` of them along axis a. */
export function adaptivePooling<T extends TensorSpec>(
  emitter: Emitter<T>,
  x: T,
  sizes: readonly number[],
  kind: 'max' | 'avg',
): T {
  const [n = 1, ...inner] = x.shape;
  const c = inner.pop() as number;
  if (sizes.every((size) => size === 1)) return view(emitter, globalPooling(emitter, x, kind), [n, ...sizes, c]);
  if (inner.every((size, axis) => size % sizes[axis]! === 0)) {
    const axes = inner.map((size, axis) => ({ ...EACH, kernel: size / sizes[axis]!, stride: size / sizes[axis]! }));
    if (kind === 'max') return maxPooling(emitter, x, axes);
    return avgPooling(emitter, x, axes, { countPadding: false, divisor: 0 });
  }
  const op = kind === 'max' ? adaptiveMaxPool2d : adaptiveAvgPool2d;
  return overAxes(
    emitter,
    x,
    sizes,
    (size) => size,
    (plane, outH, outW) => emitter.emit(op, [plane], { outH, outW })[0] as T,
  );
}
