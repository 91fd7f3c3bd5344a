// leaky_relu and its gradient. The slope is positive, so the sign of the output tells which side an element was on.

import { costPerElement, inferPair, inferSame } from './elementwise.ts';
import { defineOp, type TensorSpec } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32 } from './tensor-data.ts';

/** A slope of 0 or less would leave the gradient without the sign it needs. */
export function checkSlope(check: ShapeCheck, slope: number): void {
  check.number('slope', slope, 'a finite number above 0 (use relu for 0)', (value) => value > 0);
}

function inferWithSlope(
  op: string,
  names: readonly string[],
  inputs: readonly (TensorSpec | undefined)[],
  slope: number,
): TensorSpec[] {
  checkSlope(new ShapeCheck(op, names, inputs), slope);
  return names.length === 1 ? inferSame(op, inputs) : inferPair(op, names, inputs);
}

/**
 * y = x < 0 ? x * slope : x, for a tensor of any shape. Semantics: torch.nn.functional.leaky_relu.
 * Errors: slope is not above 0.
 */
export const leakyRelu = defineOp({
  name: 'leaky_relu',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { slope: 'f32' },
  inPlace: [0, 0],
  absorbAsActivation: { code: 2, slope: (attrs) => attrs.slope ?? 0 },
  infer: (inputs, { slope }) => inferWithSlope('leaky_relu', ['x'], inputs, slope),
  gradient(context) {
    const dy = context.outputGradients[0];
    return [
      dy && context.needs(0)
        ? context.emit(leakyReluDx, [dy, context.outputs[0]], { slope: context.attrs.slope })[0]
        : undefined,
    ];
  },
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const slope = Math.fround(attrs.slope);
    for (let i = 0; i < y.length; i++) {
      const value = x[i]!;
      y[i] = value < 0 ? value * slope : value;
    }
  },
});

/**
 * dx = y < 0 ? dy * slope : dy, with y the output of leaky_relu.
 * Errors: y and dy have different shapes; slope is not above 0.
 */
export const leakyReluDx = defineOp({
  name: 'leaky_relu_dx',
  inputs: ['dy', 'y'],
  outputs: ['dx'],
  attrs: { slope: 'f32' },
  inPlace: [0, 0],
  scalesGradient: true,
  absorbAsGate: { code: 2, slope: (attrs) => attrs.slope ?? 0 },
  infer: (inputs, { slope }) => inferWithSlope('leaky_relu_dx', ['dy', 'y'], inputs, slope),
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs, attrs) {
    const dy = f32(inputs[0]);
    const y = f32(inputs[1]);
    const dx = f32(outputs[0]);
    const slope = Math.fround(attrs.slope);
    for (let i = 0; i < dx.length; i++) dx[i] = y[i]! < 0 ? dy[i]! * slope : dy[i]!;
  },
});
