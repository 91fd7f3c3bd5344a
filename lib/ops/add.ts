// add, the sum of two tensors: what a residual connection ends with, and where the gradients of its branches meet.

import {
  activationAttrs,
  activationGradient,
  applyActivation,
  applyActivationGradient,
  checkActivation,
} from './activation.ts';
import { costPerElement } from './elementwise.ts';
import { defineOp } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, tensor } from './tensor-data.ts';

/**
 * y = act(a + b), for two tensors of one shape (no broadcasting). With `gate`, the result of an activation, y is a + b
 * through the gradient of that activation there (relu: gate > 0 ? a + b : 0).
 *
 * Errors: tensors of different shapes; a gate without an activation.
 */
export const add = defineOp({
  name: 'add',
  inputs: ['a', 'b', 'gate?'],
  outputs: ['y'],
  attrs: activationAttrs,
  inPlace: [0, 0],
  absorbAsSum: true,
  epilogue: { gate: 2 },
  infer(inputs, attrs) {
    const check = new ShapeCheck('add', ['a', 'b', 'gate?'], inputs);
    const { shape } = check.spec(0);
    check.shape(1, shape, 'the shape of a');
    if (check.has(2)) check.shape(2, shape, 'the shape of a');
    check.integers({ activation: attrs.activation }, check.has(2) ? 1 : 0, 2);
    checkActivation(check, attrs);
    return [tensor(shape)];
  },
  gradient(context) {
    const gradient = context.outputGradients[0];
    if (!gradient || !(context.needs(0) || context.needs(1))) return [];
    const dy = activationGradient(context, gradient, context.inputs[2] ?? context.outputs[0], context.attrs);
    return [context.needs(0) ? dy : undefined, context.needs(1) ? dy : undefined];
  },
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs, attrs) {
    const a = f32(inputs[0]);
    const b = f32(inputs[1]);
    const y = f32(outputs[0]);
    for (let i = 0; i < y.length; i++) y[i] = a[i]! + b[i]!;
    if (inputs[2]) applyActivationGradient(y, f32(inputs[2]), y, attrs);
    else applyActivation(y, attrs);
  },
});
