// What op `reduce` computes of the elements behind one output, in which order: docs/numerics.md.

import { fma } from './fma.ts';
import type { Attrs } from './op.ts';

const { fround } = Math;

/** The position is the op's `kind`; the native twin is native/kernels/run_reduce.inl and column_sum.inl. */
export const REDUCE_NAMES = ['sum', 'mean', 'sum_squares', 'maximum', 'minimum'] as const;
export type ReduceName = (typeof REDUCE_NAMES)[number];

/** `axes` has bit d set where axis d is reduced. */
export const reduceSchema = { kind: 'i32', axes: 'i32' } as const;

/** The attributes that reduce `axes`, counted from 0. */
export const reduceAttrs = (name: ReduceName, axes: readonly number[]): Attrs<typeof reduceSchema> => ({
  kind: REDUCE_NAMES.indexOf(name),
  axes: axes.reduce((mask, axis) => mask | (1 << axis), 0),
});

export const isReduced = (axes: number, axis: number): boolean => ((axes >> axis) & 1) === 1;

/** Reduced positions of one block when the last axis stays, and when it is reduced as well. */
const BLOCK_ROWS = 256;
const BLOCK_RUN = 4096;
/** Partial sums that take turns in a run. */
const TURNS = 16;

/** NaN wins; the sign decides between maximum and minimum. */
const extreme = (sign: 1 | -1) => (best: number, value: number) =>
  sign * best < sign * value || Number.isNaN(value) ? value : best;

/** A chain of fp32 steps in blocks: for each channel of a last axis that stays. */
export function reduceRows(name: ReduceName, count: number, valueAt: (position: number) => number): number {
  if (name === 'maximum' || name === 'minimum') return reduceExtreme(name, count, valueAt);
  let total = 0;
  for (let start = 0; start < count; start += BLOCK_ROWS) {
    let part = 0;
    const end = Math.min(count, start + BLOCK_ROWS);
    for (let i = start; i < end; i++) {
      const value = valueAt(i);
      part = name === 'sum_squares' ? fma(value, value, part) : fround(part + value);
    }
    total = fround(total + part);
  }
  return name === 'mean' ? total / fround(count) : total;
}

/** Sums in doubles, sixteen taking turns, in blocks: where the last axis is reduced. */
export function reduceRun(name: ReduceName, count: number, valueAt: (position: number) => number): number {
  if (name === 'maximum' || name === 'minimum') return reduceExtreme(name, count, valueAt);
  const sums = new Float64Array(TURNS);
  let total = 0;
  for (let start = 0; start < count; start += BLOCK_RUN) {
    sums.fill(0);
    const end = Math.min(count, start + BLOCK_RUN);
    for (let i = start; i < end; i++) {
      const value = valueAt(i);
      sums[(i - start) % TURNS]! += name === 'sum_squares' ? value * value : value;
    }
    total += sums.reduce((sum, part) => sum + part);
  }
  return name === 'mean' ? total / count : total;
}

function reduceExtreme(name: 'maximum' | 'minimum', count: number, valueAt: (position: number) => number): number {
  const choose = extreme(name === 'maximum' ? 1 : -1);
  let best = valueAt(0);
  for (let i = 1; i < count; i++) best = choose(best, valueAt(i));
  return best;
}
