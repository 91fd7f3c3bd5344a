// tanh and its gradient, which reads the output.

import { costPerElement, inferPair, inferSame } from './elementwise.ts';
import { tanh as tanhOf } from './exp.ts';
import { fma } from './fma.ts';
import { defineOp } from './op.ts';
import { f32 } from './tensor-data.ts';

/**
 * y = tanh(x), for a tensor of any shape. Semantics: torch.tanh.
 * Errors: x is not f32.
 */
export const tanh = defineOp({
  name: 'tanh',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  inPlace: [0, 0],
  infer: (inputs) => inferSame('tanh', inputs),
  gradient(context) {
    const dy = context.outputGradients[0];
    return [dy && context.needs(0) ? context.emit(tanhDx, [dy, context.outputs[0]], {})[0] : undefined];
  },
  cost: (_, outputs) => costPerElement(outputs, 10),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    for (let i = 0; i < y.length; i++) y[i] = tanhOf(x[i]!);
  },
});

/**
 * dx = dy * (1 - y * y), with y the output of tanh.
 * Errors: y and dy have different shapes.
 */
export const tanhDx = defineOp({
  name: 'tanh_dx',
  inputs: ['dy', 'y'],
  outputs: ['dx'],
  attrs: {},
  inPlace: [0, 0],
  scalesGradient: true,
  infer: (inputs) => inferPair('tanh_dx', ['dy', 'y'], inputs),
  cost: (_, outputs) => costPerElement(outputs, 3),
  run(inputs, outputs) {
    const dy = f32(inputs[0]);
    const y = f32(inputs[1]);
    const dx = f32(outputs[0]);
    for (let i = 0; i < dx.length; i++) {
      const value = y[i]!;
      dx[i] = dy[i]! * fma(-value, value, 1);
    }
  },
});
