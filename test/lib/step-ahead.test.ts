// While a step runs, the batch of the next one is put together: nothing of it may reach the step, its event or its error.

import { describe, expect, it } from 'vitest';
import * as nn from '../../lib/index.ts';
import { backends, bars, bits, network, options } from './fit-examples.ts';

describe.each(backends.filter(({ skip }) => !skip))('$backend', ({ backend }) => {
  it('asks for the learning rate of a step when the event of the one before is out', async () => {
    const rates: number[] = [];
    let next = 0.1;
    await nn.fit(network(), {
      ...options,
      backend,
      optimizer: nn.sgd({ learningRate: () => next }),
      onStep: ({ step, learningRate }) => {
        rates.push(learningRate);
        next = 0.1 / (step + 1);
      },
    });
    expect(rates).toEqual(Array.from({ length: 14 }, (_, i) => 0.1 / (i + 1)));
  });

  it('counts the hits of a batch among its own labels, not those of the one put together meanwhile', async () => {
    const data = bars(100);
    const half = { ...data, labels: data.labels.map((label, i) => (i % 3 === 0 ? label : -1)) as Int32Array };
    const loss = nn.softmaxCrossEntropy({ ignoreIndex: -1 });
    const model = nn.sequential([nn.flatten(), nn.linear({ units: 2 })], { inputShape: [8, 8, 1], seed: 1 });
    const accuracies: (number | undefined)[] = [];
    await nn.fit(model, {
      ...options,
      ...{ data: half, loss, backend, epochs: 1, optimizer: nn.sgd({ learningRate: 1e-30 }) },
      onEpoch: ({ trainAccuracy }) => accuracies.push(trainAccuracy),
    });
    const { accuracy } = await nn.evaluate(model, half, { loss, backend });
    expect((accuracy as number) * 34).toBeCloseTo(Math.round((accuracy as number) * 34), 9);
    expect(accuracies).toEqual([accuracy]);
  });

  it('names the batch with bad numbers, not the one put together meanwhile', async () => {
    const { images, ...rest } = bars(100);
    const floats = new Float32Array(images);
    floats[99 * 64 + 5] = Number.NaN;
    const steps: number[] = [];
    const data = { ...rest, images: floats };
    const run = nn.fit(network(), { ...options, data, backend, onStep: ({ step }) => steps.push(step) });
    await expect(run).rejects.toThrow(/first bad values: the input images \(1 NaN, 0 infinite of (1024|256)\)/);
    expect(steps.length).toBeLessThan(7);
  });

  it('ends the step in flight when the next batch cannot be put together', async () => {
    const [model, untouched] = [network(), network()];
    const data = bars(100);
    const steps: number[] = [];
    const failing = {
      ...data,
      get images() {
        if (steps.length === 2) throw new Error('the disk is gone');
        return data.images;
      },
    };
    const run = nn.fit(model, { ...options, data: failing, backend, onStep: ({ step }) => steps.push(step) });
    await expect(run).rejects.toThrow('the disk is gone');
    expect(bits(model)).not.toEqual(bits(untouched));
    await nn.fit(model, { ...options, backend, epochs: 1 });
  });
});
