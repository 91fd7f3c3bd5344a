// All of the ONNX project's single-op models: read, valid, and the same once written and read again.

import { describe, expect, it } from 'vitest';
import { decodeOnnx } from '../../../lib/onnx/read-model.ts';
import { decodeOnnxTensor } from '../../../lib/onnx/read-tensor.ts';
import { validateOnnx } from '../../../lib/onnx/validate.ts';
import { encodeOnnx } from '../../../lib/onnx/write-model.ts';
import { readNodeCases, whyNoNodeCases } from './node-cases.ts';

describe.skipIf(whyNoNodeCases)(
  `the ONNX project's cases${whyNoNodeCases ? ` (skipped: ${whyNoNodeCases})` : ''}`,
  () => {
    const cases = whyNoNodeCases ? [] : readNodeCases();

    it('are all there', () => {
      expect(cases.length).toBe(273);
      expect(cases.flatMap(({ tensors }) => [...tensors.keys()]).length).toBe(801);
    });

    it('are read, valid and the same when written again; nearly all byte for byte', () => {
      let identical = 0;
      for (const { name, model: bytes } of cases) {
        const { model, external } = decodeOnnx(bytes, name);
        validateOnnx(model, name);
        expect(external).toEqual([]);
        const written = new Uint8Array(Buffer.concat(encodeOnnx(model)));
        expect(decodeOnnx(written, name).model, name).toEqual(model);
        if (Buffer.compare(written, bytes) === 0) identical++;
      }
      // The others spell out empty strings or have constants in typed lists.
      expect(identical).toBe(259);
    });

    it('have data that fit the inputs and outputs of the models', () => {
      for (const { name, model: bytes, tensors } of cases) {
        const { graph } = decodeOnnx(bytes, name).model;
        for (const [file, contents] of tensors) {
          const [, side, index] = /^(input|output)_(\d+)\.pb$/.exec(file) ?? [];
          const value = graph[side === 'input' ? 'inputs' : 'outputs'][Number(index)];
          const tensor = decodeOnnxTensor(contents, `${name}/${file}`);
          expect(tensor.dtype, `${name}/${file}`).toBe(value?.type?.dtype);
          // Some outputs have names or nothing for sizes.
          const sizes = value?.type?.shape?.map((dim, axis) => (typeof dim === 'number' ? dim : tensor.shape[axis]));
          expect(tensor.shape, `${name}/${file}`).toEqual(sizes);
        }
      }
    });
  },
);
