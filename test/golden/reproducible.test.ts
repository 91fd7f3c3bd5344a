// The promise of equal bits, over whole trainings: both backends, every instruction set, any number of threads.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import { digits } from '../../lib/data/digits.ts';
import * as nn from '../../lib/index.ts';

const native = loadNative().binding;
const unavailable = native ? '' : 'no native binary loads';
const { train } = digits({ trainCount: 1600, testCount: 1, seed: 4 });

interface Trace {
  readonly losses: number[];
  readonly weights: string;
}

async function trace(model: nn.Model, options: Partial<nn.FitOptions>): Promise<Trace> {
  const losses: number[] = [];
  const optimizer = nn.sgd({ learningRate: 0.02, momentum: 0.9, nesterov: true, weightDecay: 1e-4 });
  await nn.fit(model, { data: train, optimizer, seed: 11, onStep: ({ loss }) => losses.push(loss), ...options });
  const hash = createHash('sha256');
  for (const { data } of model.tensors.values()) hash.update(new Uint8Array(data.buffer));
  return { losses, weights: hash.digest('hex') };
}

const lenet = () => nn.sequential(nn.models.lenet5(), { inputShape: [28, 28, 1], seed: 2 });

/** A little of everything that has an order of its own. */
const mixture = () =>
  nn.sequential(
    [
      nn.conv2d({ filters: 12, kernelSize: 3, stride: 2, padding: 'same', bias: false }),
      nn.batchNorm2d(),
      nn.relu(),
      nn.conv2d({ filters: 24, kernelSize: [3, 2], groups: 12, padding: [1, 0] }),
      nn.leakyRelu(),
      nn.avgPool2d({ size: 3, stride: 2, padding: 1 }),
      nn.residual([
        nn.conv2d({ filters: 24, kernelSize: 3, padding: 1, dilation: 1 }),
        nn.tanh(),
        nn.dropout({ rate: 0.2 }),
      ]),
      nn.conv2d({ filters: 36, kernelSize: 3, groups: 2, padding: 2, dilation: 2 }),
      nn.sigmoid(),
      nn.globalAvgPool2d(),
      nn.linear({ units: 10 }),
    ],
    { inputShape: [28, 28, 1], seed: 2 },
  );

/** Convolutions that fast numerics run as Winograd: 3x3 ones, a dilated one, one with a kernel of twice its stride. */
const wide = () =>
  nn.sequential(
    [
      nn.conv2d({ filters: 32, kernelSize: 3, stride: 2, padding: 1 }),
      nn.relu(),
      nn.conv2d({ filters: 40, kernelSize: 3, padding: 'same' }),
      nn.relu(),
      nn.conv2d({ filters: 32, kernelSize: 3, padding: 2, dilation: 2 }),
      nn.relu(),
      nn.conv2d({ filters: 32, kernelSize: 4, stride: 2, padding: 2 }),
      nn.relu(),
      nn.conv2d({ filters: 33, kernelSize: 3, padding: [0, 2] }),
      nn.globalMaxPool2d(),
      nn.linear({ units: 10 }),
    ],
    { inputShape: [28, 28, 1], seed: 2 },
  );

const networks = { lenet, mixture, wide };

describe.skipIf(unavailable)(`equal bits${unavailable ? ` (${unavailable})` : ''}`, () => {
  it('LeNet-5: 100 steps on both backends, exact numerics', { timeout: 600_000 }, async () => {
    const options = { batchSize: 16, numerics: 'exact' as const };
    const reference = await trace(lenet(), { ...options, backend: 'typescript' });
    expect(reference.losses).toHaveLength(100);
    expect(reference.losses.at(-1)).toBeLessThan(0.7 * reference.losses[0]!);
    expect(await trace(lenet(), { ...options, backend: 'native' })).toEqual(reference);
  });

  it('a mixture of layers: both backends, exact numerics, the last batch smaller', async () => {
    const data = {
      ...train,
      count: 70,
      images: train.images.subarray(0, 70 * 784),
      labels: train.labels.subarray(0, 70),
    };
    const options = { data, batchSize: 32, numerics: 'exact' as const, optimizer: nn.adamw({ learningRate: 0.003 }) };
    const reference = await trace(mixture(), { ...options, backend: 'typescript' });
    expect(reference.losses).toHaveLength(3);
    expect(await trace(mixture(), { ...options, backend: 'native' })).toEqual(reference);
  });

  const levels = (native?.info().isaLevels ?? []) as NonNullable<nn.BackendOptions['isa']>[];
  for (const numerics of ['fast', 'exact'] as const) {
    it.each(['lenet', 'mixture', 'wide'] as const)(
      `every level and 1, 2, 3, 7 threads: %s, ${numerics} numerics`,
      async (name) => {
        const network = networks[name];
        const data = {
          ...train,
          count: 90,
          images: train.images.subarray(0, 90 * 784),
          labels: train.labels.subarray(0, 90),
        };
        const run = (isa: (typeof levels)[number], threads: number) =>
          trace(network(), { data, batchSize: 32, numerics, backend: 'native', isa, threads });
        const expected = await run(levels.at(-1)!, 1);
        for (const isa of levels) {
          for (const threads of [1, 2, 3, 7]) {
            expect(await run(isa, threads), `${isa}, ${threads} threads`).toEqual(expected);
          }
        }
      },
    );
  }

  it('fast numerics take other algorithms, close to the exact ones', async () => {
    const data = {
      ...train,
      count: 16,
      images: train.images.subarray(0, 16 * 784),
      labels: train.labels.subarray(0, 16),
    };
    const [fast, exact] = [wide(), wide()];
    await trace(fast, { data, batchSize: 8, numerics: 'fast' });
    await trace(exact, { data, batchSize: 8, numerics: 'exact' });
    for (const [name, { data: values }] of fast.tensors) {
      const norm = Math.hypot(...exact.tensor(name));
      const difference = Math.hypot(...values.map((value, i) => value - exact.tensor(name)[i]!));
      // Two steps, three convolutions each way: some ten times the error of one (docs/numerics.md).
      expect(difference / norm, name).toBeLessThan(2e-5);
      if (name === 'conv2d_2.weight') expect(difference).toBeGreaterThan(0);
    }
  });

  it('another seed gives other bits', async () => {
    const one = await trace(lenet(), { batchSize: 64, seed: 1 });
    expect(await trace(lenet(), { batchSize: 64, seed: 2 })).not.toEqual(one);
  });
});
