// Safetensors files for tests: well-formed ones through the writer, any others by hand.

import { encodeSafetensors } from '../../../lib/io/safetensors.ts';
import type { SafetensorsTensor } from '../../../lib/io/safetensors-dtype.ts';

export const f32 = (shape: number[], ...values: number[]): SafetensorsTensor => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
});
export const concatenated = (chunks: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));
export const encode = (tensors: Record<string, SafetensorsTensor>, metadata?: Record<string, string>): Uint8Array =>
  concatenated(encodeSafetensors(new Map(Object.entries(tensors)), metadata));

/** A file with any header text and so many bytes of data. */
export function file(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const text = typeof header === 'string' ? Buffer.from(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

export const entry = (begin: number, end: number, shape = `[${(end - begin) / 4}]`): string =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;
