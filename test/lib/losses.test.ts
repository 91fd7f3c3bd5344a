// Losses: values and gradients of PyTorch 2.13 on a small example, equal bits on both backends, and what they refuse.

import { describe, expect, it } from 'vitest';
import { LanewiseError } from '../../lib/errors.ts';
import * as nn from '../../lib/index.ts';
import { isaLevels } from '../ops/implementations.ts';
import { examples, LABELS, LOGITS, pixels, rows, shares, WEIGHTS } from './loss-examples.ts';
import { measured } from './loss-run.ts';

// Fp32 rounding of a dozen steps, and the seventh digit.
const DIGITS = 6;

describe.each(examples)('%s', (_, loss, shape, targets, value, gradient) => {
  it('gives the value and the gradient of PyTorch', async () => {
    const results = await measured(loss, shape, LOGITS, targets);
    expect(results.value[0]).toBeCloseTo(value, DIGITS);
    expect(Array.from(results.gradient)).toEqual(gradient.map((number) => expect.closeTo(number, DIGITS)));
  });

  it.each(isaLevels)('gives the same bits on %s', async (isa) => {
    const wanted = await measured(loss, shape, LOGITS, targets);
    const got = await measured(loss, shape, LOGITS, targets, { backend: 'native', isa, threads: 2 });
    // + 0: the sign of a zero is free.
    const bits = (values: Float32Array) => Array.from(values, (number) => number + 0);
    expect(bits(got.gradient)).toEqual(bits(wanted.gradient));
    expect(got.value).toEqual(wanted.value);
  });
});

it('is the SVM loss of CS231n', async () => {
  // The example of the course notes: cat, car and frog, one image a row.
  const scores = [3.2, 5.1, -1.7, 1.3, 4.9, 2, 2.2, 2.5, -3.1];
  const { value } = await measured(nn.hinge(), [3, 3], scores, [0, 1, 2]);
  expect(value[0]).toBeCloseTo((2.9 + 0 + 12.9) / 3, 5);
});

it('adds up in doubles', async () => {
  // Two thousand times more elements than a chain of fp32 sums would keep.
  const count = 300_001;
  const output = Array.from({ length: count }, (_, i) => (i % 7) / 8 + 0.1);
  const exact = output.reduce((total, x) => total + Math.fround(x) ** 2, 0) / count;
  const { value } = await measured(nn.meanSquaredError(), [1, count], output, new Array(count).fill(0));
  // The squares are exact in doubles; one rounding of the sum, one of 1 / count, one of their product.
  expect(Math.abs((value[0] as number) - exact)).toBeLessThanOrEqual(3 * 2 ** -24 * exact);
});

it('is NaN, and nothing else, where a target is no target', async () => {
  for (const label of [-1, 3, 2 ** 31 - 1]) {
    for (const loss of [nn.softmaxCrossEntropy(), nn.softmaxCrossEntropy({ classWeights: WEIGHTS }), nn.hinge()]) {
      expect((await measured(loss, rows, LOGITS, [2, label, 1, 0])).value[0]).toBeNaN();
    }
    const dice = nn.dice({ activation: 'softmax' });
    expect((await measured(dice, pixels, LOGITS, [2, label, 1, 0])).value[0]).toBeNaN();
  }
  const wrong = shares.with(4, Number.NaN);
  const losses = [
    nn.softmaxCrossEntropy({ targets: 'probabilities' }),
    nn.binaryCrossEntropy(),
    nn.meanSquaredError(),
    nn.meanAbsoluteError(),
    nn.huber(),
  ];
  for (const loss of losses) expect((await measured(loss, rows, LOGITS, wrong)).value[0], loss.type).toBeNaN();
  const ignoring = nn.softmaxCrossEntropy({ ignoreIndex: 9 });
  expect((await measured(ignoring, rows, LOGITS, [9, 9, 9, 9])).value[0]).toBeNaN();
});

it('stays finite and exact where logits are large', async () => {
  const { value, gradient } = await measured(nn.binaryCrossEntropy(), [1, 4], [90, -90, 300, -300], [1, 0, 0, 1]);
  expect(value[0]).toBe(150);
  expect(Array.from(gradient)).toEqual([-0, 0, 0.25, -0.25].map((x) => expect.closeTo(x, 12)));
});

it('asks for targets of one shape', () => {
  const output = { shape: [2, 5, 4, 3], dtype: 'f32' } as const;
  const classes = { shape: [2, 5, 4], dtype: 'i32' };
  expect(nn.softmaxCrossEntropy().targets(output)).toEqual(classes);
  expect(nn.hinge().targets(output)).toEqual(classes);
  expect(nn.dice({ activation: 'softmax' }).targets(output)).toEqual(classes);
  for (const loss of [nn.dice(), nn.huber(), nn.binaryCrossEntropy(), nn.withPenalty(nn.smoothL1(), { l1: 1 })]) {
    expect(loss.targets(output)).toEqual(output);
  }
});

describe('refuses', () => {
  it.each<[string, () => unknown]>([
    ['softmaxCrossEntropy: labelSmoothing must be below 1', () => nn.softmaxCrossEntropy({ labelSmoothing: 1 })],
    ['softmaxCrossEntropy: classWeights must be a list', () => nn.softmaxCrossEntropy({ classWeights: [] })],
    ['softmaxCrossEntropy: classWeights must be a number', () => nn.softmaxCrossEntropy({ classWeights: [1, -1] })],
    ['softmaxCrossEntropy: ignoreIndex must be a whole', () => nn.softmaxCrossEntropy({ ignoreIndex: 0.5 })],
    [
      'softmaxCrossEntropy: ignoreIndex is a class number',
      () => nn.softmaxCrossEntropy({ ignoreIndex: 0, targets: 'probabilities' }),
    ],
    ["softmaxCrossEntropy: targets must be 'classes'", () => nn.softmaxCrossEntropy({ targets: 'soft' as 'classes' })],
    ["softmaxCrossEntropy: has no option 'weight'", () => nn.softmaxCrossEntropy({ weight: 1 } as object)],
    [
      'binaryCrossEntropy: positiveWeight must be a number',
      () => nn.binaryCrossEntropy({ positiveWeight: Number.NaN }),
    ],
    ['hinge: margin must be a number', () => nn.hinge({ margin: -1 })],
    ['huber: delta must be a number', () => nn.huber({ delta: 0 })],
    ['smoothL1: beta must be a number', () => nn.smoothL1({ beta: 0 })],
    ["dice: activation must be 'sigmoid'", () => nn.dice({ activation: 'tanh' as 'sigmoid' })],
    ['dice: batch must be true or false', () => nn.dice({ batch: 1 as unknown as boolean })],
    ['dice: needs logits of pixels', () => nn.dice().targets({ shape: [4, 3], dtype: 'f32' })],
    ['hinge: needs logits [n, ..., classes]', () => nn.hinge().targets({ shape: [4], dtype: 'f32' })],
    ['withPenalty: needs a loss', () => nn.withPenalty(undefined as unknown as nn.Loss, { l1: 1 })],
  ])('%s', (message, make) => {
    expect(make).toThrow(LanewiseError);
    expect(make).toThrow(message);
  });

  it('class weights of another number', async () => {
    const loss = nn.softmaxCrossEntropy({ classWeights: [1, 2] });
    await expect(measured(loss, rows, LOGITS, LABELS)).rejects.toThrow(
      'softmaxCrossEntropy: classWeights has 2 numbers, the network gives 3 classes',
    );
  });
});
