// Reads one file of a data set, plain or gzipped (told by its first bytes, not its name), into memory of a size that is
// known and checked before anything large is allocated or inflated. Every error names the file, a byte and a fix.

import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { LanewiseError } from '../errors.ts';

/** Refuses the file: `offset` is a byte of the uncompressed content. */
export type FileFailure = (offset: number, message: string) => never;

/** Told the content's first bytes (none at first), says how many it must see next. The same number again: that is all. */
export type Layout = (content: Uint8Array, fail: FileFailure) => number;

export interface DataFile {
  readonly bytes: Uint8Array;
  readonly fail: FileFailure;
}

/** Deflate cannot shrink data more than this. */
const MAX_RATIO = 1032;
const MAX_BYTES = 2 ** 32;

/** The whole content of `path`, as long as `layout` says. */
export async function readDataFile(path: string, layout: Layout): Promise<DataFile> {
  return read(path, (content, fail, size) => collectExactly(content, layout, size, fail));
}

/** The whole content of `path`, whatever its length up to `maxBytes`. */
export async function readBoundedFile(path: string, maxBytes: number): Promise<DataFile> {
  return read(path, (content, fail) => collectAtMost(content, maxBytes, fail));
}

type FileSize = { readonly plainBytes: number } | { readonly gzipBytes: number };
type Collect = (content: AsyncIterable<Uint8Array>, fail: FileFailure, size: FileSize) => Promise<Uint8Array>;

async function read(path: string, collect: Collect): Promise<DataFile> {
  const fail: FileFailure = (offset, message) => {
    throw new LanewiseError('file', `${path}: at byte ${offset}: ${message}`);
  };
  const handle = await openFile(path);
  try {
    const { size } = await handle.stat();
    const magic = new Uint8Array(2);
    await readFully(handle, magic, 0);
    const gzipped = magic[0] === 0x1f && magic[1] === 0x8b;
    const content = gzipped ? inflated(handle, path, size) : plain(handle);
    return { bytes: await collect(content, fail, gzipped ? { gzipBytes: size } : { plainBytes: size }), fail };
  } finally {
    await handle.close();
  }
}

/** A small text file, or undefined when there is none of that name. */
export async function readTextFile(path: string, maxBytes: number): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    handle = await openFile(path);
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) {
      throw new LanewiseError(
        'file',
        `${path}: at byte ${maxBytes}: a list of names should end here; the file has ${size} bytes`,
      );
    }
    return (await handle.readFile()).toString('utf8');
  } finally {
    await handle.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    // A named pipe or a device would make the reader wait for ever.
    if ((await handle.stat()).isFile()) return handle;
  } catch (error) {
    throw new LanewiseError('file', `${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
  await handle.close();
  throw new LanewiseError('file', `${path}: is not a regular file`);
}

async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** The content in pieces of bounded size. */
async function* plain(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(1 << 20);
  for (let position = 0; ; ) {
    const filled = await readFully(handle, piece, position);
    if (filled === 0) return;
    position += filled;
    yield piece.subarray(0, filled);
  }
}

async function* inflated(handle: FileHandle, path: string, size: number): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  const source = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 16 });
  source.on('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    for await (const piece of gunzip) yield piece as Uint8Array;
  } catch (error) {
    // zlib works on pieces and tells only which one went wrong.
    const at = `${path}: after compressed byte ${gunzip.bytesWritten} of ${size}`;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'Z_BUF_ERROR') {
      throw new LanewiseError('file', `${at}: the gzip data ends too early; the file is cut off, copy it again`, {
        cause: error,
      });
    }
    if (code.startsWith('Z_')) {
      const reason = (error as Error).message;
      throw new LanewiseError('file', `${at}: the gzip data is damaged (${reason}); copy the file again`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  // zlib stops at the end of the gzip data and says nothing about what follows.
  if (gunzip.bytesWritten < size) {
    const at = `${path}: at compressed byte ${gunzip.bytesWritten} of ${size}`;
    throw new LanewiseError('file', `${at}: the gzip data is over but the file goes on; copy the file again`);
  }
}

async function collectAtMost(
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
  fail: FileFailure,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let filled = 0;
  for await (const piece of content) {
    filled += piece.length;
    if (filled > maxBytes)
      fail(maxBytes, `the content should end here at the latest; this is not a file of the expected kind`);
    pieces.push(piece.slice());
  }
  const target = new Uint8Array(filled);
  let at = 0;
  for (const piece of pieces) {
    target.set(piece, at);
    at += piece.length;
  }
  return target;
}

async function collectExactly(
  content: AsyncIterable<Uint8Array>,
  layout: Layout,
  size: FileSize,
  fail: FileFailure,
): Promise<Uint8Array> {
  let target = new Uint8Array(layout(new Uint8Array(0), fail));
  let filled = 0;
  let complete = false;
  for await (const piece of content) {
    for (let taken = 0; taken < piece.length; ) {
      if (complete)
        fail(filled, 'the content should end here by what its header says, but it goes on; copy the file again');
      const part = piece.subarray(taken, taken + target.length - filled);
      target.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled < target.length) continue;
      const wanted = layout(target, fail);
      complete = wanted === filled;
      checkSize(wanted, size, fail);
      const grown = new Uint8Array(wanted);
      grown.set(target);
      target = grown;
    }
  }
  if (!complete)
    fail(filled, `the file ends here, but ${target.length} bytes are needed; it is cut off, copy it again`);
  return target;
}

/** Nothing is allocated on the word of a header that the file cannot keep. */
function checkSize(wanted: number, size: FileSize, fail: FileFailure): void {
  if ('plainBytes' in size && wanted > size.plainBytes) cutOff(fail, size.plainBytes, wanted);
  if (wanted > ('gzipBytes' in size ? Math.min(size.gzipBytes * MAX_RATIO, MAX_BYTES) : MAX_BYTES)) {
    fail(
      0,
      `the header announces ${wanted} bytes, more than the file can hold; it is cut off or damaged, copy it again`,
    );
  }
}

function cutOff(fail: FileFailure, end: number, wanted: number): never {
  return fail(end, `the file ends here, but ${wanted} bytes are needed; it is cut off, copy it again`);
}
