// add, the sum of two tensors that a residual connection ends with.

import { activationAttrs, activationGradient, applyActivation, checkActivation } from './activation.ts';
import { costPerElement, inferPair } from './elementwise.ts';
import { defineOp } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32 } from './tensor-data.ts';

/**
 * y = act(a + b), for two tensors of one shape (no broadcasting).
 *
 * Errors: a and b have different shapes.
 */
export const add = defineOp({
  name: 'add',
  inputs: ['a', 'b'],
  outputs: ['y'],
  attrs: activationAttrs,
  inPlace: [0, 0],
  epilogue: {},
  infer(inputs, attrs) {
    checkActivation(new ShapeCheck('add', ['a', 'b'], inputs), attrs);
    return inferPair('add', ['a', 'b'], inputs);
  },
  gradient(context) {
    const gradient = context.outputGradients[0];
    if (!gradient || !(context.needs(0) || context.needs(1))) return [];
    const dy = activationGradient(context, gradient, context.outputs[0], context.attrs);
    return [context.needs(0) ? dy : undefined, context.needs(1) ? dy : undefined];
  },
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs, attrs) {
    const a = f32(inputs[0]);
    const b = f32(inputs[1]);
    const y = f32(outputs[0]);
    for (let i = 0; i < y.length; i++) y[i] = a[i]! + b[i]!;
    applyActivation(y, attrs);
  },
});
