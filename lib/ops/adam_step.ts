// adam_step: one step of Adam or AdamW, in place.

import { flush } from './flush.ts';
import { fma } from './fma.ts';
import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32 } from './tensor-data.ts';

const { fround } = Math;

/**
 * decoupled=0 (Adam): g' = g + weightDecay * w.  decoupled=1 (AdamW): g' = g, w = w * (1 - lr * weightDecay).
 * m += (1 - beta1) * (g' - m);  v += (1 - beta2) * (g'*g' - v);  w -= stepSize * m / (sqrt(v) * rsqrtBias2 + epsilon).
 *
 * w, m, v, g of one shape; hyper [3] = [stepSize, rsqrtBias2, lr] with stepSize = lr / (1 - beta1^t) and rsqrtBias2 =
 * 1 / sqrt(1 - beta2^t) for step t = 1, 2, ...; w, m, v change in place. Semantics: torch.optim.Adam and AdamW (m and
 * v below 2^-126 become 0).
 *
 * Errors: tensors of different shapes; betas outside [0, 1); epsilon not above 0; a negative weightDecay.
 */
export const adamStep = defineOp({
  name: 'adam_step',
  inputs: ['w', 'm', 'v', 'g', 'hyper'],
  outputs: [],
  attrs: { beta1: 'f32', beta2: 'f32', epsilon: 'f32', weightDecay: 'f32', decoupled: 'i32' },
  mutates: [0, 1, 2],
  infer(inputs, { beta1, beta2, epsilon, weightDecay, decoupled }) {
    const check = new ShapeCheck('adam_step', ['w', 'm', 'v', 'g', 'hyper'], inputs);
    const { shape } = check.spec(0);
    for (const index of [1, 2, 3]) check.shape(index, shape, 'the shape of w');
    check.shape(4, [3], 'the step size, the bias correction and the learning rate');
    check.number('beta1', beta1, 'at least 0 and below 1', (value) => value >= 0 && value < 1);
    check.number('beta2', beta2, 'at least 0 and below 1', (value) => value >= 0 && value < 1);
    check.number('epsilon', epsilon, 'a finite number above 0', (value) => value > 0);
    check.number('weightDecay', weightDecay, 'a finite number of at least 0', (value) => value >= 0);
    check.integers({ decoupled }, 0, 1);
    return [];
  },
  cost: ([w]) => ({ flops: 13 * elementCount(w?.shape ?? []) }),
  run(inputs, _, attrs) {
    const [w, m, v, g] = [f32(inputs[0]), f32(inputs[1]), f32(inputs[2]), f32(inputs[3])];
    const hyper = f32(inputs[4]);
    const [stepSize, rsqrtBias2, rate] = [hyper[0]!, hyper[1]!, hyper[2]!];
    const oneMinusBeta1 = fround(1 - fround(attrs.beta1));
    const oneMinusBeta2 = fround(1 - fround(attrs.beta2));
    const epsilon = fround(attrs.epsilon);
    const weightDecay = fround(attrs.weightDecay);
    const shrink = attrs.decoupled ? fround(1 - fround(rate * weightDecay)) : 1;
    const coupled = attrs.decoupled ? 0 : weightDecay;
    for (let i = 0; i < w.length; i++) {
      const weight = fround(w[i]! * shrink);
      const gradient = coupled === 0 ? g[i]! : fma(coupled, weight, g[i]!);
      const first = flush(fma(oneMinusBeta1, fround(gradient - m[i]!), m[i]!));
      const second = flush(fma(oneMinusBeta2, fround(fround(gradient * gradient) - v[i]!), v[i]!));
      m[i] = first;
      v[i] = second;
      const divisor = fma(fround(Math.sqrt(second)), rsqrtBias2, epsilon);
      w[i] = fma(-stepSize, fround(first / divisor), weight);
    }
  },
});
