// reshape: the same memory under another shape, so no code runs in a plan.

import { axisAttrs, axisSchema, axisValues, MAX_RANK } from './axes.ts';
import { type Attrs, defineOp, type Emitter, elementCount, type OpDefinition, type TensorSpec } from './op.ts';
import { formatShape, ShapeCheck } from './shape-check.ts';
import { tensor } from './tensor-data.ts';

const schema = { rank: 'i32', ...axisSchema('d') } as const;

/** The attributes that give `shape`. */
export const reshapeTo = (shape: readonly number[]): Attrs<typeof schema> => ({
  rank: shape.length,
  ...axisAttrs('d', shape, 1),
});

/**
 * y = x, read in row-major order as [d0, ..., d(rank-1)].
 *
 * x of any shape, f32 or i32 -> y of the given one and of x's type. Semantics: numpy.reshape. Errors: another number of elements.
 */
export const reshape: OpDefinition<typeof schema> = defineOp({
  name: 'reshape',
  inputs: ['x'],
  outputs: ['y'],
  attrs: schema,
  view: true,
  infer(inputs, attrs) {
    const check = new ShapeCheck('reshape', ['x'], inputs);
    const { shape: from, dtype } = check.spec(0, 'f32', 'i32');
    const count = elementCount(from);
    check.integers({ rank: attrs.rank }, 0, MAX_RANK);
    const shape = axisValues('d', attrs, attrs.rank);
    check.integers(Object.fromEntries(shape.map((size, axis) => [`d${axis}`, size])), 1);
    if (elementCount(shape) !== count) {
      check.fail(`x has ${count} elements, ${formatShape(shape)} holds ${elementCount(shape)}`);
    }
    return [tensor(shape, dtype)];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    const x: TensorSpec | undefined = context.inputs[0];
    return [dy && x && context.needs(0) ? context.emit(reshape, [dy], reshapeTo(x.shape))[0] : undefined];
  },
  cost: () => ({ flops: 0, bytes: 0 }),
  // A plan never runs a view; a test or a tool that does gets a copy.
  run: (inputs, outputs) => outputs[0]!.data.set(inputs[0]!.data),
});

/** x under another shape of as many elements. */
export const view = <T extends TensorSpec>(emitter: Emitter<T>, x: T, shape: readonly number[]): T =>
  emitter.emit(reshape, [x], reshapeTo(shape))[0] as T;
