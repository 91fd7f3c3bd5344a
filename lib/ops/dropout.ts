// dropout. Which elements are kept is a function of (seed, stream, step, element) alone, so the gradient draws the same
// mask again instead of storing it, and every backend and thread count drops the same elements.

import { streamKey, uniform } from '../random.ts';
import { costPerElement } from './elementwise.ts';
import { type AttrSchema, defineOp, type OpDefinition } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, i32, tensor } from './tensor-data.ts';

const { fround } = Math;

const dropoutAttrs = { rate: 'f32', stream: 'i32' } as const satisfies AttrSchema;

/**
 * y[i] = keep(i) ? x[i] / (1 - rate) : 0, each element being dropped with probability `rate`.
 *
 * x of any shape, step i32 [2] = [seed, step] -> y of the same shape. keep(i) is uniform(streamKey(seed, stream, step),
 * i) >= rate; `stream` tells several dropouts of one model apart. The gradient is dropout of dy with the same step and
 * stream. Semantics: torch.nn.Dropout in training mode.
 *
 * Errors: rate outside [0, 1); step not i32 [2].
 */
export const dropout: OpDefinition<typeof dropoutAttrs> = defineOp({
  name: 'dropout',
  inputs: ['x', 'step'],
  outputs: ['y'],
  attrs: dropoutAttrs,
  inPlace: [0, 0],
  infer(inputs, { rate, stream }) {
    const check = new ShapeCheck('dropout', ['x', 'step'], inputs);
    const { shape } = check.spec(0);
    check.shape(1, [2], 'the seed and the step', 'i32');
    check.number('rate', rate, 'at least 0 and below 1', (value) => value >= 0 && value < 1);
    check.integers({ stream }, 0);
    return [tensor(shape)];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    return [dy && context.needs(0) ? context.emit(dropout, [dy, context.inputs[1]], context.attrs)[0] : undefined];
  },
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const [seed, step] = i32(inputs[1]);
    const y = f32(outputs[0]);
    const rate = fround(attrs.rate);
    const scale = fround(1 / fround(1 - rate));
    const key = streamKey(seed!, attrs.stream, step!);
    for (let i = 0; i < y.length; i++) y[i] = uniform(key, i) >= rate ? x[i]! * scale : 0;
  },
});
