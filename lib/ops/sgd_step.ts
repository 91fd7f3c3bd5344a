// sgd_step: one step of stochastic gradient descent, in place.

import { flush } from './flush.ts';
import { fma } from './fma.ts';
import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32 } from './tensor-data.ts';

const { fround } = Math;

/**
 * g' = g + weightDecay * w;  v = momentum * v + g';  u = nesterov ? momentum * v + g' : v;  w = w - lr * u.
 * Without momentum, u = g' and velocity may be absent.
 *
 * w, velocity (optional), g of one shape; hyper [1] = [learning rate]; w and velocity change in place. Semantics:
 * torch.optim.SGD with dampening 0 (velocities below 2^-126 become 0).
 *
 * Errors: tensors of different shapes; momentum outside [0, 1), or given without a velocity; a negative weightDecay.
 */
export const sgdStep = defineOp({
  name: 'sgd_step',
  inputs: ['w', 'velocity?', 'g', 'hyper'],
  outputs: [],
  attrs: { momentum: 'f32', nesterov: 'i32', weightDecay: 'f32' },
  mutates: [0, 1],
  infer(inputs, { momentum, nesterov, weightDecay }) {
    const check = new ShapeCheck('sgd_step', ['w', 'velocity?', 'g', 'hyper'], inputs);
    const { shape } = check.spec(0);
    if (check.has(1)) check.shape(1, shape, 'the shape of w');
    check.shape(2, shape, 'the shape of w');
    check.shape(3, [1], 'the learning rate');
    check.number('momentum', momentum, 'at least 0 and below 1', (value) => value >= 0 && value < 1);
    check.number('weightDecay', weightDecay, 'a finite number of at least 0', (value) => value >= 0);
    check.integers({ nesterov }, 0, 1);
    if (fround(momentum) !== 0 && !check.has(1)) check.fail(`momentum ${momentum} needs a velocity`);
    return [];
  },
  cost: ([w]) => ({ flops: 6 * elementCount(w?.shape ?? []) }),
  run(inputs, _, attrs) {
    const w = f32(inputs[0]);
    const velocity = inputs[1] && f32(inputs[1]);
    const g = f32(inputs[2]);
    const rate = f32(inputs[3])[0]!;
    const momentum = fround(attrs.momentum);
    const weightDecay = fround(attrs.weightDecay);
    for (let i = 0; i < w.length; i++) {
      let update = weightDecay === 0 ? g[i]! : fma(weightDecay, w[i]!, g[i]!);
      if (velocity && momentum !== 0) {
        const v = flush(fma(momentum, velocity[i]!, update));
        velocity[i] = v;
        update = attrs.nesterov ? fma(momentum, v, update) : v;
      }
      w[i] = fma(-rate, update, w[i]!);
    }
  },
});
