// Operators that take pieces of a tensor, or put something around it.

import { elementCount } from '../../ops/op.ts';
import { padBy, pad as padOp } from '../../ops/pad.ts';
import { slice, sliceOf } from '../../ops/slice.ts';
import type { NodeCall } from '../node-call.ts';
import { inOrder, Stored, storedShape, type Value } from '../value.ts';
import type { OperatorTable } from './operator.ts';

/** Starts and sizes of the parts along an axis. */
function split(call: NodeCall): Value[] {
  const { tensor, shape, axes } = call.stored(0);
  const axis = call.axis(call.int('axis', 0), shape.length);
  const whole = shape[axis]!;
  const count = call.node.outputs.length;
  if (call.opset >= 18 && call.int('num_outputs', count) !== count) call.fail(`num_outputs is not ${count}`);
  const most = Math.ceil(whole / count);
  const even = Array.from({ length: count }, (_, i) => Math.min(most, whole - i * most));
  const sizes = (call.opset < 13 ? call.ints('split') : call.has(1) ? call.integers(1) : undefined) ?? even;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length !== count || total !== whole || sizes.some((size) => size < 1)) {
    call.fail(`parts of [${sizes}] for ${count} outputs do not fill the ${whole} positions of axis ${axis}`);
  }
  let start = 0;
  return sizes.map((size) => {
    const from = shape.map((_, d) => (d === axis ? start : 0));
    start += size;
    return sliced(call, new Stored(tensor, shape, axes), from, shape.with(axis, size), []);
  });
}

function sliced(
  call: NodeCall,
  { tensor, shape, axes }: Stored,
  start: readonly number[],
  size: readonly number[],
  step: readonly number[],
): Stored {
  if (shape.join() === size.join() && step.every((value) => value === 1)) return new Stored(tensor, shape, axes);
  const inAxes = (values: readonly number[], other: number) => axes.map((axis) => values[axis] ?? other);
  return new Stored(
    call.emit(slice, [tensor], sliceOf(inAxes(start, 0), inAxes(size, 1), inAxes(step, 1))),
    size,
    axes,
  );
}

/** Start, size and step of each axis; attributes before opset 10, inputs since. */
export function sliceRange(call: NodeCall): { start: number[]; size: number[]; step: number[] } {
  const shape = call.shape(0);
  const old = call.opset < 10;
  const list = (name: string, index: number) =>
    old ? call.ints(name) : call.has(index) ? call.integers(index) : undefined;
  const [starts, ends] = [list('starts', 1), list('ends', 2)];
  if (!starts || !ends) return call.fail('needs starts and ends');
  const axes = call.axes(list('axes', 3) ?? inOrder(starts.length), shape.length);
  const steps = old || !call.has(4) ? starts.map(() => 1) : call.integers(4);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length)) {
    call.fail('starts, ends, axes and steps are of different lengths');
  }
  const start = shape.map(() => 0);
  const step = shape.map(() => 1);
  const size = [...shape];
  axes.forEach((axis, i) => {
    const whole = shape[axis]!;
    const by = steps[i]!;
    if (by === 0) call.fail('a step is 0');
    const clamp = (value: number, least: number, most: number) =>
      Math.min(most, Math.max(least, value < 0 ? value + whole : value));
    const first = by > 0 ? clamp(starts[i]!, 0, whole) : clamp(starts[i]!, 0, whole - 1);
    const last = by > 0 ? clamp(ends[i]!, 0, whole) : clamp(ends[i]!, -1, whole - 1);
    start[axis] = first;
    step[axis] = by;
    size[axis] = Math.max(0, Math.ceil((last - first) / by));
  });
  return { start, size, step };
}

function sliceOperator(call: NodeCall): Value {
  const { start, size, step } = sliceRange(call);
  if (elementCount(size) === 0) call.fail('the slice is empty');
  return sliced(call, call.stored(0), start, size, step);
}

/** One position, or neighbouring ones in steps: what a slice can do. */
function gather(call: NodeCall): Value {
  const { shape } = call.input(0);
  const axis = call.axis(call.int('axis', 0), shape.length);
  const indices = call.input(1).shape;
  const positions = call.integers(1).map((index) => (index < 0 ? index + shape[axis]! : index));
  const [first = 0, second = first + 1] = positions;
  const step = second - first;
  if (indices.length > 1 || positions.length === 0 || step === 0) call.fail('only a list of positions is supported');
  if (positions.some((position, i) => position !== first + i * step)) {
    call.fail('gathering positions that are not evenly spaced is not supported');
  }
  if (positions.some((position) => position < 0 || position >= shape[axis]!)) call.fail('a position is out of range');
  const start = shape.map((_, d) => (d === axis ? first : 0));
  const size = shape.with(axis, positions.length);
  const piece = sliced(
    call,
    call.stored(0),
    start,
    size,
    shape.map((_, d) => (d === axis ? step : 1)),
  );
  if (indices.length === 1) return piece;
  const order = piece.axes.filter((d) => d !== axis).map((d) => (d > axis ? d - 1 : d));
  const sizes = shape.toSpliced(axis, 1);
  return new Stored(call.reshape(piece.tensor, storedShape(sizes, order)), sizes, order);
}

/** Attributes before opset 11, inputs since; negative sides are cut off. */
function pad(call: NodeCall): Value {
  const { shape } = call.input(0);
  const mode = call.word('mode', ['constant', 'reflect', 'edge', 'wrap'], 'constant');
  const isOld = call.opset < 11;
  const value = isOld ? call.float('value', 0) : call.has(2) ? call.number(2) : 0;
  const sides = (isOld ? call.ints('pads') : call.integers(1)) ?? call.fail('needs pads');
  const named = call.axes(call.has(3) ? call.integers(3) : inOrder(shape.length), shape.length);
  if (sides.length !== 2 * named.length) call.fail(`has ${sides.length} pads for ${named.length} axes`);
  const side = (axis: number, offset: number) => {
    const at = named.indexOf(axis);
    return at < 0 ? 0 : sides[at + offset]!;
  };
  const before = shape.map((_, axis) => side(axis, 0));
  const after = shape.map((_, axis) => side(axis, named.length));
  const left = shape.map((size, axis) => size + Math.min(0, before[axis]!) + Math.min(0, after[axis]!));
  if (left.some((size) => size < 1)) call.fail(`the pads [${sides}] cut off all of [${shape}]`);
  const start = before.map((size) => Math.max(0, -size));
  const { tensor, axes } = sliced(call, call.stored(0), start, left, []);
  const added = (values: readonly number[]) => axes.map((axis) => Math.max(0, values[axis]!));
  const result = left.map((size, axis) => size + Math.max(0, before[axis]!) + Math.max(0, after[axis]!));
  const kind = ({ constant: 'constant', reflect: 'reflect', edge: 'replicate', wrap: 'circular' } as const)[mode];
  if (result.join() === left.join()) return new Stored(tensor, left, axes);
  return new Stored(call.emit(padOp, [tensor], padBy(added(before), added(after), kind, value)), result, axes);
}

export const slices: OperatorTable = { Split: split, Slice: sliceOperator, Gather: gather, Pad: pad };
