// unary: a function of each element, chosen by `kind` (unary-functions.ts), and its gradient, which reads the input.

import { costPerElement, inferPair, inferSame } from './elementwise.ts';
import { defineOp } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32 } from './tensor-data.ts';
import { checkUnary, unaryFunction, unarySchema } from './unary-functions.ts';

const { fround } = Math;

/**
 * y = f(x), for a tensor of any shape, f being the function number `kind` of unary-functions.ts with its parameters.
 * Errors: no such kind; parameters that the function does not have or allow.
 */
export const unary = defineOp({
  name: 'unary',
  inputs: ['x'],
  outputs: ['y'],
  attrs: unarySchema,
  inPlace: [0, 0],
  infer(inputs, attrs) {
    checkUnary(new ShapeCheck('unary', ['x'], inputs), attrs);
    return inferSame('unary', inputs);
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    return [dy && context.needs(0) ? context.emit(unaryDx, [dy, context.inputs[0]], context.attrs)[0] : undefined];
  },
  cost: (_, outputs, { kind }) => costPerElement(outputs, unaryFunction(kind).flops),
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const { forward } = unaryFunction(attrs.kind);
    const [alpha, beta] = [fround(attrs.alpha), fround(attrs.beta)];
    for (let i = 0; i < y.length; i++) y[i] = forward(x[i]!, alpha, beta);
  },
});

/**
 * dx = dy * f'(x), with x the input of unary.
 * Errors: those of unary; x and dy have different shapes.
 */
export const unaryDx = defineOp({
  name: 'unary_dx',
  inputs: ['dy', 'x'],
  outputs: ['dx'],
  attrs: unarySchema,
  inPlace: [0, 0],
  infer(inputs, attrs) {
    checkUnary(new ShapeCheck('unary_dx', ['dy', 'x'], inputs), attrs);
    return inferPair('unary_dx', ['dy', 'x'], inputs);
  },
  cost: (_, outputs, { kind }) => costPerElement(outputs, 1 + unaryFunction(kind).flops),
  run(inputs, outputs, attrs) {
    const dy = f32(inputs[0]);
    const x = f32(inputs[1]);
    const dx = f32(outputs[0]);
    const { derivative } = unaryFunction(attrs.kind);
    const [alpha, beta] = [fround(attrs.alpha), fround(attrs.beta)];
    for (let i = 0; i < dx.length; i++) dx[i] = dy[i]! * derivative(x[i]!, alpha, beta);
  },
});
