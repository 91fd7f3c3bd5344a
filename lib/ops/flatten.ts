// flatten and its gradient: the same memory under another shape, so no code runs in a plan.

import { defineOp, elementCount, type OpDefinition, type TensorView } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, nhwc, tensor } from './tensor-data.ts';

/** A plan never runs a view; a test or a tool that does gets a copy. */
const copy = (inputs: readonly (TensorView | undefined)[], outputs: readonly TensorView[]): void =>
  f32(outputs[0]).set(f32(inputs[0]));

/**
 * y[n, (h*W + w)*C + c] = x[n,h,w,c]: all axes but the first become one.
 *
 * x [n,h,w,c] or [n,f] -> y [n, h*w*c]. Semantics: torch.flatten(x, 1), in NHWC order.
 * Errors: x has neither 2 nor 4 dimensions.
 */
export const flatten: OpDefinition<Record<never, never>> = defineOp({
  name: 'flatten',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  view: true,
  infer(inputs) {
    const check = new ShapeCheck('flatten', ['x'], inputs);
    const { shape } = check.spec(0);
    if (shape.length !== 2 && shape.length !== 4) check.fail(`x must have 2 or 4 dimensions, it has ${shape.length}`);
    const [n = 1, ...rest] = shape;
    return [tensor([n, elementCount(rest)])];
  },
  gradient(context) {
    const [x] = context.inputs;
    const dy = context.outputGradients[0];
    if (!x || !dy || !context.needs(0)) return [];
    if (x.shape.length === 2) return [dy];
    const [, inH, inW, inC] = nhwc(x);
    return [context.emit(unflatten, [dy], { inH, inW, inC })[0]];
  },
  cost: () => ({ flops: 0, bytes: 0 }),
  run: copy,
});

/**
 * y[n,h,w,c] = x[n, (h*inW + w)*inC + c]: undoes flatten.
 *
 * x [n, inH*inW*inC] -> y [n,inH,inW,inC]. Errors: sizes that do not multiply to the features of x.
 */
export const unflatten = defineOp({
  name: 'unflatten',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { inH: 'i32', inW: 'i32', inC: 'i32' },
  view: true,
  infer(inputs, { inH, inW, inC }) {
    const check = new ShapeCheck('unflatten', ['x'], inputs);
    const [n, features] = check.dims(0, 2);
    check.integers({ inH, inW, inC }, 1);
    if (inH * inW * inC !== features) {
      check.fail(`x has ${features} features, [${inH},${inW},${inC}] holds ${inH * inW * inC}`);
    }
    return [tensor([n, inH, inW, inC])];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    return [dy && context.needs(0) ? context.emit(flatten, [dy], {})[0] : undefined];
  },
  cost: () => ({ flops: 0, bytes: 0 }),
  run: copy,
});
