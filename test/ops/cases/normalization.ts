// group_norm with its gradients, which serve group, instance and layer norm, and local_response_norm.

import { groupNorm, groupNormDw, groupNormDx, localResponseNorm, localResponseNormDx } from '../../../lib/ops/index.ts';
import type { Attrs } from '../../../lib/ops/op.ts';
import {
  activated,
  attr,
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

/** For each element its group, counted over all examples, and its channel. */
function places({ shape, data }: Numbers, groups: number) {
  const [n, c] = [shape[0] as number, shape.at(-1) as number];
  const example = data.length / n;
  const count = example / groups;
  const channel = (i: number) => i % c;
  const group = (i: number) => Math.floor(i / example) * groups + Math.floor(channel(i) / (c / groups));
  return { n, c, count, channel, group, roundings: roundingsOfSum(count) + 8 };
}

const training: Formula = (inputs, _, attrs) => {
  const [x, gamma, beta] = [0, 1, 2].map((index) => input(inputs, index)) as [Numbers, Numbers, Numbers];
  const groups = attr(attrs, 'groups');
  const { n, count, channel, group, roundings } = places(x, groups);
  const [mean, variance, size] = [0, 0, 0].map(() => new Float64Array(n * groups));
  for (let i = 0; i < x.data.length; i++) {
    mean![group(i)]! += at(x.data, i) / count;
    size![group(i)]! += Math.abs(at(x.data, i)) / count;
  }
  for (let i = 0; i < x.data.length; i++) variance![group(i)]! += (at(x.data, i) - at(mean!, group(i))) ** 2 / count;
  const rstd = variance!.map((value) => 1 / Math.sqrt(value + attr(attrs, 'epsilon')));
  const y = elementwise(
    x.data.length,
    roundings,
    (i) =>
      (at(x.data, i) - at(mean!, group(i))) * at(rstd, group(i)) * at(gamma.data, channel(i)) +
      at(beta.data, channel(i)),
    (i) =>
      ((Math.abs(at(x.data, i)) + at(size!, group(i))) * at(rstd, group(i)) + 1) *
        Math.abs(at(gamma.data, channel(i))) +
      Math.abs(at(beta.data, channel(i))),
  );
  // d rstd = -1/2 rstd^3 d variance.
  const spread = (i: number) => at(variance!, i) + attr(attrs, 'epsilon') + U * at(size!, i) ** 2;
  return [
    activated(y, attrs),
    { value: mean!, tolerance: size!.map((value) => roundings * U * value) },
    { value: rstd, tolerance: rstd.map((value, i) => U * (4 * value + 0.5 * roundings * value ** 3 * spread(i))) },
  ];
};

/** xhat of each element, and the magnitude that its error is in proportion to. */
function normalized(x: Numbers, mean: Numbers, rstd: Numbers) {
  const place = places(x, mean.shape[1] as number);
  const value = (i: number) => (at(x.data, i) - at(mean.data, place.group(i))) * at(rstd.data, place.group(i));
  const size = (i: number) =>
    (Math.abs(at(x.data, i)) + Math.abs(at(mean.data, place.group(i)))) * at(rstd.data, place.group(i));
  return { ...place, value, size };
}

const weightGradient: Formula = (inputs) => {
  const dy = input(inputs, 0).data;
  const { c, channel, value, size } = normalized(input(inputs, 1), input(inputs, 2), input(inputs, 3));
  const [dgamma, dbeta] = [new Sums(c), new Sums(c)];
  for (let i = 0; i < dy.length; i++) {
    dgamma.add(channel(i), at(dy, i) * value(i), Math.abs(at(dy, i)) * size(i));
    dbeta.add(channel(i), at(dy, i));
  }
  return [dgamma.expected(4), dbeta.expected()];
};

const inputGradient: Formula = (inputs) => {
  const [dy, gamma, mean, rstd] = [0, 2, 3, 4].map((index) => input(inputs, index)) as [
    Numbers,
    Numbers,
    Numbers,
    Numbers,
  ];
  const { channel, group, count, value, size } = normalized(input(inputs, 1), mean, rstd);
  const [a, b] = [new Sums(mean.data.length), new Sums(mean.data.length)];
  const own = (i: number) => at(dy.data, i) * at(gamma.data, channel(i));
  for (let i = 0; i < dy.data.length; i++) {
    a.add(group(i), own(i) / count);
    b.add(group(i), (own(i) * value(i)) / count, (Math.abs(own(i)) * size(i)) / count);
  }
  return [
    elementwise(
      dy.data.length,
      roundingsOfSum(count) + 10,
      (i) => at(rstd.data, group(i)) * (own(i) - at(a.value, group(i)) - value(i) * at(b.value, group(i))),
      (i) =>
        at(rstd.data, group(i)) *
        (Math.abs(own(i)) + at(a.magnitude, group(i)) + (size(i) + 1) * at(b.magnitude, group(i))),
    ),
  ];
};

for (const [title, shape, groups] of [
  ['tiny groups, one value each', [2, 3], 3],
  ['tiny groups of features', [3, 12], 4],
  ['group norm', [2, 3, 3, 8], 2],
  ['group norm, a group longer than 16', [2, 2, 2, 40], 2],
  ['group norm, several blocks', [2, 13, 23, 6], 3],
  ['group norm, enough for several threads', [4, 16, 16, 72], 8],
  ['group norm, one example for all threads', [1, 33, 32, 70], 7],
  ['instance norm', [3, 5, 5, 5], 5],
  ['instance norm of a sequence', [2, 9, 4], 4],
  ['instance norm of one channel', [2, 4, 4, 1], 1],
  ['one group of a volume', [2, 2, 3, 2, 5], 1],
  ['group norm of features', [3, 44], 2],
  ['layer norm', [5, 37], 1],
  ['tiny groups, rows of three', [9, 3], 1],
  ['layer norm, several blocks', [700, 19], 1],
  ['layer norm, enough for several threads', [520, 136], 1],
] as const) {
  const c = [shape.at(-1) as number];
  const statistics = [shape[0], groups];
  // The only value of a group is its mean.
  const sparse = title === 'tiny groups, one value each';
  for (const [name, activation] of [
    ['', 0],
    [', relu', 1],
    [', leaky relu', 2],
  ] as const) {
    const attrs = { groups, epsilon: 1e-5, activation, slope: 0.1 };
    list.add(groupNorm, training, title + name, [shape, c, c], attrs, { sparse: sparse || activation === 1 });
  }
  list.add(groupNormDw, weightGradient, title, [shape, shape, statistics, positive(statistics)]);
  list.add(groupNormDx, inputGradient, title, [shape, shape, c, statistics, positive(statistics)], {}, { sparse });
}
list.add(groupNorm, training, 'large values', [scaled([4, 6, 6, 6], 1000), values([6]), values([6])], {
  groups: 2,
  epsilon: 1e-3,
  activation: 0,
  slope: 0,
});

/** s of each element, and the elements in its window or, mirrored, in whose window it is. */
function windows({ shape, data }: Numbers, attrs: Attrs) {
  const c = shape.at(-1) as number;
  const [before, after] = [attr(attrs, 'before'), attr(attrs, 'after')];
  const weight = attr(attrs, 'alpha') / (before + after + 1);
  const sum = (i: number, from: number, to: number, term: (j: number) => number) => {
    const start = i - (i % c);
    let total = 0;
    for (let j = Math.max(start, i - from); j <= Math.min(start + c - 1, i + to); j++) total += term(j);
    return total;
  };
  const scale = (i: number) => attr(attrs, 'k') + weight * sum(i, before, after, (j) => at(data, j) ** 2);
  return { before, after, weight, sum, scale };
}

/** Relative roundings of s^-beta: those of s, its logarithm (1 and what its size costs) and the exponential. */
const powerRoundings = (scale: number, size: number, beta: number): number =>
  beta * (roundingsOfSum(size) + 4 + 2 * Math.abs(Math.log(scale))) + 8;

const response: Formula = (inputs, _, attrs) => {
  const x = input(inputs, 0);
  const { before, after, scale } = windows(x, attrs);
  const beta = attr(attrs, 'beta');
  return [
    elementwise(
      x.data.length,
      1,
      (i) => at(x.data, i) * scale(i) ** -beta,
      (i) => powerRoundings(scale(i), before + after + 1, beta) * Math.abs(at(x.data, i)) * scale(i) ** -beta,
    ),
  ];
};

const responseGradient: Formula = (inputs, _, attrs): Expected[] => {
  const [dy, x] = [input(inputs, 0).data, input(inputs, 1)];
  const { before, after, weight, sum, scale } = windows(x, attrs);
  const beta = attr(attrs, 'beta');
  const factor = 2 * weight * beta;
  const term = (j: number) => at(dy, j) * at(x.data, j) * scale(j) ** (-beta - 1);
  const spread = (i: number, of: (j: number) => number) => factor * sum(i, after, before, of);
  const roundings = (i: number) => powerRoundings(scale(i), before + after + 1, beta) + 4;
  return [
    elementwise(
      dy.length,
      1,
      (i) => at(dy, i) * scale(i) ** -beta - at(x.data, i) * spread(i, term),
      (i) =>
        roundings(i) * Math.abs(at(dy, i)) * scale(i) ** -beta +
        Math.abs(at(x.data, i)) *
          spread(i, (j) => (roundings(j) + roundingsOfSum(before + after + 1)) * Math.abs(term(j))),
    ),
  ];
};

for (const [title, shape, attrs] of [
  ['AlexNet', [2, 3, 3, 24], { before: 2, after: 2, alpha: 1e-4, beta: 0.75, k: 2 }],
  ['an even window', [3, 7], { before: 1, after: 0, alpha: 2, beta: 0.5, k: 1 }],
  ['a window longer than the channels', [2, 2, 5], { before: 9, after: 8, alpha: 3, beta: 1.5, k: 0.5 }],
  ['one channel', [4, 1], { before: 0, after: 0, alpha: 1, beta: 0.75, k: 1 }],
  ['enough for several threads', [2, 40, 25, 37], { before: 1, after: 2, alpha: 4, beta: 0.75, k: 1 }],
] as const) {
  list.add(localResponseNorm, response, title, [shape], attrs);
  list.add(localResponseNormDx, responseGradient, title, [shape, shape], attrs);
}
