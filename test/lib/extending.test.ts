// The examples of docs/extending.md run, and stand there as they run.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import * as nn from '../../lib/index.ts';
import { distance, gate, quantize, withSmallLogits } from './extending-example.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanewise-extending-'));
});
afterAll(() => rm(folder, { recursive: true }));

const nativeMissing = loadNative().binding === undefined;
const read = (path: string) => readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8');

const data = nn.datasetFrom({
  images: Float32Array.from({ length: 20 * 6 }, (_, i) => Math.sin(i * i) + (Math.floor(i / 6) % 2)),
  labels: Array.from({ length: 20 }, (_, i) => i % 2),
  shape: [6],
  classes: 2,
});
const training = { data, epochs: 30, batchSize: 10, optimizer: nn.adam({ learningRate: 0.02 }) };

it('docs/extending.md has the code that runs here', async () => {
  const blocks = [...(await read('../../docs/extending.md')).matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  const example = (await read('extending-example.ts')).replace("'../../lib/index.ts'", "'lanewise'");
  expect(blocks.join('\n')).toBe(example.slice(example.indexOf('import')));
});

describe('a layer of existing ones', () => {
  const model = () => nn.sequential([gate({ hidden: 3 }), nn.linear({ units: 2 })], { inputShape: [6], seed: 1 });

  it('has parameters, gradients, a summary and a place in files', async () => {
    const trained = model();
    expect(trained.parameterCount).toBe(6 * 3 + 3 + 3 * 6 + 6 + 6 * 2 + 2);
    expect(trained.summary().layers.map(({ name, depth }) => [name, depth])).toContainEqual(['linear_2', 1]);
    const { trainAccuracy } = await nn.fit(trained, training);
    expect(trainAccuracy).toBeGreaterThan(0.9);
    const path = join(folder, 'gate.safetensors');
    await trained.save(path);
    const loaded = await nn.loadModel(path);
    expect(await loaded.predict(data.images)).toEqual(await trained.predict(data.images));
  });

  it.skipIf(nativeMissing)('gives the same bits on both backends', async () => {
    const [native, typescript] = [model(), model()];
    await nn.fit(native, { ...training, numerics: 'exact', backend: 'native' });
    await nn.fit(typescript, { ...training, numerics: 'exact', backend: 'typescript' });
    for (const [name, { data: values }] of native.tensors) expect(values).toEqual(typescript.tensor(name));
  });

  it('shares what is within it when it is applied twice, and takes its weights along', async () => {
    const inputs = nn.input({ shape: [6] });
    const shared = gate({ hidden: 3 });
    const h = nn.add()(shared(inputs), shared(shared(inputs)));
    const twice = nn.model({ inputs, outputs: nn.linear({ units: 2 })(h), seed: 2 });
    expect(twice.parameterCount).toBe(6 * 3 + 3 + 3 * 6 + 6 + 6 * 2 + 2);
    expect(twice.summary().layers.map(({ name }) => name)).toContain('linear_1#3');
    await nn.fit(twice, training);
    const other = nn.sequential([nn.linear({ units: 6 }), shared], { inputShape: [6], seed: 3 });
    expect(other.copyWeights(twice)).toContain('linear_3.weight');
    expect(other.tensor('linear_3.weight')).toEqual(twice.tensor('linear_2.weight'));
  });

  it('takes several inputs, and may be applied twice', async () => {
    const inputs = nn.input({ shape: [6] });
    const [left, right] = nn.split(inputs, { parts: 2 }) as [nn.Value, nn.Value];
    const measure = distance();
    const twice = nn.model({ inputs, outputs: nn.add()(measure(left, right), measure(right, left)) });
    expect(twice.parameterCount).toBe(3);
    expect([...(await twice.predict(Float32Array.of(1, 2, 3, 3, 2, 5)))]).toEqual([4, 0, 4]);
  });
});

it('a loss of existing ops keeps the logits small', async () => {
  const norm = async (loss: nn.Loss) => {
    const model = nn.sequential([nn.linear({ units: 2 })], { inputShape: [6], seed: 1 });
    await nn.fit(model, { ...training, loss });
    return Math.hypot(...(await model.predict(data.images)));
  };
  expect(await norm(withSmallLogits(1))).toBeLessThan(0.7 * (await norm(withSmallLogits(0))));
  expect(await norm(withSmallLogits(0))).toBe(await norm(nn.softmaxCrossEntropy()));
});

describe('an op of the TypeScript backend alone', () => {
  const model = () =>
    nn.sequential([nn.linear({ units: 8 }), quantize({ steps: 4 }), nn.linear({ units: 2 })], { inputShape: [6] });

  const nativeRequired = process.env['LANEWISE_NATIVE'] === 'required';
  it.skipIf(nativeRequired)('runs, passes its gradient on, and makes "auto" choose that backend', async () => {
    const warned: string[] = [];
    const listen = (warning: Error) => warned.push(warning.message);
    process.on('warning', listen);
    const trained = model();
    const before = trained.tensor('linear_1.weight').slice();
    const result = await nn.fit(trained, training);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(result.backend).toBe('typescript');
    expect(trained.tensor('linear_1.weight')).not.toEqual(before);
    expect(warned).toContain('lanewise: op round_off has no native code, so the slower TypeScript backend runs');
    const inner = nn.sequential([quantize({ steps: 4 })], { inputShape: [3] });
    const outputs = await inner.predict(Float32Array.of(0.3, 0.9, -0.6), { backend: 'typescript' });
    expect([...outputs]).toEqual([0.25, 1, -0.5]);
  });

  it.skipIf(nativeMissing)('is refused by the native backend', async () => {
    const refusal = "op round_off has no native code; use backend: 'typescript' or 'auto'";
    await expect(nn.fit(model(), { ...training, backend: 'native' })).rejects.toThrow(refusal);
    await expect(model().predict(data.images, { backend: 'native' })).rejects.toThrow(refusal);
    await expect(nn.evaluate(model(), data, { backend: 'native' })).rejects.toThrow(refusal);
  });
});

const definition = { inputs: ['x'], outputs: ['y'], attrs: {}, infer: () => [], run: () => undefined } as const;
it.each<[string, () => unknown, RegExp]>([
  [
    'a layer type that exists',
    () => nn.defineLayer({ type: 'relu', emit: (_, __, x) => x as never }),
    /there is a layer relu/,
  ],
  [
    'a type that is no name',
    () => nn.defineLayer({ type: 'my layer', emit: () => 0 as never }),
    /defineLayer: type 'my/,
  ],
  ['no emit', () => nn.defineLayer({ type: 'empty' } as never), /defineLayer: empty: needs emit/],
  [
    'inputs below 0',
    () => nn.defineLayer({ type: 'less', inputs: -1, emit: () => 0 as never }),
    /less: inputs must be/,
  ],
  ['an option it does not have', () => gate({ hidden: 3, width: 2 } as never), /gate: has no option 'width'/],
  ['a wrong option', () => quantize({ steps: 0 }), /quantize: steps must be above 0, not 0/],
  ['a wrong number of inputs', () => distance()(nn.input({ shape: [3] })), /distance: takes 2 inputs, got 1/],
  ['an op that exists', () => nn.defineOp({ name: 'relu', ...definition }), /defineOp: there is an op relu already/],
  [
    'an op without run',
    () => nn.defineOp({ name: 'idle', ...definition, run: 0 } as never),
    /idle needs the function run/,
  ],
])('refuses %s', (_, act, message) => {
  expect(act).toThrow(message);
});
