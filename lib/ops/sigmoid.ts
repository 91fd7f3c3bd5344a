// sigmoid and its gradient, which reads the output.

import { costPerElement, inferPair, inferSame } from './elementwise.ts';
import { sigmoid as sigmoidOf } from './exp.ts';
import { defineOp } from './op.ts';
import { f32 } from './tensor-data.ts';

const { fround } = Math;

/**
 * y = 1 / (1 + exp(-x)), for a tensor of any shape. Semantics: torch.sigmoid.
 * Errors: x is not f32.
 */
export const sigmoid = defineOp({
  name: 'sigmoid',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  inPlace: [0, 0],
  infer: (inputs) => inferSame('sigmoid', inputs),
  gradient(context) {
    const dy = context.outputGradients[0];
    return [dy && context.needs(0) ? context.emit(sigmoidDx, [dy, context.outputs[0]], {})[0] : undefined];
  },
  cost: (_, outputs) => costPerElement(outputs, 10),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    for (let i = 0; i < y.length; i++) y[i] = sigmoidOf(x[i]!);
  },
});

/**
 * dx = dy * (y * (1 - y)), with y the output of sigmoid.
 * Errors: y and dy have different shapes.
 */
export const sigmoidDx = defineOp({
  name: 'sigmoid_dx',
  inputs: ['dy', 'y'],
  outputs: ['dx'],
  attrs: {},
  inPlace: [0, 0],
  scalesGradient: true,
  infer: (inputs) => inferPair('sigmoid_dx', ['dy', 'y'], inputs),
  cost: (_, outputs) => costPerElement(outputs, 3),
  run(inputs, outputs) {
    const dy = f32(inputs[0]);
    const y = f32(inputs[1]);
    const dx = f32(outputs[0]);
    for (let i = 0; i < dx.length; i++) {
      const value = y[i]!;
      dx[i] = dy[i]! * fround(value * fround(1 - value));
    }
  },
});
