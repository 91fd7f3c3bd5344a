// slice and its gradient: every step-th position of each axis.

import { axisAttrs, axisSchema, axisValues, forPositions, stridesOf } from './axes.ts';
import { type Attrs, defineOp, type OpDefinition } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, tensor } from './tensor-data.ts';

const picked = { ...axisSchema('start'), ...axisSchema('step'), ...axisSchema('size') } as const;
const placed = { ...axisSchema('start'), ...axisSchema('step'), ...axisSchema('in') } as const;

/** The attributes of a slice; `step` is 1 where it is not given. */
export const sliceOf = (
  start: readonly number[],
  size: readonly number[],
  step: readonly number[] = [],
): Attrs<typeof picked> => ({
  ...axisAttrs('start', start, 0),
  ...axisAttrs('step', step, 1),
  ...axisAttrs('size', size, 1),
});

/** Checks that `size` positions from start on, step apart, lie inside `shape`. */
function checkRange(check: ShapeCheck, attrs: Attrs, shape: readonly number[], size: readonly number[]): void {
  const start = axisValues('start', attrs, shape.length);
  const step = axisValues('step', attrs, shape.length);
  const named = (prefix: string, values: readonly number[]) =>
    Object.fromEntries(values.map((value, axis) => [`${prefix}${axis}`, value]));
  check.integers(named('start', start), 0);
  check.integers(named('step', step), -(2 ** 31));
  check.integers(named('size', size), 1);
  shape.forEach((whole, axis) => {
    if (step[axis] === 0) check.fail(`step${axis} must be a whole number other than 0, it is 0`, 'option');
    const [first, last] = [start[axis]!, start[axis]! + (size[axis]! - 1) * step[axis]!];
    if (first < whole && last >= 0 && last < whole) return;
    check.fail(`axis ${axis} has ${whole} positions, the slice reads from ${first} to ${last}`);
  });
}

/** Where the first picked element lies in a tensor of `shape`, and how far apart neighbours are. */
function walkOf(attrs: Attrs, shape: readonly number[]): { first: number; strides: number[] } {
  const whole = stridesOf(shape);
  const start = axisValues('start', attrs, shape.length);
  const step = axisValues('step', attrs, shape.length);
  return {
    first: start.reduce((at, position, axis) => at + position * whole[axis]!, 0),
    strides: step.map((value, axis) => value * whole[axis]!),
  };
}

/**
 * y[i0, i1, ...] = x[start0 + i0 * step0, start1 + i1 * step1, ...].
 *
 * x of any shape -> y [size0, size1, ...]. A negative step reads backwards. Semantics: NumPy's basic slicing and ONNX
 * Slice, with starts and sizes already resolved. Errors: a step of 0; positions outside x.
 */
export const slice = defineOp({
  name: 'slice',
  inputs: ['x'],
  outputs: ['y'],
  attrs: picked,
  infer(inputs, attrs) {
    const check = new ShapeCheck('slice', ['x'], inputs);
    const { shape } = check.spec(0);
    const size = axisValues('size', attrs, shape.length);
    checkRange(check, attrs, shape, size);
    return [tensor(size)];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    const [x] = context.inputs;
    if (!x || !dy || !context.needs(0)) return [];
    const rank = x.shape.length;
    const attrs = {
      ...axisAttrs('start', axisValues('start', context.attrs, rank), 0),
      ...axisAttrs('step', axisValues('step', context.attrs, rank), 1),
      ...axisAttrs('in', x.shape, 1),
    };
    return [context.emit(sliceDx, [dy], attrs)[0]];
  },
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const { first, strides } = walkOf(attrs, inputs[0]!.shape);
    forPositions(outputs[0]!.shape, strides, first, (i, at) => {
      y[i] = x[at]!;
    });
  },
});

/**
 * dx = 0, but dx[start0 + i0 * step0, ...] = dy[i0, ...].
 *
 * dy -> dx [in0, in1, ...]. Its gradient is a slice. Errors: those of slice on a tensor of that shape.
 */
export const sliceDx: OpDefinition<typeof placed> = defineOp({
  name: 'slice_dx',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: placed,
  infer(inputs, attrs) {
    const check = new ShapeCheck('slice_dx', ['dy'], inputs);
    const { shape } = check.spec(0);
    const whole = axisValues('in', attrs, shape.length);
    check.integers(Object.fromEntries(whole.map((size, axis) => [`in${axis}`, size])), 1);
    checkRange(check, attrs, whole, shape);
    return [tensor(whole)];
  },
  gradient(context) {
    const ddx = context.outputGradients[0];
    const [dy] = context.inputs;
    if (!dy || !ddx || !context.needs(0)) return [];
    const [start, step] = [
      axisValues('start', context.attrs, ddx.shape.length),
      axisValues('step', context.attrs, ddx.shape.length),
    ];
    return [context.emit(slice, [ddx], sliceOf(start, dy.shape, step))[0]];
  },
  run(inputs, outputs, attrs) {
    const dy = f32(inputs[0]);
    const dx = f32(outputs[0]).fill(0);
    const { first, strides } = walkOf(attrs, outputs[0]!.shape);
    forPositions(inputs[0]!.shape, strides, first, (i, at) => {
      dx[at] = dy[i]!;
    });
  },
});
