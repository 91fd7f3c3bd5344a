// The single-op models of the ONNX project, read straight from their archive beside the repository. They are data for
// tests and not part of it; where they are absent, tests are skipped with the reason in their names.

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

const ARCHIVE = resolve(import.meta.dirname, '../../../../shared/onnx/node-tests.tar.gz');

export const whyNoNodeCases = existsSync(ARCHIVE) ? undefined : `no ONNX cases at ${ARCHIVE}`;

export interface NodeCase {
  readonly name: string;
  readonly model: Uint8Array;
  /** The TensorProtos of its data, by file name: `input_0.pb`, `output_0.pb` ... */
  readonly tensors: ReadonlyMap<string, Uint8Array>;
}

export function readNodeCases(): NodeCase[] {
  const cases = new Map<string, { model: Uint8Array; tensors: Map<string, Uint8Array> }>();
  for (const [path, bytes] of filesOf(gunzipSync(readFileSync(ARCHIVE)))) {
    const [, name = '', file = ''] = /^node\/([^/]+)\/(?:test_data_set_0\/)?([^/]+)$/.exec(path) ?? [];
    const found = cases.get(name) ?? { model: new Uint8Array(0), tensors: new Map<string, Uint8Array>() };
    cases.set(name, found);
    if (file === 'model.onnx') found.model = bytes;
    else found.tensors.set(file, bytes);
  }
  return [...cases].map(([name, found]) => ({ name, ...found }));
}

/** The regular files of a tar archive, whose long paths stand in pax headers of their own. */
function* filesOf(tar: Uint8Array): Generator<[path: string, bytes: Uint8Array]> {
  const text = (from: number, length: number) =>
    Buffer.from(tar.subarray(from, from + length))
      .toString()
      .split('\0')[0]!;
  let longPath: string | undefined;
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const kind = text(at + 156, 1);
    if (kind === '0') yield [longPath ?? text(at, 100), tar.subarray(at + 512, at + 512 + size)];
    longPath = kind === 'x' ? /^\d+ path=(.*)$/m.exec(text(at + 512, size))?.[1] : undefined;
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
