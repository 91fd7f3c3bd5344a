// Writes and reads safetensors, the format in which models travel between frameworks: named tensors and a few strings.
// The writer is deterministic: equal content gives equal bytes. The reader refuses whatever the format does not allow.

import { type FileHandle, open, stat } from 'node:fs/promises';
import { LanewiseError } from '../errors.ts';
import { fileError, quoteName } from './file-error.ts';
import {
  isSafetensorsDType,
  SAFETENSORS_ARRAYS,
  SAFETENSORS_BYTES,
  type SafetensorsTensor,
  tensorFromBytes,
  tensorToBytes,
} from './safetensors-dtype.ts';
import {
  headerLength,
  MAX_HEADER_BYTES,
  parseHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from './safetensors-header.ts';

export interface SafetensorsFile {
  /** In the order of their data. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Has no prototype, so that any name is safe to look up. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** One read of a file; bounds how long a worker of the I/O pool is taken. */
const SLICE_BYTES = 8 << 20;

/**
 * The file's content in pieces, to be written one after the other; the pieces share the tensors' memory. Tensors are
 * ordered by element size, largest first, then by name, so that each one is aligned to its elements.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const ordered = [...tensors].sort(
    ([aName, a], [bName, b]) => SAFETENSORS_BYTES[b.dtype] - SAFETENSORS_BYTES[a.dtype] || compareUtf8(aName, bName),
  );
  const members: string[] = [];
  const strings = Object.entries(metadata).sort(([a], [b]) => compareUtf8(a, b));
  if (strings.length > 0) {
    const pairs = strings.map(([key, value]) => `${jsonString(key)}:${jsonString(value)}`);
    members.push(`"__metadata__":{${pairs.join(',')}}`);
  }
  const chunks: Uint8Array[] = [];
  let end = 0;
  for (const [name, tensor] of ordered) {
    checkTensor(name, tensor);
    const bytes = tensorToBytes(tensor);
    const begin = end;
    end += bytes.length;
    const { dtype, shape } = tensor;
    members.push(`${jsonString(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${begin},${end}]}`);
    chunks.push(bytes);
  }
  return [encodeHeader(`{${members.join(',')}}`), ...chunks];
}

/** Reads a whole file that is already in memory; the tensors are copies. `fileName` is for errors. */
export function decodeSafetensors(bytes: Uint8Array, fileName: string): SafetensorsFile {
  const length = headerLength(bytes, bytes.length, fileName);
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.length, fileName);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const entry of header.entries) {
    const target = allocate(entry, fileName);
    target.set(bytes.subarray(header.dataStart + entry.begin, header.dataStart + entry.end));
    tensors.set(entry.name, tensorFromBytes(entry.dtype, entry.shape, target));
  }
  return { tensors, metadata: header.metadata };
}

/** Reads a file of any size, each tensor straight into its own memory. */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  let handle: FileHandle | undefined;
  try {
    // Asked before opening, which would wait for ever on a named pipe.
    const found = await stat(path);
    if (!found.isFile()) {
      const kind = found.isDirectory() ? 'it is a folder' : 'it is not a regular file';
      throw new LanewiseError('file', `cannot read ${path}: ${kind}`);
    }
    handle = await open(path, 'r');
    const header = await readHeader(handle, (await handle.stat()).size, path);
    const tensors = new Map<string, SafetensorsTensor>();
    for (const entry of header.entries) {
      const target = allocate(entry, path);
      await readAll(handle, target, header.dataStart + entry.begin, path);
      tensors.set(entry.name, tensorFromBytes(entry.dtype, entry.shape, target));
    }
    return { tensors, metadata: header.metadata };
  } catch (error) {
    throw fileError(`cannot read ${path}`, error);
  } finally {
    await handle?.close();
  }
}

async function readHeader(handle: FileHandle, fileBytes: number, path: string): Promise<SafetensorsHeader> {
  const first = new Uint8Array(8);
  await readAll(handle, first.subarray(0, Math.min(8, fileBytes)), 0, path);
  const header = new Uint8Array(headerLength(first, fileBytes, path));
  await readAll(handle, header, 8, path);
  return parseHeader(header, fileBytes, path);
}

async function readAll(handle: FileHandle, target: Uint8Array, position: number, path: string): Promise<void> {
  for (let at = 0; at < target.length; ) {
    const length = Math.min(SLICE_BYTES, target.length - at);
    const { bytesRead } = await handle.read(target, at, length, position + at);
    if (bytesRead === 0) throw new LanewiseError('file', `${path} was cut at byte ${position + at} while it was read`);
    at += bytesRead;
  }
}

/** The entry's size has been compared with the file's, but a sparse file can still claim more than the memory. */
function allocate({ name, begin, end, byte }: TensorEntry, fileName: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(end - begin);
  } catch (error) {
    const reason = `there is no memory for the ${end - begin} bytes of tensor ${quoteName(name)}`;
    throw new LanewiseError('file', `${fileName}: ${reason} (byte ${byte})`, { cause: error });
  }
}

function encodeHeader(json: string): Uint8Array {
  const text = Buffer.from(json, 'utf8');
  // Spaces after the JSON align the data that follow; readers skip them as white space.
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    const reason = `a safetensors header of ${length} bytes exceeds the ${MAX_HEADER_BYTES} that readers accept`;
    throw new LanewiseError('file', `${reason}; store fewer tensors or less metadata`);
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  const view = new DataView(header.buffer);
  view.setUint32(0, length, true);
  view.setUint32(4, 0, true);
  header.set(text, 8);
  return header;
}

function checkTensor(name: string, { dtype, shape, data }: SafetensorsTensor): void {
  const fail = (reason: string) => {
    throw new LanewiseError('shape', `safetensors: tensor ${quoteName(name)} ${reason}`);
  };
  if (name === '__metadata__') fail('has a name that the format keeps for itself');
  if (!isSafetensorsDType(dtype)) fail(`has the unknown dtype ${quoteName(String(dtype))}`);
  if (!(data instanceof SAFETENSORS_ARRAYS[dtype])) fail(`of dtype ${dtype} needs a ${SAFETENSORS_ARRAYS[dtype].name}`);
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) fail(`has the shape [${shape}]`);
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (count !== data.length) fail(`of shape [${shape}] needs ${count} values and has ${data.length}`);
}

function jsonString(text: string): string {
  if (/\p{Surrogate}/u.test(text)) {
    throw new LanewiseError('option', `safetensors: ${quoteName(text)} has half a surrogate pair and cannot be UTF-8`);
  }
  return JSON.stringify(text);
}

/** The order of the UTF-8 bytes, which other implementations sort by; UTF-16 units would order some names otherwise. */
function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
