// softmax, log_softmax, softmax_cross_entropy and their gradients, count_correct, one_hot, guard_finite.

import {
  countCorrect,
  guardFinite,
  logSoftmax,
  logSoftmaxDx,
  oneHot,
  softmax,
  softmaxCrossEntropy,
  softmaxCrossEntropyDx,
  softmaxDx,
} from '../../../lib/ops/index.ts';
import type { Attrs } from '../../../lib/ops/op.ts';
import { crossEntropyAttrs } from '../../../lib/ops/softmax_cross_entropy.ts';
import { attr, type Expected, elementwise, exactly, type Formula, input, type Numbers, U } from '../formula.ts';
import { CaseList, given, indices, positive, scaled, values } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

const rowsOf = ({ shape, data }: Numbers): number[][] => {
  const columns = shape.at(-1) as number;
  return Array.from({ length: data.length / columns }, (_, row) =>
    Array.from({ length: columns }, (_, k) => data[row * columns + k] as number),
  );
};

/** Probabilities of one row, and their relative error: the exponent's own, and that of its argument. */
function probabilities(row: readonly number[]): { p: number[]; lse: number; relative: number } {
  const max = Math.max(...row);
  const exps = row.map((x) => Math.exp(x - max));
  const sum = exps.reduce((total, e) => total + e, 0);
  const range = max - Math.min(...row);
  return { p: exps.map((e) => e / sum), lse: max + Math.log(sum), relative: (8 + 2 * range) * U };
}

function softmaxOf(x: Numbers): Expected {
  const rows = rowsOf(x).map(probabilities);
  return {
    value: Float64Array.from(rows.flatMap(({ p }) => p)),
    // A probability below 2^-126 is 0.
    tolerance: Float64Array.from(rows.flatMap(({ p, relative }) => p.map((value) => value * relative + 2 ** -126))),
  };
}

const softmaxFormula: Formula = (inputs) => [softmaxOf(input(inputs, 0))];
const softmaxBack: Formula = (inputs) => {
  const rows = rowsOf(input(inputs, 0));
  const probs = rowsOf(input(inputs, 1));
  const dot = rows.map((row, r) => row.reduce((sum, dy, k) => sum + dy * (probs[r]?.[k] as number), 0));
  const size = rows.map((row, r) => row.reduce((sum, dy, k) => sum + Math.abs(dy * (probs[r]?.[k] as number)), 0));
  const columns = rows[0]?.length as number;
  const at = (matrix: number[][], i: number) => matrix[Math.floor(i / columns)]?.[i % columns] as number;
  return [
    elementwise(
      rows.length * columns,
      columns + 3,
      (i) => at(probs, i) * (at(rows, i) - (dot[Math.floor(i / columns)] as number)),
      (i) => Math.abs(at(probs, i)) * (Math.abs(at(rows, i)) + (size[Math.floor(i / columns)] as number)),
    ),
  ];
};

/** x - lse errs with the sizes of both terms. */
const logSoftmaxFormula: Formula = (inputs) => {
  const x = input(inputs, 0);
  const columns = x.shape.at(-1) as number;
  const rows = rowsOf(x).map((row) => ({ ...probabilities(row), max: Math.max(...row) }));
  const at = (i: number) => rows[Math.floor(i / columns)] as (typeof rows)[number];
  return [
    elementwise(
      x.data.length,
      8,
      (i) => (x.data[i] as number) - at(i).lse,
      (i) => 1 + Math.abs((x.data[i] as number) - at(i).max) + Math.abs(at(i).lse - at(i).max),
    ),
  ];
};
const logSoftmaxBack: Formula = (inputs) => {
  const [dy, y] = [input(inputs, 0).data, input(inputs, 1).data];
  const columns = input(inputs, 0).shape.at(-1) as number;
  const sums = rowsOf(input(inputs, 0)).map((row) => row.reduce((sum, value) => sum + value, 0));
  const sumAt = (i: number) => sums[Math.floor(i / columns)] as number;
  return [
    elementwise(
      y.length,
      6,
      (i) => (dy[i] as number) - Math.exp(y[i] as number) * sumAt(i),
      (i) => Math.abs(dy[i] as number) + Math.exp(y[i] as number) * Math.abs(sumAt(i)),
    ),
  ];
};

/** Targets of all rows, already divided by what the rows that count weigh together. */
function targetsOf(
  rows: number,
  classes: number,
  labels: ArrayLike<number>,
  weights: Numbers | undefined,
  attrs: Attrs,
) {
  const smoothing = attr(attrs, 'labelSmoothing');
  const weight = (k: number) => (weights ? (weights.data[k] as number) : 1);
  const ignored = (row: number) => labels[row] === attr(attrs, 'ignoreIndex');
  let total = 0;
  for (let row = 0; row < rows; row++) total += ignored(row) ? 0 : weight(labels[row] as number);
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: classes }, (_, k) => {
      const share = (k === labels[row] ? 1 - smoothing : 0) + smoothing / classes;
      return ignored(row) ? 0 : (weight(k) * share) / total;
    }),
  );
}
const sum = (numbers: readonly number[]): number => numbers.reduce((total, value) => total + value, 0);

const crossEntropy: Formula = (inputs, _, attrs) => {
  const logits = input(inputs, 0);
  const rows = rowsOf(logits);
  const targets = targetsOf(rows.length, rows[0]?.length as number, input(inputs, 1).data, inputs[2], attrs);
  let loss = 0;
  let tolerance = 0;
  rows.forEach((row, r) => {
    const { lse, relative } = probabilities(row);
    row.forEach((x, k) => {
      loss += (targets[r]?.[k] as number) * (lse - x);
    });
    tolerance += relative * (1 + Math.abs(lse)) * sum(targets[r] as number[]);
  });
  return [
    { value: Float64Array.of(loss), tolerance: Float64Array.of(tolerance + U * Math.abs(loss)) },
    softmaxOf(logits),
  ];
};
const crossEntropyBack: Formula = (inputs, _, attrs) => {
  const probs = input(inputs, 0);
  const [labels, dloss] = [input(inputs, 1).data, input(inputs, 2).data];
  const classes = probs.shape.at(-1) as number;
  const targets = targetsOf(labels.length, classes, labels, inputs[3], attrs);
  const factor = dloss[0] as number;
  const terms = (i: number): [p: number, t: number] => {
    const row = targets[Math.floor(i / classes)] as number[];
    return [(probs.data[i] as number) * sum(row), row[i % classes] as number];
  };
  return [
    elementwise(
      probs.data.length,
      7,
      (i) => (terms(i)[0] - terms(i)[1]) * factor,
      (i) => (terms(i)[0] + terms(i)[1]) * Math.abs(factor),
    ),
  ];
};

for (const [title, n, k, size] of [
  ['one class', 3, 1, 1],
  ['two classes', 5, 2, 3],
  ['ten classes', 33, 10, 5],
  ['many classes', 4, 1000, 8],
  ['large logits', 6, 17, 200],
] as const) {
  const sparse = size > 100 || k === 1;
  list.add(softmax, softmaxFormula, title, [scaled([n, k], size)], {}, { sparse });
  list.add(softmaxDx, softmaxBack, title, [[n, k], positive([n, k])]);
  list.add(logSoftmax, logSoftmaxFormula, title, [scaled([n, k], size)], {}, { sparse });
  list.add(logSoftmaxDx, logSoftmaxBack, title, [[n, k], scaled([n, k], 5)]);
  for (const labelSmoothing of [0, 0.1]) {
    const name = `${title}, smoothing ${labelSmoothing}`;
    const labels = indices([n], k);
    const attrs = crossEntropyAttrs(labelSmoothing);
    list.add(softmaxCrossEntropy, crossEntropy, name, [scaled([n, k], size), labels], attrs, { sparse });
    const backward = [positive([n, k]), labels, values([1])];
    list.add(softmaxCrossEntropyDx, crossEntropyBack, name, backward, attrs);
  }
}
for (const [title, shape, weighted, ignoreIndex] of [
  ['weights', [9, 5], true, -100],
  ['rows that do not count', [23, 3], false, 1],
  ['pixels', [2, 3, 5, 4], false, -100],
  ['pixels, weights, some do not count', [2, 5, 3, 19], true, 7],
  ['work for many threads', [3, 70, 80, 5], true, 2],
] as const) {
  for (const labelSmoothing of title.startsWith('work') ? [0.1] : [0, 0.1]) {
    const name = `${title}, smoothing ${labelSmoothing}`;
    const labels = indices(shape.slice(0, -1), shape.at(-1) as number);
    const weights = weighted ? positive([shape.at(-1) as number]) : undefined;
    const attrs = crossEntropyAttrs(labelSmoothing, ignoreIndex);
    list.add(softmaxCrossEntropy, crossEntropy, name, [scaled(shape, 5), labels, weights], attrs);
    const backward = [positive(shape), labels, values([1]), weights];
    list.add(softmaxCrossEntropyDx, crossEntropyBack, name, backward, attrs, { sparse: true });
  }
}

const hot: Formula = (inputs, [y]) => {
  const labels = input(inputs, 0).data;
  const classes = y!.shape.at(-1) as number;
  return [exactly(labels.length * classes, (i) => Number(labels[Math.floor(i / classes)] === i % classes))];
};
for (const [title, shape, classes] of [
  ['rows', [7], 3],
  ['pixels', [2, 5, 3], 17],
  ['one class', [4], 1],
  ['work for many threads', [3, 70, 80], 5],
] as const) {
  list.add(oneHot, hot, title, [indices(shape, classes)], { classes }, { exact: true, sparse: true });
}
list.add(softmax, softmaxFormula, 'an image', [[2, 3, 3, 5]]);
list.add(logSoftmax, logSoftmaxFormula, 'an image', [[2, 3, 3, 5]]);

const countFormula: Formula = (inputs) => {
  const labels = input(inputs, 1).data;
  const hits = rowsOf(input(inputs, 0)).filter((row, r) => row.indexOf(Math.max(...row)) === labels[r]);
  return [exactly(1, () => hits.length)];
};
list.add(countCorrect, countFormula, 'ten classes', [[200, 10], indices([200], 10)], {}, { exact: true });
list.add(countCorrect, countFormula, 'pixels', [[2, 9, 5, 3], indices([2, 9, 5], 3)], {}, { exact: true });
list.add(countCorrect, countFormula, 'two classes', [[37, 2], indices([37], 2)], {}, { exact: true });
list.add(countCorrect, countFormula, 'equal logits go to the first', [
  given([4, 3], [1, 2, 2]),
  given([4], [0, 1, 2, 1], 'i32'),
]);
list.add(
  countCorrect,
  countFormula,
  'labels outside the classes',
  [[4, 3], given([4], [-1, 3, 99, -2147483648], 'i32')],
  {},
  { sparse: true },
);

list.add(guardFinite, () => [], 'finite', [[5, 67]], {}, { exact: true });
list.add(guardFinite, () => [], 'the largest numbers', [given([33], [3.4028234663852886e38, -3.4028234663852886e38])]);
