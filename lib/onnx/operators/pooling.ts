// Pooling, channels last.

import { globalAvgPool2d } from '../../ops/global_avg_pool2d.ts';
import { globalMaxPool2d } from '../../ops/global_max_pool2d.ts';
import { elementCount } from '../../ops/op.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, Stored, storedShape, type Value } from '../value.ts';
import type { OperatorTable } from './operator.ts';

/** Over all pixels, whatever their axes. */
function globalPool(call: NodeCall, op: typeof globalAvgPool2d | typeof globalMaxPool2d): Value {
  const shape = call.rank(0, 3, 5);
  const [n = 1, c = 1, ...spatial] = shape;
  const axes = channelsLast(shape.length);
  const pixels = call.reshape(call.tensor(0, axes), [n, elementCount(spatial), 1, c]);
  const result = inOrder(shape.length).map((axis) => [n, c][axis] ?? 1);
  return new Stored(call.reshape(call.emit(op, [pixels], {}), storedShape(result, axes)), result, axes);
}

export const pooling: OperatorTable = {
  GlobalAveragePool: (call) => globalPool(call, globalAvgPool2d),
  GlobalMaxPool: (call) => globalPool(call, globalMaxPool2d),
};
