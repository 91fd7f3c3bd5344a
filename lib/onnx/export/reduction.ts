// Reductions over any axes, which keep size 1.

import { isReduced, REDUCE_NAMES, type ReduceName } from '../../ops/reduction-order.ts';
import type { ExporterTable } from './op-call.ts';

const OPERATORS: Readonly<Record<ReduceName, string>> = {
  sum: 'ReduceSum',
  mean: 'ReduceMean',
  sum_squares: 'ReduceSumSquare',
  maximum: 'ReduceMax',
  minimum: 'ReduceMin',
};

export const reduction: ExporterTable = {
  reduce(call) {
    const { order } = call.value(0);
    const mask = call.attr('axes');
    const axes = [...order.keys()].filter((at) => isReduced(mask, order[at]!));
    const operator = OPERATORS[REDUCE_NAMES[call.attr('kind')] as ReduceName];
    const x = call.as(0, order);
    // In opset 17 the sum alone has its axes as an input.
    if (operator === 'ReduceSum')
      return { order, name: call.emit(operator, [x, call.integers(axes)], { keepdims: 1 }) };
    return { order, name: call.emit(operator, [x], { axes, keepdims: 1 }) };
  },
};
