// Tensors in files of their own: read where they are beside the model, refused wherever a model reaches for other files.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOnnxFile } from '../../../lib/onnx/onnx-file.ts';
import { floats, int, message, model, node, tensor, text, value, wordsOf } from './protobuf.ts';

const base = realpathSync(mkdtempSync(joinPath(tmpdir(), 'lanewise-onnx-external-')));
const folder = joinPath(base, 'model');
const path = joinPath(folder, 'm.onnx');

type Entries = Record<string, string>;

/** The contents of a TensorProto whose data are elsewhere. */
const external = (name: string, dims: readonly number[], entries: Entries, dataType = 1): Uint8Array =>
  tensor(
    dims,
    dataType,
    text(8, name),
    ...Object.entries(entries).map(([k, v]) => message(13, text(1, k), text(2, v))),
    int(14, 1),
  );

function writeModel(...tensors: readonly Uint8Array[]): void {
  const initializers = tensors.map((contents) => message(5, contents));
  writeFileSync(
    path,
    model(message(1, node('Relu', ['x'], ['y'])), ...initializers, message(11, value('x')), message(12, value('y'))),
  );
}

async function refusal(...tensors: readonly Uint8Array[]): Promise<string> {
  writeModel(...tensors);
  return readOnnxFile(path).then(() => 'no error', wordsOf);
}

beforeAll(() => {
  mkdirSync(joinPath(folder, 'sub'), { recursive: true });
  writeFileSync(joinPath(folder, 'w.bin'), floats(1, 2, 3, 4));
  writeFileSync(joinPath(folder, 'sub', 'h.bin'), Uint8Array.of(9, 0, 0x3e, 1, 7));
  writeFileSync(joinPath(base, 'secret.bin'), floats(1, 2, 3, 4));
  symlinkSync('../secret.bin', joinPath(folder, 'out.bin'));
  symlinkSync('..', joinPath(folder, 'up'));
  symlinkSync('w.bin', joinPath(folder, 'link.bin'));
  symlinkSync('loop.bin', joinPath(folder, 'loop.bin'));
});
afterAll(() => rmSync(base, { recursive: true }));

describe('readOnnxFile', () => {
  it('reads data that stand in files below the folder of the model', async () => {
    writeModel(
      external('a', [2], { location: 'w.bin', offset: '4', length: '8' }),
      external('b', [4], { location: './link.bin', checksum: 'ignored' }),
    );
    await expect(readOnnxFile(path)).rejects.toThrow(/the tensors in "\.\/link\.bin" overlap: they exceed its size/);
    writeModel(
      external('a', [1, 2], { location: 'w.bin', offset: '0', length: '8' }),
      external('b', [2], { location: './link.bin', offset: '8', checksum: 'ignored' }),
      external('c', [1], { location: 'sub/h.bin', offset: '1', length: '2' }, 10),
      external('d', [1], { location: 'sub/h.bin', offset: '3', length: '1' }, 9),
      external('e', [0], { location: 'w.bin', offset: '16', length: '0' }),
    );
    const { initializers } = (await readOnnxFile(path)).graph;
    expect(initializers).toEqual([
      { name: 'a', dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) },
      { name: 'b', dtype: 'F32', shape: [2], data: Float32Array.of(3, 4) },
      { name: 'c', dtype: 'F16', shape: [1], data: Float32Array.of(1.5) },
      { name: 'd', dtype: 'BOOL', shape: [1], data: Uint8Array.of(1) },
      { name: 'e', dtype: 'F32', shape: [0], data: new Float32Array(0) },
    ]);
  });

  it('reads a model through a link, with data beside the link or beside the model, as caches keep them', async () => {
    writeModel(external('a', [4], { location: 'w.bin' }));
    const cache = joinPath(base, 'cache');
    mkdirSync(cache);
    symlinkSync('../model/m.onnx', joinPath(cache, 'linked.onnx'));
    await expect(readOnnxFile(joinPath(cache, 'linked.onnx'))).rejects.toThrow(/cache\/w\.bin: it does not exist/);
    symlinkSync('../model/w.bin', joinPath(cache, 'w.bin'));
    const { graph } = await readOnnxFile(joinPath(cache, 'linked.onnx'));
    expect(graph.initializers[0]?.data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it('reads nothing outside the folder, and no less and no more than the tensor needs', async () => {
    const at = (location: string, more: Entries = {}) => external('a', [4], { location, ...more });
    const plain = "is not a plain path below the model's folder";
    const cases: [tensor: Uint8Array, message: string | RegExp][] = [
      [external('a', [4], {}), 'm.onnx: byte 20: graph.initializer[0].external_data: has no location'],
      [at(''), `the location "" ${plain}`],
      [at('../secret.bin'), `the location "../secret.bin" ${plain}`],
      [at('sub/../../secret.bin'), plain],
      [at('sub/..'), plain],
      [at('..'), plain],
      [at(joinPath(base, 'secret.bin')), plain],
      [at(joinPath(folder, 'w.bin')), plain],
      [at('/etc/passwd'), plain],
      [at('..\\secret.bin'), plain],
      [at('C:\\w.bin'), plain],
      [at('C:w.bin'), plain],
      [at('\\\\server\\share'), plain],
      [at('w.bin\0.txt'), plain],
      [at('sub/'), plain],
      [at('out.bin'), 'the location "out.bin" leads out of the model\'s folder'],
      [at('up/secret.bin'), 'the location "up/secret.bin" leads out of the model\'s folder'],
      [at('up'), 'the location "up" leads out of the model\'s folder'],
      [at('.'), 'the location "." leads out of the model\'s folder'],
      [at('sub'), 'sub is not a regular file'],
      [at('missing.bin'), /external_data: cannot read .*missing\.bin: it does not exist \(ENOENT\)$/],
      [at('loop.bin'), /cannot read .*loop\.bin: too many symbolic links \(ELOOP\)/],
      [at('n'.repeat(300)), /the name is too long \(ENAMETOOLONG\)/],
      [at('w.bin', { offset: '1' }), 'bytes 1 to 17 are not in "w.bin", which has 16'],
      [at('w.bin', { offset: '99' }), 'bytes 99 to 115 are not in "w.bin", which has 16'],
      [at('w.bin', { offset: '-4' }), 'its offset is "-4"'],
      [at('w.bin', { offset: '0x0' }), 'its offset is "0x0"'],
      [at('w.bin', { offset: '' }), 'its offset is ""'],
      [at('w.bin', { offset: '9007199254740992' }), 'its offset is "9007199254740992"'],
      [at('w.bin', { length: '1e1' }), 'its length is "1e1"'],
      [at('w.bin', { length: '12' }), 'has 12 bytes and the shape needs 16'],
      [at('w.bin', { length: '20' }), 'has 20 bytes and the shape needs 16'],
      [external('a', [3], { location: 'w.bin' }), 'has 16 bytes and the shape needs 12'],
      [external('a', [2 ** 40], { location: 'w.bin' }), 'bytes 0 to 4398046511104 are not in "w.bin"'],
      [external('a', [5], { location: 'sub/h.bin' }, 9), 'a BOOL is neither 0 nor 1'],
    ];
    for (const [contents, expected] of cases) expect.soft(await refusal(contents)).toMatch(expected);
    expect(cases.length).toBe(35);
  });

  it('does not fill the memory from a small file that is named again and again', async () => {
    const twice = ['w.bin', './w.bin', 'link.bin', '././w.bin', 'sub/../w.bin'].map((location) =>
      external(location, [4], { location }),
    );
    expect(await refusal(...twice.slice(0, 2))).toMatch('the tensors in "./w.bin" overlap: they exceed its size');
    expect(await refusal(twice[0]!, twice[2]!)).toMatch('the tensors in "link.bin" overlap');
    expect(await refusal(twice[0]!, twice[3]!)).toMatch('the tensors in "././w.bin" overlap');
  });

  it.skipIf(process.platform === 'win32')('does not wait for a named pipe', async () => {
    execFileSync('mkfifo', [joinPath(folder, 'pipe')]);
    expect(await refusal(external('a', [4], { location: 'pipe' }))).toMatch('pipe is not a regular file');
  });
});
