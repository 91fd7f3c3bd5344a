// Reads the files of a .tar.gz archive (ustar), as data sets are published in.

import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

const BLOCK = 512;

/** Contents by path, of regular files. */
export async function readTarGz(path: string): Promise<Map<string, Uint8Array>> {
  const archive = gunzipSync(await readFile(path));
  const files = new Map<string, Uint8Array>();
  const text = (start: number, length: number) =>
    archive
      .subarray(start, start + length)
      .toString('utf8')
      .replace(/\0.*$/s, '');
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    if (!(size >= 0) || at + BLOCK + size > archive.length) throw new Error(`${path}: byte ${at}: not a tar header`);
    const prefix = text(at + 345, 155);
    const name = (prefix === '' ? '' : `${prefix}/`) + text(at, 100);
    const type = archive[at + 156];
    if (type === 0 || type === 0x30) files.set(name, archive.subarray(at + BLOCK, at + BLOCK + size));
    at += BLOCK * (1 + Math.ceil(size / BLOCK));
  }
  return files;
}
