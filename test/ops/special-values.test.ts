// NaN, infinities and labels out of range: what no formula in the case files covers. Each expectation is held by the
// reference and by the native kernels at every instruction set.

import { expect, it } from 'vitest';
import * as ops from '../../lib/ops/index.ts';
import type { Attrs, OpDefinition } from '../../lib/ops/op.ts';
import { type UnaryName, unaryAttrs } from '../../lib/ops/unary-functions.ts';
import { isaLevels, prepareNative, runReference } from './implementations.ts';
import { CaseList, given, type Source } from './op-case.ts';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const list = new CaseList();

interface Special {
  readonly title: string;
  readonly results: readonly (readonly number[])[];
  readonly finished: boolean;
}
const wanted = new Map<number, Special>();

function special(
  op: OpDefinition,
  title: string,
  inputs: readonly (Source | undefined)[],
  attrs: Attrs,
  results: readonly (readonly number[])[],
  finished = true,
): void {
  wanted.set(list.cases.length, { title, results, finished });
  list.add(op, () => [], title, inputs, attrs);
}

/** A row long enough for a whole vector and a tail: `numbers`, again and again. */
const REPEAT = 19;
const row = (numbers: readonly number[]) => given([numbers.length * REPEAT], numbers);
const repeated = (numbers: readonly number[]) => Array.from({ length: REPEAT }, () => numbers).flat();
const vector = (...numbers: number[]) => given([numbers.length], numbers);

const odd = [nan, inf, -inf, 0];
special(ops.relu, 'relu keeps NaN', [row(odd)], {}, [repeated([nan, inf, 0, 0])]);
special(ops.reluDx, 'relu_dx lets the gradient of NaN pass', [row([1, 2, 3, 4]), row(odd)], {}, [
  repeated([1, 2, 0, 0]),
]);
special(ops.leakyRelu, 'leaky_relu keeps NaN', [row(odd)], { slope: 0.5 }, [repeated([nan, inf, -inf, 0])]);
special(ops.sigmoid, 'sigmoid keeps NaN', [row(odd)], {}, [repeated([nan, 1, 0, 0.5])]);
special(ops.tanh, 'tanh keeps NaN', [row(odd)], {}, [repeated([nan, 1, -1, 0])]);

/** Values and derivatives of NaN, infinity, -infinity and two numbers where a function has a kink or an end. */
const limits: readonly (readonly [UnaryName, number, number, number[], number[], kinks?: [number, number]])[] = [
  ['hard_tanh', 0, 6, [nan, 6, 0, 0, 6], [1, 0, 0, 0, 0], [0, 6]],
  ['clip', 0, 6, [nan, 6, 0, 0, 6], [1, 0, 0, 1, 1], [0, 6]],
  ['clip', -inf, inf, [nan, inf, -inf, 3e38, -3e38], [1, 1, 1, 1, 1], [3e38, -3e38]],
  ['elu', 2, 1, [nan, inf, -2, 0, -2], [1, 1, 0, 2, 0], [0, -3e38]],
  ['celu', 2, 0, [nan, inf, -2, 0, -2], [1, 1, 0, 1, 0], [0, -3e38]],
  ['gelu', 0, 0, [nan, inf, 0, 0, 0], [nan, 1, 0, 0.5, 0], [0, -3e38]],
  ['gelu_tanh', 0, 0, [nan, inf, 0, 3e38, 0], [nan, 1, 0, 1, 0], [3e38, -3e38]],
  ['silu', 1, 0, [nan, inf, 0, 3e38, 0], [nan, 1, 0, 1, 0], [3e38, -3e38]],
  ['silu', 1e10, 0, [nan, inf, 0, 3e38, 0], [nan, 1, 0, 1, 0], [3e38, -3e38]],
  ['mish', 0, 0, [nan, inf, 0, 3e38, 0], [nan, 1, 0, 1, 0], [3e38, -3e38]],
  ['hard_sigmoid', 1 / 6, 0.5, [nan, 1, 0, 0, 1], [1 / 6, 0, 0, 0, 0], [-3, 3]],
  ['hard_swish', 0, 0, [nan, inf, 0, 0, 3], [nan, 1, 0, 0, 1], [-3, 3]],
  ['softplus', 1, 20, [nan, inf, 0, 3e38, 0], [nan, 1, 0, 1, 0], [3e38, -3e38]],
  ['softplus', 1e10, 20, [nan, inf, 0, 3e38, 0], [nan, 1, 0, 1, 0], [3e38, -3e38]],
  ['softsign', 0, 0, [nan, 1, -1, 1, -1], [nan, 0, 0, 0, 0], [3e38, -3e38]],
  ['exp', 0, 0, [nan, inf, 0, inf, 0], [nan, inf, 0, inf, 0], [89, -104]],
  ['log', 0, 0, [nan, inf, nan, -inf, nan], [nan, 0, 0, inf, -1], [0, -1]],
  ['sqrt', 0, 0, [nan, inf, nan, 0, nan], [nan, 0, nan, inf, nan], [0, -1]],
  ['reciprocal', 0, 0, [nan, 0, 0, inf, -0.5], [nan, 0, 0, -inf, -0.25], [0, -2]],
  ['abs', 0, 0, [nan, inf, inf, 0, 3e38], [nan, 1, -1, 0, -1], [0, -3e38]],
  ['negate', 0, 0, [nan, -inf, inf, 0, 1], [-1, -1, -1, -1, -1], [0, -1]],
  ['square', 0, 0, [nan, inf, inf, 0, inf], [nan, inf, -inf, 0, -inf], [0, -3e38]],
  ['erf', 0, 0, [nan, 1, -1, 1, -1], [nan, 0, 0, 0, 0], [3e38, -3e38]],
  ['power', 2, 0, [nan, inf, nan, 0, nan], [nan, inf, nan, 0, nan], [0, -1]],
  ['power', 0.5, 0, [nan, inf, nan, 0, nan], [nan, 0, nan, inf, nan], [0, -1]],
  ['huber', 0.5, 0, [nan, inf, inf, 0.125, 0.125], [nan, 0.5, -0.5, 0.5, -0.5], [0.5, -0.5]],
  ['affine', -2, 1, [nan, -inf, inf, 1, 1], [-2, -2, -2, -2, -2]],
];
for (const [name, alpha, beta, results, slopes, kinks = [0, 0]] of limits) {
  const x = row([nan, inf, -inf, ...kinks]);
  const attrs = unaryAttrs(name, alpha, beta);
  const title = `${name}(${alpha}, ${beta})`;
  special(ops.unary, `${title} at its limits`, [x], attrs, [repeated(results)]);
  special(ops.unaryDx, `the derivative of ${title} at its limits`, [row([1, 1, 1, 1, 1]), x], attrs, [
    repeated(slopes),
  ]);
}
const half = vector(0.5);
special(ops.prelu, 'prelu keeps NaN', [row(odd), half], {}, [repeated([nan, inf, -inf, 0])]);
special(ops.preluDx, 'prelu_dx takes NaN and 0 for negative', [row([1, 1, 1, 1]), row(odd), half], {}, [
  repeated([0.5, 1, 0.5, 0.5]),
]);
special(
  ops.preluDw,
  'prelu_dw leaves out what passed',
  [given([2, 5], [1, inf, 1, nan, 1]), given([2, 5], [-2, inf, -inf, 1, nan])],
  { shared: 0 },
  [[-4, 0, -inf, 0, nan]],
);
special(ops.biasAdd, 'bias_add of infinities', [given([3, 2], [inf, -inf]), vector(-inf, 1)], {}, [
  [nan, -inf, nan, -inf, nan, -inf],
]);

const PLAIN = { strideH: 1, strideW: 1, padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 };
const GEOMETRY = { ...PLAIN, dilationH: 1, dilationW: 1, groups: 1, activation: 0, slope: 0 };
const image = (numbers: readonly number[], w = numbers.length) => given([1, 1, w, 1], numbers);
const kernel = given([1, 2, 1, 1], [1, 2]);
special(ops.conv2d, 'conv2d spreads NaN no farther than its kernel', [image([1, 2, nan, 4, 5]), kernel], GEOMETRY, [
  [5, nan, nan, 14],
]);
special(ops.conv2d, 'conv2d overflows to infinity', [image([3e38, 3e38, 1]), kernel], GEOMETRY, [
  [inf, 3e38].map(Math.fround),
]);
special(ops.conv2d, 'conv2d with relu keeps NaN', [image([-1, -2, nan, 4]), kernel], { ...GEOMETRY, activation: 1 }, [
  [0, nan, nan],
]);
special(
  ops.linear,
  'linear keeps NaN and infinities',
  [given([3, 1], [nan, inf, 1]), given([1, 2], [1, 0])],
  { activation: 0, slope: 0 },
  [[nan, nan, inf, nan, 1, 0]],
);

const POOL = { ...PLAIN, kernelH: 1, kernelW: 3, strideW: 3, dilationH: 1, dilationW: 1 };
const COUNTING = { countPadding: 0, ceilBottom: 0, ceilRight: 0, divisor: 0 };
special(ops.maxPool2d, 'max_pool2d gives the first NaN', [image([1, nan, 3, nan, nan, inf, 4, 4, nan])], POOL, [
  [nan, nan, nan],
  [1, 0, 2],
]);
special(ops.maxPool2d, 'max_pool2d of infinities', [image([-inf, -inf, -inf, -1, inf, inf])], POOL, [
  [-inf, inf],
  [0, 1],
]);
special(
  ops.maxPool2d,
  'max_pool2d never takes padding',
  [image([-inf, -5, -6, -7])],
  { ...POOL, padLeft: 2, padRight: 0 },
  [
    [-inf, -5],
    [2, 0],
  ],
);
special(
  ops.maxPool2d,
  'max_pool2d, dilated, never takes padding',
  [image([-inf, nan, -5, -6, -7])],
  { ...POOL, padLeft: 2, padRight: 2, dilationW: 2, strideW: 2 },
  [
    [-5, -5, -5],
    [2, 1, 0],
  ],
);
special(ops.adaptiveMaxPool2d, 'adaptive_max_pool2d', [image([1, nan, 3, -inf, -inf])], { outH: 1, outW: 3 }, [
  [nan, nan, -inf],
  [1, 1, 3],
]);
special(ops.adaptiveAvgPool2d, 'adaptive_avg_pool2d keeps NaN', [image([1, nan, 3, 4])], { outH: 1, outW: 2 }, [
  [nan, 3.5],
]);
special(
  ops.maxUnpool2d,
  'max_unpool2d: positions modulo the image, those that meet added',
  [image([1, 2, nan, inf]), { ...given([1, 1, 4, 1], [6, 1, -1, 2], 'i32') }],
  { outH: 1, outW: 5 },
  [[0, 3, inf, 0, nan]],
);
special(ops.globalMaxPool2d, 'global_max_pool2d gives the first NaN', [image([1, nan, 3, nan])], {}, [[nan], [1]]);
special(ops.globalMaxPool2d, 'global_max_pool2d of -Infinity', [image([-inf, -inf])], {}, [[-inf], [0]]);
special(ops.avgPool2d, 'avg_pool2d keeps NaN', [image([1, 2, nan, 3, 4, 5])], { ...POOL, ...COUNTING }, [[nan, 4]]);

const logits = given([4, 3], [nan, 1, 2, 1, 2, nan, inf, 1, 2, -inf, -inf, 0]);
special(ops.softmax, 'softmax of rows with NaN or infinity', [logits], {}, [
  [nan, nan, nan, nan, nan, nan, nan, nan, nan, 0, 0, 1],
]);
special(ops.logSoftmax, 'log_softmax of rows with NaN or infinity', [logits], {}, [
  [nan, nan, nan, nan, nan, nan, nan, nan, nan, -inf, -inf, 0],
]);
special(
  ops.logSoftmaxDx,
  'log_softmax_dx where the probability is 0',
  [given([1, 3], [1, 2, 3]), given([1, 3], [-inf, -inf, 0])],
  {},
  [[1, 2, -3]],
);
special(
  ops.oneHot,
  'one_hot of labels outside the classes',
  [given([4], [-1, 2, 0, 2 ** 31 - 1], 'i32')],
  { classes: 2 },
  [[nan, nan, nan, nan, 1, 0, nan, nan]],
);
special(
  ops.softmaxCrossEntropy,
  'softmax_cross_entropy where nothing counts',
  [given([2, 2], [0]), given([2], [1], 'i32')],
  { labelSmoothing: 0, ignoreIndex: 1 },
  [[nan], [0.5, 0.5, 0.5, 0.5]],
);
special(ops.countCorrect, 'count_correct never counts NaN', [logits, given([4], [0, 1, 0, 2], 'i32')], {}, [[2]]);
// The row with the bad label has neighbours, whose logits it must not read.
for (const label of [-1, 2, 3, 2 ** 31 - 1, -(2 ** 31)]) {
  const labels = given([3], [0, label, 1], 'i32');
  const even = given([3, 2], [0]);
  const halves = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
  for (const labelSmoothing of [0, 0.5]) {
    const title = `softmax_cross_entropy of label ${label}, smoothing ${labelSmoothing}`;
    special(ops.softmaxCrossEntropy, title, [even, labels], { labelSmoothing, ignoreIndex: -100 }, [[nan], halves]);
  }
  const inputs = [given([3, 2], [0.5, 0.75]), labels, vector(3)];
  const results = [[-0.25, 0.5, 0.25, 0.5, 0.25, 0]];
  special(
    ops.softmaxCrossEntropyDx,
    `softmax_cross_entropy_dx of label ${label}`,
    inputs,
    { labelSmoothing: 0.5, ignoreIndex: -100 },
    results,
  );
}

for (const bad of [nan, inf, -inf]) {
  for (const at of [0, 31, 66]) {
    const numbers = Array.from({ length: 67 }, (_, i) => (i === at ? bad : i));
    special(ops.guardFinite, `guard_finite stops at ${bad} in element ${at}`, [given([67], numbers)], {}, [], false);
  }
}
const SGD = { momentum: 0, nesterov: 0, weightDecay: 0 };
special(ops.sgdStep, 'sgd_step keeps NaN', [vector(1, nan, 1), undefined, vector(nan, 1, 1), vector(0.5)], SGD, [
  [nan, nan, 0.5],
]);
special(
  ops.sgdStep,
  'sgd_step drops velocities below the normal range',
  [vector(0, 0, 0), vector(2 ** -126, -(2 ** -125), 2 ** -140), vector(0, 0, 0), vector(1)],
  { ...SGD, momentum: 0.5 },
  [
    [0, 2 ** -126, 0],
    [0, -(2 ** -126), 0],
  ],
);
special(ops.dropout, 'dropout drops NaN too', [row([nan]), given([2], [1, 1], 'i32')], { rate: 0, stream: 0 }, [
  repeated([nan]),
]);

const implementations = ['reference', ...isaLevels] as const;
it.each(list.cases.map((opCase, index) => [opCase.title, index] as const))('%s', async (_, index) => {
  const opCase = list.cases[index]!;
  const { results, finished } = wanted.get(index)!;
  for (const implementation of implementations) {
    const outcome =
      implementation === 'reference'
        ? runReference(opCase, 'random')
        : await prepareNative(opCase, implementation, 2)('random');
    // Adding 0 makes -0 into 0: the sign of a zero is no part of the contract.
    const plain = outcome.results.map(({ data }) => Array.from(data, (value) => value + 0));
    expect(plain, implementation).toEqual(results.map((numbers) => numbers.map((value) => Math.fround(value) + 0)));
    expect(outcome.finished, implementation).toBe(finished);
    expect(outcome.guardsIntact, implementation).toBe(true);
  }
});
