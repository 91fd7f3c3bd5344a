// relu and its gradient. The gradient reads the output, so that a producer that absorbed the activation need not keep
// its sum before it.

import { costPerElement, inferPair, inferSame } from './elementwise.ts';
import { defineOp } from './op.ts';
import { f32 } from './tensor-data.ts';

/**
 * y = max(x, 0), for a tensor of any shape; NaN stays NaN. Semantics: torch.relu.
 * Errors: x is not f32.
 */
export const relu = defineOp({
  name: 'relu',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  inPlace: [0, 0],
  absorbAsActivation: { code: 1, slope: () => 0 },
  infer: (inputs) => inferSame('relu', inputs),
  gradient(context) {
    const dy = context.outputGradients[0];
    return [dy && context.needs(0) ? context.emit(reluDx, [dy, context.outputs[0]], {})[0] : undefined];
  },
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    // Not Math.max, which would turn -0 into 0.
    for (let i = 0; i < y.length; i++) y[i] = x[i]! < 0 ? 0 : x[i]!;
  },
});

/**
 * dx = y > 0 ? dy : 0, with y the output of relu (the gradient at 0 is 0, as in PyTorch).
 * Errors: y and dy have different shapes.
 */
export const reluDx = defineOp({
  name: 'relu_dx',
  inputs: ['dy', 'y'],
  outputs: ['dx'],
  attrs: {},
  inPlace: [0, 0],
  scalesGradient: true,
  absorbAsGate: { code: 1, slope: () => 0 },
  infer: (inputs) => inferPair('relu_dx', ['dy', 'y'], inputs),
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs) {
    const dy = f32(inputs[0]);
    const y = f32(inputs[1]);
    const dx = f32(outputs[0]);
    for (let i = 0; i < dx.length; i++) dx[i] = y[i]! <= 0 ? 0 : dy[i]!;
  },
});
