// Pooling over one to three axes, channels last.

import type { GraphTensor } from '../../graph/graph.ts';
import { maxPool2d } from '../../ops/max_pool2d.ts';
import { maxPool2dPosition } from '../../ops/max_pool2d_position.ts';
import { maxUnpool2d } from '../../ops/max_unpool2d.ts';
import { padBy, pad as padOp } from '../../ops/pad.ts';
import {
  avgPooling,
  globalPooling,
  lpPooling,
  maxPooling,
  type PoolAxis,
  roundedUp,
  windowAttrs,
} from '../../ops/pooling.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, Stored, storedShape, type Value } from '../value.ts';
import type { Operator, OperatorTable } from './operator.ts';
import { windowOf } from './window.ts';

function poolAxes(call: NodeCall): PoolAxis[] {
  const input = call.rank(0, 3, 5).slice(2);
  const kernel = call.ints('kernel_shape') ?? call.fail('needs kernel_shape');
  const { stride, dilation, before, after } = windowOf(call, input, kernel);
  const isCeil = call.flag('ceil_mode');
  return input.map((size, i) => {
    const axis = {
      kernel: kernel[i]!,
      stride: stride[i]!,
      dilation: dilation[i]!,
      before: before[i]!,
      after: after[i]!,
    };
    return isCeil ? roundedUp(size, axis) : { ...axis, ceil: 0 };
  });
}

const inputOf = (call: NodeCall): GraphTensor => call.tensor(0, channelsLast(call.rank(0, 3, 5).length));

/** The value whose tensor is `y` [n, ..., c]. */
function pooled(y: GraphTensor): Stored {
  const axes = channelsLast(y.shape.length);
  const shape = axes.map((_, axis) => y.shape[axes.indexOf(axis)]!);
  return new Stored(y, shape, axes);
}

function maxPool(call: NodeCall): Value | Value[] {
  const isColumnMajor = call.flag('storage_order');
  const axes = poolAxes(call);
  const x = inputOf(call);
  if (!call.wants(1)) return pooled(maxPooling(call.emitter, x, axes));
  const [, c = 1, inH = 1, inW = 1] = call.rank(0, 4);
  const [h, w] = axes as [PoolAxis, PoolAxis];
  const attrs = windowAttrs(h, w);
  const [y, index] = call.emitAll(maxPool2d, [x], attrs) as [GraphTensor, GraphTensor];
  const position = call.emit(maxPool2dPosition, [index], {
    ...attrs,
    inH,
    inW,
    depth: 1,
    stepN: c * inH * inW,
    stepD: 0,
    stepC: inH * inW,
    stepH: isColumnMajor ? 1 : inW,
    stepW: isColumnMajor ? inH : 1,
  });
  return [pooled(y), pooled(position)];
}

function averagePool(call: NodeCall): Value {
  const countPadding = call.flag('count_include_pad');
  return pooled(avgPooling(call.emitter, inputOf(call), poolAxes(call), { countPadding, divisor: 0 }));
}

function lpPool(call: NodeCall): Value {
  const p = call.int('p', 2);
  if (p < 1) call.fail(`p is ${p}; it must be at least 1`);
  // A window that was cut off is not extrapolated, as PyTorch does: here it is a window like the others.
  const axes = poolAxes(call).map((axis) => ({ ...axis, ceil: 0 }));
  return pooled(lpPooling(call.emitter, inputOf(call), axes, p));
}

const globalPool =
  (kind: 'max' | 'avg'): Operator =>
  (call) => {
    const shape = call.rank(0, 3, 5);
    const axes = channelsLast(shape.length);
    const result = inOrder(shape.length).map((axis) => (axis < 2 ? shape[axis]! : 1));
    const y = globalPooling(call.emitter, inputOf(call), kind);
    return new Stored(call.reshape(y, storedShape(result, axes)), result, axes);
  };

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
  GlobalAveragePool: globalPool('avg'),
  GlobalMaxPool: globalPool('max'),
  MaxUnpool: maxUnpool,
};
