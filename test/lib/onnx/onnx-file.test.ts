// Files on the disk: whole, valid and replaced in one step, or a sentence that says why not.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readOnnxFile, writeOnnxFile } from '../../../lib/onnx/onnx-file.ts';
import { encodeOnnx } from '../../../lib/onnx/write-model.ts';
import { modelOf, node, wordsOf } from './protobuf.ts';
import { SAMPLE } from './sample-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-onnx-'));
afterAll(() => rmSync(folder, { recursive: true }));
const refusal = (path: string): Promise<string> => readOnnxFile(path).then(() => 'no error', wordsOf);

describe('writeOnnxFile and readOnnxFile', () => {
  it('keep a model', async () => {
    const path = join(folder, 'sample.onnx');
    writeFileSync(path, 'old');
    await writeOnnxFile(path, SAMPLE);
    expect(await readOnnxFile(path)).toEqual(SAMPLE);
    expect(readFileSync(path)).toEqual(Buffer.concat(encodeOnnx(SAMPLE)));
    expect(readdirSync(folder)).toEqual(['sample.onnx']);
  });

  it('write no model that is not valid and keep the old file', async () => {
    const path = join(folder, 'sample.onnx');
    writeFileSync(path, 'old');
    const graph = { ...SAMPLE.graph, nodes: SAMPLE.graph.nodes.slice(1) };
    const message = await writeOnnxFile(path, { ...SAMPLE, graph }).catch(wordsOf);
    expect(message).toBe(`${path}: node 0 (Relu): input "h" is produced by nothing`);
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  it('say what cannot be read', async () => {
    const invalid = join(folder, 'invalid.onnx');
    writeFileSync(invalid, modelOf(node('Relu', ['q'], ['y'])));
    expect(await refusal(invalid)).toBe(`${invalid}: node 0 (Relu): input "q" is produced by nothing`);
    writeFileSync(invalid, modelOf(node('Relu', ['x'], ['y'])).subarray(0, 30));
    expect(await refusal(invalid)).toMatch(
      /invalid\.onnx: byte 2: graph: its \d+ bytes would go past byte 30, where the file/,
    );
    expect(await refusal(folder)).toBe(`cannot read ${folder}: it is a folder`);
    expect(await refusal(join(folder, 'none.onnx'))).toMatch(
      /^cannot read .*none\.onnx: it does not exist \(ENOENT\)$/,
    );
    const sparse = join(folder, 'sparse.onnx');
    writeFileSync(sparse, '');
    expect(await refusal(sparse)).toBe(`${sparse}: byte 0: the file is empty`);
    truncateSync(sparse, 2 ** 31);
    expect(await refusal(sparse)).toBe(`cannot read ${sparse}: it is larger than the 2 GB that an ONNX file can have`);
    rmSync(sparse);
  });

  it.skipIf(process.platform === 'win32')('do not wait for a named pipe', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await refusal(pipe)).toBe(`cannot read ${pipe}: it is not a regular file`);
  });
});
