// Activation layers: the values PyTorch 2.13 gives for the same options, wrong options, the way through a model file,
// and a training through all of them with equal bits on both backends.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import { digits } from '../../lib/data/digits.ts';
import * as nn from '../../lib/index.ts';
import { layersFromConfig } from '../../lib/nn/registry.ts';

const X = [-7, -3, -1.5, -0.25, 0, 0.5, 1, 2.75, 3, 6, 25];
const cases: readonly (readonly [nn.Layer, string, readonly number[]])[] = [
  [nn.relu6(), 'ReLU6()', [0, 0, 0, 0, 0, 0.5, 1, 2.75, 3, 6, 6]],
  [nn.hardTanh(), 'Hardtanh()', [-1, -1, -1, -0.25, 0, 0.5, 1, 1, 1, 1, 1]],
  [nn.hardTanh({ min: -2, max: 4 }), 'Hardtanh(-2, 4)', [-2, -2, -1.5, -0.25, 0, 0.5, 1, 2.75, 3, 4, 4]],
  [nn.clip({ max: 2 }), 'clamp(max=2)', [-7, -3, -1.5, -0.25, 0, 0.5, 1, 2, 2, 2, 2]],
  [nn.clip({ min: 0.75 }), 'clamp(min=0.75)', [0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 1, 2.75, 3, 6, 25]],
  [nn.elu(), 'ELU()', [-0.999088, -0.950213, -0.77687, -0.221199, 0, 0.5, 1, 2.75, 3, 6, 25]],
  [nn.celu({ alpha: 2 }), 'CELU(2)', [-1.93961, -1.55374, -1.05527, -0.235006, 0, 0.5, 1, 2.75, 3, 6, 25]],
  [
    nn.selu(),
    'SELU()',
    [-1.7565, -1.67057, -1.36581, -0.38889, 0, 0.525351, 1.0507, 2.88943, 3.1521, 6.30421, 26.2675],
  ],
  [nn.gelu(), 'GELU()', [0, -0.00405023, -0.100211, -0.100323, 0, 0.345731, 0.841345, 2.74181, 2.99595, 6, 25]],
  [
    nn.gelu({ approximate: 'tanh' }),
    "GELU('tanh')",
    [0, -0.00363743, -0.100428, -0.100325, 0, 0.345714, 0.841192, 2.74228, 2.99636, 6, 25],
  ],
  [
    nn.silu(),
    'SiLU()',
    [-0.00637736, -0.142278, -0.273638, -0.109456, 0, 0.31123, 0.731059, 2.58476, 2.85772, 5.98516, 25],
  ],
  [
    nn.mish(),
    'Mish()',
    [-0.00638026, -0.145647, -0.2981, -0.129927, 0, 0.375245, 0.865098, 2.73021, 2.98654, 5.99993, 25],
  ],
  [nn.hardSigmoid(), 'Hardsigmoid()', [0, 0, 0.25, 0.458333, 0.5, 0.583333, 0.666667, 0.958333, 1, 1, 1]],
  [nn.hardSwish(), 'Hardswish()', [0, 0, -0.375, -0.114583, 0, 0.291667, 0.666667, 2.63542, 3, 6, 25]],
  [
    nn.softplus(),
    'Softplus()',
    [0.000911466, 0.0485874, 0.201413, 0.575939, Math.LN2, 0.974077, 1.31326, 2.81197, 3.04859, 6.00248, 25],
  ],
  [
    nn.softplus({ beta: 2, threshold: 5 }),
    'Softplus(2, 5)',
    [4.15764e-7, 0.00123784, 0.0242937, 0.237038, 0.346574, 0.656631, 1.06346, 2.75, 3, 6, 25],
  ],
  [nn.softsign(), 'Softsign()', [-0.875, -0.75, -0.6, -0.2, 0, 0.333333, 0.5, 0.733333, 0.75, 0.857143, 0.961538]],
  [nn.prelu(), 'PReLU()', [-1.75, -0.75, -0.375, -0.0625, 0, 0.5, 1, 2.75, 3, 6, 25]],
  [
    nn.prelu({ perChannel: true, slopeInit: { values: [0, 1, -2, 4, 5, 6, 7, 8, 9, 10, 11] } }),
    'PReLU(11)',
    [0, -3, 3, -1, 0, 0.5, 1, 2.75, 3, 6, 25],
  ],
  [nn.logSoftmax(), 'LogSoftmax(-1)', [-32, -28, -26.5, -25.25, -25, -24.5, -24, -22.25, -22, -19, 0]],
];

describe('values', () => {
  it.each(cases.map(([layer, title, wanted]) => [title, layer, wanted] as const))('%s', async (_, layer, wanted) => {
    const model = nn.sequential([layer], { inputShape: [1, 1, X.length] });
    const y = await model.predict(Float32Array.from(X));
    expect(y.length).toBe(X.length);
    wanted.forEach((value, i) => {
      expect(Math.abs((y[i] as number) - value), `f(${X[i]})`).toBeLessThan(1e-6 + 1e-5 * Math.abs(value));
    });
  });
});

it('the layers come back from their description', () => {
  const configs = cases.map(([layer]) => JSON.parse(JSON.stringify(layer.config)));
  expect(layersFromConfig(configs).map(({ config }) => config)).toEqual(configs);
  expect(configs.at(-2)).toEqual({ type: 'prelu', perChannel: true });
  expect(configs[3]).toEqual({ type: 'clip', max: 2 });
});

it('prelu has one slope, or one for each channel', () => {
  const shape = (options: nn.PreluOptions) =>
    nn.sequential([nn.prelu(options)], { inputShape: [4, 4, 3] }).tensors.get('prelu_1.slope')?.shape;
  expect(shape({})).toEqual([1]);
  expect(shape({ perChannel: true })).toEqual([3]);
});

describe('wrong options', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;
  it.each<[string, () => unknown, RegExp]>([
    ['gelu by another approximation', () => nn.gelu({ approximate: wrong('erf') }), /'none' or 'tanh', not 'erf'/],
    ['a clip without ends', () => nn.clip({}), /clip: needs min or max, or both/],
    ['a clip with ends exchanged', () => nn.clip({ min: 2, max: 1 }), /clip: max must be a number from 2 to .* not 1/],
    ['a hardTanh with ends exchanged', () => nn.hardTanh({ min: 2 }), /hardTanh: max must be a number from 2/],
    ['elu without alpha', () => nn.elu({ alpha: 0 }), /elu: alpha must be .* not 0/],
    ['a NaN alpha', () => nn.celu({ alpha: Number.NaN }), /celu: alpha must be .* not NaN/],
    ['an infinite beta', () => nn.silu({ beta: Infinity }), /silu: beta must be .* not Infinity/],
    ['a softplus without a bend', () => nn.softplus({ beta: 0 }), /softplus: beta must be .* not 0/],
    ['a softplus without a threshold', () => nn.softplus({ threshold: wrong('20') }), /threshold must be .* not '20'/],
    ['a hardSigmoid of text', () => nn.hardSigmoid({ alpha: wrong('1') }), /hardSigmoid: alpha must be .* not '1'/],
    ['prelu per anything else', () => nn.prelu({ perChannel: wrong(3) }), /prelu: perChannel must be true or false/],
    ['options of another layer', () => nn.relu6(wrong({ alpha: 1 })), /relu6: has no option 'alpha'/],
    ['options that are none', () => nn.mish(wrong(null)), /mish: options must be an object/],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(nn.LanewiseError);
  });
});

const native = loadNative().binding;

it.skipIf(!native)('a training through all of them has the same bits on both backends', async () => {
  const { train } = digits({ trainCount: 48, testCount: 1, seed: 4 });
  const bend = (layer: nn.Layer) => [nn.conv2d({ filters: 5, kernelSize: 3, padding: 1 }), layer];
  const layers = () => [
    nn.avgPool2d({ size: 4 }),
    ...cases
      .filter(([, title]) => title !== 'PReLU(11)')
      .flatMap(([layer]) => nn.residual(bend(layer), bend(nn.tanh()))),
    nn.prelu({ perChannel: true }),
    nn.globalAvgPool2d(),
    nn.linear({ units: 10 }),
  ];
  const trained = async (backend: 'native' | 'typescript', threads: number) => {
    const model = nn.sequential(layers(), { inputShape: [28, 28, 1], seed: 2 });
    const losses: number[] = [];
    const optimizer = nn.sgd({ learningRate: 1e-3, momentum: 0.9 });
    const onStep = ({ loss }: nn.StepEvent) => losses.push(loss);
    await nn.fit(model, {
      data: train,
      optimizer,
      seed: 11,
      epochs: 2,
      batchSize: 16,
      numerics: 'exact',
      backend,
      onStep,
      ...(backend === 'native' && { threads }),
    });
    const hash = createHash('sha256');
    for (const { data } of model.tensors.values()) hash.update(new Uint8Array(data.buffer));
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(model.tensor('prelu_1.slope')[0]).not.toBe(0.25);
    return { losses, weights: hash.digest('hex') };
  };
  const reference = await trained('typescript', 1);
  expect(reference.losses).toHaveLength(6);
  expect(await trained('native', 1)).toEqual(reference);
  expect(await trained('native', 2)).toEqual(reference);
});

describe('softmax over another axis', () => {
  it('adds up to 1 along it, and its logarithm agrees', async () => {
    const [h, w, c] = [3, 4, 5];
    const images = Float32Array.from({ length: 2 * h * w * c }, (_, i) => 3 * Math.sin(i));
    for (const [axis, size, stride] of [
      [0, h, w * c],
      [1, w, c],
      [-2, w, c],
      [-1, c, 1],
    ] as const) {
      const run = (layer: nn.Layer) =>
        nn.sequential([layer], { inputShape: [h, w, c] }).predict(images, { backend: 'typescript' });
      const [y, log] = [await run(nn.softmax({ axis })), await run(nn.logSoftmax({ axis }))];
      for (let i = 0; i < images.length; i++) {
        const first = i - (Math.floor(i / stride) % size) * stride;
        const along = Array.from({ length: size }, (_, k) => images[first + k * stride] as number);
        const total = along.reduce((sum, value) => sum + Math.exp(value), 0);
        expect(y[i]).toBeCloseTo(Math.exp(images[i] as number) / total, 5);
        expect(log[i]).toBeCloseTo((images[i] as number) - Math.log(total), 4);
      }
    }
  });

  it('refuses an axis that is none', () => {
    expect(() => nn.softmax({ axis: 0.5 })).toThrow('softmax: axis must be a whole number, not 0.5');
    expect(() => nn.sequential([nn.softmax({ axis: 3 })], { inputShape: [3, 4, 5] })).toThrow(
      'softmax_1: has axis 3, an example [3,4,5] has 3',
    );
  });
});
