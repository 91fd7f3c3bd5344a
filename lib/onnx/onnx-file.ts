// Reads and writes ONNX files. What is returned and what is written is valid: both ways go through validate.ts.

import { readFile, stat } from 'node:fs/promises';
import { LanewiseError } from '../errors.ts';
import { writeFileAtomically } from '../io/atomic-file.ts';
import { fileError } from '../io/file-error.ts';
import { readExternalData } from './external-data.ts';
import type { OnnxModel } from './model.ts';
import { decodeOnnx } from './read-model.ts';
import { validateOnnx } from './validate.ts';
import { encodeOnnx } from './write-model.ts';

/** The limit of protobuf, which other readers have too. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

export async function readOnnxFile(path: string): Promise<OnnxModel> {
  try {
    // Asked before opening, which would wait for ever on a named pipe.
    const found = await stat(path);
    if (!found.isFile()) {
      const kind = found.isDirectory() ? 'it is a folder' : 'it is not a regular file';
      throw new LanewiseError('file', `cannot read ${path}: ${kind}`);
    }
    if (found.size > MAX_FILE_BYTES) {
      throw new LanewiseError('file', `cannot read ${path}: it is larger than the 2 GB that an ONNX file can have`);
    }
    const { model, external } = decodeOnnx(await readFile(path), path);
    // First the structure: what is not valid need not read other files.
    validateOnnx(model, path);
    await readExternalData(external, path);
    return model;
  } catch (error) {
    throw fileError(`cannot read ${path}`, error);
  }
}

/** A whole file that is already in memory; `name` is for errors. */
export function readOnnxBytes(bytes: Uint8Array, name: string): OnnxModel {
  const { model, external } = decodeOnnx(bytes, name);
  validateOnnx(model, name);
  external[0]?.fail('the data stand in another file; read the model from its own file');
  return model;
}

/** Replaces the file in one step; the tensors must not change until the promise settles. */
export async function writeOnnxFile(path: string, model: OnnxModel): Promise<void> {
  validateOnnx(model, path);
  const chunks = encodeOnnx(model);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (bytes > MAX_FILE_BYTES) {
    throw new LanewiseError(
      'file',
      `cannot write ${path}: ${bytes} bytes are more than the 2 GB an ONNX file can have`,
    );
  }
  await writeFileAtomically(path, chunks);
}
