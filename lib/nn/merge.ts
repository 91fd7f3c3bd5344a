// Layers that join several values, and those that take parts of one. Axes are those of one example, counted from 0, or from
// the last with -1, -2, ...

import type { GraphTensor } from '../graph/graph.ts';
import { add as addOp } from '../ops/add.ts';
import { broadcastShape } from '../ops/axes.ts';
import { binary, broadcast, broadcastTo } from '../ops/binary.ts';
import { type BinaryName, binaryAttrs } from '../ops/binary-functions.ts';
import { joined } from '../ops/concat.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { sliceOf, slice as sliceOp } from '../ops/slice.ts';
import { fail, integer, onlyKnown, show } from '../options.ts';
import type { Builder } from './builder.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import { Value } from './value.ts';

const MAX_AXES = 5;

const shapesOf = (xs: readonly GraphTensor[]): string => xs.map(({ shape }) => `[${shape}]`).join(', ');

/** `f(f(a, b), c)` and so on. Examples broadcast as in NumPy: their axes align at the last one, and one of size 1, or missing,
 * is repeated. */
function fromLeft(
  { graph }: Builder,
  xs: readonly GraphTensor[],
  verb: string,
  f: (a: GraphTensor, b: GraphTensor) => readonly GraphTensor[],
): GraphTensor {
  const rank = Math.max(...xs.map(({ shape }) => shape.length));
  const aligned = xs.map((x) => {
    const [n = 1, ...rest] = x.shape;
    const missing = new Array<number>(rank - x.shape.length).fill(1);
    if (missing.length === 0) return x;
    return graph.emit(reshape, [x], reshapeTo([n, ...missing, ...rest]))[0] as GraphTensor;
  });
  return aligned.reduce((a, b) => {
    if (!broadcastShape(a.shape, b.shape)) {
      const rule = 'sizes must be equal, or 1, in every axis counted from the last';
      fail(graph.layer, `cannot ${verb} ${shapesOf(xs)}: ${rule}`);
    }
    return f(a, b)[0] as GraphTensor;
  });
}

/** The sum from left to right. */
export function addAll(builder: Builder, xs: readonly GraphTensor[]): GraphTensor {
  const { graph } = builder;
  return fromLeft(builder, xs, 'add', (a, b) =>
    a.shape.join() === b.shape.join()
      ? graph.emit(addOp, [a, b], { activation: 0, slope: 0 })
      : graph.emit(binary, [a, b], binaryAttrs('add')),
  );
}

type JoinAll = (builder: Builder, xs: readonly GraphTensor[]) => GraphTensor;
const joinBy =
  (name: BinaryName & string): JoinAll =>
  (builder, xs) =>
    fromLeft(builder, xs, name, (a, b) => builder.graph.emit(binary, [a, b], binaryAttrs(name)));

/** The product from left to right. */
export const multiplyAll = joinBy('multiply');

const arithmetic = (name: BinaryName & string, arity: Layer['arity']) => (options: LayerOptions) => {
  onlyKnown(options?.name ?? name, options, ['name']);
  const join = joinBy(name);
  return defineLayer(name, options, (builder, ...xs) => join(builder, xs), arity);
};
const differences = arithmetic('subtract', [2, 2]);
const products = arithmetic('multiply', [2, Infinity]);
const quotients = arithmetic('divide', [2, 2]);
const maxima = arithmetic('maximum', [2, Infinity]);
const minima = arithmetic('minimum', [2, Infinity]);

/** `y = a + b + ...`, from left to right, broadcast (ONNX Sum): skip connections, position embeddings. PyTorch's `add`. */
export function add(options: LayerOptions = {}): Layer {
  onlyKnown(options?.name ?? 'add', options, ['name']);
  return defineLayer('add', options, (builder, ...xs) => addAll(builder, xs), [2, Infinity]);
}

/** `y = a - b`, broadcast (ONNX Sub, PyTorch's `sub`). */
export const subtract = (options: LayerOptions = {}): Layer => differences(options);

/** `y = a * b * ...`, from left to right, broadcast (ONNX Mul, PyTorch's `mul`): squeeze-and-excitation multiplies `[h, w, c]` by
 * `[c]`. */
export const multiply = (options: LayerOptions = {}): Layer => products(options);

/** `y = a / b`, broadcast (ONNX Div, PyTorch's `div`). */
export const divide = (options: LayerOptions = {}): Layer => quotients(options);

/** `y = max(a, b, ...)`, broadcast (ONNX Max). Equal values share the gradient by halves, as in torch.maximum. */
export const maximum = (options: LayerOptions = {}): Layer => maxima(options);

/** `y = min(a, b, ...)`, broadcast (ONNX Min). Equal values share the gradient by halves, as in torch.minimum. */
export const minimum = (options: LayerOptions = {}): Layer => minima(options);

/** All `xs` side by side along `axis` of the examples. */
export function concatAll({ graph }: Builder, given: readonly GraphTensor[], axis: number): GraphTensor {
  // A constant is one example for the whole batch.
  const size = Math.max(...given.map(({ shape }) => shape[0] ?? 1));
  const xs = given.map((x) =>
    x.shape[0] === size ? x : (graph.emit(broadcast, [x], broadcastTo(x.shape.with(0, size)))[0] as GraphTensor),
  );
  const [{ shape }] = xs as [GraphTensor];
  const at = axisOf(graph.layer, axis, shape) + 1;
  const others = new Set(xs.map((x) => (x.shape.length === shape.length ? x.shape.toSpliced(at, 1).join() : x.shape)));
  if (others.size > 1) fail(graph.layer, `cannot join ${shapesOf(xs)}: sizes may differ in axis ${at - 1} only`);
  return joined(graph, xs, at);
}

export interface ConcatOptions extends LayerOptions {
  /** Default -1: the channels. */
  readonly axis?: number;
}

/** `y = [a, b, ...]`: all inputs side by side along `axis` (torch.cat, ONNX Concat): skip connections, dense blocks. */
export function concat(options: ConcatOptions = {}): Layer {
  const layer = options?.name ?? 'concat';
  onlyKnown(layer, options, ['axis', 'name']);
  const axis = checkedAxis(layer, options.axis ?? -1);
  return defineLayer('concat', options, (builder, ...xs) => concatAll(builder, xs, axis), [2, Infinity]);
}

export interface SliceOptions extends LayerOptions {
  /** Default -1: the channels. */
  readonly axis?: number;
  /** First position; a negative one counts from the end. Default 0. */
  readonly start?: number;
  /** The position after the last; a negative one counts from the end. Default: to the end. */
  readonly end?: number;
  /** Default 1. */
  readonly step?: number;
}

/** `y[i] = x[start + i*step]` along `axis`, from `start` to before `end`: NumPy's and PyTorch's `x[start:end:step]`, ONNX
 * Slice. Errors: no position left. */
export function slice(options: SliceOptions = {}): Layer {
  const layer = options?.name ?? 'slice';
  onlyKnown(layer, options, ['axis', 'start', 'end', 'step', 'name']);
  const axis = checkedAxis(layer, options.axis ?? -1);
  const step = integer(layer, 'step', options.step ?? 1, 1);
  const start = integer(layer, 'start', options.start ?? 0, -(2 ** 20));
  const end = options.end === undefined ? undefined : integer(layer, 'end', options.end, -(2 ** 20));
  return defineLayer('slice', options, ({ graph }, x) => {
    const at = axisOf(graph.layer, axis, x.shape) + 1;
    const whole = x.shape[at] as number;
    const position = (given: number) => Math.min(given < 0 ? Math.max(given + whole, 0) : given, whole);
    const [first, last] = [position(start), position(end ?? whole)];
    const size = Math.ceil((last - first) / step);
    if (size < 1) fail(graph.layer, `nothing of [${x.shape}] is from ${first} to before ${last} in axis ${at - 1}`);
    const along = <T>(value: T, other: T) => x.shape.map((_, d) => (d === at ? value : other));
    const attrs = sliceOf(along(first, 0), x.shape.with(at, size), along(step, 1));
    return graph.emit(sliceOp, [x], attrs)[0] as GraphTensor;
  });
}

/** Into equal parts, or into parts of these sizes, which must fill the axis. */
export type SplitOptions = { readonly axis?: number } & (
  | { readonly parts: number }
  | { readonly sizes: readonly number[] }
);

/** The parts of `x` along `axis` (torch.split, ONNX Split), each a `slice`. */
export function split(x: Value, options: SplitOptions): Value[] {
  if (!(x instanceof Value)) fail('split', 'needs a value, which input() and layers give');
  onlyKnown('split', options, ['axis', 'parts', 'sizes']);
  const axis = axisOf('split', checkedAxis('split', options.axis ?? -1), [1, ...x.shape]);
  const whole = x.shape[axis] as number;
  let end = 0;
  return splitSizes(options, whole).map((size) => {
    end += size;
    return slice({ axis, start: end - size, end })(x);
  });
}

function splitSizes(options: SplitOptions, whole: number): readonly number[] {
  if ('parts' in options === 'sizes' in options) fail('split', 'needs either parts or sizes');
  if ('parts' in options) {
    const parts = integer('split', 'parts', options.parts, 1);
    if (whole % parts !== 0) fail('split', `${parts} parts do not divide ${whole}; give sizes`);
    return new Array<number>(parts).fill(whole / parts);
  }
  const { sizes } = options;
  if (!Array.isArray(sizes) || sizes.length === 0) fail('split', `sizes must be a list, not ${show(sizes)}`);
  const total = sizes.reduce((sum: number, size) => sum + integer('split', 'sizes', size, 1), 0);
  if (total !== whole) fail('split', `sizes ${show(sizes)} fill ${total} of ${whole}`);
  return sizes;
}

const checkedAxis = (layer: string, axis: number): number => {
  if (Number.isInteger(axis) && axis >= -MAX_AXES && axis < MAX_AXES) return axis;
  return fail(layer, `axis must be a whole number from ${-MAX_AXES} to ${MAX_AXES - 1}, not ${show(axis)}`);
};

/** `axis` of the examples of a batch of `shape`, counted from 0. */
function axisOf(layer: string, axis: number, [, ...shape]: readonly number[]): number {
  const at = axis < 0 ? axis + shape.length : axis;
  if (at >= 0 && at < shape.length) return at;
  return fail(layer, `axis is ${axis}, an example has ${shape.length} axes, [${shape}]`);
}
