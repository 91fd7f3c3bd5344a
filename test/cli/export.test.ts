// A saved model as an ONNX file, on the command line.

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { batchNorm2d, conv2d, flatten, importOnnx, linear, sequential } from '../../lib/index.ts';
import { readOnnxFile } from '../../lib/onnx/onnx-file.ts';
import { lanewise } from './terminal-recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-export-'));
afterAll(() => rmSync(folder, { recursive: true }));

const saved = join(folder, 'model.safetensors');
const file = join(folder, 'model.onnx');
const layers = [conv2d({ filters: 2, kernelSize: 3 }), batchNorm2d(), flatten(), linear({ units: 3 })];
const model = sequential(layers, { inputShape: [5, 4, 1] });
const operators = async () => (await readOnnxFile(file)).graph.nodes.map(({ opType }) => opType);

describe('lanewise export', () => {
  it('writes a file that predicts the same', async () => {
    await model.save(saved);
    const { code, out, json } = await lanewise('export', saved, '--onnx', file, '--json');
    const bytes = statSync(file).size;
    expect({ code, report: json() }).toEqual({ code: 0, report: { model: saved, file, bytes } });
    expect(out).toContain(`wrote ${file} (`);
    const pixels = Float32Array.from({ length: 20 }, (_, i) => Math.sin(i));
    const [wanted, found] = [await model.predict(pixels), await (await importOnnx(file)).predict(pixels)];
    for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 5);
    expect(await operators()).toEqual(['Conv', 'BatchNormalization', 'Flatten', 'Gemm']);
  });

  it('folds batch norms', async () => {
    expect((await lanewise('export', saved, '--onnx', file, '--fold')).code).toBe(0);
    expect(await operators()).toEqual(['Conv', 'Flatten', 'Gemm']);
  });

  it('says what is missing', async () => {
    const { code, error } = await lanewise('export', saved);
    expect(code).toBe(2);
    expect(error).toContain("'export' needs --onnx FILE: the file to write");
  });
});
