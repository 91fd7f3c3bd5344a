// A model file is plain safetensors: what other tools wrote into it is accepted where it can be trained with, and any
// other kind of file is refused by name.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../../lib/io/checkpoint.ts';
import { loadModelFile, modelFromFile, saveModel } from '../../../lib/io/model-file.ts';
import { decodeSafetensors } from '../../../lib/io/safetensors.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanewise-model-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tensors = new Map([['conv2d_1.weight', { shape: [1, 2], data: Float32Array.of(1.5, Number.NaN) }]]);
const model = { architecture: '{"layers":[]}', tensors };
const metadata = { format: 'lanewise', kind: 'model', version: '1', architecture: '{}' };

describe('model files', () => {
  it('come back as they were saved', async () => {
    const path = join(folder, 'model.safetensors');
    await saveModel(path, model);
    expect(await loadModelFile(path)).toEqual(model);
    expect({ ...decodeSafetensors(readFileSync(path), path).metadata }).toEqual({
      ...metadata,
      architecture: '{"layers":[]}',
    });
  });

  it('may hold half-precision weights but nothing else', () => {
    const half = { dtype: 'BF16', shape: [1], data: Float32Array.of(1.5) } as const;
    expect(modelFromFile({ tensors: new Map([['a', half]]), metadata }, 'm').tensors.get('a')?.data[0]).toBe(1.5);
    const double = { dtype: 'F64', shape: [1], data: Float64Array.of(1.5) } as const;
    expect(() => modelFromFile({ tensors: new Map([['a', double]]), metadata }, 'm')).toThrow(
      'm: tensor "a" has dtype F64; weights are F32, F16 or BF16',
    );
  });

  it('are told from checkpoints and from other files', async () => {
    const path = join(folder, 'a.checkpoint');
    const rest = { optimizer: '{}', history: '[]', seed: 0, step: 0, epoch: 0, position: 0, batchSize: 1 };
    await writeCheckpoint(path, { architecture: '{}', tensors: new Map(), ...rest });
    await expect(loadModelFile(path)).rejects.toThrow(
      /a.checkpoint is not a lanewise model: it is a checkpoint, which a training run resumes from; load the saved model/,
    );
    const cases: [Record<string, string>, RegExp][] = [
      [{}, /^m is not a lanewise model: it is a safetensors file of other software/],
      [{ ...metadata, version: '2' }, /^m was written with version 2 of the model format .* update lanewise$/],
      [{ ...metadata, architecture: '{' }, /^m: "architecture" in its metadata is not valid JSON$/],
      [{ format: 'lanewise', kind: 'model', version: '1' }, /^m lacks "architecture" in its metadata$/],
    ];
    for (const [given, message] of cases) {
      expect(() => modelFromFile({ tensors: new Map(), metadata: given }, 'm')).toThrow(message);
    }
    await expect(saveModel(path, { ...model, architecture: '{' })).rejects.toThrow(/needs its architecture as JSON/);
  });
});
