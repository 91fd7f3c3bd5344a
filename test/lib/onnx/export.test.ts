// What the export writes gives the same in onnxruntime, where that is installed, and in lanewise after the way back.

import { describe, expect, it } from 'vitest';
import * as lw from '../../../lib/index.ts';
import { layerTypes } from '../../../lib/nn/registry.ts';
import { exportCases } from './export-cases.ts';
import { bothResults, expectSame, filled, inputsOf, predicted } from './export-run.ts';
import { withoutOnnxRuntime } from './onnxruntime.ts';

const BATCH = 5;
const cases = Object.values(exportCases).flat();

it('covers every type of layer', () => {
  expect(Object.keys(exportCases).sort()).toEqual(layerTypes().sort());
});

describe.skipIf(withoutOnnxRuntime)(withoutOnnxRuntime ?? 'in onnxruntime', () => {
  it.each(cases)('$title', async ({ model }) => {
    for (const { wanted, found } of await bothResults(filled(await model()), BATCH))
      expectSame(found.data, wanted.data);
  });

  it.each(cases.filter((_, i) => i % 3 === 0))('of one example: $title', async ({ model }) => {
    for (const { wanted, found } of await bothResults(filled(await model()), 1)) expectSame(found.data, wanted.data);
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
