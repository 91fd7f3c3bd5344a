// normalize: pixels to network input, one multiply-add for each, so that images stay bytes until they are used.

import { costPerElement } from './elementwise.ts';
import { fill } from './fill.ts';
import { fma } from './fma.ts';
import { defineOp, type OpDefinition } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, rowsOf, tensor } from './tensor-data.ts';

/**
 * y[..., c] = x[..., c] * scale[c] + shift[c]; for mean and deviation, scale = 1 / std and shift = -mean / std.
 *
 * x u8 or f32 of any shape with channels last, scale [c], shift [c] -> y f32, shaped as x. scale and shift are
 * constants: they get no gradient. Errors: scale or shift not as long as the channels of x.
 */
export const normalize: OpDefinition<Record<never, never>> = defineOp({
  name: 'normalize',
  inputs: ['x', 'scale', 'shift'],
  outputs: ['y'],
  attrs: {},
  infer(inputs) {
    const check = new ShapeCheck('normalize', ['x', 'scale', 'shift'], inputs);
    const c = check.channels(0, 'u8', 'f32');
    for (const index of [1, 2]) check.shape(index, [c], 'one value for each channel of x');
    return [tensor(check.spec(0, 'u8', 'f32').shape)];
  },
  gradient(context) {
    const [x, scale] = context.inputs;
    const dy = context.outputGradients[0];
    if (!dy || x?.dtype !== 'f32' || !context.needs(0)) return [];
    const [zeros] = context.emit(fill, [], { value: 0, count: rowsOf(x).columns });
    return [context.emit(normalize, [dy, scale, zeros], {})[0]];
  },
  cost: (_, outputs) => costPerElement(outputs, 2),
  run(inputs, outputs) {
    const x = inputs[0]!.data;
    const scale = f32(inputs[1]);
    const shift = f32(inputs[2]);
    const y = f32(outputs[0]);
    for (let start = 0; start < y.length; start += scale.length) {
      for (let c = 0; c < scale.length; c++) y[start + c] = fma(x[start + c]!, scale[c]!, shift[c]!);
    }
  },
});
