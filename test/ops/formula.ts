// Independent formulas: what an op computes, written in doubles as its mathematics reads, with no thought of order,
// blocks or speed; and how far an fp32 result may be from it.

import type { Attrs, TensorSpec } from '../../lib/ops/op.ts';

/** Unit roundoff of fp32. */
export const U = 2 ** -24;

export interface Numbers extends TensorSpec {
  readonly data: ArrayLike<number>;
}

/** One result: its value, and the error allowed for each element. */
export interface Expected {
  readonly value: Float64Array;
  readonly tolerance: Float64Array;
}

/** Results in the order: outputs, then mutated inputs. */
export type Formula = (
  inputs: readonly (Numbers | undefined)[],
  outputs: readonly TensorSpec[],
  attrs: Attrs,
) => Expected[];

/** Input `index`, which the case has. */
export function input(inputs: readonly (Numbers | undefined)[], index: number): Numbers {
  const found = inputs[index];
  if (!found) throw new Error(`the case has no input ${index}`);
  return found;
}

export const attr = (attrs: Attrs, name: string): number => {
  const value = attrs[name];
  if (value === undefined) throw new Error(`the case has no attribute ${name}`);
  return value;
};

export const countOf = (spec: TensorSpec): number => spec.shape.reduce((product, size) => product * size, 1);

/**
 * Roundings that a sum of `terms` products may be off by, in units of u * sum |a||b|: all of them in the worst case,
 * some multiple of the square root in fact (Higham and Mary, probabilistic error analysis).
 */
export const roundingsOfSum = (terms: number): number => Math.min(terms, 6 * Math.sqrt(terms)) + 2;

/** Sums of products, with what their rounding errors scale with. */
export class Sums {
  readonly value: Float64Array;
  readonly magnitude: Float64Array;
  readonly terms: Int32Array;

  constructor(count: number) {
    this.value = new Float64Array(count);
    this.magnitude = new Float64Array(count);
    this.terms = new Int32Array(count);
  }

  add(index: number, term: number, magnitude = Math.abs(term)): void {
    this.value[index] = (this.value[index] as number) + term;
    this.magnitude[index] = (this.magnitude[index] as number) + magnitude;
    this.terms[index] = (this.terms[index] as number) + 1;
  }

  expected(extraRoundings = 0): Expected {
    const tolerance = this.magnitude.map(
      (magnitude, i) => (roundingsOfSum(this.terms[i] as number) + extraRoundings) * U * magnitude,
    );
    return { value: this.value, tolerance };
  }
}

/** A result computed element by element, with `roundings` rounding errors of size u * scale(i). */
export function elementwise(
  count: number,
  roundings: number,
  valueAt: (i: number) => number,
  scaleAt: (i: number) => number = (i) => Math.abs(valueAt(i)),
): Expected {
  const value = Float64Array.from({ length: count }, (_, i) => valueAt(i));
  return { value, tolerance: value.map((_, i) => roundings * U * scaleAt(i)) };
}

/** The result must be exactly this. */
export const exactly = (count: number, valueAt: (i: number) => number): Expected => elementwise(count, 0, valueAt);

/** `expected` through the activation of the attributes. */
export function activated({ value, tolerance }: Expected, attrs: Attrs): Expected {
  const code = attr(attrs, 'activation');
  if (code === 0) return { value, tolerance };
  const slope = code === 1 ? 0 : attr(attrs, 'slope');
  return {
    value: value.map((v) => (v < 0 ? v * slope : v)),
    tolerance: tolerance.map((t, i) => t + U * Math.abs((value[i] as number) * slope)),
  };
}
