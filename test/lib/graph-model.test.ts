// Networks written as graphs: several inputs and outputs, shared layers, skip connections, and what is wrong with some.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import * as nn from '../../lib/index.ts';
import { streamKey, uniform } from '../../lib/random.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanewise-graph-'));
});
afterAll(() => rm(folder, { recursive: true }));

const nativeMissing = loadNative().binding === undefined;
const draw = (count: number, seed: number) => {
  const key = streamKey(seed);
  return Float32Array.from({ length: count }, (_, i) => 2 * uniform(key, i) - 1);
};

/** A small U: two scales, joined again at the finer one, with features of another kind beside the picture. */
function twoInputs(): nn.Model {
  const picture = nn.input({ shape: [8, 8, 2], name: 'picture' });
  const facts = nn.input({ shape: [3], name: 'facts' });
  const convolve = (filters: number) => (x: nn.Value) =>
    nn.relu()(nn.batchNorm2d()(nn.conv2d({ filters, kernelSize: 3, padding: 'same', bias: false })(x)));
  const fine = convolve(4)(picture);
  const coarse = convolve(8)(nn.maxPool2d({ size: 2 })(fine));
  // 4 x 4 x 8 as 8 x 8 x 2.
  const raised = nn.reshape({ shape: [8, 8, 2] })(
    nn.permute({ axes: [0, 2, 1] })(nn.reshape({ shape: [4, 4, 8] })(coarse)),
  );
  const joined = nn.concat()(fine, raised);
  const pooled = nn.globalAvgPool2d()(convolve(6)(joined));
  const h = nn.concat({ name: 'everything' })([pooled, nn.linear({ units: 5 })(facts)]);
  return nn.model({
    inputs: [picture, facts],
    outputs: { digit: nn.linear({ units: 4, name: 'digit' })(h), parity: nn.linear({ units: 2, name: 'parity' })(h) },
    seed: 4,
  });
}

function twoInputData(count: number): nn.Dataset {
  const labels = Int32Array.from({ length: count }, (_, i) => (i * 7) % 4);
  const images = draw(count * 128, 1).map((value, i) => value + 0.5 * (labels[Math.floor(i / 128)] ?? 0));
  return nn.datasetFrom({
    ...{ name: 'pairs', images, labels, shape: [8, 8, 2], classes: 4 },
    inputs: { facts: { images: draw(count * 3, 2), shape: [3] } },
    targets: { parity: { labels: labels.map((label) => label % 2), classes: ['even', 'odd'] } },
  });
}

const losses = { digit: nn.softmaxCrossEntropy(), parity: { loss: nn.softmaxCrossEntropy(), weight: 0.5 } };
const bits = (model: nn.Model) =>
  Object.fromEntries([...model.tensors].map(([name, { data }]) => [name, [...new Int32Array(data.buffer.slice(0))]]));
const training = { epochs: 2, batchSize: 8, seed: 5, optimizer: nn.adam({ learningRate: 0.01 }), loss: losses };

describe('two inputs and two outputs', () => {
  const data = twoInputData(20);
  const given = { picture: data.images, facts: data.inputs?.['facts']?.images as Float32Array };

  it('have shapes, names and a summary', () => {
    const model = twoInputs();
    expect(model.outputShapes).toEqual(
      new Map([
        ['digit', [4]],
        ['parity', [2]],
      ]),
    );
    expect(model.parameterCount).toBe(2 * 9 * 4 + 8 + 4 * 9 * 8 + 16 + 6 * 9 * 6 + 12 + 3 * 5 + 5 + 11 * 6 + 6);
    expect(model.tensor('facts.scale')).toHaveLength(3);
    const lines = nn.formatSummary(model.summary()).split('\n');
    expect(lines.find((line) => line.startsWith('concat_1'))).toMatch(/8 x 8 x 6 .* relu_1, reshape_2$/);
    expect(lines.at(-1)).toMatch(/^total .* digit: digit, parity: parity$/);
  });

  it('learn, are evaluated, and are predicted by name', async () => {
    const model = twoInputs();
    const steps: nn.StepEvent[] = [];
    const onStep = (event: nn.StepEvent) => steps.push(event);
    const result = await nn.fit(model, { ...training, data, validation: data, epochs: 30, onStep });
    expect(result.trainAccuracy).toBeGreaterThan(0.9);
    const { digit, parity } = steps[0]?.outputs ?? {};
    expect(steps[0]?.loss).toBeCloseTo((digit?.loss ?? 0) + 0.5 * (parity?.loss ?? 0), 5);
    const evaluation = await nn.evaluate(model, data, { loss: losses, batchSize: 7 });
    expect(evaluation.outputs?.['digit']).toMatchObject({ accuracy: evaluation.accuracy });
    expect(evaluation.outputs?.['parity']?.confusion?.map((row) => row.length)).toEqual([2, 2]);
    expect(result.validation?.outputs?.['parity']?.accuracy).toBe(evaluation.outputs?.['parity']?.accuracy);
    const outputs = await model.predictAll(given, { batchSize: 6 });
    expect(Object.values(outputs).map((values) => values.length)).toEqual([80, 40]);
    await expect(model.predict(given)).rejects.toThrow(/predict: the model has the outputs digit, parity/);
    expect(model.tensor('facts.scale')[1]).toBeCloseTo(1 / (data.inputs?.['facts']?.std[1] ?? 0), 5);
  });

  it.skipIf(nativeMissing)('give the same bits on both backends', async () => {
    const [native, typescript] = [twoInputs(), twoInputs()];
    const options = { ...training, data, numerics: 'exact' as const };
    await nn.fit(native, { ...options, backend: 'native', threads: 2 });
    await nn.fit(typescript, { ...options, backend: 'typescript' });
    expect(bits(native)).toEqual(bits(typescript));
  });

  it('are the same after being saved and loaded', async () => {
    const model = twoInputs();
    await nn.fit(model, { ...training, data, epochs: 1 });
    const path = join(folder, 'two.safetensors');
    await model.save(path);
    const loaded = await nn.loadModel(path);
    expect(loaded.architectureJson()).toBe(model.architectureJson());
    expect(bits(loaded)).toEqual(bits(model));
    expect(await loaded.predictAll(given)).toEqual(await model.predictAll(given));
    await loaded.save(join(folder, 'again.safetensors'));
    expect(await readFile(join(folder, 'again.safetensors'))).toEqual(await readFile(path));
  });

  it('resume with the bits of an uninterrupted run', async () => {
    const whole = twoInputs();
    await nn.fit(whole, { ...training, data });
    const path = join(folder, 'two.checkpoint');
    const controller = new AbortController();
    const onStep = ({ step }: nn.StepEvent) => step === 4 && controller.abort();
    await nn.fit(twoInputs(), { ...training, data, signal: controller.signal, onStep, checkpoint: { path } });
    const resumed = twoInputs();
    await nn.fit(resumed, { ...training, data, resume: path });
    expect(bits(resumed)).toEqual(bits(whole));
  });

  const facts = data.inputs?.['facts'] as nn.DatasetInput;
  it('are profiled, and named where numbers went bad', async () => {
    const options = { loss: losses, batchSize: 4, steps: 1, backend: 'typescript' } as const;
    const { ops } = await nn.profileStep(twoInputs(), options);
    expect(ops.map(({ layer }) => layer)).toContain('facts');
    expect(nn.describeArena(twoInputs(), options).ops).toContain('digit linear');
    const bad = { ...facts, images: facts.images.slice() };
    bad.images[7] = Number.NaN;
    await expect(nn.fit(twoInputs(), { ...training, data: { ...data, inputs: { facts: bad } } })).rejects.toThrow(
      /the loss is not finite; first bad values: the input facts \(1 NaN, 0 infinite of 24\)/,
    );
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'one array for two inputs',
      () => twoInputs().predictAll(data.images),
      /has the inputs picture, facts; give arrays/,
    ],
    ['an input too few', () => twoInputs().predictAll({ picture: data.images }), /facts must be a Uint8Array or/],
    ['an unknown input', () => twoInputs().predictAll({ ...given, sound: data.images }), /there is no input sound/],
    [
      'different numbers of examples',
      () => twoInputs().predictAll({ ...given, facts: new Float32Array(3) }),
      /every input needs as many examples, got 20 of picture, 1 of facts/,
    ],
    ['no loss by name', async () => nn.evaluate(twoInputs(), data), /the model has the outputs digit, parity; give/],
    [
      'a loss of no output',
      async () => nn.evaluate(twoInputs(), data, { loss: { digits: nn.softmaxCrossEntropy() } }),
      /evaluate: there is no output digits to have a loss \(there is digit, parity\)/,
    ],
    [
      'a negative weight',
      async () => nn.evaluate(twoInputs(), data, { loss: { digit: { loss: nn.softmaxCrossEntropy(), weight: -1 } } }),
      /loss of digit: weight must be a number from 0/,
    ],
    [
      'data without an input',
      async () => nn.evaluate(twoInputs(), { ...data, inputs: {} }, { loss: losses }),
      /pairs has nothing for the input facts; put it into `inputs`/,
    ],
    [
      'data without a target',
      async () => nn.evaluate(twoInputs(), { ...data, targets: {} }, { loss: losses }),
      /pairs has nothing for the output parity; put it into `targets`/,
    ],
    [
      'data for another input',
      async () => nn.evaluate(twoInputs(), { ...data, inputs: { facts, sound: facts } }, { loss: losses }),
      /pairs has inputs for sound, which the model does not use \(there are facts\)/,
    ],
    [
      'further labels that are too few',
      async () =>
        nn.evaluate(
          twoInputs(),
          { ...data, targets: { parity: { labels: new Int32Array(3), classes: [] } } },
          { loss: losses },
        ),
      /20 picture and 20 facts and 20 labels of digit and 3 labels of parity, count says 20/,
    ],
  ])('refuse %s', async (_, act, message) => {
    await expect(act()).rejects.toThrow(message);
  });
});

describe('a layer applied twice', () => {
  const weights = { weightInit: { values: [0.5, -1, 2, 0.25, 1, -0.5] } } as const;
  const shared = () => {
    const dense = nn.linear({ units: 2, ...weights, name: 'dense' });
    const [a, b] = [nn.input({ shape: [3], name: 'a' }), nn.input({ shape: [3], name: 'b' })];
    return nn.model({ inputs: [a, b], outputs: nn.add()(dense(a), dense(b)) });
  };

  it('has its parameters once, and a row in the summary for each time', () => {
    const model = shared();
    expect(model.parameterCount).toBe(8);
    const rows = model.summary().layers.map(({ name, parameters, from }) => [name, parameters, from]);
    expect(rows).toEqual([
      ['dense', 8, ['a']],
      ['dense#2', 0, ['b']],
      ['add_1', 0, ['dense', 'dense#2']],
    ]);
  });

  it('gets the sum of both gradients', async () => {
    // dense(a) + dense(b) = dense(a + b) plus its bias once more, so its step is that of one layer on the sum.
    const [a, b] = [Float32Array.of(1, 2, 3), Float32Array.of(-2, 0.5, 1)];
    const labels = Int32Array.of(1);
    const plain = { mean: [0, 0, 0], std: [1, 1, 1] };
    const one = { name: 'one', shape: [3], count: 1, labels, classes: ['0', '1'], ...plain };
    const step = { optimizer: nn.sgd({ learningRate: 0.1 }), batchSize: 1 };
    const twice = shared();
    await nn.fit(twice, { ...step, data: { ...one, images: a, inputs: { b: { ...plain, shape: [3], images: b } } } });
    const once = nn.sequential([nn.linear({ units: 2, ...weights })], { inputShape: [3] });
    await nn.fit(once, { ...step, data: { ...one, images: a.map((value, i) => value + (b[i] as number)) } });
    const [expected, got] = [once.tensor('linear_1.weight'), twice.tensor('dense.weight')];
    expected.forEach((value, i) => {
      expect(got[i]).toBeCloseTo(value, 6);
    });
    const [bias, twiceBias] = [once.tensor('linear_1.bias'), twice.tensor('dense.bias')];
    expect(twiceBias[0]).toBeCloseTo(2 * (bias[0] as number), 6);
  });

  it('is shared in files, in a row and inside of blocks as well', async () => {
    const [conv, block] = [nn.conv2d({ filters: 2, kernelSize: 1 }), nn.residual([nn.relu()])];
    const layers = [conv, block, conv, nn.residual([conv, nn.relu()], [block])];
    const model = nn.sequential(layers, { inputShape: [2, 2, 2], seed: 3 });
    expect(model.parameterCount).toBe(6);
    const path = join(folder, 'shared.safetensors');
    await model.save(path);
    const loaded = await nn.loadModel(path);
    expect(loaded.architectureJson()).toBe(model.architectureJson());
    const images = draw(16, 3);
    expect(await loaded.predict(images)).toEqual(await model.predict(images));
  });

  it('must fit both inputs', () => {
    const dense = nn.linear({ units: 2, name: 'dense' });
    const [a, b] = [nn.input({ shape: [3], name: 'a' }), nn.input({ shape: [4], name: 'b' })];
    expect(() => nn.model({ inputs: [a, b], outputs: nn.add()(dense(a), dense(b)) })).toThrow(
      'dense#2: would need dense.weight as [4,2], it is [3,2]; use another layer for inputs of another shape',
    );
  });
});

describe('model', () => {
  const [a, b] = [nn.input({ shape: [2], name: 'a' }), nn.input({ shape: [2], name: 'b' })];
  const y = nn.relu()(a);
  it.each<[string, () => unknown, RegExp]>([
    ['an input that leads nowhere', () => nn.model({ inputs: [a, b], outputs: y }), /no output depends on the input b/],
    [
      'an input left out',
      () => nn.model({ inputs: a, outputs: nn.add()(y, b) }),
      /depend on the input b, which is not one/,
    ],
    [
      'an output of constants',
      () => nn.model({ inputs: a, outputs: { y, k: nn.constant({ shape: [2] }) } }),
      /the output k depends on no/,
    ],
    ['a layer as an output', () => nn.model({ inputs: a, outputs: nn.relu() as never }), /outputs must be a value/],
    ['no outputs', () => nn.model({ inputs: a, outputs: {} }), /outputs must be a value/],
    ['an output that is none', () => nn.model({ inputs: a, outputs: { y: 3 as never } }), /output y is no value/],
    ['a value that is no input', () => nn.model({ inputs: y, outputs: y }), /inputs must be what input\(\) gives/],
    [
      'two inputs of one name',
      () => nn.model({ inputs: [a, nn.input({ shape: [2], name: 'a' })], outputs: y }),
      /two inputs are named a/,
    ],
    [
      'a layer named like an input',
      () => nn.model({ inputs: a, outputs: nn.relu({ name: 'a' })(y) }),
      /two layers are named a/,
    ],
    ['a misspelt option', () => nn.model({ inputs: a, output: y } as never), /model: has no option 'output'/],
  ])('refuses %s', (_, act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(nn.LanewiseError);
  });
});
