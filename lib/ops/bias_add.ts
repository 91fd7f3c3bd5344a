// bias_add and its gradient, the column sum.

import { columnSums } from './column-sums.ts';
import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, rowsOf, tensor } from './tensor-data.ts';

/**
 * y[..., c] = x[..., c] + b[c].
 *
 * x of any shape with channels last, b [c] -> y, shaped as x. A convolution or linear before it absorbs it.
 * Errors: b not as long as the channels of x.
 */
export const biasAdd = defineOp({
  name: 'bias_add',
  inputs: ['x', 'b'],
  outputs: ['y'],
  attrs: {},
  inPlace: [0, 0],
  absorbAsBias: true,
  infer(inputs) {
    const check = new ShapeCheck('bias_add', ['x', 'b'], inputs);
    check.shape(1, [check.channels(0)], 'one value for each channel of x');
    return [tensor(check.spec(0).shape)];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy) return [];
    return [context.needs(0) ? dy : undefined, context.needs(1) ? context.emit(biasAddDb, [dy], {})[0] : undefined];
  },
  cost: (_, [y]) => ({ flops: elementCount(y?.shape ?? []) }),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const b = f32(inputs[1]);
    const y = f32(outputs[0]);
    for (let start = 0; start < y.length; start += b.length) {
      for (let c = 0; c < b.length; c++) y[start + c] = x[start + c]! + b[c]!;
    }
  },
});

/**
 * db[c] = sum over all rows of dy[..., c], in blocks of 256 rows added left to right.
 *
 * dy of any shape with channels last -> db [c].
 */
export const biasAddDb = defineOp({
  name: 'bias_add_db',
  inputs: ['dy'],
  outputs: ['db'],
  attrs: {},
  infer(inputs) {
    return [tensor([new ShapeCheck('bias_add_db', ['dy'], inputs).channels(0)])];
  },
  cost: ([dy]) => ({ flops: elementCount(dy?.shape ?? []) }),
  run(inputs, outputs) {
    const { rows, columns } = rowsOf(inputs[0]);
    columnSums(f32(inputs[0]), f32(outputs[0]), rows, columns);
  },
});
