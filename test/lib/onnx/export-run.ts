// Runs a model and the file that was made of it on the same inputs, which each has in its own order of axes.

import { expect } from 'vitest';
import * as lw from '../../../lib/index.ts';
import { channelsFirst } from '../../../lib/onnx/export/file-value.ts';
import { rearranged } from '../../../lib/onnx/value.ts';
import { elementCount } from '../../../lib/ops/op.ts';
import { type FileTensor, runInOnnxRuntime } from './onnxruntime.ts';

/** `model` with weights of about 1 over the root of what is added, variances above 0. */
export function filled(model: lw.Model): lw.Model {
  let seed = 0;
  for (const [name, { data, role, shape }] of model.tensors) {
    if (role === 'constant' && !/\.(scale|shift)$/.test(name)) continue;
    const above = /ariance|running_var|scale$/.test(name) ? 1.5 : 0;
    const terms = shape.length > 1 ? elementCount(shape) / shape.at(-1)! : 1;
    const spread = shape.length > 1 ? Math.min(0.6, 1.5 / Math.sqrt(terms)) : 0.6;
    for (let i = 0; i < data.length; i++) data[i] = above + Math.sin(++seed * 1.7) * spread;
  }
  model.weightsChanged();
  return model;
}

export type Inputs = Readonly<Record<string, FileTensor>>;

export function inputsOf(model: lw.Model, batch: number): Inputs {
  let seed = 0;
  const entries = model.architecture.inputs.map(({ name, shape }) => {
    const data = Float32Array.from({ length: batch * elementCount(shape) }, () => Math.sin(++seed * 2.3) * 2);
    return [name, { shape: [batch, ...shape], data }] as const;
  });
  return Object.fromEntries(entries);
}

/** `names` are the inputs of `model` where it calls them something else. */
export function predicted(model: lw.Model, inputs: Inputs, names?: readonly string[]) {
  const given = Object.entries(inputs).map(([name, { data }], i) => [names?.[i] ?? name, data] as const);
  return model.predictAll(given.length === 1 ? given[0]![1] : Object.fromEntries(given));
}

/** With its channels behind the batch, as in the file. */
function inFile({ shape, data }: FileTensor): FileTensor {
  const order = channelsFirst(shape.length);
  return { shape: order.map((axis) => shape[axis]!), data: rearranged(data, shape, order) };
}

/** Sums of up to some hundred terms in another order, relative to the largest value. */
export function expectSame(found: ArrayLike<number>, wanted: ArrayLike<number>, allowed = 1e-5): void {
  expect(found.length).toBe(wanted.length);
  const largest = Array.from(wanted).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < wanted.length; i++) {
    const gap = Object.is(found[i], wanted[i]) ? 0 : Math.abs(found[i]! - wanted[i]!);
    if (!(gap <= allowed * largest)) expect.fail(`element ${i} is ${found[i]}, not ${wanted[i]}`);
  }
}

/** Each output in the file's order: what the model gives, and what onnxruntime does, of the same shape. */
export async function bothResults(
  model: lw.Model,
  batch: number,
  options: lw.ExportOnnxOptions = {},
): Promise<{ readonly wanted: FileTensor; readonly found: FileTensor }[]> {
  const inputs = inputsOf(model, batch);
  const own = await predicted(model, inputs);
  const given = Object.entries(inputs).map(([name, tensor]) => [name, inFile(tensor)]);
  const results = await runInOnnxRuntime(lw.onnxBytes(model, options), Object.fromEntries(given));
  return Object.entries(own).map(([name, data]) => {
    const wanted = inFile({ shape: [batch, ...(model.outputShapes.get(name) as number[])], data });
    const found = results[name] as FileTensor;
    expect([...found.shape]).toEqual(wanted.shape);
    return { wanted, found };
  });
}
