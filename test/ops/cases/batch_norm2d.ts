// batch_norm2d, its inference form, running statistics and gradients.

import {
  batchNorm2d,
  batchNorm2dDw,
  batchNorm2dDx,
  batchNorm2dFold,
  batchNorm2dInference,
  batchNorm2dRunning,
} from '../../../lib/ops/index.ts';
import type { Attrs } from '../../../lib/ops/op.ts';
import {
  activated,
  attr,
  countOf,
  type Expected,
  elementwise,
  type Formula,
  input,
  type Numbers,
  roundingsOfSum,
  Sums,
  U,
} from '../formula.ts';
import { CaseList, positive, scaled, values } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

const at = (data: ArrayLike<number>, index: number): number => data[index] as number;

/** Mean, biased variance and mean magnitude of each channel, by two passes. */
function moments({ shape, data }: Numbers) {
  const c = shape.at(-1) as number;
  const rows = data.length / c;
  const [mean, variance, size] = [new Float64Array(c), new Float64Array(c), new Float64Array(c)];
  for (let i = 0; i < data.length; i++) {
    mean[i % c] = at(mean, i % c) + at(data, i) / rows;
    size[i % c] = at(size, i % c) + Math.abs(at(data, i)) / rows;
  }
  for (let i = 0; i < data.length; i++) {
    variance[i % c] = at(variance, i % c) + (at(data, i) - at(mean, i % c)) ** 2 / rows;
  }
  return { mean, variance, size, roundings: roundingsOfSum(rows) + 8 };
}

interface Statistics {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

const deviation = ({ variance }: Statistics, attrs: Attrs, k: number): number =>
  1 / Math.sqrt(at(variance, k) + attr(attrs, 'epsilon'));

function normalized(
  x: Numbers,
  gamma: Numbers,
  beta: Numbers,
  statistics: Statistics,
  attrs: Attrs,
  roundings: number,
  residual?: Numbers,
): Expected {
  const c = x.shape.at(-1) as number;
  const xhat = (i: number) => (at(x.data, i) - at(statistics.mean, i % c)) * deviation(statistics, attrs, i % c);
  const size = (i: number) =>
    (Math.abs(at(x.data, i)) + Math.abs(at(statistics.mean, i % c))) * deviation(statistics, attrs, i % c);
  const added = (i: number) => (residual ? at(residual.data, i) : 0);
  const y = elementwise(
    x.data.length,
    roundings,
    (i) => xhat(i) * at(gamma.data, i % c) + at(beta.data, i % c) + added(i),
    (i) => (size(i) + 1) * Math.abs(at(gamma.data, i % c)) + Math.abs(at(beta.data, i % c)) + Math.abs(added(i)),
  );
  return activated(y, attrs);
}

const training: Formula = (inputs, _, attrs) => {
  const x = input(inputs, 0);
  const { mean, variance, size, roundings } = moments(x);
  return [
    normalized(x, input(inputs, 1), input(inputs, 2), { mean, variance }, attrs, roundings, inputs[3]),
    { value: mean, tolerance: size.map((value) => roundings * U * value) },
    { value: variance, tolerance: variance.map((value, k) => roundings * U * (value + U * at(size, k) ** 2)) },
  ];
};
const inference: Formula = (inputs, _, attrs) => {
  const statistics = { mean: input(inputs, 3).data, variance: input(inputs, 4).data };
  return [normalized(input(inputs, 0), input(inputs, 1), input(inputs, 2), statistics, attrs, 8)];
};
/** What both gradients begin with: xhat, the gradient before the activation, and the size of their rounding errors. */
function before(inputs: readonly (Numbers | undefined)[], attrs: Attrs) {
  const data = (index: number) => input(inputs, index).data;
  const [dy, x, gamma, beta, mean] = [data(0), data(1), data(2), data(3), data(4)];
  const statistics = { mean, variance: data(5) };
  const c = gamma.length;
  const activation = attr(attrs, 'activation');
  const slope = [1, 0, attr(attrs, 'slope')][activation] as number;
  const passes = (argument: number) => (activation === 1 ? argument > 0 : argument >= 0);
  return (i: number) => {
    const k = i % c;
    const rstd = deviation(statistics, attrs, k);
    const xhat = (at(x, i) - at(mean, k)) * rstd;
    const size = (Math.abs(at(x, i)) + Math.abs(at(mean, k))) * rstd;
    const argument = xhat * at(gamma, k) + at(beta, k);
    const argumentSize = size * Math.abs(at(gamma, k)) + Math.abs(at(beta, k));
    // So near the kink rounding decides the side.
    const decided = activation === 0 || Math.abs(argument) > 16 * U * argumentSize;
    return { k, rstd, xhat, size, gradient: at(dy, i) * (passes(argument) ? 1 : slope), doubt: decided ? 1 : 1 / U };
  };
}
const weightGradient: Formula = (inputs, outputs, attrs) => {
  const [dgamma, dbeta] = outputs.map((spec) => new Sums(countOf(spec))) as [Sums, Sums];
  const element = before(inputs, attrs);
  for (let i = 0; i < input(inputs, 0).data.length; i++) {
    const { k, xhat, size, gradient, doubt } = element(i);
    const magnitude = Math.abs(at(input(inputs, 0).data, i)) * doubt;
    dgamma.add(k, gradient * xhat, magnitude * size);
    dbeta.add(k, gradient, magnitude);
  }
  return [dgamma.expected(4), dbeta.expected()];
};
const inputGradient: Formula = (inputs, _, attrs) => {
  const [dy, gamma, dgamma, dbeta] = [0, 2, 6, 7].map((index) => input(inputs, index).data) as ArrayLike<number>[];
  const element = before(inputs, attrs);
  const rows = dy!.length / gamma!.length;
  return [
    elementwise(
      dy!.length,
      10,
      (i) => {
        const { k, rstd, xhat, gradient } = element(i);
        return at(gamma!, k) * rstd * (gradient - at(dbeta!, k) / rows - (xhat * at(dgamma!, k)) / rows);
      },
      (i) => {
        const { k, rstd, size, doubt } = element(i);
        const parts =
          Math.abs(at(dy!, i)) * doubt + (Math.abs(at(dbeta!, k)) + (size + 1) * Math.abs(at(dgamma!, k))) / rows;
        return Math.abs(at(gamma!, k)) * rstd * parts;
      },
    ),
  ];
};
const running: Formula = (inputs, _, attrs) => {
  const [rm, rv, mean, variance] = [0, 1, 2, 3].map((index) => input(inputs, index).data) as ArrayLike<number>[];
  const momentum = attr(attrs, 'momentum');
  const moved = (from: ArrayLike<number>, to: ArrayLike<number>, factor: number): Expected =>
    elementwise(
      from.length,
      4,
      (i) => (1 - momentum) * at(from, i) + momentum * at(to, i) * factor,
      (i) => Math.abs(at(from, i)) + Math.abs(at(to, i) * factor),
    );
  return [moved(rm!, mean!, 1), moved(rv!, variance!, attr(attrs, 'unbiased'))];
};

const fold: Formula = (inputs, _, attrs) => {
  const [w, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map((index) => input(inputs, index).data);
  const o = gamma!.length;
  const scale = (k: number) => at(gamma!, k) * deviation({ mean: mean!, variance: variance! }, attrs, k);
  const b = (k: number) => (inputs[5] ? at(inputs[5].data, k) : 0);
  return [
    elementwise(w!.length, 6, (i) => at(w!, i) * scale(i % o)),
    elementwise(
      o,
      8,
      (k) => (b(k) - at(mean!, k)) * scale(k) + at(beta!, k),
      (k) => (Math.abs(b(k)) + Math.abs(at(mean!, k))) * Math.abs(scale(k)) + Math.abs(at(beta!, k)),
    ),
  ];
};

const EPSILON = { epsilon: 1e-5 };

for (const [title, shape] of [
  ['one pixel', [1, 1, 1, 3]],
  ['a batch of single pixels', [8, 1, 1, 5]],
  ['a small image', [2, 3, 3, 4]],
  ['one channel', [2, 5, 5, 1]],
  ['channels with tails', [3, 4, 5, 37]],
  ['exactly one block', [4, 8, 8, 6]],
  ['several blocks', [3, 13, 17, 19]],
  ['features', [9, 6]],
  ['a volume', [2, 2, 3, 2, 5]],
] as const) {
  const c = [shape.at(-1) as number];
  for (const [name, activation] of [
    ['', 0],
    [', relu', 1],
    [', leaky relu', 2],
  ] as const) {
    const attrs = { ...EPSILON, activation, slope: 0.1 };
    // A channel of a single pixel has no variance: its output is beta.
    const options = { sparse: activation === 1 || title === 'one pixel' };
    list.add(batchNorm2d, training, title + name, [shape, c, c], attrs, options);
    list.add(batchNorm2d, training, `${title}${name}, residual`, [shape, c, c, shape], attrs, options);
    list.add(batchNorm2dInference, inference, title + name, [shape, c, c, c, positive(c)], attrs, options);
    const given = [shape, shape, c, c, c, positive(c)];
    const half = { sparse: activation === 1 };
    list.add(batchNorm2dDw, weightGradient, title + name, given, attrs, half);
    list.add(batchNorm2dDx, inputGradient, title + name, [...given, c, c], attrs, half);
  }
  list.add(batchNorm2dRunning, running, title, [c, positive(c), c, positive(c)], { momentum: 0.1, unbiased: 1.25 });
}
for (const [title, shape] of [
  ['a 3x3 convolution', [3, 3, 5, 19]],
  ['one output channel', [1, 1, 7, 1]],
  ['few output channels', [5, 5, 3, 6]],
  ['depthwise', [3, 3, 1, 37]],
  ['linear', [129, 130]],
  ['more than an item of work', [3, 3, 24, 256]],
] as const) {
  const o = [shape.at(-1) as number];
  const given = [shape, o, o, o, positive(o)];
  list.add(batchNorm2dFold, fold, title, given, EPSILON);
  list.add(batchNorm2dFold, fold, `${title}, bias`, [...given, o], EPSILON);
}
list.add(batchNorm2d, training, 'large values', [scaled([4, 6, 6, 5], 1000), values([5]), values([5])], {
  epsilon: 1e-3,
  activation: 0,
  slope: 0,
});
