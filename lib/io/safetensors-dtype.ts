// Element types of safetensors and the memory they become here. F16 and BF16 are widened to Float32Array on reading and
// rounded to nearest, ties to even, on writing; every other type keeps its bits. Values are little-endian.

import { endianness } from 'node:os';
import { LanewiseError } from '../errors.ts';

/** Bytes per element, in the file. */
export const SAFETENSORS_BYTES = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

export type SafetensorsDType = keyof typeof SAFETENSORS_BYTES;

interface DataOf {
  F64: Float64Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
  F32: Float32Array;
  I32: Int32Array;
  U32: Uint32Array;
  F16: Float32Array;
  BF16: Float32Array;
  I16: Int16Array;
  U16: Uint16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

/** A tensor of a safetensors file; `dtype` is the type in the file and decides the type of `data`. */
export type SafetensorsTensor = {
  [D in SafetensorsDType]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: DataOf[D] };
}[SafetensorsDType];

/** The array type that holds each dtype in memory. */
export const SAFETENSORS_ARRAYS = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Float32Array,
  BF16: Float32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export function isSafetensorsDType(name: string): name is SafetensorsDType {
  return Object.hasOwn(SAFETENSORS_BYTES, name);
}

/** A view of `bytes`, which must own its aligned buffer, as the tensor's values. */
export function tensorFromBytes(
  dtype: SafetensorsDType,
  shape: readonly number[],
  bytes: Uint8Array<ArrayBuffer>,
): SafetensorsTensor {
  requireLittleEndian();
  if (dtype === 'F16') return { dtype, shape, data: widen(bytes, bitsFromHalf) };
  if (dtype === 'BF16') return { dtype, shape, data: widen(bytes, (bits) => bits << 16) };
  return { dtype, shape, data: new SAFETENSORS_ARRAYS[dtype](bytes.buffer) } as SafetensorsTensor;
}

/** The tensor's values as they stand in a file; shares the tensor's memory where no conversion is needed. */
export function tensorToBytes({ dtype, data }: SafetensorsTensor): Uint8Array {
  requireLittleEndian();
  if (dtype === 'F16') return narrow(data, halfFromBits);
  if (dtype === 'BF16') return narrow(data, bfloatFromBits);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function requireLittleEndian(): void {
  if (endianness() !== 'LE') {
    throw new LanewiseError('file', 'model files are little-endian and this computer is big-endian');
  }
}

function widen(bytes: Uint8Array<ArrayBuffer>, toBits: (value: number) => number): Float32Array {
  const source = new Uint16Array(bytes.buffer);
  const target = new Float32Array(source.length);
  // Through the bits, because a NaN loses its payload when it passes as a number.
  const bits = new Uint32Array(target.buffer);
  for (let i = 0; i < source.length; i++) bits[i] = toBits(source[i]!);
  return target;
}

function narrow(data: Float32Array, fromBits: (bits: number) => number): Uint8Array {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const target = new Uint16Array(data.length);
  for (let i = 0; i < bits.length; i++) target[i] = fromBits(bits[i]!);
  return new Uint8Array(target.buffer);
}

function bitsFromHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A denormal half, fraction * 2^-24, is a normal float: move its leading one to bit 10.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

function halfFromBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (magnitude >= 0x38800000) return sign | (roundOff(magnitude, 13) - (112 << 10));
  if (magnitude < 0x33000000) return sign; // below 2^-25
  return sign | roundOff((magnitude & 0x7fffff) | 0x800000, 126 - (magnitude >>> 23));
}

function bfloatFromBits(bits: number): number {
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (bits >>> 16) | ((magnitude & 0x7f0000) === 0 ? 0x40 : 0);
  return ((bits >>> 16) & 0x8000) | roundOff(magnitude, 16);
}

/** `value / 2^count`, to nearest, ties to even. */
function roundOff(value: number, count: number): number {
  const kept = value >>> count;
  return (value + 2 ** (count - 1) - 1 + (kept & 1)) >>> count;
}
