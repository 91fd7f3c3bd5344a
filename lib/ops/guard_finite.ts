// guard_finite: stops a plan before a NaN or an infinity reaches the parameters.

import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32 } from './tensor-data.ts';

/** Stops the plan when an element of x (any shape) is NaN or infinite. */
export const guardFinite = defineOp({
  name: 'guard_finite',
  inputs: ['x'],
  outputs: [],
  attrs: {},
  guard: true,
  infer(inputs) {
    new ShapeCheck('guard_finite', ['x'], inputs).spec(0);
    return [];
  },
  cost: ([x]) => ({ flops: elementCount(x?.shape ?? []) }),
  run(inputs) {
    return f32(inputs[0]).every(Number.isFinite);
  },
});
