// binary, reduce and broadcast: functions of two tensors, reductions over any axes, and the repeating that links them.

import { axisValues, broadcastStrides, forPositions, stridesOf } from '../../../lib/ops/axes.ts';
import { broadcastTo } from '../../../lib/ops/binary.ts';
import { type BinaryName, binaryAttrs } from '../../../lib/ops/binary-functions.ts';
import { binary, broadcast, reduce } from '../../../lib/ops/index.ts';
import { type ReduceName, reduceAttrs } from '../../../lib/ops/reduction-order.ts';
import { attr, countOf, elementwise, exactly, type Formula, input, Sums } from '../formula.ts';
import { CaseList, distinct, given, positive, type Source, values } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

const exact = { exact: true };
const sparse = { exact: true, sparse: true };

/** Input `index` repeated to `shape`. */
const repeated = (inputs: Parameters<Formula>[0], index: number, shape: readonly number[]): Float64Array => {
  const { shape: own, data } = input(inputs, index);
  const all = new Float64Array(shape.reduce((product, size) => product * size, 1));
  forPositions(shape, broadcastStrides(own, shape), 0, (i, at) => {
    all[i] = data[at] as number;
  });
  return all;
};

const pairwise =
  (f: (a: number, b: number) => number, roundings: number): Formula =>
  (inputs, [y]) => {
    const [a, b] = [repeated(inputs, 0, y!.shape), repeated(inputs, 1, y!.shape)];
    const scale = (i: number) => Math.abs(f(a[i] as number, b[i] as number));
    return [elementwise(countOf(y!), roundings, (i) => f(a[i] as number, b[i] as number), scale)];
  };

const functions: Readonly<Record<BinaryName, readonly [formula: Formula, options: object]>> = {
  add: [pairwise((a, b) => a + b, 1), exact],
  subtract: [pairwise((a, b) => a - b, 1), exact],
  multiply: [pairwise((a, b) => a * b, 1), exact],
  divide: [pairwise((a, b) => a / b, 1), {}],
  maximum: [pairwise(Math.max, 0), exact],
  minimum: [pairwise(Math.min, 0), exact],
  equal: [pairwise((a, b) => Number(a === b), 0), sparse],
  maximum_share: [pairwise((a, b) => (a > b ? 1 : a < b ? 0 : 0.5), 0), sparse],
};

const SHAPES: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ['one shape', [3, 5, 7], [3, 5, 7]],
  ['a number on the right', [4, 33], [1]],
  ['a number on the left', [1, 1], [2, 37]],
  ['for each channel', [2, 3, 5, 3], [3]],
  ['for each of many channels', [5, 131], [131]],
  ['for each image and channel', [2, 3, 4, 17], [2, 1, 1, 17]],
  ['for each image', [3, 4, 5], [3, 1, 1]],
  ['for each pixel', [2, 3, 4, 19], [2, 3, 4, 1]],
  ['an outer product', [9, 1], [1, 21]],
  ['both repeated, six axes', [2, 1, 3, 1, 2, 5], [1, 4, 3, 2, 1, 5]],
  ['fewer axes on the left', [3, 1], [2, 4, 1, 5]],
];
for (const [title, a, b] of SHAPES) {
  const kinds: readonly BinaryName[] = title === 'one shape' ? (Object.keys(functions) as BinaryName[]) : ['subtract'];
  for (const name of kinds) {
    const [formula, options] = functions[name];
    const right = name === 'divide' ? positive(b) : distinct(b);
    list.add(binary, formula, `${name}, ${title}`, [values(a), right], binaryAttrs(name), options);
  }
}
for (const name of ['multiply', 'divide', 'maximum', 'minimum'] as const) {
  const inputs = [values([2, 3, 5]), name === 'divide' ? positive([2, 1, 5]) : values([2, 1, 5])];
  list.add(binary, functions[name][0], `${name}, repeated`, inputs, binaryAttrs(name), functions[name][1]);
}
const ties = (shape: readonly number[]) => given(shape, [1, 2, 3, 2, 5]);
for (const name of ['equal', 'maximum_share', 'maximum'] as const) {
  const inputs = [ties([7, 11]), given([7, 11], [2, 2, 3])];
  list.add(binary, functions[name][0], `${name}, ties`, inputs, binaryAttrs(name), sparse);
}
for (const [title, a, b] of [
  ['one shape', [70_001], [70_001]],
  ['for each channel', [30_000, 3], [3]],
  ['for each image and channel', [7, 600, 24], [7, 1, 24]],
  ['long rows', [2, 40_000], [40_000]],
] as const) {
  list.add(binary, functions.multiply[0], `work for many threads, ${title}`, [a, b], binaryAttrs('multiply'), exact);
}

/** Which output each element of x goes to. */
function targets(x: readonly number[], y: readonly number[]): Int32Array {
  const all = new Int32Array(x.reduce((product, size) => product * size, 1));
  const strides = stridesOf(y).map((stride, d) => (y[d] === 1 ? 0 : stride));
  forPositions(x, strides, 0, (i, at) => {
    all[i] = at;
  });
  return all;
}

const reduced: Formula = (inputs, [y], attrs) => {
  const { shape, data } = input(inputs, 0);
  const target = targets(shape, y!.shape);
  const kind = attr(attrs, 'kind');
  const share = kind === 1 ? countOf(y!) / target.length : 1;
  const sums = new Sums(countOf(y!));
  for (let i = 0; i < target.length; i++) {
    const value = data[i] as number;
    sums.add(target[i] as number, kind === 2 ? value * value : value * share);
  }
  return [sums.expected(1)];
};
const extreme: Formula = (inputs, [y], attrs) => {
  const { shape, data } = input(inputs, 0);
  const choose = attr(attrs, 'kind') === 3 ? Math.max : Math.min;
  const best: (number | undefined)[] = [];
  targets(shape, y!.shape).forEach((to, i) => {
    best[to] = choose(best[to] ?? (data[i] as number), data[i] as number);
  });
  return [exactly(best.length, (i) => best[i] as number)];
};

const REDUCTIONS: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ['all of a vector', [37], [0]],
  ['the last axis', [5, 33], [1]],
  ['short rows', [40, 3], [1]],
  ['the first axis', [19, 5], [0]],
  ['pixels of each image and channel', [3, 4, 5, 7], [1, 2]],
  ['all but the channels', [2, 3, 4, 35], [0, 1, 2]],
  ['channels first', [2, 3, 4, 5], [0, 2, 3]],
  ['every other of six axes', [2, 3, 2, 3, 2, 3], [0, 2, 4]],
  ['every other of six axes, the last too', [2, 3, 2, 3, 2, 3], [1, 3, 5]],
  ['axes of size 1', [1, 6, 1], [0, 2]],
  ['one element', [1, 1], [0, 1]],
];
for (const [title, shape, axes] of REDUCTIONS) {
  for (const name of ['sum', 'mean', 'sum_squares'] as const) {
    const options = name === 'mean' ? {} : exact;
    list.add(reduce, reduced, `${name}, ${title}`, [shape], reduceAttrs(name, axes), options);
  }
  for (const name of ['maximum', 'minimum'] as const) {
    list.add(reduce, extreme, `${name}, ${title}`, [distinct(shape)], reduceAttrs(name, axes), exact);
  }
}
const long: readonly (readonly [string, ReduceName, readonly number[], readonly number[]])[] = [
  ['several blocks of a run', 'sum', [2, 9001], [1]],
  ['several blocks of a run', 'sum_squares', [66_000], [0]],
  ['several blocks of a run', 'maximum', [2, 9001], [1]],
  ['several blocks of scattered runs', 'mean', [3, 2, 2500], [0, 2]],
  ['several blocks of columns', 'sum', [601, 19], [0]],
  ['several blocks of columns', 'sum_squares', [2, 301, 130], [1]],
  ['several blocks of columns', 'minimum', [601, 19], [0]],
  ['several blocks of columns', 'mean', [22_000, 3], [0]],
  ['several blocks of scattered columns', 'sum', [31, 2, 29, 18], [0, 2]],
  ['several blocks of scattered columns', 'maximum', [31, 2, 29, 18], [0, 2]],
  ['large matrices one by one', 'sum', [2, 520, 140], [1]],
  ['many rows', 'sum', [22_000, 3], [1]],
];
for (const [title, name, shape, axes] of long) {
  const isExtreme = name === 'maximum' || name === 'minimum';
  const inputs: Source[] = [isExtreme ? distinct(shape) : values(shape)];
  const options = name === 'mean' ? {} : exact;
  list.add(reduce, isExtreme ? extreme : reduced, `${name}, ${title}`, inputs, reduceAttrs(name, axes), options);
}

const expanded: Formula = (inputs, [y], attrs) => {
  const shape = axisValues('d', attrs, attr(attrs, 'rank'));
  const all = repeated(inputs, 0, shape);
  return [exactly(countOf(y!), (i) => all[i] as number)];
};
for (const [title, from, to] of [
  ['a number', [1], [2, 37]],
  ['rows', [5], [3, 4, 5]],
  ['columns', [4, 1], [4, 19]],
  ['each image and channel', [2, 1, 1, 7], [2, 3, 5, 7]],
  ['six axes', [2, 1, 3, 1, 1, 5], [2, 2, 3, 2, 3, 5]],
  ['nothing', [3, 4], [3, 4]],
  ['work for many threads', [3, 1, 33], [3, 1001, 33]],
] as const) {
  list.add(broadcast, expanded, title, [from], broadcastTo(to), exact);
}
