// Protobuf messages by hand, right or wrong: each function gives the bytes of one field. And a small model made so.

import { expect } from 'vitest';
import { LanewiseError } from '../../../lib/errors.ts';

type Bytes = Uint8Array;

export const join = (...parts: readonly Bytes[]): Bytes => new Uint8Array(Buffer.concat(parts));

function varint(value: number | bigint): Bytes {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

export const tag = (field: number, wire: number): Bytes => varint(field * 8 + wire);
export const int = (field: number, value: number | bigint): Bytes => join(tag(field, 0), varint(value));
export const float = (field: number, value: number): Bytes => join(tag(field, 5), floats(value));
export const message = (field: number, ...parts: readonly Bytes[]): Bytes => {
  const contents = join(...parts);
  return join(tag(field, 2), varint(contents.length), contents);
};
export const text = (field: number, value: string): Bytes => message(field, Buffer.from(value));
/** The contents of packed lists. */
export const varints = (...values: readonly (number | bigint)[]): Bytes => join(...values.map(varint));
export const floats = (...values: readonly number[]): Bytes => new Uint8Array(Float32Array.from(values).buffer);
export const doubles = (...values: readonly number[]): Bytes => new Uint8Array(Float64Array.from(values).buffer);

/** A value of float32 with one dimension of open size. */
export const value = (name: string): Bytes =>
  join(text(1, name), message(2, message(1, int(1, 1), message(2, message(1, text(2, 'n'))))));
export const node = (
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...more: readonly Bytes[]
): Bytes =>
  join(...inputs.map((name) => text(1, name)), ...outputs.map((name) => text(2, name)), text(4, opType), ...more);
/** The contents of a TensorProto. */
export const tensor = (dims: readonly (number | bigint)[], dataType: number, ...data: readonly Bytes[]): Bytes =>
  join(...dims.map((dim) => int(1, dim)), int(2, dataType), ...data);

export const OPSET_17 = message(8, text(1, ''), int(2, 17));

/** A model of IR version 8 and opset 17 whose graph consists of `parts`. */
export const model = (...parts: readonly Bytes[]): Bytes => join(int(1, 8), message(7, ...parts), OPSET_17);

/** A model whose graph, from x to y, has the `nodes`. */
export const modelOf = (...nodes: readonly Bytes[]): Bytes =>
  model(...nodes.map((contents) => message(1, contents)), message(11, value('x')), message(12, value('y')));

/** What the reader says against it, which must be an error of a file. */
export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return wordsOf(error);
  }
  return 'no error';
}

export function wordsOf(error: unknown): string {
  expect(error).toBeInstanceOf(LanewiseError);
  expect((error as LanewiseError).code).toBe('file');
  return (error as LanewiseError).message;
}
