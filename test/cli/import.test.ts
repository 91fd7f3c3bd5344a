// ONNX files and safetensors of other software on the command line.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../lib/io/safetensors.ts';
import { loadModel } from '../../lib/train/build-model.ts';
import { lanewise } from './terminal-recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-import-'));
afterAll(() => rmSync(folder, { recursive: true }));
const onnx = (name: string) => join(import.meta.dirname, '../lib/onnx/pytorch', name);

describe('lanewise import', () => {
  it('writes a model file that other commands take', async () => {
    const out = join(folder, 'classifier.safetensors');
    const { code, out: shown, json } = await lanewise('import', onnx('classifier.onnx'), '--out', out, '--json');
    expect(code).toBe(0);
    expect(shown).toMatch(/\n {2}\/conv\/Conv +Conv +8 x 8 x 8 +216 /);
    expect(shown).toContain(`\nwrote ${out}`);
    expect(json()).toMatchObject({ parameters: 777, file: out });
    expect((await loadModel(out)).inputShape).toEqual([16, 16, 3]);
    expect((await lanewise('summary', out)).out).toMatch(/\ntotal +777 /);
  });

  it('takes sizes that the file leaves open, a value to end at, and the order of the file', async () => {
    const out = join(folder, 'segmenter.safetensors');
    const input = ['--input', '8x12x1', '--output', 'nothing'];
    const { error } = await lanewise('import', onnx('segmenter.onnx'), '--out', out, ...input);
    expect(error).toMatch(/outputs must be values of the graph; "nothing" is none/);
    expect((await lanewise('import', onnx('segmenter.onnx'), '--out', out, '--input', '8x12x1')).code).toBe(0);
    expect((await loadModel(out)).outputShape).toEqual([8, 12, 2]);
    const ended = ['--output', '/AveragePool_output_0', '--file-order'];
    expect((await lanewise('import', onnx('classifier.onnx'), '--out', out, ...ended)).code).toBe(0);
    const model = await loadModel(out);
    expect([model.inputShape, model.outputShape]).toEqual([
      [3, 16, 16],
      [14, 2, 2],
    ]);
  });

  it('says what is wrong', async () => {
    expect(await lanewise('import', onnx('classifier.onnx'))).toMatchObject({
      code: 2,
      error: expect.stringContaining("'import' needs --out MODEL"),
    });
    const open = await lanewise('import', onnx('segmenter.onnx'), '--out', join(folder, 'x'));
    expect(open).toMatchObject({
      code: 1,
      error: expect.stringMatching(/segmenter\.onnx: the input "x" is .* give them as inputShape/),
    });
  });
});

describe('lanewise summary', () => {
  it('shows an ONNX file', async () => {
    expect((await lanewise('summary', onnx('classifier.onnx'))).out).toMatch(/\ntotal +777 /);
    const { out } = await lanewise('summary', onnx('segmenter.onnx'), '--input', '16x16x1');
    expect(out).toMatch(/\ninput +16 x 16 x 1/);
  });

  it('lists the tensors of other software', async () => {
    const file = join(folder, 'other.safetensors');
    const tensors = new Map([['fc.weight', { dtype: 'F32', shape: [2, 3], data: new Float32Array(6) } as const]]);
    writeFileSync(file, Buffer.concat(encodeSafetensors(tensors)));
    const { out, json } = await lanewise('summary', file, '--json');
    expect(out).toMatch(/^tensor +dtype +shape +values\n-+.*\nfc\.weight +F32 +\[2, 3\] +6\n-+.*\ntotal +6\n/);
    expect(json()).toEqual({ tensors: [{ name: 'fc.weight', dtype: 'F32', shape: [2, 3] }] });
  });
});
