// The functions of op `binary`.

import type { Attrs } from './op.ts';

/** NaN wins. */
const larger = (a: number, b: number): number => (a < b || Number.isNaN(b) ? b : a);
const smaller = (a: number, b: number): number => (b < a || Number.isNaN(b) ? b : a);

/** The position is the op's `kind`; the native twin is native/kernels/binary.inl. Append, never reorder. */
export const binaryFunctions = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  /** NaN where a or b is. */
  maximum: larger,
  minimum: smaller,
  /** 1 where a equals b, else 0. */
  equal: (a, b) => (a === b ? 1 : 0),
  /** What of the gradient of maximum(a, b) goes to a: all, half of it where they are equal, or nothing. */
  maximum_share: (a, b) => (a < b ? 0 : a === b ? 0.5 : 1),
} as const satisfies Readonly<Record<string, (a: number, b: number) => number>>;

export type BinaryName = keyof typeof binaryFunctions;
export const BINARY_NAMES: readonly BinaryName[] = Object.keys(binaryFunctions) as BinaryName[];

export const binarySchema = { kind: 'i32' } as const;

/** The attributes that make `binary` the function `name`. */
export const binaryAttrs = (name: BinaryName): Attrs<typeof binarySchema> => ({ kind: BINARY_NAMES.indexOf(name) });
