// What the export writes gives the same in onnxruntime, where that is installed, and in lanewise after the way back.

import { describe, expect, it } from 'vitest';
import * as lw from '../../../lib/index.ts';
import { layerTypes } from '../../../lib/nn/registry.ts';
import { channelsFirst } from '../../../lib/onnx/export/file-value.ts';
import { rearranged } from '../../../lib/onnx/value.ts';
import { exportCases } from './export-cases.ts';
import { type FileTensor, runInOnnxRuntime, withoutOnnxRuntime } from './onnxruntime.ts';

const BATCH = 5;
const types = layerTypes();
const cases = Object.values(exportCases).flat();

const size = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

/** Weights and inputs of about 1, variances above 0. */
function filled(model: lw.Model): lw.Model {
  let seed = 0;
  for (const [name, { data, role }] of model.tensors) {
    if (role === 'constant' && !/\.(scale|shift)$/.test(name)) continue;
    const above = /ariance|running_var|scale$/.test(name) ? 1.5 : 0;
    for (let i = 0; i < data.length; i++) data[i] = above + Math.sin(++seed * 1.7) * 0.6;
  }
  model.weightsChanged();
  return model;
}

function inputsOf(model: lw.Model, batch: number): Record<string, FileTensor> {
  let seed = 0;
  const entries = model.architecture.inputs.map(({ name, shape }) => {
    const full = [batch, ...shape];
    return [name, { shape: full, data: Float32Array.from({ length: size(full) }, () => Math.sin(++seed * 2.3) * 2) }];
  });
  return Object.fromEntries(entries);
}

const predicted = (model: lw.Model, inputs: Readonly<Record<string, FileTensor>>, names?: readonly string[]) => {
  const given = Object.entries(inputs).map(([name, { data }], i) => [names?.[i] ?? name, data] as const);
  return model.predictAll(given.length === 1 ? given[0]![1] : Object.fromEntries(given));
};

/** With its channels behind the batch, as in the file. */
function inFile({ shape, data }: FileTensor): FileTensor {
  const order = channelsFirst(shape.length);
  return { shape: order.map((axis) => shape[axis]!), data: rearranged(data, shape, order) };
}

/** Sums of up to some hundred terms in another order, relative to the largest value. */
function expectSame(found: ArrayLike<number>, wanted: ArrayLike<number>, allowed = 1e-5): void {
  expect(found.length).toBe(wanted.length);
  const largest = Math.max(...Array.from(wanted, Math.abs));
  for (let i = 0; i < wanted.length; i++) {
    const gap = Object.is(found[i], wanted[i]) ? 0 : Math.abs(found[i]! - wanted[i]!);
    if (!(gap <= allowed * largest)) expect.fail(`element ${i} is ${found[i]}, not ${wanted[i]}`);
  }
}

async function compareInOnnxRuntime(model: lw.Model, options: lw.ExportOnnxOptions = {}, batch = BATCH): Promise<void> {
  const inputs = inputsOf(model, batch);
  const wanted = await predicted(model, inputs);
  const given = Object.entries(inputs).map(([name, tensor]) => [name, inFile(tensor)]);
  const found = await runInOnnxRuntime(lw.onnxBytes(model, options), Object.fromEntries(given));
  for (const [name, data] of Object.entries(wanted)) {
    const expected = inFile({ shape: [batch, ...(model.outputShapes.get(name) as number[])], data });
    const result = found[name] as FileTensor;
    expect([...result.shape]).toEqual(expected.shape);
    expectSame(result.data, expected.data);
  }
}

it('covers every type of layer', () => {
  expect(Object.keys(exportCases).sort()).toEqual(types.sort());
});

describe.skipIf(withoutOnnxRuntime)(withoutOnnxRuntime ?? 'in onnxruntime', () => {
  it.each(cases)('$title', async ({ model }) => {
    await compareInOnnxRuntime(filled(await model()));
  });

  it.each(cases.filter((_, i) => i % 3 === 0))('of one example: $title', async ({ model }) => {
    await compareInOnnxRuntime(filled(await model()), {}, 1);
  });
});

describe('after the way back', () => {
  it.each(cases.filter(({ notImported }) => !notImported))('$title', async ({ model }) => {
    const original = filled(await model());
    const inputs = inputsOf(original, BATCH);
    const again = await lw.importOnnx(lw.onnxBytes(original));
    const names = again.architecture.inputs.map(({ name }) => name);
    const wanted = Object.values(await predicted(original, inputs));
    const found = Object.values(await predicted(again, inputs, names));
    for (const [i, data] of wanted.entries()) expectSame(found[i] as Float32Array, data);
  });

  it.each(cases.filter(({ notImported }) => notImported))('is refused: $title', async ({ model, notImported }) => {
    await expect(lw.importOnnx(lw.onnxBytes(await model()))).rejects.toThrow(notImported);
  });
});
