// Operators on numbers that are known when the graph is built. Exporters compute shapes with them (the size of the input,
// some of its entries, their product, a reshape), and they give the values of tensors without elements.

import type { SafetensorsDType } from '../../io/safetensors-dtype.ts';
import { broadcastStrides, forPositions, stridesOf } from '../../ops/axes.ts';
import { elementCount } from '../../ops/op.ts';
import type { NodeCall } from '../node-call.ts';
import { inOrder, isFloat, Known } from '../value.ts';
import { broadcastShapes } from './elementwise.ts';
import type { Operator } from './operator.ts';
import { reducedAxes } from './reduction.ts';
import { sliceRange } from './slices.ts';
import { flattenedShape, permutation, resolveShape, squeezedAxes, structure, unsqueezedAxes } from './structure.ts';

const allKnown = (call: NodeCall): Known[] => call.inputs.map((_, index) => call.known(index));

/** Zero comes first lest infinity times zero become NaN. */
const countOf = (shape: readonly number[]): number => (shape.includes(0) ? 0 : elementCount(shape));

/** Nothing is walked of a shape without elements, however long its other axes are. */
function walk(shape: readonly number[], strides: readonly number[], start: number, visit: (at: number) => void): void {
  if (countOf(shape) > 0) forPositions(shape, strides, start, (_, at) => visit(at));
}

/** A result whose value at each position is `valueAt(i)`. */
function filled(
  call: NodeCall,
  dtype: SafetensorsDType,
  shape: readonly number[],
  valueAt: (i: number) => number,
): Known {
  const count = countOf(shape);
  call.spend(count);
  const round = dtype === 'F32' ? Math.fround : (value: number) => value;
  return new Known(
    dtype,
    shape,
    Array.from({ length: count }, (_, i) => round(valueAt(i))),
  );
}

/** The elements of `x` at the positions of `shape`, walked with `strides` from `start`. */
function picked(call: NodeCall, x: Known, shape: readonly number[], strides: readonly number[], start = 0): Known {
  const places: number[] = [];
  call.spend(countOf(shape));
  walk(shape, strides, start, (at) => places.push(at));
  return new Known(
    x.dtype,
    shape,
    places.map((at) => x.data[at]!),
  );
}

const repeated = (call: NodeCall, x: Known, shape: readonly number[]): Known =>
  picked(call, x, shape, broadcastStrides(x.shape, shape));

type Fold = (call: NodeCall) => Known;

type Combine = (a: number, b: number) => number;

function combined(call: NodeCall, a: Known, b: Known, combine: Combine, dtype = a.dtype): Known {
  const shape = broadcastShapes(call, [a.shape, b.shape]);
  const [left, right] = [repeated(call, a, shape), repeated(call, b, shape)];
  return filled(call, dtype, shape, (i) => combine(left.data[i]!, right.data[i]!));
}

const pairwise =
  (combine: Combine, dtype?: SafetensorsDType): Fold =>
  (call) =>
    combined(call, call.known(0), call.known(1), combine, dtype);

const listwise =
  (combine: Combine): Fold =>
  (call) =>
    allKnown(call).reduce((result, value) => combined(call, result, value, combine));

const each =
  (compute: (value: number) => number): Fold =>
  (call) => {
    const { dtype, shape, data } = call.known(0);
    return filled(call, dtype, shape, (i) => compute(data[i]!));
  };

/** Integers are divided towards zero. */
function divide(call: NodeCall): Known {
  const [a, b] = [call.known(0), call.known(1)];
  if (isFloat(a.dtype)) return combined(call, a, b, (x, y) => x / y);
  if (b.data.includes(0)) call.fail('divides an integer by 0');
  return combined(call, a, b, (x, y) => Math.trunc(x / y));
}

/** The result has the sign of the divisor, or with `fmod` of the dividend. */
function modulo(call: NodeCall): Known {
  const likeC = call.flag('fmod');
  return pairwise((x, y) => (likeC ? x % y : x - y * Math.floor(x / y)))(call);
}

const reduction =
  (start: number, combine: Combine, since: number, isMean = false): Fold =>
  (call) => {
    const { dtype, shape, data } = call.known(0);
    const keep = call.flag('keepdims', 1);
    const gone = reducedAxes(call, since);
    const strides = stridesOf(shape);
    const kept = shape.map((size, axis) => (gone.includes(axis) ? 1 : size));
    const inner = shape.map((size, axis) => (gone.includes(axis) ? size : 1));
    const sizes = keep ? kept : kept.filter((_, axis) => !gone.includes(axis));
    const results: number[] = [];
    call.spend(countOf(kept));
    walk(kept, strides, 0, (from) => {
      let result = start;
      walk(inner, strides, from, (at) => {
        result = combine(result, data[at]!);
      });
      results.push(isMean ? result / countOf(inner) : result);
    });
    return filled(call, dtype, sizes, (i) => results[i]!);
  };

const DTYPES: Readonly<Record<number, SafetensorsDType>> = { 1: 'F32', 6: 'I32', 7: 'I64', 9: 'BOOL', 11: 'F64' };

function cast(call: NodeCall): Known {
  const to = call.int('to', 0);
  call.int('saturate', 1);
  const dtype = DTYPES[to] ?? call.fail(`casting to element type ${to} is not supported`);
  const { shape, data } = call.known(0);
  const convert = dtype === 'BOOL' ? (x: number) => (x === 0 ? 0 : 1) : isFloat(dtype) ? (x: number) => x : Math.trunc;
  return filled(call, dtype, shape, (i) => convert(data[i]!));
}

function gather(call: NodeCall): Known {
  const [x, indices] = [call.known(0), call.known(1)];
  const axis = call.axis(call.int('axis', 0), x.shape.length);
  const size = x.shape[axis]!;
  const pieces = indices.data.map((index) => {
    const position = index < 0 ? index + size : index;
    if (!(position >= 0 && position < size)) call.fail(`position ${index} of ${size} does not exist`);
    return position;
  });
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const inner = elementCount(after);
  return filled(call, x.dtype, [...before, ...indices.shape, ...after], (i) => {
    const outer = Math.floor(i / (inner * pieces.length));
    const piece = pieces[Math.floor(i / inner) % pieces.length]!;
    return x.data[(outer * size + piece) * inner + (i % inner)]!;
  });
}

function concat(call: NodeCall): Known {
  const parts = allKnown(call);
  const [first] = parts;
  if (!first) return call.fail('needs an input');
  const axis = call.axis(call.int('axis', 0), first.shape.length);
  const rest = (shape: readonly number[]) => shape.toSpliced(axis, 1).join();
  if (parts.some(({ shape }) => shape.length !== first.shape.length || rest(shape) !== rest(first.shape))) {
    call.fail('the inputs differ in more than the axis');
  }
  const runs = parts.map(({ shape }) => elementCount(shape.slice(axis)));
  const total = runs.reduce((sum, run) => sum + run, 0);
  const size = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  return filled(call, first.dtype, first.shape.with(axis, size), (i) => {
    let at = i % total;
    let part = 0;
    while (at >= runs[part]!) at -= runs[part++]!;
    return parts[part]!.data[Math.floor(i / total) * runs[part]! + at]!;
  });
}

function constantOfShape(call: NodeCall): Known {
  const value = call.attribute('value') ?? new Known('F32', [1], [0]);
  if (!(value instanceof Known) || value.data.length !== 1)
    return call.fail('its value must be a tensor of one number');
  const shape = call.integers(0);
  if (shape.some((size) => size < 0)) call.fail(`[${shape}] is no shape`);
  return filled(call, value.dtype, shape, () => value.data[0]!);
}

function range(call: NodeCall): Known {
  const [start, limit, delta] = [call.number(0), call.number(1), call.number(2)];
  if (delta === 0) call.fail('its step is 0');
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  return filled(call, call.known(0).dtype, [count], (i) => start + i * delta);
}

const asShape =
  (shapeOf: (call: NodeCall) => number[]): Fold =>
  (call) =>
    new Known(call.known(0).dtype, shapeOf(call), call.known(0).data);

export const folds: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    Add: pairwise((a, b) => a + b),
    Sub: pairwise((a, b) => a - b),
    Mul: pairwise((a, b) => a * b),
    Div: divide,
    Mod: modulo,
    Pow: pairwise((a, b) => a ** b),
    Max: listwise(Math.max),
    Min: listwise(Math.min),
    Equal: pairwise((a, b) => Number(a === b), 'BOOL'),
    Less: pairwise((a, b) => Number(a < b), 'BOOL'),
    Greater: pairwise((a, b) => Number(a > b), 'BOOL'),
    And: pairwise((a, b) => Number(a !== 0 && b !== 0), 'BOOL'),
    Or: pairwise((a, b) => Number(a !== 0 || b !== 0), 'BOOL'),
    Not: each((value) => (value === 0 ? 1 : 0)),
    Neg: each((value) => -value),
    Abs: each(Math.abs),
    Floor: each(Math.floor),
    Ceil: each(Math.ceil),
    Sqrt: each(Math.sqrt),
    Identity: (call) => call.known(0),
    Cast: cast,
    Where(call) {
      const [condition, a, b] = [call.known(0), call.known(1), call.known(2)];
      const shape = broadcastShapes(call, [condition.shape, a.shape, b.shape]);
      const [test, yes, no] = [condition, a, b].map((value) => repeated(call, value, shape));
      return filled(call, a.dtype, shape, (i) => (test!.data[i] ? yes : no)!.data[i]!);
    },
    Gather: gather,
    Concat: concat,
    Slice(call) {
      const x = call.known(0);
      const { start, size, step } = sliceRange(call);
      const strides = stridesOf(x.shape);
      const first = start.reduce((at, position, axis) => at + position * strides[axis]!, 0);
      return picked(
        call,
        x,
        size,
        step.map((by, axis) => by * strides[axis]!),
        first,
      );
    },
    Transpose(call) {
      const x = call.known(0);
      const perm = permutation(call);
      const strides = stridesOf(x.shape);
      return picked(
        call,
        x,
        perm.map((axis) => x.shape[axis]!),
        perm.map((axis) => strides[axis]!),
      );
    },
    Expand: (call) => repeated(call, call.known(0), broadcastShapes(call, [call.shape(0), call.integers(1)])),
    ReduceSum: reduction(0, (a, b) => a + b, 13),
    ReduceProd: reduction(1, (a, b) => a * b, 18),
    ReduceMax: reduction(-Infinity, Math.max, 18),
    ReduceMin: reduction(Infinity, Math.min, 18),
    ReduceMean: reduction(0, (a, b) => a + b, 18, true),
    ConstantOfShape: constantOfShape,
    Range: range,
    Reshape: asShape((call) => {
      const allowZero = call.opset >= 14 && call.flag('allowzero');
      return resolveShape(call, call.shape(0), call.integers(1), allowZero);
    }),
    Flatten: asShape(flattenedShape),
    Squeeze: asShape((call) => {
      const gone = squeezedAxes(call);
      return call.shape(0).filter((_, axis) => !gone.includes(axis));
    }),
    Unsqueeze: asShape((call) => {
      const { kept, rank } = unsqueezedAxes(call);
      return inOrder(rank).map((axis) => call.shape(0)[kept.indexOf(axis)] ?? 1);
    }),
    Shape: structure['Shape'] as Operator,
    Size: structure['Size'] as Operator,
  } satisfies Readonly<Record<string, Operator>>),
);
