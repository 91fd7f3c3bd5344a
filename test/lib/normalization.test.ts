// Normalisation layers: the values PyTorch 2.13 gives for the same options, shapes, wrong options, the way through a model
// file, frozen statistics, and a training through all of them with equal bits on both backends.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import { selectBackend } from '../../lib/backend/select.ts';
import { datasetFrom } from '../../lib/data/dataset-from.ts';
import { digits } from '../../lib/data/digits.ts';
import * as nn from '../../lib/index.ts';
import { layersFromConfig } from '../../lib/nn/registry.ts';
import { Session } from '../../lib/train/session.ts';

/** Two examples of 2x2 pixels with 4 channels. */
const X = Float32Array.from({ length: 32 }, (_, i) => (((i * 7) % 11) - 5) / 4);
const GAMMA = [1, -0.5, 2, 0.25];
const BETA = [0.5, 0, -1, 0.125];

/** The first eight values that PyTorch gives, channels last. */
const cases: readonly (readonly [string, nn.Layer, readonly number[]])[] = [
  [
    'GroupNorm(2, 4)',
    nn.groupNorm({ groups: 2 }),
    [-0.963113, -0.47336, -2.706034, 0.430973, 1.102458, 0.387295, 0.854384, 0.060097],
  ],
  [
    'InstanceNorm2d(4)',
    nn.instanceNorm(),
    [-1.150783, 0.784455, -1.150783, 1.33353, 0.821988, -1.176682, 0.821988, -0.070186],
  ],
  [
    'LayerNorm over the channels',
    nn.layerNorm(),
    [-0.813057, -0.262611, -2.050446, 0.453264, 0.699997, 0.699991, 1.799964, 0.075001],
  ],
  [
    'LayerNorm([4, 2, 2])',
    nn.layerNorm({ axes: 3 }),
    [0, 0.074532, -0.158682, 0.569813, 0.144256, -0.589047, 0.908815, -0.01683],
  ],
  [
    'LocalResponseNorm(3, 2, 0.75, 1.5)',
    nn.localResponseNorm({ size: 3, alpha: 2, beta: 0.75, k: 1.5 }),
    [-0.592084, 0.22646, -0.22646, 0.592084, 0.153472, -0.368066, 0.496777, 0],
  ],
  [
    'LocalResponseNorm(2, 2, 0.75, 1.5)',
    nn.localResponseNorm({ size: 2, alpha: 2, beta: 0.75, k: 1.5 }),
    [-0.539949, 0.203635, -0.297302, 0.509088, 0.178885, -0.42613, 0.431959, 0],
  ],
];

describe('values', () => {
  it.each(cases)('%s', async (_, layer, wanted) => {
    const model = nn.sequential([layer], { inputShape: [2, 2, 4] });
    for (const [name, { data, role }] of model.tensors) {
      if (role !== 'parameter') continue;
      if (data.length === 16) data.set(data.map((_, i) => (name.endsWith('gamma') ? i / 8 : 0)));
      else if (name.endsWith('gamma')) data.set(GAMMA);
      else if (name.endsWith('beta')) data.set(BETA);
    }
    const y = await model.predict(X);
    expect(y.length).toBe(X.length);
    wanted.forEach((value, i) => {
      expect(Math.abs((y[i] as number) - value), `value ${i}`).toBeLessThan(2e-6 + 1e-5 * Math.abs(value));
    });
  });

  it('gamma and beta have one value a channel, one an element, or are not there', () => {
    const shapes = (layer: nn.Layer) =>
      [...nn.sequential([layer], { inputShape: [3, 5, 4] }).tensors]
        .filter(([, { role }]) => role === 'parameter')
        .map(([name, { shape }]) => [name, ...shape]);
    const layer = (...sizes: number[]) => ['gamma', 'beta'].map((name) => [`layerNorm_1.${name}`, ...sizes]);
    expect(shapes(nn.layerNorm())).toEqual(layer(4));
    expect(shapes(nn.layerNorm({ axes: 3 }))).toEqual(layer(3, 5, 4));
    expect(shapes(nn.layerNorm({ affine: false }))).toEqual([]);
    expect(shapes(nn.instanceNorm())).toEqual([]);
    expect(shapes(nn.instanceNorm({ affine: true }))).toHaveLength(2);
    expect(shapes(nn.batchNorm2d({ affine: false }))).toEqual([]);
  });
});

/** One step over X as a batch of two with a learning rate of 0, and the running statistics after it. */
async function stepOf(layer: nn.Layer, before: (model: nn.Model) => void = () => {}) {
  const model = nn.sequential([layer, nn.flatten(), nn.linear({ units: 2 })], { inputShape: [2, 2, 4] });
  before(model);
  const data = datasetFrom({
    images: X,
    labels: Int32Array.of(0, 1),
    shape: [2, 2, 4],
    classes: ['a', 'b'],
    mean: [0, 0, 0, 0],
    std: [1, 1, 1, 1],
  });
  const optimizer = nn.sgd({ learningRate: 1e-3 });
  await nn.fit(model, { data, optimizer, epochs: 1, batchSize: 2, backend: 'typescript' });
  return {
    model,
    running: ['runningMean', 'runningVariance'].map((name) => [...model.tensor(`batchNorm2d_1.${name}`)]),
  };
}

describe('batch norm', () => {
  it('without affine: running statistics as BatchNorm2d(4, affine=False) has them', async () => {
    const { running } = await stepOf(nn.batchNorm2d({ affine: false }));
    const wanted = [
      [-0.0125, 0.025, -0.00625, -0.003125],
      [0.9732, 0.9536, 0.9781, 0.9794],
    ];
    running.forEach((values, i) => {
      values.forEach((value, c) => {
        expect(value).toBeCloseTo(wanted[i]?.[c] as number, 4);
      });
    });
  });

  it('frozen: statistics are used and stay, gamma and beta are trained', async () => {
    const given = [
      [0.25, -0.5, 0.125, 1],
      [0.5, 2, 1.5, 0.25],
    ];
    const { model, running } = await stepOf(nn.batchNorm2d({ frozen: true }), (fresh) => {
      fresh.tensor('batchNorm2d_1.runningMean').set(given[0] as number[]);
      fresh.tensor('batchNorm2d_1.runningVariance').set(given[1] as number[]);
    });
    expect(running).toEqual(given);
    expect([...model.tensor('batchNorm2d_1.gamma')]).not.toEqual([1, 1, 1, 1]);
  });

  it.each<[nn.Layer, number[]]>([
    [nn.batchNorm1d(), [6]],
    [nn.batchNorm1d(), [9, 6]],
    [nn.batchNorm3d(), [2, 3, 2, 6]],
  ])('$type of $1', async (layer, inputShape) => {
    const model = nn.sequential([layer], { inputShape });
    model.tensor(`${layer.type}_1.runningVariance`).fill(4);
    const x = Float32Array.from({ length: inputShape.reduce((a, b) => a * b) }, (_, i) => i);
    const y = await model.predict(x);
    y.forEach((value, i) => {
      expect(value).toBeCloseTo(i / Math.sqrt(4 + 1e-5), 4);
    });
  });

  it('without affine folds into the convolution before it, once for all predictions', () => {
    const layers = [nn.conv2d({ filters: 4, kernelSize: 3 }), nn.batchNorm2d({ affine: false })];
    const session = new Session(
      nn.sequential(layers, { inputShape: [8, 8, 3] }),
      selectBackend({ backend: 'typescript' }),
      {},
    );
    const { plan } = session.compiled('predict', { inputs: [new Float32Array(8 * 8 * 3)], size: 1 });
    const constant = plan.ops.slice(0, plan.constantOps).map(({ op }) => op.name);
    expect(constant).toEqual(['batch_norm2d_fold']);
    expect(plan.ops.slice(plan.constantOps).map(({ op }) => op.name)).toEqual(['conv2d']);
  });
});

it('the layers come back from their description', () => {
  const layers = [
    ...cases.map(([, layer]) => layer),
    nn.batchNorm1d({ momentum: 0.2 }),
    nn.batchNorm2d({ affine: false, frozen: true }),
    nn.batchNorm3d({ epsilon: 1e-3 }),
  ];
  const configs = layers.map(({ config }) => JSON.parse(JSON.stringify(config)));
  expect(layersFromConfig(configs).map(({ config }) => config)).toEqual(configs);
});

describe('wrong options and inputs', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;
  const on = (layer: nn.Layer, inputShape: number[]) => () => nn.sequential([layer], { inputShape });
  it.each<[string, () => unknown, RegExp]>([
    [
      'groups that do not divide',
      on(nn.groupNorm({ groups: 3 }), [2, 2, 4]),
      /groupNorm_1: groups \(3\) must divide .* 4 channels/,
    ],
    ['no groups', () => nn.groupNorm(wrong({})), /groupNorm: groups must be a whole number from 1/],
    ['an epsilon of 0', () => nn.layerNorm({ epsilon: 0 }), /layerNorm: epsilon must be .* not 0/],
    [
      'affine as a word',
      () => nn.instanceNorm({ affine: wrong('no') }),
      /instanceNorm: affine must be true or false, not 'no'/,
    ],
    [
      'frozen as a number',
      () => nn.batchNorm2d({ frozen: wrong(1) }),
      /batchNorm2d: frozen must be true or false, not 1/,
    ],
    [
      'more axes than there are',
      on(nn.layerNorm({ axes: 4 }), [2, 2, 4]),
      /layerNorm_1: axes is 4, an example has 3 axes/,
    ],
    [
      'instance norm of features',
      on(nn.instanceNorm(), [4]),
      /instanceNorm_1: needs \[n, \.\.\., c\] with pixels between, got \[1,4\]/,
    ],
    ['batchNorm1d on images', on(nn.batchNorm1d(), [2, 2, 4]), /batchNorm1d_1: needs features \[n, c\] or sequences/],
    ['batchNorm2d on features', on(nn.batchNorm2d(), [4]), /batchNorm2d_1: needs images \[n, h, w, c\], got \[1,4\]/],
    ['batchNorm3d on images', on(nn.batchNorm3d(), [2, 2, 4]), /batchNorm3d_1: needs volumes/],
    ['a window of nothing', () => nn.localResponseNorm({ size: 0 }), /localResponseNorm: size must be/],
    ['a huge window', () => nn.localResponseNorm({ size: 8193 }), /localResponseNorm: size must be at most 8192/],
    ['k of 0', () => nn.localResponseNorm({ size: 5, k: 0 }), /localResponseNorm: k must be .* not 0/],
    ['a misspelt option', () => nn.groupNorm(wrong({ groups: 2, eps: 1 })), /groupNorm: has no option 'eps'/],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(nn.LanewiseError);
  });
});

const native = loadNative().binding;

it.skipIf(!native)('a training through all of them has the same bits on both backends', async () => {
  const { train } = digits({ trainCount: 32, testCount: 1, seed: 4 });
  const conv = () => nn.conv2d({ filters: 6, kernelSize: 3, padding: 1 });
  const layers = () => [
    nn.avgPool2d({ size: 4 }),
    ...[
      nn.groupNorm({ groups: 3 }),
      nn.groupNorm({ groups: 2, affine: false }),
      nn.instanceNorm({ affine: true }),
      nn.layerNorm(),
      nn.layerNorm({ axes: 3 }),
      nn.localResponseNorm({ size: 3, alpha: 1 }),
      nn.batchNorm2d({ affine: false }),
      nn.batchNorm2d({ frozen: true }),
    ].flatMap((layer) => [conv(), layer, nn.relu()]),
    nn.flatten(),
    nn.batchNorm1d(),
    nn.linear({ units: 10 }),
  ];
  const trained = async (backend: 'native' | 'typescript', threads: number) => {
    const model = nn.sequential(layers(), { inputShape: [28, 28, 1], seed: 2 });
    const losses: number[] = [];
    await nn.fit(model, {
      data: train,
      optimizer: nn.sgd({ learningRate: 1e-2, momentum: 0.9 }),
      epochs: 2,
      batchSize: 16,
      numerics: 'exact',
      backend,
      onStep: ({ loss }: nn.StepEvent) => losses.push(loss),
      ...(backend === 'native' && { threads }),
    });
    const hash = createHash('sha256');
    for (const { data } of model.tensors.values()) hash.update(new Uint8Array(data.buffer));
    expect(losses.every(Number.isFinite)).toBe(true);
    return { losses, weights: hash.digest('hex') };
  };
  const reference = await trained('typescript', 1);
  expect(await trained('native', 1)).toEqual(reference);
  expect(await trained('native', 2)).toEqual(reference);
});
