// binary, reduce and broadcast: arithmetic on two tensors with NumPy broadcasting, reductions over any axes, and the repeating
// between them. They are one family because each is the gradient of another. The sum of two tensors of one shape that may be
// fused with an activation is op `add`.

import {
  axisAttrs,
  axisSchema,
  axisValues,
  broadcastShape,
  broadcastStrides,
  forPositions,
  MAX_RANK,
  stridesOf,
} from './axes.ts';
import { BINARY_NAMES, type BinaryName, binaryAttrs, binaryFunctions, binarySchema } from './binary-functions.ts';
import { costPerElement } from './elementwise.ts';
import { type Attrs, defineOp, type Emitter, elementCount, type OpDefinition, type TensorSpec } from './op.ts';
import {
  isReduced,
  REDUCE_NAMES,
  type ReduceName,
  reduceAttrs,
  reduceRows,
  reduceRun,
  reduceSchema,
} from './reduction-order.ts';
import { reshape, reshapeTo } from './reshape.ts';
import { formatShape, ShapeCheck } from './shape-check.ts';
import { f32, tensor } from './tensor-data.ts';
import { unary } from './unary.ts';
import { unaryAttrs } from './unary-functions.ts';

/** f(a, b) as an op. */
const emitBinary = <T extends TensorSpec>(emitter: Emitter<T>, name: BinaryName, a: T, b: T): T =>
  emitter.emit(binary, [a, b], binaryAttrs(name))[0] as T;

const negated = <T extends TensorSpec>(emitter: Emitter<T>, x: T): T =>
  emitter.emit(unary, [x], unaryAttrs('negate'))[0] as T;

/** Gradient of each function by its inputs, of the result's shape or of one that broadcasts to it. */
type Slopes = <T extends TensorSpec>(emitter: Emitter<T>, dy: T, a: T, b: T, y: T) => readonly [() => T, () => T];
const slopes: Readonly<Record<BinaryName, Slopes | undefined>> = {
  add: (_, dy) => [() => dy, () => dy],
  subtract: (emitter, dy) => [() => dy, () => negated(emitter, dy)],
  multiply: (emitter, dy, a, b) => [
    () => emitBinary(emitter, 'multiply', dy, b),
    () => emitBinary(emitter, 'multiply', dy, a),
  ],
  divide: (emitter, dy, _, b, y) => [
    () => emitBinary(emitter, 'divide', dy, b),
    () => negated(emitter, emitBinary(emitter, 'multiply', emitBinary(emitter, 'divide', dy, b), y)),
  ],
  maximum: (emitter, dy, a, b) => [
    () => emitBinary(emitter, 'multiply', emitBinary(emitter, 'maximum_share', a, b), dy),
    () => emitBinary(emitter, 'multiply', emitBinary(emitter, 'maximum_share', b, a), dy),
  ],
  minimum: (emitter, dy, a, b) => [
    () => emitBinary(emitter, 'multiply', emitBinary(emitter, 'maximum_share', b, a), dy),
    () => emitBinary(emitter, 'multiply', emitBinary(emitter, 'maximum_share', a, b), dy),
  ],
  equal: undefined,
  maximum_share: undefined,
};

/**
 * y = f(a, b), f being function number `kind` of the list above, a and b broadcast to one shape: axes align at the last one, and
 * one of size 1, or missing, is repeated.
 *
 * a, b of any shapes that fit -> y. Semantics: the NumPy and torch functions of these names. Gradients of inputs that were
 * repeated are summed over the copies; equal arguments of maximum and minimum share the gradient by halves, as in PyTorch; equal
 * and maximum_share have none.
 *
 * Errors: shapes that do not fit; no such kind.
 */
export const binary: OpDefinition<typeof binarySchema> = defineOp({
  name: 'binary',
  inputs: ['a', 'b'],
  outputs: ['y'],
  attrs: binarySchema,
  inPlace: [0, 0],
  infer(inputs, { kind }) {
    const check = new ShapeCheck('binary', ['a', 'b'], inputs);
    check.integers({ kind }, 0, BINARY_NAMES.length - 1);
    const shape = broadcastShape(check.spec(0).shape, check.spec(1).shape);
    if (!shape) return check.fail('a and b must have equal sizes, or 1, in every axis counted from the last');
    return [tensor(shape)];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    const [a, b] = context.inputs;
    const slopeOf = slopes[BINARY_NAMES[context.attrs.kind] as BinaryName];
    if (!dy || !a || !b || !slopeOf || !(context.needs(0) || context.needs(1))) return [];
    const [da, db] = slopeOf(context, dy, a, b, context.outputs[0]!);
    return [
      context.needs(0) ? sumTo(context, da(), a.shape) : undefined,
      context.needs(1) ? sumTo(context, db(), b.shape) : undefined,
    ];
  },
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs, { kind }) {
    const b = f32(inputs[1]);
    const y = f32(outputs[0]);
    const a = f32(inputs[0]);
    const { shape } = outputs[0]!;
    const f = binaryFunctions[BINARY_NAMES[kind] as BinaryName];
    // First a, repeated; then f of what is there and b.
    forPositions(shape, broadcastStrides(inputs[0]!.shape, shape), 0, (i, at) => {
      y[i] = a[at]!;
    });
    forPositions(shape, broadcastStrides(inputs[1]!.shape, shape), 0, (i, at) => {
      y[i] = f(y[i]!, b[at]!);
    });
  },
});

/** `x`, whose shape another one was broadcast to, summed to that one. */
function sumTo<T extends TensorSpec>(emitter: Emitter<T>, x: T, shape: readonly number[]): T {
  const missing = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, d) => (size > 1 && (shape[d - missing] ?? 1) === 1 ? [d] : []));
  const [sum] = axes.length > 0 ? emitter.emit(reduce, [x], reduceAttrs('sum', axes)) : [x];
  if (missing === 0) return sum as T;
  return emitter.emit(reshape, [sum], reshapeTo(shape))[0] as T;
}

/**
 * y[..., 0, ...] = sum, mean, sum of squares, maximum or minimum over the axes in `axes`, which keep size 1 (`reshape` drops
 * them).
 *
 * x of any shape -> y of the same rank. Semantics: torch.sum, mean, amax, amin with keepdim. NaN is an extreme. The gradient of
 * an extreme is shared evenly by the elements that are equal to it.
 *
 * Errors: no such kind; axes that x does not have, or none.
 */
export const reduce: OpDefinition<typeof reduceSchema> = defineOp({
  name: 'reduce',
  inputs: ['x'],
  outputs: ['y'],
  attrs: reduceSchema,
  infer(inputs, { kind, axes }) {
    const check = new ShapeCheck('reduce', ['x'], inputs);
    const { shape } = check.spec(0);
    check.integers({ kind }, 0, REDUCE_NAMES.length - 1);
    check.integers({ axes }, 1, 2 ** shape.length - 1);
    return [tensor(shape.map((size, d) => (isReduced(axes, d) ? 1 : size)))];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    const [x] = context.inputs;
    if (!dy || !x || !context.needs(0)) return [];
    return [
      gradients[REDUCE_NAMES[context.attrs.kind] as ReduceName](context, dy, x, context.outputs[0]!, context.attrs),
    ];
  },
  cost: ([x]) => ({ flops: elementCount(x?.shape ?? []) }),
  run(inputs, outputs, { kind, axes }) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const { shape } = inputs[0]!;
    const strides = stridesOf(shape);
    const reduced = shape.map((size, d) => (isReduced(axes, d) ? size : 1));
    const offsets = new Float64Array(elementCount(reduced));
    forPositions(reduced, strides, 0, (i, at) => {
      offsets[i] = at;
    });
    const last = shape.findLastIndex((size) => size > 1);
    const keepsLast = last >= 0 && !isReduced(axes, last);
    const reduceAll = keepsLast ? reduceRows : reduceRun;
    forPositions(outputs[0]!.shape, strides, 0, (i, at) => {
      y[i] = reduceAll(REDUCE_NAMES[kind] as ReduceName, offsets.length, (position) => x[at + offsets[position]!]!);
    });
  },
});

type Gradient = <T extends TensorSpec>(emitter: Emitter<T>, dy: T, x: T, y: T, attrs: Attrs<typeof reduceSchema>) => T;

const emitScaled = <T extends TensorSpec>(emitter: Emitter<T>, x: T, factor: number): T =>
  emitter.emit(unary, [x], unaryAttrs('affine', factor, 0))[0] as T;

const sharedByEqual: Gradient = (emitter, dy, x, y, { axes }) => {
  const [equal] = emitter.emit(binary, [x, y], binaryAttrs('equal'));
  const [count] = emitter.emit(reduce, [equal], { kind: REDUCE_NAMES.indexOf('sum'), axes });
  const [share] = emitter.emit(binary, [dy, count], binaryAttrs('divide'));
  return emitter.emit(binary, [equal, share], binaryAttrs('multiply'))[0] as typeof x;
};

const gradients: Readonly<Record<ReduceName, Gradient>> = {
  sum: (emitter, dy, x) => emitter.emit(broadcast, [dy], broadcastTo(x.shape))[0] as typeof x,
  mean(emitter, dy, x) {
    const scaled = emitScaled(emitter, dy, elementCount(dy.shape) / elementCount(x.shape));
    return emitter.emit(broadcast, [scaled], broadcastTo(x.shape))[0] as typeof x;
  },
  sum_squares: (emitter, dy, x) =>
    emitter.emit(binary, [x, emitScaled(emitter, dy, 2)], binaryAttrs('multiply'))[0] as typeof x,
  maximum: sharedByEqual,
  minimum: sharedByEqual,
};

const broadcastSchema = { rank: 'i32', ...axisSchema('d') } as const;

/** The attributes that repeat to `shape`. */
export const broadcastTo = (shape: readonly number[]): Attrs<typeof broadcastSchema> => ({
  rank: shape.length,
  ...axisAttrs('d', shape, 1),
});

/**
 * y = x, repeated to the shape [d0, ..., d(rank-1)]: axes align at the last one, those of size 1 or missing are repeated.
 *
 * x of any shape -> y of the given one. Semantics: numpy.broadcast_to, torch.Tensor.expand. The gradient is the sum over what
 * was repeated. Errors: a size of x that is neither 1 nor that of y.
 */
export const broadcast: OpDefinition<typeof broadcastSchema> = defineOp({
  name: 'broadcast',
  inputs: ['x'],
  outputs: ['y'],
  attrs: broadcastSchema,
  infer(inputs, attrs) {
    const check = new ShapeCheck('broadcast', ['x'], inputs);
    const x = check.spec(0);
    check.integers({ rank: attrs.rank }, 1, MAX_RANK);
    const shape = axisValues('d', attrs, attrs.rank);
    check.integers(Object.fromEntries(shape.map((size, axis) => [`d${axis}`, size])), 1);
    if (broadcastShape(x.shape, shape)?.join() !== shape.join()) {
      check.fail(`x does not broadcast to ${formatShape(shape)}: a size is neither 1 nor that of the result`);
    }
    return [tensor(shape)];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    const x = context.inputs[0];
    return [dy && x && context.needs(0) ? sumTo(context, dy, x.shape) : undefined];
  },
  cost: () => ({ flops: 0 }),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const { shape } = outputs[0]!;
    forPositions(shape, broadcastStrides(inputs[0]!.shape, shape), 0, (i, at) => {
      y[i] = x[at]!;
    });
  },
});
