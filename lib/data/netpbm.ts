// Binary Netpbm images (PGM `P5`, PPM `P6`): the simplest files that every image tool can write, for predicting single
// images. A header of words and comments, one white space, then 8-bit samples row by row.

import { readBoundedFile } from './data-file.ts';

export interface NetpbmImage {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly pixels: Uint8Array;
}

const MAX_BYTES = 2 ** 28;
const MAX_HEADER_BYTES = 1024;

/** Reads one image; its pixels are the file's, 0 to 255. */
export async function readNetpbm(path: string): Promise<NetpbmImage> {
  const { bytes, fail } = await readBoundedFile(path, MAX_BYTES);
  const format = String.fromCharCode(...bytes.subarray(0, 2));
  if (format !== 'P5' && format !== 'P6') {
    fail(
      0,
      "the file begins with neither P5 (PGM) nor P6 (PPM); convert it, for instance with 'convert image.png image.pgm'",
    );
  }
  let at = 2;
  const readSize = (what: string, most: number): number => {
    const from = at;
    const header = String.fromCharCode(...bytes.subarray(at, at + MAX_HEADER_BYTES));
    const [match, digits = ''] = /^(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?=\s)/.exec(header) ?? [''];
    const size = Number(digits);
    if (match === '' || size < 1 || size > most) fail(from, `here should be the ${what}, a number from 1 to ${most}`);
    at += match.length;
    return size;
  };
  const width = readSize('width', 65_536);
  const height = readSize('height', 65_536);
  const largest = readSize('largest sample value', 65_535);
  if (largest !== 255) fail(at, `samples go to ${largest}; only 8-bit files, with 255, are read`);
  at += 1;
  const channels = format === 'P5' ? 1 : 3;
  const expected = width * height * channels;
  if (bytes.length - at !== expected) {
    const counts = `${bytes.length - at} bytes of pixels instead of ${width} x ${height} x ${channels} = ${expected}`;
    fail(Math.min(bytes.length, at + expected), `the file has ${counts}; write it again`);
  }
  return { shape: [height, width, channels], pixels: bytes.subarray(at) };
}
