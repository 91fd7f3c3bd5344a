// Reads a TensorProto. Its values stand in `raw_data`, in the typed list that belongs to the element type, or in another
// file. However they stand, their number is compared with the shape before anything is allocated.

import { quoteName } from '../io/file-error.ts';
import { SAFETENSORS_BYTES, type SafetensorsDType, tensorFromBytes } from '../io/safetensors-dtype.ts';
import { ELEMENT_TYPES, MAX_RANK, type OnnxTensor } from './model.ts';
import type { Span } from './wire-cursor.ts';
import { WireReader, type WireType } from './wire-reader.ts';

/** A tensor whose data stand in another file, which reading a model leaves empty. */
export interface ExternalTensor {
  readonly entries: ReadonlyMap<string, string>;
  readonly byteLength: number;
  /** Makes `bytes`, which must own its aligned buffer, the tensor's data. */
  readonly fill: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Throws an error that names the tensor. */
  readonly fail: (reason: string) => never;
}

interface TypedField {
  readonly name: string;
  readonly wire: WireType;
  readonly dtypes: readonly SafetensorsDType[];
}

/** By field number. */
const TYPED_FIELDS: Readonly<Record<number, TypedField>> = {
  4: { name: 'float_data', wire: 'fixed32', dtypes: ['F32'] },
  5: { name: 'int32_data', wire: 'varint', dtypes: ['I32', 'I16', 'I8', 'U16', 'U8', 'BOOL', 'F16', 'BF16'] },
  7: { name: 'int64_data', wire: 'varint', dtypes: ['I64'] },
  10: { name: 'double_data', wire: 'fixed64', dtypes: ['F64'] },
  11: { name: 'uint64_data', wire: 'varint', dtypes: ['U32', 'U64'] },
};

/** What an element of `int32_data` may be; of the halves, the bits. */
const LIMITS: Readonly<Partial<Record<SafetensorsDType, readonly [number, number]>>> = {
  I32: [-(2 ** 31), 2 ** 31 - 1],
  I16: [-(2 ** 15), 2 ** 15 - 1],
  I8: [-128, 127],
  U16: [0, 65535],
  U8: [0, 255],
  BOOL: [0, 1],
  F16: [0, 65535],
  BF16: [0, 65535],
};

/** A file that holds nothing but one TensorProto, as test data of ONNX do. */
export function decodeOnnxTensor(bytes: Uint8Array, fileName: string): OnnxTensor {
  const external: ExternalTensor[] = [];
  const tensor = readTensor(WireReader.ofFile(bytes, fileName), external);
  external[0]?.fail('the data stand in another file, which is read for models only');
  return tensor;
}

export function readTensor(wire: WireReader, external: ExternalTensor[]): OnnxTensor {
  let name = '';
  let code = 0;
  let location = 0;
  let raw: Span | undefined;
  const shape: number[] = [];
  const typed = new Map<TypedField, Span[]>();
  const entries: (readonly [string, string])[] = [];
  while (wire.next()) {
    const field = TYPED_FIELDS[wire.field];
    if (field) {
      const spans = typed.get(field) ?? [];
      typed.set(field, spans);
      wire.spans(field.name, field.wire, spans);
    } else if (wire.field === 1) wire.sizes('dims', shape, MAX_RANK);
    else if (wire.field === 2) code = wire.size('data_type');
    else if (wire.field === 3) wire.fail('tensors in segments are not read', 'segment');
    else if (wire.field === 8) name = wire.string('name');
    else if (wire.field === 9) raw = wire.span('raw_data');
    else if (wire.field === 13) wire.messages('external_data', entries, readEntry);
    else if (wire.field === 14) location = wire.size('data_location');
    else wire.skip();
  }
  const dtype = dtypeOf(code, wire, 'data_type');
  const byteLength = byteLengthOf(dtype, shape, wire);
  const filled = [...typed].filter(([, spans]) => spans.some(({ start, end }) => start < end));
  if (location > 1) wire.failWhole(`${location} is no place for data`, 'data_location');
  if (location === 1) {
    if (raw || filled.length > 0) wire.failWhole('the data stand in another file, and here too');
    const tensor = { name, ...tensorFromBytes(dtype, shape, new Uint8Array(0)) };
    const fill = (bytes: Uint8Array<ArrayBuffer>) => {
      checkBooleans(dtype, bytes, wire);
      Object.assign(tensor, tensorFromBytes(dtype, shape, bytes));
    };
    const fail = (reason: string) => wire.failWhole(reason, 'external_data');
    external.push({ entries: toMap(entries, wire, 'external_data'), byteLength, fill, fail });
    return tensor;
  }
  if (filled.length + (raw ? 1 : 0) > 1) wire.failWhole('the data stand in several fields at once');
  const [list] = filled;
  const bytes = list ? fromTyped(list, dtype, byteLength, wire) : fromRaw(raw, byteLength, wire);
  checkBooleans(dtype, bytes, wire);
  return { name, ...tensorFromBytes(dtype, shape, bytes) };
}

/** A StringStringEntryProto. */
export function readEntry(wire: WireReader): readonly [string, string] {
  let key = '';
  let value = '';
  while (wire.next()) {
    if (wire.field === 1) key = wire.string('key');
    else if (wire.field === 2) value = wire.string('value');
    else wire.skip();
  }
  return [key, value];
}

export function toMap<T>(pairs: readonly (readonly [string, T])[], wire: WireReader, name: string): Map<string, T> {
  const map = new Map<string, T>();
  for (const [key, value] of pairs) {
    if (map.has(key)) wire.failWhole(`${quoteName(key)} stands twice`, name);
    map.set(key, value);
  }
  return map;
}

export function dtypeOf(code: number, wire: WireReader, name: string): SafetensorsDType {
  for (const dtype of Object.keys(ELEMENT_TYPES) as SafetensorsDType[]) if (ELEMENT_TYPES[dtype] === code) return dtype;
  const known = Object.entries(ELEMENT_TYPES).map(([dtype, number]) => `${number} (${dtype})`);
  return wire.failWhole(`the element type ${code} is none of ${known.join(', ')}`, name);
}

function byteLengthOf(dtype: SafetensorsDType, shape: readonly number[], wire: WireReader): number {
  // Zero comes first lest infinity times zero become NaN.
  const count = shape.includes(0) ? 0 : shape.reduce((product, dim) => product * dim, 1);
  const byteLength = count * SAFETENSORS_BYTES[dtype];
  if (!Number.isSafeInteger(byteLength)) wire.failWhole(`a tensor of shape [${shape}] is too large`, 'dims');
  return byteLength;
}

function fromRaw(raw: Span | undefined, byteLength: number, wire: WireReader): Uint8Array<ArrayBuffer> {
  if (!raw && byteLength > 0) wire.failWhole('the tensor has no data');
  const found = raw ? raw.end - raw.start : 0;
  if (found !== byteLength) wire.failWhole(`it has ${found} bytes and the shape needs ${byteLength}`, 'raw_data');
  const bytes = allocate(byteLength, wire);
  if (raw) wire.copy(raw, bytes, 0);
  return bytes;
}

/** The bytes that `raw_data` would have. */
function fromTyped(
  [{ name, wire: encoding, dtypes }, spans]: readonly [TypedField, readonly Span[]],
  dtype: SafetensorsDType,
  byteLength: number,
  wire: WireReader,
): Uint8Array<ArrayBuffer> {
  if (!dtypes.includes(dtype)) wire.failWhole(`it cannot hold ${dtype}, only ${dtypes.join(', ')}`, name);
  const size = SAFETENSORS_BYTES[dtype];
  const counts = spans.map((span) =>
    encoding === 'varint' ? wire.countVarints(span) : (span.end - span.start) / size,
  );
  const count = counts.reduce((sum, found) => sum + found, 0);
  if (count !== byteLength / size) {
    wire.failWhole(`it has ${count} values and the shape needs ${byteLength / size}`, name);
  }
  const bytes = allocate(byteLength, wire);
  const view = new DataView(bytes.buffer);
  const limits = LIMITS[dtype];
  let at = 0;
  for (const span of spans) {
    if (encoding !== 'varint') {
      wire.copy(span, bytes, at);
      at += span.end - span.start;
      continue;
    }
    wire.varints(name, span, (low, high, position) => {
      const value = (high | 0) * 2 ** 32 + low;
      if (limits && (value < limits[0] || value > limits[1])) wire.fail(`${value} is no ${dtype}`, name, position);
      if (dtype === 'U32' && high !== 0) wire.fail('the value has more than 32 bits', name, position);
      if (size === 1) view.setUint8(at, low);
      else if (size === 2) view.setUint16(at, low, true);
      else view.setUint32(at, low, true);
      if (size === 8) view.setUint32(at + 4, high, true);
      at += size;
    });
  }
  return bytes;
}

function checkBooleans(dtype: SafetensorsDType, bytes: Uint8Array, wire: WireReader): void {
  if (dtype === 'BOOL' && bytes.some((byte) => byte > 1)) wire.failWhole('a BOOL is neither 0 nor 1');
}

function allocate(byteLength: number, wire: WireReader): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(byteLength);
  } catch {
    return wire.failWhole(`there is no memory for the ${byteLength} bytes of a tensor`);
  }
}
