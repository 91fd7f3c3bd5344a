// rmsprop_step: one step of RMSprop or, with a growing sum of squares, of Adagrad, in place.

import { flush } from './flush.ts';
import { fma } from './fma.ts';
import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32 } from './tensor-data.ts';

const { fround } = Math;
const INPUTS = ['w', 'v', 'mean?', 'velocity?', 'g', 'hyper'] as const;

/**
 * g' = g + weightDecay * w.
 * cumulative = 0 (RMSprop): v += (1 - alpha) * (g'*g' - v).  cumulative = 1 (Adagrad): v += g'*g'.
 * With `mean` (centered RMSprop): mean += (1 - alpha) * (g' - mean), and s = max(v - mean*mean, 0); otherwise s = v.
 * u = g' / (sqrt(s) + epsilon).  With momentum: velocity = momentum * velocity + u, and that is the update.  w -= lr * update.
 *
 * w, v, mean, velocity and g of one shape; hyper [1] = [learning rate]; all but g and hyper change in place. Semantics:
 * torch.optim.RMSprop and Adagrad (v, mean and velocities below 2^-126 become 0; s is kept from falling below 0).
 *
 * Errors: tensors of different shapes; alpha or momentum outside [0, 1); momentum without a velocity; epsilon not above 0; a
 * negative weightDecay.
 */
export const rmspropStep = defineOp({
  name: 'rmsprop_step',
  inputs: INPUTS,
  outputs: [],
  attrs: { alpha: 'f32', momentum: 'f32', epsilon: 'f32', weightDecay: 'f32', cumulative: 'i32' },
  mutates: [0, 1, 2, 3],
  infer(inputs, { alpha, momentum, epsilon, weightDecay, cumulative }) {
    const check = new ShapeCheck('rmsprop_step', INPUTS, inputs);
    const { shape } = check.spec(0);
    for (const index of [1, 4, ...[2, 3].filter((slot) => check.has(slot))])
      check.shape(index, shape, 'the shape of w');
    check.shape(5, [1], 'the learning rate');
    check.number('alpha', alpha, 'at least 0 and below 1', (value) => value >= 0 && value < 1);
    check.number('momentum', momentum, 'at least 0 and below 1', (value) => value >= 0 && value < 1);
    check.number('epsilon', epsilon, 'a finite number above 0', (value) => value > 0);
    check.number('weightDecay', weightDecay, 'a finite number of at least 0', (value) => value >= 0);
    check.integers({ cumulative }, 0, 1);
    if (fround(momentum) !== 0 && !check.has(3)) check.fail(`momentum ${momentum} needs a velocity`);
    return [];
  },
  cost: ([w]) => ({ flops: 14 * elementCount(w?.shape ?? []) }),
  run(inputs, _, attrs) {
    const [w, v, g] = [f32(inputs[0]), f32(inputs[1]), f32(inputs[4])];
    const mean = inputs[2] && f32(inputs[2]);
    const velocity = inputs[3] && f32(inputs[3]);
    const rate = f32(inputs[5])[0]!;
    const share = fround(1 - fround(attrs.alpha));
    const [momentum, epsilon, weightDecay] = [fround(attrs.momentum), fround(attrs.epsilon), fround(attrs.weightDecay)];
    for (let i = 0; i < w.length; i++) {
      const gradient = weightDecay === 0 ? g[i]! : fma(weightDecay, w[i]!, g[i]!);
      const square = fround(gradient * gradient);
      const second = flush(attrs.cumulative ? fround(v[i]! + square) : fma(share, fround(square - v[i]!), v[i]!));
      v[i] = second;
      let spread = second;
      if (mean) {
        const first = flush(fma(share, fround(gradient - mean[i]!), mean[i]!));
        mean[i] = first;
        const rest = fma(-first, first, second);
        spread = rest < 0 ? 0 : rest;
      }
      let update = fround(gradient / fround(fround(Math.sqrt(spread)) + epsilon));
      if (velocity && momentum !== 0) {
        update = flush(fma(momentum, velocity[i]!, update));
        velocity[i] = update;
      }
      w[i] = fma(-rate, update, w[i]!);
    }
  },
});
