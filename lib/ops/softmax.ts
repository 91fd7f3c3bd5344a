// softmax over the last axis, and its gradient.

import { costPerElement, inferPair, inferSame } from './elementwise.ts';
import { exp } from './exp.ts';
import { fma } from './fma.ts';
import { defineOp, elementCount } from './op.ts';
import { f32, rowsOf } from './tensor-data.ts';

const { fround } = Math;

/** The largest of `values[start, end)`; NaN only if the first one is (a later NaN shows in the sum). */
export function largest(values: Float32Array, start: number, end: number): number {
  let max = values[start]!;
  for (let k = start + 1; k < end; k++) if (values[k]! > max) max = values[k]!;
  return max;
}

/**
 * The double sum of term(k), start <= k < end: 16 partial sums take turns, which are then added from left to right.
 */
export function sumInTurns(start: number, end: number, term: (k: number) => number): number {
  const lanes = 16;
  const sums = new Float64Array(lanes);
  for (let k = start; k < end; k++) sums[(k - start) % lanes]! += term(k);
  let sum = sums[0]!;
  for (let lane = 1; lane < lanes; lane++) sum += sums[lane]!;
  return sum;
}

/** Writes softmax of one row; returns the double sum of exp(x - max) that it divided by. */
export function softmaxRow(x: Float32Array, y: Float32Array, start: number, end: number, max: number): number {
  for (let k = start; k < end; k++) y[k] = exp(fround(x[k]! - max));
  const sum = sumInTurns(start, end, (k) => y[k]!);
  const divisor = fround(sum);
  for (let k = start; k < end; k++) y[k] = y[k]! / divisor;
  return sum;
}

/**
 * y[..., k] = exp(x[..., k] - max) / sum over j of exp(x[..., j] - max), along the last axis.
 *
 * x of any shape -> y of the same. Semantics: torch.softmax(x, dim=-1). A row with NaN or +Infinity becomes NaN.
 */
export const softmax = defineOp({
  name: 'softmax',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: (inputs) => inferSame('softmax', inputs),
  gradient(context) {
    const dy = context.outputGradients[0];
    return [dy && context.needs(0) ? context.emit(softmaxDx, [dy, context.outputs[0]], {})[0] : undefined];
  },
  cost: (_, outputs) => costPerElement(outputs, 12),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const { columns } = rowsOf(inputs[0]);
    for (let start = 0; start < x.length; start += columns) {
      const end = start + columns;
      softmaxRow(x, y, start, end, largest(x, start, end));
    }
  },
});

/**
 * dx[..., k] = y[..., k] * (dy[..., k] - sum over j of dy[..., j] * y[..., j]), with y the output of softmax.
 *
 * Errors: y and dy have different shapes.
 */
export const softmaxDx = defineOp({
  name: 'softmax_dx',
  inputs: ['dy', 'y'],
  outputs: ['dx'],
  attrs: {},
  inPlace: [0, 0],
  infer: (inputs) => inferPair('softmax_dx', ['dy', 'y'], inputs),
  cost: ([dy]) => ({ flops: 4 * elementCount(dy?.shape ?? []) }),
  run(inputs, outputs) {
    const dy = f32(inputs[0]);
    const y = f32(inputs[1]);
    const dx = f32(outputs[0]);
    const { columns } = rowsOf(inputs[0]);
    for (let start = 0; start < dx.length; start += columns) {
      const end = start + columns;
      let sum = 0;
      for (let k = start; k < end; k++) sum = fma(dy[k]!, y[k]!, sum);
      for (let k = start; k < end; k++) dx[k] = y[k]! * fround(dy[k]! - sum);
    }
  },
});
