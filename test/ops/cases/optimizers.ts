// sgd_step, adam_step, rmsprop_step, blend.

import { adamStep, blend, rmspropStep, sgdStep } from '../../../lib/ops/index.ts';
import { attr, type Expected, elementwise, type Formula, input } from '../formula.ts';
import { CaseList, given, positive, scaled } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

const at = (data: ArrayLike<number>, index: number): number => data[index] as number;

const sgd: Formula = (inputs, _, attrs) => {
  const [w, g, hyper] = [input(inputs, 0).data, input(inputs, 2).data, input(inputs, 3).data];
  const velocity = inputs[1]?.data;
  const [momentum, decay] = [attr(attrs, 'momentum'), attr(attrs, 'weightDecay')];
  const gradient = (i: number) => at(g, i) + decay * at(w, i);
  const moved = (i: number) =>
    velocity && momentum ? momentum * at(velocity, i) + gradient(i) : velocity ? at(velocity, i) : 0;
  const update = (i: number) => {
    if (!momentum) return gradient(i);
    return attr(attrs, 'nesterov') ? momentum * moved(i) + gradient(i) : moved(i);
  };
  const size = (i: number) => Math.abs(at(g, i)) + Math.abs(at(w, i)) + Math.abs(velocity ? at(velocity, i) : 0);
  const next = elementwise(
    w.length,
    6,
    (i) => at(w, i) - at(hyper, 0) * update(i),
    (i) => size(i) * (1 + at(hyper, 0)),
  );
  // A velocity below 2^-126 becomes 0.
  const flushed = ({ value, tolerance }: Expected): Expected => ({
    value,
    tolerance: tolerance.map((t) => t + 2 ** -126),
  });
  return velocity ? [flushed(next), flushed(elementwise(w.length, 4, moved, size))] : [next];
};

const adam: Formula = (inputs, _, attrs) => {
  const [w, m, v, g, hyper] = [0, 1, 2, 3, 4].map((index) => input(inputs, index).data) as ArrayLike<number>[];
  const [stepSize, correction, rate] = [at(hyper!, 0), at(hyper!, 1), at(hyper!, 2)];
  const [beta1, beta2, decay] = [attr(attrs, 'beta1'), attr(attrs, 'beta2'), attr(attrs, 'weightDecay')];
  const decoupled = attr(attrs, 'decoupled') === 1;
  const gradient = (i: number) => at(g!, i) + (decoupled ? 0 : decay * at(w!, i));
  const first = (i: number) => beta1 * at(m!, i) + (1 - beta1) * gradient(i);
  const second = (i: number) => beta2 * at(v!, i) + (1 - beta2) * gradient(i) ** 2;
  const step = (i: number) => (stepSize * first(i)) / (Math.sqrt(second(i)) * correction + attr(attrs, 'epsilon'));
  const weight = (i: number) => at(w!, i) * (decoupled ? 1 - rate * decay : 1);
  const size = (i: number) => Math.abs(at(m!, i)) + Math.abs(at(g!, i)) + Math.abs(at(w!, i));
  // The first moment may cancel; its error relative to its size grows with what cancelled.
  const spread = (i: number) => 1 + size(i) / Math.max(Math.abs(first(i)), 1e-30);
  return [
    elementwise(
      w!.length,
      12,
      (i) => weight(i) - step(i),
      (i) => Math.abs(weight(i)) + Math.abs(step(i)) * spread(i),
    ),
    elementwise(w!.length, 5, first, size),
    elementwise(w!.length, 6, second, (i) => at(v!, i) + size(i) ** 2),
  ];
};

for (const [title, shape] of [
  ['one weight', [1]],
  ['a bias', [10]],
  ['a kernel', [3, 3, 5, 7]],
  ['a matrix', [40, 33]],
] as const) {
  const rate = given([1], [0.05]);
  for (const [name, momentum, nesterov, weightDecay] of [
    ['plain', 0, 0, 0],
    ['momentum', 0.9, 0, 0],
    ['nesterov', 0.9, 1, 0],
    ['weight decay', 0, 0, 5e-4],
    ['momentum and weight decay', 0.9, 0, 5e-4],
    ['nesterov and weight decay', 0.5, 1, 0.01],
  ] as const) {
    const velocity = momentum ? scaled(shape, 0.5) : undefined;
    const attrs = { momentum, nesterov, weightDecay };
    list.add(sgdStep, sgd, `${title}, ${name}`, [shape, velocity, shape, rate], attrs);
  }
  // Step 3: lr / (1 - 0.9^3), 1 / sqrt(1 - 0.999^3), lr.
  const hyper = given([3], [0.001 / (1 - 0.9 ** 3), 1 / Math.sqrt(1 - 0.999 ** 3), 0.001]);
  for (const [name, weightDecay, decoupled] of [
    ['Adam', 0, 0],
    ['Adam with weight decay', 0.01, 0],
    ['AdamW', 0.01, 1],
    ['AdamW without weight decay', 0, 1],
  ] as const) {
    const attrs = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, decoupled };
    list.add(adamStep, adam, `${title}, ${name}`, [shape, scaled(shape, 0.1), positive(shape), shape, hyper], attrs);
  }
}

const rmsprop: Formula = (inputs, _, attrs) => {
  const [w, v, g, hyper] = [0, 1, 4, 5].map((index) => input(inputs, index).data) as ArrayLike<number>[];
  const [mean, velocity] = [inputs[2]?.data, inputs[3]?.data];
  const [alpha, momentum, decay] = [attr(attrs, 'alpha'), attr(attrs, 'momentum'), attr(attrs, 'weightDecay')];
  const gradient = (i: number) => at(g!, i) + decay * at(w!, i);
  const second = (i: number) =>
    attr(attrs, 'cumulative') ? at(v!, i) + gradient(i) ** 2 : alpha * at(v!, i) + (1 - alpha) * gradient(i) ** 2;
  const first = (i: number) => (mean ? alpha * at(mean, i) + (1 - alpha) * gradient(i) : 0);
  const spread = (i: number) => second(i) - first(i) ** 2;
  const scaledGradient = (i: number) => gradient(i) / (Math.sqrt(spread(i)) + attr(attrs, 'epsilon'));
  const update = (i: number) => (velocity && momentum ? momentum * at(velocity, i) : 0) + scaledGradient(i);
  const size = (i: number) => Math.abs(at(g!, i)) + Math.abs(at(w!, i));
  // What cancels in the gradient and under the root makes their relative errors grow.
  const grown = (i: number) =>
    Math.abs(scaledGradient(i)) * (1 + size(i) / Math.max(Math.abs(gradient(i)), 1e-30) + second(i) / spread(i)) +
    Math.abs(update(i));
  const next = [
    elementwise(
      w!.length,
      12,
      (i) => at(w!, i) - at(hyper!, 0) * update(i),
      (i) => Math.abs(at(w!, i)) + grown(i),
    ),
    elementwise(w!.length, 6, second, (i) => at(v!, i) + size(i) ** 2),
  ];
  if (mean) next.push(elementwise(w!.length, 5, first, (i) => Math.abs(at(mean, i)) + size(i)));
  if (velocity) next.push(elementwise(w!.length, 12, momentum ? update : (i) => at(velocity, i), grown));
  return next;
};
for (const [name, alpha, momentum, centered, weightDecay, cumulative] of [
  ['RMSprop', 0.99, 0, false, 0, 0],
  ['RMSprop with momentum and weight decay', 0.9, 0.5, false, 0.01, 0],
  ['centered', 0.95, 0, true, 0, 0],
  ['centered with momentum', 0.95, 0.9, true, 1e-3, 0],
  ['Adagrad', 0, 0, false, 0, 1],
  ['Adagrad with weight decay', 0, 0, false, 0.01, 1],
] as const) {
  for (const shape of [[1], [3, 3, 5, 7], [40, 33]]) {
    const mean = centered ? scaled(shape, 0.1) : undefined;
    const velocity = momentum ? scaled(shape, 0.5) : undefined;
    const attrs = { alpha, momentum, epsilon: 1e-5, weightDecay, cumulative };
    list.add(rmspropStep, rmsprop, name, [shape, positive(shape), mean, velocity, shape, given([1], [0.01])], attrs);
  }
}

const blended: Formula = (inputs) => {
  const [a, b, share] = [0, 1, 2].map((index) => input(inputs, index).data) as ArrayLike<number>[];
  const sum = (i: number) => at(share!, 0) * at(a!, i) + at(share!, 1) * at(b!, i);
  const size = (i: number) => Math.abs(at(share!, 0) * at(a!, i)) + Math.abs(at(share!, 1) * at(b!, i));
  return [elementwise(a!.length, 2, sum, size)];
};
for (const [name, shares] of [
  ['a moving average', [0.99, 0.01]],
  ['a sum', [1, 1]],
  ['a first value', [0, 1]],
] as const) {
  for (const shape of [[1], [37], [40, 33]]) {
    list.add(blend, blended, name, [shape, shape, given([2], [...shares])], {}, { sparse: false });
  }
}

const tiny = given([6], [1e-38, -1.1e-38, 1.2e-38, -2e-38, 1e-44, -1e-40]);
list.add(
  sgdStep,
  sgd,
  'velocities that fade into denormals',
  [[6], tiny, given([6], [0]), given([1], [0.1])],
  {
    momentum: 0.9,
    nesterov: 0,
    weightDecay: 0,
  },
  { sparse: true },
);
