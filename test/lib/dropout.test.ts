// Dropout of single values, feature maps and examples: what is dropped together, how much, and the same on both backends.

import { describe, expect, it } from 'vitest';
import { selectBackend } from '../../lib/backend/select.ts';
import { datasetFrom } from '../../lib/data/dataset-from.ts';
import * as nn from '../../lib/index.ts';
import { layersFromConfig } from '../../lib/nn/registry.ts';
import { Session } from '../../lib/train/session.ts';
import { nativeMissing } from '../ops/implementations.ts';

const RATE = 0.25;

/** What the only layer gives in training for `n` examples of ones. */
async function dropped(layer: nn.Layer, shape: readonly number[], n: number, step = 0): Promise<Float32Array> {
  const session = new Session(
    nn.sequential([layer], { inputShape: shape }),
    selectBackend({ backend: 'typescript' }),
    {},
  );
  const inputs = [new Float32Array(n * shape.reduce((a, b) => a * b)).fill(1)];
  const results = await session.inspect({ inputs, targets: [], size: n }, { seed: 3, step, learningRate: 0 });
  return results.values().next().value as Float32Array;
}

describe.each<[string, nn.Layer, number[], (size: number, i: number) => number]>([
  ['dropout', nn.dropout({ rate: RATE }), [3, 5, 4], (_, i) => i],
  ['spatialDropout1d', nn.spatialDropout1d({ rate: RATE }), [15, 4], (size, i) => Math.floor(i / size) * 4 + (i % 4)],
  ['spatialDropout2d', nn.spatialDropout2d({ rate: RATE }), [3, 5, 4], (size, i) => Math.floor(i / size) * 4 + (i % 4)],
  [
    'spatialDropout3d',
    nn.spatialDropout3d({ rate: RATE }),
    [3, 5, 1, 4],
    (size, i) => Math.floor(i / size) * 4 + (i % 4),
  ],
  ['stochasticDepth', nn.stochasticDepth({ rate: RATE }), [3, 5, 4], (size, i) => Math.floor(i / size)],
])('%s', (_, layer, shape, unitOf) => {
  it('drops its units whole, each with the probability, and scales the others', async () => {
    const n = 400;
    const y = await dropped(layer, shape, n);
    const size = y.length / n;
    const units = new Map<number, number>();
    const torn = y.findIndex((value, i) => {
      const unit = unitOf(size, i);
      const whole = value === (units.get(unit) ?? value);
      units.set(unit, value);
      return !whole;
    });
    expect(torn).toBe(-1);
    const values = [...units.values()];
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / Math.fround(1 - RATE))]));
    // Five deviations of a binomial share.
    const bound = 5 * Math.sqrt((RATE * (1 - RATE)) / values.length);
    expect(Math.abs(values.filter((value) => value === 0).length / values.length - RATE)).toBeLessThan(bound);
    expect(await dropped(layer, shape, n)).toEqual(y);
    expect(await dropped(layer, shape, n, 1)).not.toEqual(y);
  });

  it('does nothing in prediction, and comes back from its description', async () => {
    const model = nn.sequential([layer], { inputShape: shape });
    const x = new Float32Array(shape.reduce((a, b) => a * b)).fill(1);
    expect(await model.predict(x)).toEqual(x);
    const config = JSON.parse(JSON.stringify(layer.config));
    expect(layersFromConfig([config])[0]?.config).toEqual(config);
  });
});

it('refuses other shapes and rates', () => {
  const on = (layer: nn.Layer, inputShape: number[]) => () => nn.sequential([layer], { inputShape });
  expect(on(nn.spatialDropout2d(), [4])).toThrow(/spatialDropout2d_1: needs images \[n, h, w, c\], got \[1,4\]/);
  expect(on(nn.spatialDropout1d(), [2, 2, 4])).toThrow(/spatialDropout1d_1: needs sequences/);
  expect(on(nn.spatialDropout3d(), [2, 2, 4])).toThrow(/spatialDropout3d_1: needs volumes/);
  expect(() => nn.stochasticDepth({ rate: 1 })).toThrow(/stochasticDepth: rate must be .* not 1/);
});

it.skipIf(nativeMissing)('gradients through all of them have the same bits on both backends', async () => {
  const body = () => [
    nn.conv2d({ filters: 5, kernelSize: 3, padding: 1 }),
    nn.spatialDropout2d(),
    nn.relu(),
    nn.stochasticDepth({ rate: 0.4 }),
  ];
  const layers = [nn.residual(body()), nn.dropout(), nn.flatten(), nn.linear({ units: 2 })];
  const model = nn.sequential(layers, { inputShape: [4, 4, 5], seed: 1 });
  const images = Float32Array.from({ length: 8 * 80 }, (_, i) => Math.fround(Math.sin(i)));
  const labels = Int32Array.from({ length: 8 }, (_, i) => i % 2);
  const data = datasetFrom({ images, labels, shape: [4, 4, 5], classes: 2 });
  const of = (backend: 'typescript' | 'native') =>
    nn.gradients(model, data, { backend, numerics: 'exact', seed: 5, step: 9 });
  const wanted = await of('typescript');
  expect(await of('native')).toEqual(wanted);
  expect(await nn.gradients(model, data, { backend: 'typescript', seed: 5, step: 10 })).not.toEqual(wanted);
});

describe('gradients', () => {
  const data = datasetFrom({ images: Float32Array.of(1, 2, 3, 4), labels: [0, 1], shape: [2], classes: 2 });
  const model = () => nn.sequential([nn.batchNorm1d(), nn.linear({ units: 2 })], { inputShape: [2], seed: 1 });

  it('are the differences of the loss, and nothing of the model changes', async () => {
    const tested = model();
    const before = [...tested.tensors.values()].map(({ data: values }) => [...values]);
    const { loss, gradients } = await nn.gradients(tested, data, { backend: 'typescript' });
    expect([...tested.tensors.values()].map(({ data: values }) => [...values])).toEqual(before);
    expect([...gradients.keys()]).toEqual([
      'batchNorm1d_1.gamma',
      'batchNorm1d_1.beta',
      'linear_1.weight',
      'linear_1.bias',
    ]);
    const bias = tested.tensor('linear_1.bias');
    const step = 2 ** -10;
    bias[0] = step;
    const above = (await nn.gradients(tested, data, { backend: 'typescript' })).loss;
    bias[0] = -step;
    const below = (await nn.gradients(tested, data, { backend: 'typescript' })).loss;
    expect(loss).toBeGreaterThan(0);
    // The losses, about 1, are rounded to 2^-24: their difference is off by at most 2^-24 / 2^-10.
    expect((above - below) / (2 * step)).toBeCloseTo(gradients.get('linear_1.bias')?.[0] as number, 3);
  });

  it('of frozen parameters are not computed; wrong options are refused', async () => {
    const tested = model();
    tested.freeze('linear_1');
    expect([...(await nn.gradients(tested, data, { backend: 'typescript' })).gradients.keys()]).toHaveLength(2);
    // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
    await expect(nn.gradients(tested, data, { steps: 1 } as any)).rejects.toThrow(/gradients: has no option 'steps'/);
    await expect(nn.gradients(tested, data, { seed: -1 })).rejects.toThrow(/gradients: seed must be/);
  });
});
