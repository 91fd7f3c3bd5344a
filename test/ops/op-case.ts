// A case: an op with shapes, attributes and a recipe for data. Case files list them; the conformance test runs every
// case on every implementation, on random and, where every partial sum is exact, on integer-valued data.

import {
  type Attrs,
  type DType,
  elementCount,
  type OpDefinition,
  type TensorSpec,
  type TensorView,
} from '../../lib/ops/op.ts';
import { randomBits, streamKey, uniform } from '../../lib/random.ts';
import type { Formula } from './formula.ts';

/** `integers` makes every f32 input a small whole number. */
export type DataMode = 'random' | 'integers';

/** One input: its shape and how element `index` is drawn from the stream `key`. */
export interface Source extends TensorSpec {
  readonly draw: (key: number, index: number, mode: DataMode) => number;
}

export interface OpCase {
  readonly op: OpDefinition;
  readonly title: string;
  readonly inputs: readonly (Source | undefined)[];
  readonly attrs: Attrs;
  readonly formula: Formula;
  /** All results are exact on integer-valued data. */
  readonly exactOnIntegers: boolean;
  /** Most results may be 0. */
  readonly sparse: boolean;
}

/** A list of cases of one family, under construction. */
export class CaseList {
  readonly cases: OpCase[] = [];

  /** Adds a case. Inputs may be given as a shape, meaning values from -1 to 1. */
  add(
    op: OpDefinition,
    formula: Formula,
    title: string,
    inputs: readonly (Source | readonly number[] | undefined)[],
    attrs: Attrs = {},
    options: { exact?: boolean; sparse?: boolean } = {},
  ): void {
    const sources = inputs.map((input) => (input && 'draw' in input ? input : input && values(input)));
    // Attributes cross to C++ as fp32; formulas must see the same number.
    const rounded = Object.entries(op.attrs).map(([name, kind]) => {
      const value = attrs[name];
      if (value === undefined) throw new Error(`${op.name}, ${title}: attribute ${name} is missing`);
      return [name, kind === 'f32' ? Math.fround(value) : value];
    });
    this.cases.push({
      op,
      title,
      inputs: sources,
      attrs: Object.fromEntries(rounded),
      formula,
      exactOnIntegers: options.exact ?? false,
      sparse: options.sparse ?? false,
    });
  }
}

const source = (shape: readonly number[], draw: Source['draw'], dtype: DType = 'f32'): Source => ({
  shape,
  dtype,
  draw,
});

/** Values in [-1, 1), or whole numbers from -4 to 4; never 0, nor so near that a step of 1e-4 would cross it. */
export const values = (shape: readonly number[]): Source =>
  source(shape, (key, i, mode) => {
    const u = uniform(key, i);
    if (mode === 'integers') return Math.floor(u * 9) - 4;
    const value = 2 * u - 1;
    return Math.abs(value) < 1e-3 ? 0.5 : value;
  });

/** Values `factor` times as large. */
export const scaled = (shape: readonly number[], factor: number): Source => {
  const { draw } = values(shape);
  return source(shape, (key, i, mode) => Math.fround(draw(key, i, mode) * factor));
};

/** Values in [0.5, 1.5): variances and the like. */
export const positive = (shape: readonly number[]): Source =>
  source(shape, (key, i, mode) => (mode === 'integers' ? 1 + Math.floor(uniform(key, i) * 4) : uniform(key, i) + 0.5));

/** All different, at least 1e-3 apart: a maximum is never a tie. */
export const distinct = (shape: readonly number[]): Source => {
  const count = elementCount(shape);
  // 7919 is prime, so the multiples of it run through all residues.
  return source(shape, (key, i) => Math.fround((((i + (key % count)) * 7919) % count) / 512 - 1));
};

/** Whole numbers in [0, below). */
export const indices = (shape: readonly number[], below: number, dtype: DType = 'i32'): Source =>
  source(shape, (key, i) => Math.floor((randomBits(key, i) / 2 ** 32) * below), dtype);

/** The given numbers. */
export const given = (shape: readonly number[], numbers: readonly number[], dtype: DType = 'f32'): Source =>
  source(shape, (_, i) => numbers[i % numbers.length] as number, dtype);

const ARRAYS = { f32: Float32Array, u8: Uint8Array, i32: Int32Array };
/** Elements before and after each tensor that must not change. */
const GUARD = 16;
const GUARD_VALUE = { f32: -12345.5, u8: 0xa5, i32: -123456789 };

/** A tensor between guard elements, filled with a value that no result has. */
export function guardedTensor({ shape, dtype }: TensorSpec): TensorView {
  const count = elementCount(shape);
  const whole = new ARRAYS[dtype](count + 2 * GUARD).fill(GUARD_VALUE[dtype]);
  return { shape, dtype, data: whole.subarray(GUARD, GUARD + count) };
}

/** Whether the guard elements around `tensor` are untouched. */
export function guardsIntact({ dtype, data }: TensorView): boolean {
  const { byteOffset, length, BYTES_PER_ELEMENT } = data;
  const buffer = data.buffer as ArrayBuffer;
  const before = new ARRAYS[dtype](buffer, byteOffset - GUARD * BYTES_PER_ELEMENT, GUARD);
  const after = new ARRAYS[dtype](buffer, byteOffset + length * BYTES_PER_ELEMENT, GUARD);
  return [...before, ...after].every((value) => value === GUARD_VALUE[dtype]);
}

/** The inputs of a case, drawn anew (so that a run may change them). */
export function drawInputs(opCase: Pick<OpCase, 'inputs'>, mode: DataMode): (TensorView | undefined)[] {
  return opCase.inputs.map((input, position) => {
    if (!input) return undefined;
    const tensor = guardedTensor(input);
    const key = streamKey(1, position);
    for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = input.draw(key, i, mode);
    return tensor;
  });
}

/** The specs of a case's results: its outputs, then the inputs it changes. */
export function resultSpecs({ op, inputs, attrs }: OpCase): TensorSpec[] {
  const mutated = (op.mutates ?? []).flatMap((index) => inputs[index] ?? []);
  return [...op.infer(inputs, attrs), ...mutated];
}
