// Reads PNG images of 8-bit grey (PNG 1.2: colour type 0, not interlaced).

import { inflateSync } from 'node:zlib';

export interface GreyImage {
  readonly height: number;
  readonly width: number;
  /** Row by row. */
  readonly pixels: Uint8Array;
}

const SIGNATURE = '89504e470d0a1a0a';

export function readGreyPng(file: Uint8Array, name: string): GreyImage {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.toString('hex', 0, 8) !== SIGNATURE) throw new Error(`${name} is not a PNG file`);
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  if (bytes.toString('hex', 24, 29) !== '0800000000') throw new Error(`${name} is not 8-bit grey without interlacing`);
  const parts: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  }
  const rows = inflateSync(Buffer.concat(parts));
  if (rows.length !== height * (width + 1)) throw new Error(`${name} holds ${rows.length} bytes of rows`);
  const pixels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (width + 1)] as number;
    if (filter > 4) throw new Error(`${name}: row ${y} has filter ${filter}`);
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const left = x > 0 ? (pixels[at - 1] as number) : 0;
      const up = y > 0 ? (pixels[at - width] as number) : 0;
      const corner = x > 0 && y > 0 ? (pixels[at - width - 1] as number) : 0;
      const predicted = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] as number;
      pixels[at] = (rows[y * (width + 1) + 1 + x] as number) + predicted;
    }
  }
  return { height, width, pixels };
}

/** Whichever of the three is nearest to left + up - corner. */
function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(estimate - value)) as [number, number, number];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
