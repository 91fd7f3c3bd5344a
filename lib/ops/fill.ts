// fill: a constant vector, such as the gradient of the loss by itself.

import { defineOp } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, tensor } from './tensor-data.ts';

/** y [count], every element being `value`. Errors: count below 1; value not finite. */
export const fill = defineOp({
  name: 'fill',
  inputs: [],
  outputs: ['y'],
  attrs: { value: 'f32', count: 'i32' },
  infer(inputs, { value, count }) {
    const check = new ShapeCheck('fill', [], inputs);
    check.integers({ count }, 1);
    check.number('value', value, 'a finite number', () => true);
    return [tensor([count])];
  },
  gradient: () => [],
  cost: () => ({ flops: 0 }),
  run(_, outputs, { value }) {
    f32(outputs[0]).fill(value);
  },
});
