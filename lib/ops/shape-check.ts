// Checks of an op's inputs and attributes, shared by every `infer`. Each failure is one sentence that starts with the
// op's name and ends with the shapes, so that a user sees what met what.

import { type ErrorCode, LanewiseError } from '../errors.ts';
import type { DType, TensorSpec } from './op.ts';

const MAX_I32 = 2 ** 31 - 1;

export const formatShape = (shape: readonly number[]): string => `[${shape.join(',')}]`;

interface Dims {
  1: [number];
  2: [number, number];
  4: [number, number, number, number];
}

/** The inputs of one op, by name, and the sentences said about them. */
export class ShapeCheck {
  readonly #op: string;
  readonly #names: readonly string[];
  readonly #inputs: readonly (TensorSpec | undefined)[];

  /** `names` are the op's input names; a trailing `?` marks an optional one. */
  constructor(op: string, names: readonly string[], inputs: readonly (TensorSpec | undefined)[]) {
    this.#op = op;
    this.#names = names;
    this.#inputs = inputs;
    if (inputs.length > names.length) this.fail(`takes ${names.length} inputs, got ${inputs.length}`);
  }

  /** Throws `op: problem (x: [..], w: [..])`. */
  fail(problem: string, code: ErrorCode = 'shape'): never {
    const shapes = this.#inputs.flatMap((input, i) => (input ? [`${this.#name(i)}: ${formatShape(input.shape)}`] : []));
    const where = shapes.length > 0 ? ` (${shapes.join(', ')})` : '';
    throw new LanewiseError(code, `${this.#op}: ${problem}${where}`);
  }

  #name(index: number): string {
    return this.#names[index]?.replace('?', '') ?? `input ${index}`;
  }

  /** Whether the optional input `index` was given. */
  has(index: number): boolean {
    return this.#inputs[index] !== undefined;
  }

  /** Input `index`, present, of one of `dtypes`, with positive whole sizes. */
  spec(index: number, ...dtypes: readonly DType[]): TensorSpec {
    const name = this.#name(index);
    const input = this.#inputs[index];
    if (!input) this.fail(`needs the input ${name}`);
    const allowed = dtypes.length > 0 ? dtypes : ['f32' as const];
    if (!allowed.includes(input.dtype)) this.fail(`${name} must be ${allowed.join(' or ')}, it is ${input.dtype}`);
    if (input.shape.length > 6) this.fail(`${name} has ${input.shape.length} dimensions, at most 6 are supported`);
    for (const size of input.shape) {
      if (!(Number.isInteger(size) && size >= 1 && size <= MAX_I32)) {
        this.fail(`${name} has a dimension of size ${size}, every size must be a whole number of at least 1`);
      }
    }
    return input;
  }

  /** Sizes of input `index`, which must have `rank` dimensions. */
  dims<R extends keyof Dims>(index: number, rank: R, ...dtypes: readonly DType[]): Dims[R] {
    const { shape } = this.spec(index, ...dtypes);
    if (shape.length !== rank) {
      this.fail(`${this.#name(index)} must have ${rank} dimension${rank === 1 ? '' : 's'}, it has ${shape.length}`);
    }
    return [...shape] as Dims[R];
  }

  /** Input `index` must have exactly this shape; `because` completes "expected [..], ...". */
  shape(index: number, expected: readonly number[], because: string, ...dtypes: readonly DType[]): void {
    const { shape } = this.spec(index, ...dtypes);
    if (shape.length !== expected.length || shape.some((size, d) => size !== expected[d])) {
      this.fail(`${this.#name(index)} is ${formatShape(shape)}, expected ${formatShape(expected)}, ${because}`);
    }
  }

  /** The last size of input `index`: the channels. */
  channels(index: number, ...dtypes: readonly DType[]): number {
    const channels = this.spec(index, ...dtypes).shape.at(-1);
    if (channels === undefined) this.fail(`${this.#name(index)} must have at least 1 dimension`);
    return channels;
  }

  /** Attributes that must be whole numbers from `min` up to `max`. */
  integers(values: Readonly<Record<string, number>>, min: number, max = MAX_I32): void {
    for (const [name, value] of Object.entries(values)) {
      if (!(Number.isInteger(value) && value >= min && value <= max)) {
        this.fail(`${name} must be a whole number from ${min} to ${max}, it is ${value}`, 'option');
      }
    }
  }

  /** An attribute that must be finite and satisfy `holds`; `range` says the condition in words. */
  number(name: string, value: number, range: string, holds: (value: number) => boolean): void {
    if (!(Number.isFinite(Math.fround(value)) && holds(Math.fround(value)))) {
      this.fail(`${name} must be ${range}, it is ${value}`, 'option');
    }
  }
}
