// linear, linear_dx, linear_dw, gemm, bias_add, bias_add_db, bias_activation_dx.

import { biasActivationDx, biasAdd, biasAddDb, gemm, linear, linearDw, linearDx } from '../../../lib/ops/index.ts';
import {
  activated,
  attr,
  countOf,
  type Expected,
  elementwise,
  type Formula,
  input,
  type Numbers,
  Sums,
} from '../formula.ts';
import { CaseList } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

/** A matrix read by row and column, or as its transpose. */
function matrix({ shape, data }: Numbers, transposed = false) {
  const [rows, columns] = shape as [number, number];
  return {
    rows: transposed ? columns : rows,
    columns: transposed ? rows : columns,
    at: (row: number, column: number) => data[transposed ? column * columns + row : row * columns + column] as number,
  };
}

function product(
  left: Numbers,
  right: Numbers,
  transposeLeft = false,
  transposeRight = false,
  bias?: Numbers,
): Expected {
  const a = matrix(left, transposeLeft);
  const b = matrix(right, transposeRight);
  const sums = new Sums(a.rows * b.columns);
  for (let row = 0; row < a.rows; row++)
    for (let column = 0; column < b.columns; column++) {
      for (let k = a.columns - 1; k >= 0; k--) sums.add(row * b.columns + column, a.at(row, k) * b.at(k, column));
      if (bias) sums.add(row * b.columns + column, bias.data[column] as number);
    }
  return sums.expected();
}

const forward: Formula = (inputs, _, attrs) => [
  activated(product(input(inputs, 0), input(inputs, 1), false, false, inputs[2]), attrs),
];
const inputGradient: Formula = (inputs) => [product(input(inputs, 0), input(inputs, 1), false, true)];
const weightGradient: Formula = (inputs) => [product(input(inputs, 0), input(inputs, 1), true, false)];
const general: Formula = (inputs, _, attrs) => [
  product(input(inputs, 0), input(inputs, 1), attr(attrs, 'transA') === 1, attr(attrs, 'transB') === 1),
];

function fullyConnected(title: string, n: number, i: number, o: number, bias = true, activation = 0): void {
  const attrs = { activation, slope: 0.25 };
  const inputs = bias
    ? [[n, i], [i, o], [o]]
    : [
        [n, i],
        [i, o],
      ];
  list.add(linear, forward, title, inputs, attrs, { exact: true, sparse: activation === 1 });
  list.add(
    linearDx,
    inputGradient,
    title,
    [
      [n, o],
      [i, o],
    ],
    {},
    { exact: true },
  );
  list.add(
    linearDw,
    weightGradient,
    title,
    [
      [n, i],
      [n, o],
    ],
    {},
    { exact: true },
  );
}

fullyConnected('one by one', 1, 1, 1);
fullyConnected('one row', 1, 50, 10);
fullyConnected('one feature', 9, 1, 7, false);
fullyConnected('one output', 7, 33, 1);
fullyConnected('tails everywhere', 13, 37, 19, true, 1);
fullyConnected('without bias, leaky relu', 5, 64, 48, false, 2);
fullyConnected('the last layer of LeNet', 64, 84, 10);
fullyConnected('more rows than a block', 1030, 3, 5);
fullyConnected('two blocks and a bit', 2065, 2, 3, false);
fullyConnected('more outputs than a panel', 3, 20, 150, true, 1);
fullyConnected('copied in chunks, tails in both tiles', 300, 101, 99, false);

const sizes: readonly (readonly [string, number, number, number])[] = [
  ['one by one', 1, 1, 1],
  ['tails', 7, 9, 11],
  ['wide', 2, 70, 5],
  ['tall', 70, 2, 5],
  ['long sum', 3, 5, 1100],
  ['vectors and a bit', 17, 33, 40],
];
for (const [title, m, n, k] of sizes) {
  for (const [transA, transB] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const) {
    const inputs = [transA ? [k, m] : [m, k], transB ? [n, k] : [k, n]];
    list.add(gemm, general, `${title}, transA=${transA} transB=${transB}`, inputs, { transA, transB }, { exact: true });
  }
}

const addBias: Formula = (inputs, outputs) => {
  const [x, b] = [input(inputs, 0), input(inputs, 1)];
  return [elementwise(countOf(outputs[0]!), 1, (i) => (x.data[i] as number) + (b.data[i % b.data.length] as number))];
};
const sumColumns: Formula = (inputs, outputs) => {
  const dy = input(inputs, 0);
  const sums = new Sums(countOf(outputs[0]!));
  for (let i = dy.data.length - 1; i >= 0; i--) sums.add(i % sums.value.length, dy.data[i] as number);
  return [sums.expected()];
};

const gateAndSum: Formula = (inputs, outputs, attrs) => {
  const [dy, y] = [input(inputs, 0).data, input(inputs, 1).data];
  const factor = (y: number) => {
    if (attr(attrs, 'activation') === 1) return y > 0 ? 1 : 0;
    return y < 0 ? attr(attrs, 'slope') : 1;
  };
  const dx = elementwise(dy.length, 1, (i) => (dy[i] as number) * factor(y[i] as number));
  const sums = new Sums(countOf(outputs[1]!));
  for (let i = 0; i < dy.length; i++) sums.add(i % sums.value.length, dx.value[i] as number);
  return [dx, sums.expected(1)];
};
const exact = { exact: true };
const half = { exact: true, sparse: true };

for (const [title, shape] of [
  ['one value', [1, 1]],
  ['an image', [2, 3, 5, 7]],
  ['rows of features', [9, 33]],
  ['one row', [1, 20]],
  ['one channel', [3, 4, 5, 1]],
  ['a block of rows', [256, 5]],
  ['a row more than a block', [257, 17]],
  ['several blocks', [5, 13, 17, 6]],
] as const) {
  list.add(biasAdd, addBias, title, [shape, [shape.at(-1) as number]], {}, { exact: true });
  list.add(biasAddDb, sumColumns, title, [shape], {}, { exact: true });
  list.add(biasActivationDx, gateAndSum, `${title}, relu`, [shape, shape], { activation: 1, slope: 0 }, half);
  list.add(biasActivationDx, gateAndSum, `${title}, leaky relu`, [shape, shape], { activation: 2, slope: 0.25 }, exact);
}
