// log_softmax over the last axis, and its gradient.

import { costPerElement, inferPair, inferSame } from './elementwise.ts';
import { exp, log } from './exp.ts';
import { fma } from './fma.ts';
import { defineOp, elementCount } from './op.ts';
import { largest, sumInTurns } from './softmax.ts';
import { f32, rowsOf } from './tensor-data.ts';

const { fround } = Math;

/**
 * y[..., k] = x[..., k] - max - ln(sum over j of exp(x[..., j] - max)), along the last axis, the sum in double.
 *
 * x of any shape -> y of the same. Semantics: torch.log_softmax(x, dim=-1). A row with NaN or +Infinity becomes NaN.
 */
export const logSoftmax = defineOp({
  name: 'log_softmax',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer: (inputs) => inferSame('log_softmax', inputs),
  gradient(context) {
    const dy = context.outputGradients[0];
    return [dy && context.needs(0) ? context.emit(logSoftmaxDx, [dy, context.outputs[0]], {})[0] : undefined];
  },
  cost: (_, outputs) => costPerElement(outputs, 13),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const { columns } = rowsOf(inputs[0]);
    for (let start = 0; start < x.length; start += columns) {
      const end = start + columns;
      const max = largest(x, start, end);
      const rest = fround(log(sumInTurns(start, end, (k) => exp(fround(x[k]! - max)))));
      for (let k = start; k < end; k++) y[k] = fround(x[k]! - max) - rest;
    }
  },
});

/**
 * dx[..., k] = dy[..., k] - exp(y[..., k]) * sum over j of dy[..., j], the sum in double, y the output of log_softmax.
 *
 * Errors: y and dy have different shapes.
 */
export const logSoftmaxDx = defineOp({
  name: 'log_softmax_dx',
  inputs: ['dy', 'y'],
  outputs: ['dx'],
  attrs: {},
  inPlace: [0, 0],
  infer: (inputs) => inferPair('log_softmax_dx', ['dy', 'y'], inputs),
  cost: ([dy]) => ({ flops: 13 * elementCount(dy?.shape ?? []) }),
  run(inputs, outputs) {
    const dy = f32(inputs[0]);
    const y = f32(inputs[1]);
    const dx = f32(outputs[0]);
    const { columns } = rowsOf(inputs[0]);
    for (let start = 0; start < dx.length; start += columns) {
      const end = start + columns;
      const minus = -fround(sumInTurns(start, end, (k) => dy[k]!));
      for (let k = start; k < end; k++) dx[k] = fma(exp(y[k]!), minus, dy[k]!);
    }
  },
});
