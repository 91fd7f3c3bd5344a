// Reductions over axes, and softmax along one. A reduction takes the axes wherever they stand in the tensor's own order.

import type { GraphTensor } from '../../graph/graph.ts';
import { reduce } from '../../ops/binary.ts';
import { logSoftmax } from '../../ops/log_softmax.ts';
import { elementCount, type OpDefinition } from '../../ops/op.ts';
import { type ReduceName, reduceAttrs } from '../../ops/reduction-order.ts';
import { softmax } from '../../ops/softmax.ts';
import { unary } from '../../ops/unary.ts';
import { unaryAttrs } from '../../ops/unary-functions.ts';
import type { NodeCall } from '../node-call.ts';
import { inOrder, Stored, storedShape, type Value } from '../value.ts';
import type { Operator, OperatorTable } from './operator.ts';
import { axesOf } from './structure.ts';

/** The axes that a reduction names: all when it names none, unless it then does nothing. `since` is the opset in which they
 * became an input. */
export function reducedAxes(call: NodeCall, since: number): number[] {
  const rank = call.shape(0).length;
  const isNothing = call.opset >= since && call.flag('noop_with_empty_axes');
  const axes = axesOf(call, rank, since) ?? [];
  return axes.length > 0 || isNothing ? axes : inOrder(rank);
}

/** `x` reduced over `gone`, which keep size 1 or go. */
function emitReduce(call: NodeCall, x: Stored, name: ReduceName, gone: readonly number[], keep: boolean): Stored {
  const { shape, axes, tensor } = x;
  const positions = axes.flatMap((axis, position) => (gone.includes(axis) ? [position] : []));
  const y = positions.length === 0 ? tensor : call.emit(reduce, [tensor], reduceAttrs(name, positions));
  if (keep)
    return new Stored(
      y,
      shape.map((size, axis) => (gone.includes(axis) ? 1 : size)),
      axes,
    );
  const kept = inOrder(shape.length).filter((axis) => !gone.includes(axis));
  const order = axes.filter((axis) => !gone.includes(axis)).map((axis) => kept.indexOf(axis));
  const sizes = kept.map((axis) => shape[axis]!);
  return new Stored(call.reshape(y, storedShape(sizes, order)), sizes, order);
}

const reduction =
  (name: ReduceName, since: number, finish?: (call: NodeCall, y: GraphTensor) => GraphTensor): Operator =>
  (call) => {
    const keep = call.flag('keepdims', 1);
    const axes = reducedAxes(call, since);
    if (name === 'sum_squares' && axes.length === 0) call.fail('a reduction over no axes is not supported');
    const result = emitReduce(call, call.stored(0), name, axes, keep);
    return finish ? new Stored(finish(call, result.tensor), result.shape, result.axes) : result;
  };

/** Along one axis since opset 13; before, along all axes from `axis` on as one. */
function alongAxis(call: NodeCall, op: OpDefinition<Record<never, never>>): Value {
  const shape = call.shape(0);
  const rank = shape.length;
  const axis = call.axis(call.int('axis', call.opset < 13 ? 1 : -1), rank);
  if (call.opset < 13) {
    const size = elementCount(shape.slice(axis));
    const rows = call.reshape(call.tensor(0, inOrder(rank)), [elementCount(shape) / size, size]);
    return call.plain(call.emit(op, [rows], {}), shape);
  }
  const { axes } = call.stored(0);
  const order = [...axes.filter((other) => other !== axis), axis];
  return new Stored(call.emit(op, [call.tensor(0, order)], {}), shape, order);
}

export const reductions: OperatorTable = {
  ReduceSum: reduction('sum', 13),
  ReduceMean: reduction('mean', 18),
  ReduceMax: reduction('maximum', 18),
  ReduceMin: reduction('minimum', 18),
  ReduceSumSquare: reduction('sum_squares', 18),
  ReduceL2: reduction('sum_squares', 18, (call, y) => call.emit(unary, [y], unaryAttrs('sqrt'))),
  Softmax: (call) => alongAxis(call, softmax),
  LogSoftmax: (call) => alongAxis(call, logSoftmax),
};
