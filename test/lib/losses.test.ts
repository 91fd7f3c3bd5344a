// Losses: values and gradients of PyTorch 2.13 on a small example, equal bits on both backends, and what they refuse.

import { describe, expect, it } from 'vitest';
import { selectBackend } from '../../lib/backend/select.ts';
import { LanewiseError } from '../../lib/errors.ts';
import { differentiate } from '../../lib/graph/differentiate.ts';
import type { GraphTensor } from '../../lib/graph/graph.ts';
import * as nn from '../../lib/index.ts';
import { Builder } from '../../lib/nn/builder.ts';
import { elementCount } from '../../lib/ops/op.ts';
import { compilePlan } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';
import { isaLevels } from '../ops/implementations.ts';

const LOGITS = [0.5, -1, 2, 1.5, 0.25, -0.75, -2, 0, 1, 3, -0.5, 0.125];
const LABELS = [2, 0, 1, 0];
const WEIGHTS = [0.5, 2, 1.25];

/** Loss and gradient by the output, which is a parameter here. */
async function measured(
  loss: nn.Loss,
  shape: readonly number[],
  output: readonly number[],
  targets: readonly number[],
  backend: nn.BackendOptions = { backend: 'typescript' },
) {
  const builder = new Builder('training');
  const { graph } = builder;
  const x = graph.tensor('parameter', 'net.output', { shape, dtype: 'f32' });
  const spec = loss.targets(x);
  const target = graph.tensor('input', 'targets', spec);
  const value = loss.emit(builder, x, target);
  expect(value.shape).toEqual([1]);
  const gradient = differentiate(graph, value).get(x) as GraphTensor;
  const layout = new StoreLayout();
  const plan = compilePlan(graph, { outputs: { value, gradient }, layout, numerics: 'exact' });
  const engine = selectBackend(backend);
  const store = engine.createStore(layout.bytes);
  const executable = engine.compile(plan, store);
  store.write(layout.place('net.output', x).offset, Float32Array.from(output));
  const data = spec.dtype === 'i32' ? Int32Array.from(targets) : Float32Array.from(targets);
  expect(data.length).toBe(elementCount(spec.shape));
  executable.write(plan.inputs['targets'] as number, data);
  for (const [name, values] of builder.literals) executable.write(plan.inputs[name] as number, values);
  await executable.run();
  const results = { value: new Float32Array(1), gradient: new Float32Array(output.length) };
  executable.read(plan.outputs['value'] as number, results.value);
  executable.read(plan.outputs['gradient'] as number, results.gradient);
  return results;
}

type Example = readonly [
  title: string,
  loss: nn.Loss,
  shape: readonly number[],
  targets: readonly number[],
  value: number,
  gradient: readonly number[],
];

const rows = [4, 3];
const pixels = [1, 2, 2, 3];
const soft = [0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.8, 0.1, 0.25, 0.5, 0.25];
const shares = [0, 1, 1, 1, 0, 0, 0.25, 0.5, 1, 0, 0, 1];
const numbers = [0, -1, 2.5, 0, 0.5, 0, -2, 4, 1, 0.5, 0, 0];
// Printed by torch.nn.functional with seven digits; multi_margin_loss times the three classes.
const examples: readonly Example[] = [
  [
    'softmaxCrossEntropy',
    nn.softmaxCrossEntropy(),
    rows,
    LABELS,
    0.5010155,
    [
      0.0438226, 0.0097781, -0.0536007, -0.0703899, 0.0514591, 0.0189308, 0.0087798, -0.1851259, 0.1763461, -0.0199274,
      0.0069476, 0.0129798,
    ],
  ],
  [
    'softmaxCrossEntropy, label smoothing',
    nn.softmaxCrossEntropy({ labelSmoothing: 0.2 }),
    rows,
    LABELS,
    0.7572656,
    [
      0.0271559, -0.0068885, -0.0202674, -0.0370566, 0.0347925, 0.0022641, -0.0078869, -0.1517926, 0.1596795, 0.0134059,
      -0.0097191, -0.0036869,
    ],
  ],
  [
    'softmaxCrossEntropy, class weights',
    nn.softmaxCrossEntropy({ classWeights: WEIGHTS }),
    rows,
    LABELS,
    0.7544783,
    [
      0.051556, 0.0115037, -0.0630597, -0.0331247, 0.0242161, 0.0089086, 0.0165266, -0.3484723, 0.3319457, -0.0093776,
      0.0032695, 0.0061081,
    ],
  ],
  [
    'softmaxCrossEntropy, class weights and label smoothing',
    nn.softmaxCrossEntropy({ classWeights: WEIGHTS, labelSmoothing: 0.2 }),
    rows,
    LABELS,
    1.0729393,
    [
      0.0437129, -0.0198689, -0.023844, 0.0079183, 0.0001083, -0.0080267, 0.007444, -0.2948859, 0.2874419, 0.0387895,
      -0.0271223, -0.0116673,
    ],
  ],
  [
    'softmaxCrossEntropy, ignore index',
    nn.softmaxCrossEntropy({ ignoreIndex: -1 }),
    rows,
    LABELS.with(1, -1),
    0.5577965,
    [
      0.0584301, 0.0130375, -0.0714677, 0.0, 0.0, 0.0, 0.0117063, -0.2468345, 0.2351282, -0.0265699, 0.0092635,
      0.0173064,
    ],
  ],
  [
    'softmaxCrossEntropy, all three',
    nn.softmaxCrossEntropy({ ignoreIndex: -1, classWeights: WEIGHTS, labelSmoothing: 0.2 }),
    rows,
    LABELS.with(1, -1),
    1.0642369,
    [
      0.0495412, -0.022518, -0.0270232, 0.0, 0.0, 0.0, 0.0084365, -0.334204, 0.3257675, 0.0439614, -0.0307386,
      -0.0132229,
    ],
  ],
  [
    'softmaxCrossEntropy of probabilities',
    nn.softmaxCrossEntropy({ targets: 'probabilities' }),
    rows,
    soft,
    1.4432031,
    [
      -0.0061774, -0.0652219, 0.0713993, -0.0703899, 0.0514591, 0.0189308, -0.0162202, -0.1351259, 0.1513461, 0.1675726,
      -0.1180524, -0.0495202,
    ],
  ],
  [
    'softmaxCrossEntropy of probabilities, class weights and label smoothing',
    nn.softmaxCrossEntropy({ targets: 'probabilities', classWeights: WEIGHTS, labelSmoothing: 0.2 }),
    rows,
    soft,
    2.3631744,
    [
      0.0290743, -0.140524, 0.1114497, 0.0084132, 0.0001151, -0.0085283, -0.0036711, -0.2449936, 0.2486647, 0.2887683,
      -0.2236067, -0.0651616,
    ],
  ],
  [
    'softmaxCrossEntropy of pixels, class weights',
    nn.softmaxCrossEntropy({ classWeights: WEIGHTS }),
    pixels,
    LABELS,
    0.7544783,
    [
      0.051556, 0.0115037, -0.0630597, -0.0331247, 0.0242161, 0.0089086, 0.0165266, -0.3484723, 0.3319457, -0.0093776,
      0.0032695, 0.0061081,
    ],
  ],
  [
    'binaryCrossEntropy',
    nn.binaryCrossEntropy(),
    rows,
    shares,
    0.8014243,
    [
      0.0518716, -0.0609215, -0.0099336, -0.0152021, 0.046848, 0.0267351, -0.0108998, 0.0, -0.0224118, 0.0793812,
      0.0314617, -0.0390659,
    ],
  ],
  [
    'binaryCrossEntropy, positive weight',
    nn.binaryCrossEntropy({ positiveWeight: 3 }),
    rows,
    shares,
    1.3790525,
    [
      0.0518716, -0.1827646, -0.0298007, -0.0456064, 0.046848, 0.0267351, -0.0475996, -0.0416667, -0.0672354, 0.0793812,
      0.0314617, -0.1171977,
    ],
  ],
  [
    'binaryCrossEntropy, positive weights',
    nn.binaryCrossEntropy({ positiveWeight: WEIGHTS }),
    rows,
    shares,
    0.931546,
    [
      0.0518716, -0.1218431, -0.012417, -0.0076011, 0.046848, 0.0267351, -0.0017248, -0.0208333, -0.0280147, 0.0793812,
      0.0314617, -0.0488324,
    ],
  ],
  ['hinge', nn.hinge(), rows, LABELS, 0.5, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.25, 0.25, 0.0, 0.0, 0.0]],
  [
    'hinge, margin 0.5, pixels',
    nn.hinge({ margin: 0.5 }),
    pixels,
    LABELS,
    0.375,
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.25, 0.25, 0.0, 0.0, 0.0],
  ],
  [
    'meanSquaredError',
    nn.meanSquaredError(),
    rows,
    numbers,
    2.157552,
    [0.0833333, 0.0, -0.0833333, 0.25, -0.0416667, -0.125, 0.0, -0.6666667, 0.0, 0.4166667, -0.0833333, 0.0208333],
  ],
  [
    'meanAbsoluteError',
    nn.meanAbsoluteError(),
    rows,
    numbers,
    0.8854167,
    [
      0.0833333, 0.0, -0.0833333, 0.0833333, -0.0833333, -0.0833333, 0.0, -0.0833333, 0.0, 0.0833333, -0.0833333,
      0.0833333,
    ],
  ],
  [
    'huber',
    nn.huber(),
    rows,
    numbers,
    0.5996094,
    [
      0.0416667, 0.0, -0.0416667, 0.0833333, -0.0208333, -0.0625, 0.0, -0.0833333, 0.0, 0.0833333, -0.0416667,
      0.0104167,
    ],
  ],
  [
    'huber, delta 0.4',
    nn.huber({ delta: 0.4 }),
    rows,
    numbers,
    0.2982552,
    [
      0.0333333, 0.0, -0.0333333, 0.0333333, -0.0208333, -0.0333333, 0.0, -0.0333333, 0.0, 0.0333333, -0.0333333,
      0.0104167,
    ],
  ],
  [
    'smoothL1, beta 0.4',
    nn.smoothL1({ beta: 0.4 }),
    rows,
    numbers,
    0.7456381,
    [
      0.0833333, 0.0, -0.0833333, 0.0833333, -0.0520833, -0.0833333, 0.0, -0.0833333, 0.0, 0.0833333, -0.0833333,
      0.0260417,
    ],
  ],
  [
    'dice of sigmoids',
    nn.dice(),
    pixels,
    shares,
    0.3773617,
    [
      0.0093095, -0.0236039, -0.0064009, -0.0149726, 0.0094394, 0.0091892, 0.0004844, -0.0102128, -0.0119864, 0.0017896,
      0.0090125, -0.0151818,
    ],
  ],
  [
    'dice of a softmax',
    nn.dice({ activation: 'softmax' }),
    pixels,
    LABELS,
    0.2691619,
    [
      0.0245813, 0.0062016, -0.030783, -0.0307824, 0.0232517, 0.0075307, 0.0021129, -0.0479497, 0.0458368, -0.0107839,
      0.0040043, 0.0067796,
    ],
  ],
];
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

describe('withPenalty', () => {
  const build = (options: nn.PenaltyOptions) => {
    const builder = new Builder('training');
    const { graph } = builder;
    const w = graph.tensor('parameter', 'linear_1.weight', { shape: [2, 3], dtype: 'f32' });
    const b = graph.tensor('parameter', 'linear_1.bias', { shape: [3], dtype: 'f32' });
    const target = graph.tensor('input', 'targets', { shape: [2, 3], dtype: 'f32' });
    const value = nn.withPenalty(nn.meanSquaredError(), options).emit(builder, w, target);
    return { graph, value, w, b };
  };
  const run = async (options: nn.PenaltyOptions) => {
    const { graph, value, w, b } = build(options);
    const gradients = differentiate(graph, value);
    const layout = new StoreLayout();
    const outputs = { value, dw: gradients.get(w) as GraphTensor };
    const db = gradients.get(b);
    const plan = compilePlan(graph, { outputs: { ...outputs, ...(db && { db }) }, layout, numerics: 'exact' });
    const engine = selectBackend({ backend: 'typescript' });
    const store = engine.createStore(layout.bytes);
    const executable = engine.compile(plan, store);
    store.write(layout.place(w.name, w).offset, Float32Array.of(1, -2, 0, 4, -0.5, 3));
    if (db) store.write(layout.place(b.name, b).offset, Float32Array.of(2, -2, 8));
    executable.write(plan.inputs['targets'] as number, Float32Array.of(1, -2, 0, 4, -0.5, 3));
    await executable.run();
    const read = (name: string, count: number) => {
      const values = new Float32Array(count);
      executable.read(plan.outputs[name] as number, values);
      return Array.from(values, (number) => number + 0);
    };
    return { value: read('value', 1)[0], dw: read('dw', 6), db: db && read('db', 3) };
  };

  it('adds both norms of the weights, and their gradients', async () => {
    const { value, dw, db } = await run({ l1: 0.5, l2: 0.25 });
    expect(value).toBe(0.5 * 10.5 + 0.25 * 30.25);
    expect(dw).toEqual([1, -1.5, 0, 2.5, -0.75, 2]);
    expect(db).toBeUndefined();
  });

  it('takes the parameters named, or all of a layer', async () => {
    expect(await run({ l2: 0.5, parameters: ['linear_1.bias'] })).toMatchObject({ value: 36, db: [2, -2, 8] });
    expect(await run({ l1: 1, parameters: ['linear_1'] })).toMatchObject({ value: 22.5, db: [1, -1, 1] });
  });

  it('refuses names that nothing has, and no factor', () => {
    expect(() => build({ l1: 1, parameters: ['linear'] })).toThrow(
      "withPenalty: no parameter or layer is named 'linear'",
    );
    expect(() => nn.withPenalty(nn.hinge(), {})).toThrow('withPenalty: needs l1 or l2 above 0');
  });
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
