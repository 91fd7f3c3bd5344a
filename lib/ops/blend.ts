// blend: a weighted sum of two tensors, which replaces the first. Moving averages and sums that outlive a step are made of it.

import { flush } from './flush.ts';
import { fma } from './fma.ts';
import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32 } from './tensor-data.ts';

const { fround } = Math;

/**
 * a = share[0] * a + share[1] * b, in place.
 *
 * a and b of one shape; share [2]. The product with b is rounded, the sum is fused: fma(share[0], a, share[1] * b); a value below
 * 2^-126 becomes 0. Errors: tensors of different shapes.
 */
export const blend = defineOp({
  name: 'blend',
  inputs: ['a', 'b', 'share'],
  outputs: [],
  attrs: {},
  mutates: [0],
  infer(inputs) {
    const check = new ShapeCheck('blend', ['a', 'b', 'share'], inputs);
    check.shape(1, check.spec(0).shape, 'the shape of a');
    check.shape(2, [2], 'the share of a and that of b');
    return [];
  },
  cost: ([a]) => ({ flops: 3 * elementCount(a?.shape ?? []) }),
  run(inputs) {
    const [a, b, share] = [f32(inputs[0]), f32(inputs[1]), f32(inputs[2])];
    for (let i = 0; i < a.length; i++) a[i] = flush(fma(share[0]!, a[i]!, fround(share[1]! * b[i]!)));
  },
});
