// Pooling, channels last. Ops pool over two axes: one axis is two of which the first has size 1, and three are pooled in two
// passes, over the last two and then over the first.

import type { GraphTensor } from '../../graph/graph.ts';
import { avgPool2d } from '../../ops/avg_pool2d.ts';
import { binary } from '../../ops/binary.ts';
import { binaryAttrs } from '../../ops/binary-functions.ts';
import { globalAvgPool2d } from '../../ops/global_avg_pool2d.ts';
import { globalMaxPool2d } from '../../ops/global_max_pool2d.ts';
import { maxPool2d } from '../../ops/max_pool2d.ts';
import { maxPool2dPosition } from '../../ops/max_pool2d_position.ts';
import { maxUnpool2d } from '../../ops/max_unpool2d.ts';
import { elementCount } from '../../ops/op.ts';
import { padBy, pad as padOp } from '../../ops/pad.ts';
import { unary } from '../../ops/unary.ts';
import { type UnaryName, unaryAttrs } from '../../ops/unary-functions.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, Stored, storedShape, type Value } from '../value.ts';
import type { OperatorTable } from './operator.ts';
import { windowOf } from './window.ts';

/** How a window lies on one axis, padded so that the windows fill it. */
interface PoolAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  /** The part of `after` that only rounding up has added. */
  readonly ceil: number;
}

const WHOLE: PoolAxis = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, ceil: 0 };

function poolAxes(call: NodeCall): PoolAxis[] {
  const input = call.rank(0, 3, 5).slice(2);
  const kernel = call.ints('kernel_shape') ?? call.fail('needs kernel_shape');
  const { stride, dilation, before, after } = windowOf(call, input, kernel);
  const isCeil = call.flag('ceil_mode');
  return input.map((size, axis) => {
    const one = { kernel: kernel[axis]!, stride: stride[axis]!, dilation: dilation[axis]!, before: before[axis]! };
    const reach = (one.kernel - 1) * one.dilation + 1;
    const room = size + one.before + after[axis]! - reach;
    let last = Math.ceil(room / one.stride) * one.stride;
    // A window that would start behind the input is left out.
    if (last >= size + one.before) last -= one.stride;
    const ceil = isCeil ? Math.max(0, last - room) : 0;
    return { ...one, after: after[axis]! + ceil, ceil };
  });
}

const poolAttrs = (h: PoolAxis, w: PoolAxis) => ({
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

type Pool2d = (x: GraphTensor, h: PoolAxis, w: PoolAxis) => GraphTensor;

/** `pool` over one to three spatial axes of `x` [n, ..., c]. */
function overAxes(call: NodeCall, x: GraphTensor, axes: readonly PoolAxis[], pool: Pool2d): GraphTensor {
  const [n = 1, ...spatial] = x.shape;
  const c = spatial.pop() ?? 1;
  if (axes.length === 1) {
    const y = pool(call.reshape(x, [n, 1, ...spatial, c]), WHOLE, axes[0]!);
    return call.reshape(y, y.shape.toSpliced(1, 1));
  }
  if (axes.length === 2) return pool(x, axes[0]!, axes[1]!);
  const [d = 1, h = 1, w = 1] = spatial;
  const planes = pool(call.reshape(x, [n * d, h, w, c]), axes[1]!, axes[2]!);
  const [, oh = 1, ow = 1] = planes.shape;
  const y = pool(call.reshape(planes, [n, d, oh * ow, c]), axes[0]!, WHOLE);
  return call.reshape(y, [n, y.shape[1]!, oh, ow, c]);
}

/** The result of pooling, whose tensor is `y` [n, ..., c]. */
function pooled(y: GraphTensor): Stored {
  const axes = channelsLast(y.shape.length);
  const shape = axes.map((_, axis) => y.shape[axes.indexOf(axis)]!);
  return new Stored(y, shape, axes);
}

function maxPool(call: NodeCall): Value | Value[] {
  const columnMajor = call.flag('storage_order');
  const axes = poolAxes(call);
  const shape = call.shape(0);
  const x = call.tensor(0, channelsLast(shape.length));
  if (!call.wants(1)) {
    return pooled(overAxes(call, x, axes, (plane, h, w) => call.emit(maxPool2d, [plane], poolAttrs(h, w))));
  }
  const [, c = 1, inH = 1, inW = 1] = call.rank(0, 4);
  const attrs = poolAttrs(axes[0]!, axes[1]!);
  const [y, index] = call.emitAll(maxPool2d, [x], attrs) as [GraphTensor, GraphTensor];
  const position = call.emit(maxPool2dPosition, [index], {
    ...attrs,
    inH,
    inW,
    depth: 1,
    stepN: c * inH * inW,
    stepD: 0,
    stepC: inH * inW,
    stepH: columnMajor ? 1 : inW,
    stepW: columnMajor ? inH : 1,
  });
  return [pooled(y), pooled(position)];
}

function averagePool(call: NodeCall): Value {
  const countPadding = Number(call.flag('count_include_pad'));
  const axes = poolAxes(call);
  const x = call.tensor(0, channelsLast(call.shape(0).length));
  return pooled(
    overAxes(call, x, axes, (plane, h, w) => {
      const counting = { countPadding, ceilBottom: h.ceil, ceilRight: w.ceil, divisor: 0 };
      return call.emit(avgPool2d, [plane], { ...poolAttrs(h, w), ...counting });
    }),
  );
}

const apply = (call: NodeCall, x: GraphTensor, name: UnaryName, alpha = 0, beta = 0): GraphTensor =>
  call.emit(unary, [x], unaryAttrs(name, alpha, beta));

/** |x|^p, by squares and products. */
function power(call: NodeCall, x: GraphTensor, p: number): GraphTensor {
  if (p === 1) return apply(call, x, 'abs');
  if (p % 2 === 0) return p === 2 ? apply(call, x, 'square') : power(call, apply(call, x, 'square'), p / 2);
  return call.emit(binary, [apply(call, x, 'abs'), power(call, x, p - 1)], binaryAttrs('multiply'));
}

/** x^(1/p) of what is not negative. */
function root(call: NodeCall, x: GraphTensor, p: number): GraphTensor {
  if (p === 1) return x;
  if (p % 2 === 0) return root(call, apply(call, x, 'sqrt'), p / 2);
  return apply(call, apply(call, apply(call, x, 'log'), 'affine', 1 / p), 'exp');
}

/** (sum of |x|^p)^(1/p): powers, sums over windows, roots. */
function lpPool(call: NodeCall): Value {
  const p = call.int('p', 2);
  if (p < 1 || p > 64) call.fail(`p is ${p}; 1 to 64 are supported`);
  const axes = poolAxes(call);
  const x = call.tensor(0, channelsLast(call.shape(0).length));
  const sums = overAxes(call, power(call, x, p), axes, (plane, h, w) => {
    const counting = { countPadding: 0, ceilBottom: 0, ceilRight: 0, divisor: 1 };
    return call.emit(avgPool2d, [plane], { ...poolAttrs(h, w), ...counting });
  });
  return pooled(root(call, sums, p));
}

/** Over all pixels, whatever their axes. */
function globalPool(call: NodeCall, op: typeof globalAvgPool2d | typeof globalMaxPool2d): Value {
  const shape = call.rank(0, 3, 5);
  const [n = 1, c = 1, ...spatial] = shape;
  const axes = channelsLast(shape.length);
  const pixels = call.reshape(call.tensor(0, axes), [n, elementCount(spatial), 1, c]);
  const result = inOrder(shape.length).map((axis) => [n, c][axis] ?? 1);
  return new Stored(call.reshape(call.emit(op, [pixels], {}), storedShape(result, axes)), result, axes);
}

/** Puts values back where a MaxPool found them; positions are those in a tensor of the size that pooling started from. */
function maxUnpool(call: NodeCall): Value {
  const [n = 1, c = 1, h = 1, w = 1] = call.rank(0, 4);
  const kernel = call.ints('kernel_shape') ?? call.fail('needs kernel_shape');
  const { stride, before, after } = windowOf(call, [h, w], kernel);
  const [outH, outW] = [h, w].map((size, axis) => {
    return (size - 1) * stride[axis]! + kernel[axis]! - before[axis]! - after[axis]!;
  }) as [number, number];
  const positions = call.stored(1);
  if (positions.tensor.dtype !== 'i32') call.fail('its positions must come from a MaxPool');
  const axes = channelsLast(4);
  const y = call.emit(maxUnpool2d, [call.tensor(0, axes), call.arrange(positions, axes)], { outH, outW });
  if (!call.has(2)) return pooled(y);
  const wanted = call.integers(2);
  const [rows = 0, columns = 0] = wanted.slice(2);
  if (wanted.length !== 4 || wanted[0] !== n || wanted[1] !== c || rows < outH || columns < outW) {
    call.fail(`output_shape [${wanted}] does not hold [${[n, c, outH, outW]}]`);
  }
  return pooled(call.emit(padOp, [y], padBy([0, 0, 0, 0], [0, rows - outH, columns - outW, 0])));
}

export const pooling: OperatorTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalAveragePool: (call) => globalPool(call, globalAvgPool2d),
  GlobalMaxPool: (call) => globalPool(call, globalMaxPool2d),
  MaxUnpool: maxUnpool,
};
