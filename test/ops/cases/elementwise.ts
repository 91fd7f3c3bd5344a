// relu, leaky_relu, sigmoid, tanh and their gradients; add, dropout, normalize, fill.

import {
  add,
  dropout,
  fill,
  leakyRelu,
  leakyReluDx,
  normalize,
  relu,
  reluDx,
  sigmoid,
  sigmoidDx,
  tanh,
  tanhDx,
} from '../../../lib/ops/index.ts';
import { streamKey, uniform } from '../../../lib/random.ts';
import { activated, attr, countOf, elementwise, exactly, type Formula, input } from '../formula.ts';
import { CaseList, given, indices, scaled, values } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

const SHAPES: readonly (readonly [string, readonly number[]])[] = [
  ['one element', [1]],
  ['an image', [2, 3, 5, 7]],
  ['features', [4, 33]],
  ['many', [3, 70, 71]],
];

/** A formula of one element of x, with the size of its rounding errors in units of u * |result|. */
const map =
  (roundings: number, f: (x: number) => number, scale?: (x: number) => number): Formula =>
  (inputs) => {
    const { data } = input(inputs, 0);
    const scaleAt = scale && ((i: number) => scale(data[i] as number));
    return [elementwise(data.length, roundings, (i) => f(data[i] as number), scaleAt)];
  };
/** A formula of an element of dy and one of y. */
const mapPair =
  (roundings: number, f: (dy: number, y: number) => number, scale?: (dy: number, y: number) => number): Formula =>
  (inputs) => {
    const [dy, y] = [input(inputs, 0).data, input(inputs, 1).data];
    const pair = (g: typeof f) => (i: number) => g(dy[i] as number, y[i] as number);
    return [elementwise(dy.length, roundings, pair(f), scale && pair(scale))];
  };

const half = { exact: true, sparse: true };
const exact = { exact: true };
for (const [title, shape] of SHAPES) {
  list.add(
    relu,
    map(0, (x) => Math.max(x, 0)),
    title,
    [shape],
    {},
    half,
  );
  list.add(
    reluDx,
    mapPair(0, (dy, y) => (y > 0 ? dy : 0)),
    title,
    [shape, shape],
    {},
    half,
  );
  for (const slope of [0.01, 0.25]) {
    const name = `${title}, slope ${slope}`;
    // The slope is rounded to fp32 before the formula sees it.
    const leak: Formula = (inputs, outputs, attrs) =>
      map(1, (x) => (x < 0 ? x * attr(attrs, 'slope') : x))(inputs, outputs, attrs);
    const leakBack: Formula = (inputs, outputs, attrs) =>
      mapPair(1, (dy, y) => (y < 0 ? dy * attr(attrs, 'slope') : dy))(inputs, outputs, attrs);
    list.add(leakyRelu, leak, name, [shape], { slope });
    list.add(leakyReluDx, leakBack, name, [shape, shape], { slope });
  }
  const logistic = (x: number) => 1 / (1 + Math.exp(-x));
  list.add(sigmoid, map(6, logistic), title, [scaled(shape, 8)]);
  list.add(
    sigmoidDx,
    mapPair(
      3,
      (dy, y) => dy * y * (1 - y),
      (dy, y) => Math.abs(dy) * (Math.abs(y) + y * y),
    ),
    title,
    [shape, shape],
  );
  list.add(tanh, map(6, Math.tanh), title, [scaled(shape, 4)]);
  list.add(
    tanhDx,
    mapPair(
      3,
      (dy, y) => dy * (1 - y * y),
      (dy, y) => Math.abs(dy) * (1 + y * y),
    ),
    title,
    [shape, shape],
  );
}

const extremes = [0, -0, 1e-40, -1e-40, 1e-30, 3e38, -3e38, 88.72, 88.8, -87.3, -87.4, -104, 0.6249, 0.6251, 20, -20];
const special = given([16, 3], [...extremes, Infinity, -Infinity]);
list.add(
  relu,
  map(0, (x) => Math.max(x, 0)),
  'extreme values',
  [special],
  {},
  { sparse: true },
);
list.add(
  sigmoid,
  map(
    8,
    (x) => 1 / (1 + Math.exp(-x)),
    (x) => 1 / (1 + Math.exp(-x)) + 2 ** -102,
  ),
  'extreme values',
  [special],
  {},
  { sparse: true },
);
list.add(
  tanh,
  map(8, Math.tanh, (x) => Math.abs(Math.tanh(x)) + 2 ** -125),
  'extreme values',
  [special],
);

const sum: Formula = (inputs, _, attrs) => {
  const [a, b] = [input(inputs, 0).data, input(inputs, 1).data];
  return [
    activated(
      elementwise(a.length, 1, (i) => (a[i] as number) + (b[i] as number)),
      attrs,
    ),
  ];
};
const gatedSum: Formula = (inputs, _, attrs) => {
  const [a, b, gate] = [input(inputs, 0).data, input(inputs, 1).data, input(inputs, 2).data];
  const factor = (y: number) => {
    if (attr(attrs, 'activation') === 1) return y > 0 ? 1 : 0;
    return y < 0 ? attr(attrs, 'slope') : 1;
  };
  return [elementwise(a.length, 2, (i) => ((a[i] as number) + (b[i] as number)) * factor(gate[i] as number))];
};
for (const [title, shape] of SHAPES) {
  list.add(add, sum, title, [shape, shape], { activation: 0, slope: 0 }, exact);
  list.add(add, sum, `${title}, relu`, [shape, shape], { activation: 1, slope: 0 }, half);
  list.add(add, sum, `${title}, leaky relu`, [shape, shape], { activation: 2, slope: 0.125 }, exact);
  const gated = [shape, shape, shape];
  list.add(add, gatedSum, `${title}, gated by relu`, gated, { activation: 1, slope: 0 }, half);
  list.add(add, gatedSum, `${title}, gated by leaky relu`, gated, { activation: 2, slope: 0.125 }, exact);
}

const drop: Formula = (inputs, _, attrs) => {
  const [x, step] = [input(inputs, 0).data, input(inputs, 1).data];
  const key = streamKey(step[0] as number, attr(attrs, 'stream'), step[1] as number);
  const kept = (i: number) => uniform(key, i) >= attr(attrs, 'rate');
  return [elementwise(x.length, 3, (i) => (kept(i) ? (x[i] as number) / (1 - attr(attrs, 'rate')) : 0))];
};
for (const [title, shape] of SHAPES) {
  for (const rate of [0, 0.3, 0.5, 0.9]) {
    const inputs = [values(shape), given([2], [7, 12 + rate * 10], 'i32')];
    list.add(dropout, drop, `${title}, rate ${rate}`, inputs, { rate, stream: 3 }, { sparse: rate > 0 });
  }
}

const toInput: Formula = (inputs) => {
  const [x, scale, shift] = [input(inputs, 0).data, input(inputs, 1).data, input(inputs, 2).data];
  const channel = (numbers: ArrayLike<number>, i: number) => numbers[i % numbers.length] as number;
  const valueAt = (i: number) => (x[i] as number) * channel(scale, i) + channel(shift, i);
  const scaleAt = (i: number) => Math.abs((x[i] as number) * channel(scale, i)) + Math.abs(channel(shift, i));
  return [elementwise(x.length, 1, valueAt, scaleAt)];
};
for (const [title, shape] of [
  ['grey pixels', [2, 5, 7, 1]],
  ['colour pixels', [3, 4, 5, 3]],
  ['many channels', [2, 3, 3, 37]],
  ['rows of numbers', [6, 4]],
] as const) {
  const c = [shape.at(-1) as number];
  list.add(normalize, toInput, `${title}, u8`, [indices(shape, 256, 'u8'), c, c], {}, exact);
  list.add(normalize, toInput, `${title}, f32`, [shape, c, c], {}, exact);
}

const constant: Formula = (_, outputs, attrs) => [exactly(countOf(outputs[0]!), () => attr(attrs, 'value'))];
list.add(fill, constant, 'one', [], { value: 1, count: 1 }, exact);
list.add(fill, constant, 'many', [], { value: -0.1, count: 1001 }, exact);
