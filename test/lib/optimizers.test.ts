// Optimizers and schedules against PyTorch's numbers, and what fit does around a step: groups, clipping, accumulation and
// moving averages, on both backends.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import type { Graph, GraphTensor } from '../../lib/graph/graph.ts';
import * as nn from '../../lib/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanewise-optimizers-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Four steps from w = [0.5, -1.25, 2] down the sum of [1, 2, -0.5] w^2 + w. */
function fourSteps(optimizer: nn.Optimizer): number[] {
  const view = (data: Float32Array) => ({ name: 'w', shape: [data.length], dtype: 'f32' as const, data });
  const w = view(Float32Array.of(0.5, -1.25, 2));
  const slots = optimizer.slots.map(() => view(new Float32Array(3)));
  const tensor = (value: unknown) => value as GraphTensor;
  const graph = {
    emit: (op: { run: (...args: unknown[]) => unknown }, inputs: unknown[], attrs: unknown) =>
      op.run(inputs, [], attrs),
  } as unknown as Graph;
  for (let step = 0; step < 4; step++) {
    const g = view(Float32Array.from([1, 2, -0.5], (factor, i) => 2 * factor * (w.data[i] as number) + 1));
    const hyper = view(Float32Array.from(optimizer.hyper(step, optimizer.learningRate as number)));
    optimizer.emitStep(graph, tensor(w), slots.map(tensor), tensor(g), tensor(hyper));
  }
  return [...w.data];
}

describe('optimizers take the steps of PyTorch', () => {
  const rms = { learningRate: 0.01, alpha: 0.9, centered: true, momentum: 0.5, weightDecay: 0.1, epsilon: 1e-5 };
  for (const [name, optimizer, expected] of [
    ['RMSprop', nn.rmsprop(), [0.2353891, -0.985389, 2.2914426]],
    ['centered RMSprop with momentum and weight decay', nn.rmsprop(rms), [0.3414882, -1.0913808, 2.1652234]],
    ['Adagrad', nn.adagrad({ learningRate: 0.1, weightDecay: 0.01 }), [0.2362631, -0.9862131, 2.2907271]],
  ] as const) {
    it(name, () => {
      for (const [i, value] of fourSteps(optimizer).entries()) expect(value).toBeCloseTo(expected[i] as number, 6);
    });
  }

  it('and refuse options that cannot be meant', () => {
    expect(() => nn.rmsprop({ alpha: 1 })).toThrow('rmsprop: alpha must be a number from 0 to 0.999999, not 1');
    expect(() => nn.adagrad({ alpha: 0.9 } as object)).toThrow("adagrad: has no option 'alpha'");
    const group = { parameters: 'bias' } as unknown as nn.ParameterGroup;
    expect(() => nn.sgd({ learningRate: 1, groups: [group] })).toThrow(
      'sgd: groups[0].parameters must be a regular expression or a function of name and shape',
    );
  });
});

describe('schedules give the rates of PyTorch', () => {
  const at = (schedule: nn.LearningRate, step: number, perEpoch = 1, epochLosses: number[] = [], epochs = 8) =>
    typeof schedule === 'number'
      ? schedule
      : schedule({ step, epoch: Math.floor(step / perEpoch), totalSteps: epochs * perEpoch, epochs, epochLosses });
  const rates = (schedule: nn.LearningRate, count: number) => Array.from({ length: count }, (_, i) => at(schedule, i));
  const close = (actual: number[], expected: number[]) => {
    expect(actual).toHaveLength(expected.length);
    for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i] as number, 6);
  };

  it('StepLR, ExponentialLR', () => {
    const steps = nn.stepDecay({ initial: 1, everyEpochs: 3, gamma: 0.5 });
    close(rates(steps, 8), [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]);
    close(rates(nn.exponentialDecay({ initial: 1, gamma: 0.8 }), 4), [1, 0.8, 0.64, 0.512]);
  });
  it('CosineAnnealingWarmRestarts', () => {
    const restarts = nn.cosine({ initial: 1, minimum: 0.1, restartEpochs: 2, multiplier: 2 });
    close(rates(restarts, 8), [1, 0.55, 1, 0.8681981, 0.55, 0.2318019, 1, 0.9657458]);
    expect(at(nn.cosine({ initial: 1 }), 4)).toBeCloseTo(0.5, 12);
    expect(at(nn.cosine({ initial: 1 }), 6, 2)).toBeCloseTo((1 + Math.cos((3 / 8) * Math.PI)) / 2, 12);
  });
  it('ReduceLROnPlateau', () => {
    const plateau = nn.reduceOnPlateau({ initial: 1, factor: 0.5, patience: 1 });
    const losses = [1, 0.9, 0.95, 0.92, 0.91, 0.5, 0.6, 0.6, 0.6, 0.6];
    const given = losses.map((_, i) => at(plateau, i, 1, losses.slice(0, i), 10));
    close(given, [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]);
  });
  it('a linear warm-up before any other', () => {
    close(rates(nn.linearWarmup(4, 0.8), 6), [0.2, 0.4, 0.6, 0.8, 0.8, 0.8]);
    expect(() => nn.linearWarmup(0, 1)).toThrow('linearWarmup: steps must be a whole number');
    expect(() => nn.cosine({ initial: 1, minimum: 2 })).toThrow('cosine: minimum must be a number from 0 to 1, not 2');
  });
});

const data = nn.datasetFrom({
  images: Float32Array.from({ length: 22 * 36 }, (_, i) => Math.sin(i * (1 + (Math.floor(i / 36) % 3)))),
  labels: Array.from({ length: 22 }, (_, i) => i % 3),
  shape: [6, 6, 1],
  classes: 3,
});
const network = () =>
  nn.sequential(
    [
      nn.conv2d({ filters: 4, kernelSize: 3 }),
      nn.relu(),
      nn.flatten(),
      nn.dropout({ rate: 0.2 }),
      nn.linear({ units: 3 }),
    ],
    { inputShape: [6, 6, 1], seed: 2 },
  );
const common = { data, epochs: 2, batchSize: 4, seed: 1, numerics: 'exact' as const };
const weights = (model: nn.Model) => [...model.tensors.values()].flatMap(({ data: values }) => [...values]);
const change = (model: nn.Model) => {
  const before = weights(network());
  return Math.hypot(...weights(model).map((value, i) => value - (before[i] as number)));
};
async function trained(options: Partial<nn.FitOptions>): Promise<nn.Model> {
  const model = network();
  model.setNormalization([0.1], [1]);
  await nn.fit(model, { ...common, backend: 'typescript', optimizer: nn.sgd({ learningRate: 0.1 }), ...options });
  return model;
}

describe('lars', () => {
  const length = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));
  const once = { epochs: 1, batchSize: 22 };

  it('moves each weight by a share of its length, and vectors as SGD does', async () => {
    const start = network();
    const moved = await trained({ ...once, optimizer: nn.lars({ learningRate: 0.5, trust: 0.01 }) });
    const plain = await trained({ ...once, optimizer: nn.sgd({ learningRate: 0.5 }) });
    for (const name of ['conv2d_1.weight', 'linear_1.weight']) {
      const [before, after] = [start.tensor(name), moved.tensor(name)];
      const step = length(before.map((value, i) => (after[i] as number) - value));
      expect(step / length(before)).toBeCloseTo(0.005, 6);
      // Down the same direction.
      const ratio = before.map(
        (value, i) => ((after[i] as number) - value) / ((plain.tensor(name)[i] as number) - value),
      );
      const far = ratio.filter((_, i) => Math.abs((plain.tensor(name)[i] as number) - (before[i] as number)) > 1e-3);
      expect(Math.max(...far) / Math.min(...far)).toBeCloseTo(1, 2);
    }
    expect(moved.tensor('conv2d_1.bias')).toEqual(plain.tensor('conv2d_1.bias'));
  });

  it('adds the penalty to the gradient and to its length', async () => {
    const decay = 1e3;
    const optimizer = nn.lars({ learningRate: 1, trust: 0.01, momentum: 0, weightDecay: decay });
    const model = await trained({ ...once, optimizer });
    // So strong a penalty is all of the gradient: w - 0.01 w.
    const before = network().tensor('linear_1.weight');
    for (const [i, value] of model.tensor('linear_1.weight').entries())
      expect(value).toBeCloseTo(0.99 * (before[i] as number), 4);
    expect(() => nn.lars({ learningRate: 1, trust: -1 })).toThrow(
      'lars: trust must be a number from 0 to 1000, not -1',
    );
  });
});

describe('around a step', () => {
  it('groups scale learning rates and weight decay', async () => {
    const still = nn.sgd({ learningRate: 0.1, groups: [{ parameters: /^conv2d/, learningRateScale: 0 }] });
    const model = await trained({ optimizer: still });
    expect(model.tensor('conv2d_1.weight')).toEqual(network().tensor('conv2d_1.weight'));
    expect(model.tensor('linear_1.weight')).not.toEqual(network().tensor('linear_1.weight'));
    const decayed = await trained({ optimizer: nn.adamw({ weightDecay: 0.5, groups: [nn.noDecayOfVectors] }) });
    const plain = await trained({ optimizer: nn.adamw({ weightDecay: 0 }), epochs: 1, batchSize: 22 });
    const once = { epochs: 1, batchSize: 22 };
    const some = await trained({ optimizer: nn.adamw({ weightDecay: 0.5, groups: [nn.noDecayOfVectors] }), ...once });
    expect(some.tensor('conv2d_1.bias')).toEqual(plain.tensor('conv2d_1.bias'));
    expect(some.tensor('conv2d_1.weight')).not.toEqual(plain.tensor('conv2d_1.weight'));
    expect(weights(decayed).every(Number.isFinite)).toBe(true);
  });

  it('a global norm bounds the change, a value each element', async () => {
    const once = { epochs: 1, batchSize: 22 };
    expect(change(await trained(once))).toBeGreaterThan(0.011);
    // One step of rate 0.1 along a gradient of length 0.1, but for the 1e-6 in the divisor and the input's constants.
    const model = await trained({ ...once, clip: { norm: 0.1 } });
    const constants = change(await trained({ ...once, optimizer: nn.sgd({ learningRate: 0 }) }));
    expect(Math.sqrt(change(model) ** 2 - constants ** 2)).toBeCloseTo(0.01, 5);
    const small = await trained({ ...once, clip: { value: 1e-4 } });
    const start = network();
    for (const [name, { role, data: values }] of small.tensors) {
      if (role !== 'parameter') continue;
      for (const [i, value] of values.entries())
        expect(Math.abs(value - (start.tensor(name)[i] as number))).toBeLessThanOrEqual(1.0001e-5 + 2 ** -24);
    }
    await expect(trained({ clip: { norm: 0 } })).rejects.toThrow('fit: clip.norm must be a number');
    await expect(trained({ clip: { most: 1 } as object })).rejects.toThrow("fit: clip: has no option 'most'");
  });

  it('accumulated batches make the step of one large batch', async () => {
    const noDropout = () =>
      nn.sequential([nn.conv2d({ filters: 4, kernelSize: 3 }), nn.relu(), nn.flatten(), nn.linear({ units: 3 })], {
        inputShape: [6, 6, 1],
        seed: 2,
      });
    const optimizer = nn.sgd({ learningRate: 0.1, momentum: 0.9 });
    const even = nn.datasetFrom({
      ...data,
      images: data.images.subarray(0, 16 * 36),
      labels: data.labels.slice(0, 16),
    });
    const [whole, parts] = [noDropout(), noDropout()];
    const large = await nn.fit(whole, { ...common, data: even, optimizer, batchSize: 8, backend: 'typescript' });
    const options = { ...common, data: even, optimizer, batchSize: 2, accumulate: 4, backend: 'typescript' as const };
    const small = await nn.fit(parts, options);
    expect([large.steps, small.steps]).toEqual([4, 4]);
    const expected = weights(whole);
    for (const [i, value] of weights(parts).entries()) expect(value).toBeCloseTo(expected[i] as number, 5);
  });

  it('the moving average is what is validated and kept', async () => {
    const average = await trained({ averageDecay: 0.9 });
    const last = await trained({});
    expect(change(average)).toBeLessThan(change(last));
    expect(weights(await trained({ averageDecay: 0 }))).toEqual(weights(last));
  });

  const everything = {
    optimizer: nn.rmsprop({
      learningRate: 0.01,
      momentum: 0.5,
      groups: [{ parameters: /bias/, learningRateScale: 2 }],
    }),
    clip: { norm: 0.5, value: 0.2 },
    accumulate: 3,
    averageDecay: 0.8,
  };
  it.skipIf(!loadNative().binding)('both backends give the same bits', async () => {
    const [reference, native] = [await trained(everything), await trained({ ...everything, backend: 'native' })];
    expect(weights(native)).toEqual(weights(reference));
  });

  it('a run that stops within a step resumes bit for bit', async () => {
    const path = join(folder, 'resume.safetensors');
    const stop = new AbortController();
    let batches = 0;
    const onStep = () => {
      if (++batches === 4) stop.abort();
    };
    await trained({ ...everything, checkpoint: { path }, signal: stop.signal, onStep });
    const resumed = await trained({ ...everything, resume: path });
    expect(weights(resumed)).toEqual(weights(await trained(everything)));
    await expect(trained({ ...everything, accumulate: 2, resume: path })).rejects.toThrow(
      "the checkpoint's accumulate is 3, this run's is 2",
    );
  });
});
