// The ONNX project's single-op models, computed by both backends: shape, element type and values of every output.

import { describe, expect, it } from 'vitest';
import { selectBackend } from '../../../lib/backend/select.ts';
import { typescriptBackend } from '../../../lib/backend/typescript.ts';
import { decodeOnnx } from '../../../lib/onnx/read-model.ts';
import { decodeOnnxTensor } from '../../../lib/onnx/read-tensor.ts';
import { readNodeCases, whyNoNodeCases } from './node-cases.ts';
import { runGraph } from './run-graph.ts';

/** Cases whose expected values are decimal fractions of four digits: the project's own tolerance, 1e-3, is for them. */
const ROUNDED = ['test_averagepool_2d_ceil_last_window_starts_on_pad'];

/** How far from the expected values, in multiples of what is allowed. */
function excess(found: ArrayLike<number>, wanted: ArrayLike<number | bigint>, relative: number): number {
  let most = 0;
  for (let i = 0; i < wanted.length; i++) {
    const value = Number(wanted[i]);
    if (Object.is(found[i], value)) continue;
    const gap = Math.abs(found[i]! - value) / (1e-7 + relative * Math.abs(value));
    most = Math.max(most, Number.isNaN(gap) ? Infinity : gap);
  }
  return most;
}

describe.skipIf(whyNoNodeCases)(
  `the ONNX project's cases${whyNoNodeCases ? ` (skipped: ${whyNoNodeCases})` : ''}`,
  () => {
    const cases = whyNoNodeCases ? [] : readNodeCases();

    it.each([
      ['the native backend', () => selectBackend({ backend: 'native' })],
      ['the TypeScript backend', () => typescriptBackend],
    ])('all pass on %s', async (_, backendOf) => {
      const backend = backendOf();
      const failures: string[] = [];
      let outputs = 0;
      for (const { name, model: bytes, tensors } of cases) {
        const { model } = decodeOnnx(bytes, name);
        const tensor = (file: string) => decodeOnnxTensor(tensors.get(file)!, name);
        const inputs = new Map(model.graph.inputs.map((input, i) => [input.name, tensor(`input_${i}.pb`)]));
        try {
          const results = await runGraph(model, inputs, backend);
          for (const [index, { dtype, shape, data }] of results.entries()) {
            const wanted = tensor(`output_${index}.pb`);
            const types = [`${dtype}[${shape}]`, `${wanted.dtype}[${wanted.shape}]`];
            if (types[0] !== types[1]) failures.push(`${name}: output ${index} is ${types.join(' and not ')}`);
            const far = excess(data, wanted.data, ROUNDED.includes(name) ? 1e-3 : 1e-5);
            if (far > 1) failures.push(`${name}: output ${index} is off by ${far} times what is allowed`);
            outputs++;
          }
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`);
        }
      }
      expect(failures).toEqual([]);
      expect([cases.length, outputs]).toEqual([273, 317]);
    });
  },
);
