// Attributes that come once for each of up to six axes: `start0` to `start5`, unused ones at a neutral value; and the
// walk over all positions of a shape that the references of structural ops share.

import type { Attrs } from './op.ts';

export const MAX_RANK = 6;

type AxisKey<P extends string> = `${P}${0 | 1 | 2 | 3 | 4 | 5}`;

const perAxis = <P extends string, V>(prefix: P, valueAt: (axis: number) => V): Readonly<Record<AxisKey<P>, V>> =>
  Object.fromEntries(Array.from({ length: MAX_RANK }, (_, axis) => [`${prefix}${axis}`, valueAt(axis)])) as Readonly<
    Record<AxisKey<P>, V>
  >;

/** The schema of `<prefix>0` to `<prefix>5`. */
export const axisSchema = <P extends string>(prefix: P): Readonly<Record<AxisKey<P>, 'i32'>> =>
  perAxis(prefix, () => 'i32' as const);

/** Their values; axes beyond those given get `neutral`. */
export const axisAttrs = <P extends string>(
  prefix: P,
  values: readonly number[],
  neutral: number,
): Readonly<Record<AxisKey<P>, number>> => perAxis(prefix, (axis) => values[axis] ?? neutral);

/** The values of the first `rank` axes. */
export const axisValues = (prefix: string, attrs: Attrs, rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => attrs[`${prefix}${axis}`] as number);

/** Row-major strides in elements. */
export const stridesOf = (shape: readonly number[]): number[] => {
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1]! * shape[d + 1]!;
  return strides;
};

/** Calls f(i, at) for the positions of `shape` in row-major order: i counts them, at = start + position . strides. */
export function forPositions(
  shape: readonly number[],
  strides: readonly number[],
  start: number,
  f: (i: number, at: number) => void,
): void {
  let i = 0;
  const walk = (d: number, at: number): void => {
    if (d === shape.length) f(i++, at);
    else for (let p = 0; p < shape[d]!; p++) walk(d + 1, at + p * strides[d]!);
  };
  walk(0, start);
}

/** Strides with which x, of `shape`, is walked as if it had the shape `to` (NumPy broadcasting: axes align at the last one,
 * and one of size 1 stays where it is). */
export const broadcastStrides = (shape: readonly number[], to: readonly number[]): number[] => {
  const missing = to.length - shape.length;
  const strides = stridesOf(shape);
  return to.map((_, d) => (d < missing || shape[d - missing] === 1 ? 0 : strides[d - missing]!));
};

/** The shape that a and b broadcast to; undefined when they do not fit. */
export const broadcastShape = (a: readonly number[], b: readonly number[]): number[] | undefined => {
  const rank = Math.max(a.length, b.length);
  const sizeAt = (shape: readonly number[], d: number) => shape[d - rank + shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, d) => Math.max(sizeAt(a, d), sizeAt(b, d)));
  const fits = shape.every((size, d) => [a, b].every((x) => sizeAt(x, d) === size || sizeAt(x, d) === 1));
  return fits ? shape : undefined;
};
