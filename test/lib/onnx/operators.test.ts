// The ONNX project's single-op models, computed by both backends: shape, element type and values of every output.

import { beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../../lib/backend/backend.ts';
import { selectBackend } from '../../../lib/backend/select.ts';
import { typescriptBackend } from '../../../lib/backend/typescript.ts';
import { Builder } from '../../../lib/nn/builder.ts';
import { interpret } from '../../../lib/onnx/interpret.ts';
import type { OnnxTensor } from '../../../lib/onnx/model.ts';
import { knownTensor, programFromOnnx } from '../../../lib/onnx/program.ts';
import { decodeOnnx } from '../../../lib/onnx/read-model.ts';
import { decodeOnnxTensor } from '../../../lib/onnx/read-tensor.ts';
import { inOrder, Known, rearranged, Stored, storedShape, type Value } from '../../../lib/onnx/value.ts';
import { elementCount } from '../../../lib/ops/op.ts';
import { compilePlan } from '../../../lib/plan/plan.ts';
import { StoreLayout } from '../../../lib/plan/store-layout.ts';
import { type NodeCase, readNodeCases, whyNoNodeCases } from './node-cases.ts';

interface Result {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

async function compute({ name, model: bytes, tensors }: NodeCase, backend: Backend): Promise<Result[]> {
  const { model } = decodeOnnx(bytes, name);
  const outputs = model.graph.outputs.map((output) => output.name);
  const builder = new Builder('inference');
  const given = new Map<string, Float32Array | Int32Array>();
  const inputs = new Map<string, Value>();
  for (const [index, { name: input }] of model.graph.inputs.entries()) {
    const tensor = decodeOnnxTensor(tensors.get(`input_${index}.pb`)!, name);
    const { dtype, shape, data } = knownTensor(tensor);
    const isFloat = dtype === 'F32';
    // Integers are shapes and axes, which must be known, but for the positions of a MaxUnpool.
    if (elementCount(shape) === 0 || (!isFloat && shape.length < 2)) inputs.set(input, new Known(dtype, shape, data));
    else {
      const axes = inOrder(shape.length);
      const spec = { shape: storedShape(shape, axes), dtype: isFloat ? 'f32' : 'i32' } as const;
      inputs.set(input, new Stored(builder.graph.tensor('input', input, spec), shape, axes, data));
      given.set(input, isFloat ? Float32Array.from(data) : Int32Array.from(data));
    }
  }
  const values = interpret(builder, programFromOnnx(model, outputs), inputs);
  const results = outputs.map((output) => values.get(output)!);
  const stored = results.filter((value) => value instanceof Stored);
  const layout = new StoreLayout();
  const plan = compilePlan(builder.graph, {
    outputs: Object.fromEntries(stored.map(({ tensor }, index) => [index, tensor])),
    layout,
    numerics: 'exact',
  });
  const store = backend.createStore(layout.bytes);
  const executable = backend.compile(plan, store);
  for (const [input, data] of given) {
    const tensor = plan.inputs[input];
    if (tensor !== undefined) executable.write(tensor, data);
  }
  await executable.run();
  return results.map((value) => {
    if (value instanceof Known) return value;
    if (!(value instanceof Stored)) throw new Error('not a tensor');
    const { tensor, shape, axes } = value;
    const isFloat = tensor.dtype === 'f32';
    const data = isFloat ? new Float32Array(elementCount(shape)) : new Int32Array(elementCount(shape));
    executable.read(plan.outputs[stored.indexOf(value)]!, data);
    const order = axes.map((_, axis) => axes.indexOf(axis));
    return { dtype: isFloat ? 'F32' : 'I64', shape, data: rearranged(data, tensor.shape, order) };
  });
}

/** Far from the expected value, in multiples of what is allowed. */
function excess(found: ArrayLike<number>, wanted: ArrayLike<number | bigint>): number {
  let most = 0;
  for (let i = 0; i < wanted.length; i++) {
    const value = Number(wanted[i]);
    const gap = Math.abs(found[i]! - value);
    if (found[i] !== value && !(Number.isNaN(found[i]) && Number.isNaN(value))) {
      most = Math.max(most, Number.isNaN(gap) ? Infinity : gap / (1e-7 + 1e-5 * Math.abs(value)));
    }
  }
  return most;
}

describe.skipIf(whyNoNodeCases)(
  `the ONNX project's cases${whyNoNodeCases ? ` (skipped: ${whyNoNodeCases})` : ''}`,
  () => {
    let cases: NodeCase[] = [];
    beforeAll(() => {
      cases = readNodeCases();
    });

    it.each([
      ['the native backend', () => selectBackend({ backend: 'native' })],
      ['the TypeScript backend', () => typescriptBackend],
    ])('pass on %s', async (_, backendOf) => {
      const backend = backendOf();
      const failures: string[] = [];
      for (const nodeCase of cases) {
        try {
          const results = await compute(nodeCase, backend);
          results.forEach((result, index) => {
            const wanted: OnnxTensor = decodeOnnxTensor(nodeCase.tensors.get(`output_${index}.pb`)!, nodeCase.name);
            if (`${result.dtype}[${result.shape}]` !== `${wanted.dtype}[${wanted.shape}]`) {
              failures.push(`${nodeCase.name}: ${result.dtype}[${result.shape}], not ${wanted.dtype}[${wanted.shape}]`);
            }
            const far = excess(result.data, wanted.data);
            if (far > 1) failures.push(`${nodeCase.name}: output ${index} is off by ${far} times what is allowed`);
          });
        } catch (error) {
          failures.push(`${nodeCase.name}: ${(error as Error).message}`);
        }
      }
      expect(failures.join("\n")).toBe("");
    });
  },
);
