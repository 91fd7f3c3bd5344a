// Fills tensors whose data stand in files beside the model. A model from elsewhere must not make this process read other
// files: a location is relative, has no `..`, and leads, links followed, into the folder of the model.

import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep, win32 } from 'node:path';
import { fileError, quoteName } from '../io/file-error.ts';
import type { ExternalTensor } from './read-tensor.ts';

/** One read of a file; bounds how long a worker of the I/O pool is taken. */
const SLICE_BYTES = 8 << 20;

interface OpenFile {
  readonly handle: FileHandle;
  readonly bytes: number;
  /** Bytes that tensors have claimed so far. */
  claimed: number;
}

/** Reads the data of all `tensors` of the model at `path`. */
export async function readExternalData(tensors: readonly ExternalTensor[], path: string): Promise<void> {
  if (tensors.length === 0) return;
  const file = await realpath(path);
  // Two folders when the model is a link: into the one of the link, or of what it leads to, its companions may lead too.
  const folders = [await realpath(dirname(path)), dirname(file)];
  const files = new Map<string, OpenFile>();
  try {
    for (const tensor of tensors) await readTensorData(tensor, folders, files);
  } finally {
    for (const { handle } of files.values()) await handle.close();
  }
}

async function readTensorData(
  tensor: ExternalTensor,
  folders: readonly string[],
  files: Map<string, OpenFile>,
): Promise<void> {
  const { entries, byteLength, fail } = tensor;
  const location = entries.get('location') ?? fail('has no location');
  const target = await resolveBeside(location, folders, fail);
  // By where it leads, not by its spelling: all claims on a file are counted together.
  const file = files.get(target) ?? (await openFile(target, fail));
  files.set(target, file);
  const offset = integer(entries, 'offset', fail) ?? 0;
  if (offset + byteLength > file.bytes) {
    fail(`bytes ${offset} to ${offset + byteLength} are not in ${quoteName(location)}, which has ${file.bytes}`);
  }
  const length = integer(entries, 'length', fail) ?? file.bytes - offset;
  if (length !== byteLength) fail(`has ${length} bytes and the shape needs ${byteLength}`);
  // Without this, a small file that is named again and again would fill the memory.
  file.claimed += length;
  if (file.claimed > file.bytes) fail(`the tensors in ${quoteName(location)} overlap: they exceed its size`);
  const bytes = allocate(byteLength, fail);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.handle.read(bytes, at, Math.min(SLICE_BYTES, length - at), offset + at);
    if (bytesRead === 0) fail(`${quoteName(location)} was cut while it was read`);
    at += bytesRead;
  }
  tensor.fill(bytes);
}

/** The path of the file that `location` means, without links. */
async function resolveBeside(
  location: string,
  folders: readonly string[],
  fail: (reason: string) => never,
): Promise<string> {
  const title = `the location ${quoteName(location)}`;
  const parts = location.split('/');
  if (win32.isAbsolute(location) || /[\\:\0]/.test(location) || parts.includes('..') || parts.at(-1) === '') {
    fail(`${title} is not a plain path below the model's folder`);
  }
  const path = join(folders[0]!, ...parts);
  const target = await realpath(path).catch((error) => fail(fileError(`cannot read ${path}`, error).message));
  if (!folders.some((folder) => isWithin(target, folder))) fail(`${title} leads out of the model's folder`);
  return target;
}

async function openFile(path: string, fail: (reason: string) => never): Promise<OpenFile> {
  // Asked before opening, which would wait for ever on a named pipe.
  if (!(await stat(path)).isFile()) fail(`${path} is not a regular file`);
  const handle = await open(path, 'r');
  return { handle, bytes: (await handle.stat()).size, claimed: 0 };
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function integer(
  entries: ReadonlyMap<string, string>,
  key: string,
  fail: (reason: string) => never,
): number | undefined {
  const text = entries.get(key);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(value)) fail(`its ${key} is ${quoteName(text)}`);
  return value;
}

function allocate(byteLength: number, fail: (reason: string) => never): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(byteLength);
  } catch {
    return fail(`there is no memory for its ${byteLength} bytes`);
  }
}
