// Operators that move values: shapes, orders of axes, pieces. What only changes the order of axes or adds axes of size 1
// emits nothing: it renames the axes of the tensor that is there.

import type { GraphTensor } from '../../graph/graph.ts';
import { broadcast, broadcastTo } from '../../ops/binary.ts';
import { concat } from '../../ops/concat.ts';
import { elementCount } from '../../ops/op.ts';
import { transpose, transposeBy } from '../../ops/transpose.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, Known, Stored, storedShape, type Value } from '../value.ts';
import { broadcastShapes } from './elementwise.ts';
import type { OperatorTable } from './operator.ts';

/** Tensors that one op takes. */
const MOST_JOINED = 8;

/** `parts` side by side along `axis`. */
export function joined(call: NodeCall, parts: readonly GraphTensor[], axis: number): GraphTensor {
  if (parts.length === 1) return parts[0]!;
  const groups: GraphTensor[] = [];
  for (let start = 0; start < parts.length; start += MOST_JOINED) {
    const group = parts.slice(start, start + MOST_JOINED);
    groups.push(group.length === 1 ? group[0]! : call.emit(concat, group, { axis }));
  }
  return joined(call, groups, axis);
}

/** The sizes that a reshape asks for: -1 is what is left, 0 the size that the input has there unless `allowZero`. */
export function resolveShape(
  call: NodeCall,
  from: readonly number[],
  to: readonly number[],
  allowZero: boolean,
): number[] {
  const count = elementCount(from);
  const known = to.map((size, axis) => {
    if (size !== 0 || allowZero) return size;
    return from[axis] ?? call.fail(`size 0 at axis ${axis} stands for a size that [${from}] does not have`);
  });
  const free = known.indexOf(-1);
  const rest = elementCount(known.toSpliced(free < 0 ? known.length : free, 1));
  const shape = free < 0 ? known : known.with(free, rest === 0 ? 0 : count / rest);
  const fits = shape.every((size) => Number.isSafeInteger(size) && size >= 0) && elementCount(shape) === count;
  return fits ? shape : call.fail(`[${from}] cannot be reshaped to [${to}]`);
}

function reshaped(call: NodeCall, shape: readonly number[]): Value {
  return call.plain(call.tensor(0, inOrder(call.shape(0).length)), shape);
}

export function flattenedShape(call: NodeCall): number[] {
  const shape = call.shape(0);
  const given = call.int('axis', 1);
  const axis = given === shape.length ? given : call.axis(given, shape.length);
  return [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))];
}

/** Axes as an attribute before opset 13 and as an input since. */
export function axesOf(call: NodeCall, rank: number, since = 13): number[] | undefined {
  const given = call.opset < since ? call.ints('axes') : call.has(1) ? call.integers(1) : undefined;
  return given && call.axes(given, rank);
}

export function squeezedAxes(call: NodeCall): number[] {
  const shape = call.shape(0);
  const axes = axesOf(call, shape.length) ?? inOrder(shape.length).filter((axis) => shape[axis] === 1);
  const long = axes.find((axis) => shape[axis] !== 1);
  return long === undefined ? axes : call.fail(`axis ${long} of [${shape}] is not of size 1`);
}

function squeeze(call: NodeCall): Value {
  const gone = squeezedAxes(call);
  const { tensor, shape, axes } = call.stored(0);
  const kept = inOrder(shape.length).filter((axis) => !gone.includes(axis));
  const order = axes.filter((axis) => !gone.includes(axis)).map((axis) => kept.indexOf(axis));
  const sizes = kept.map((axis) => shape[axis]!);
  return new Stored(call.reshape(tensor, storedShape(sizes, order)), sizes, order);
}

/** Where the axes of the input are among those of an unsqueezed one. */
export function unsqueezedAxes(call: NodeCall): { added: number[]; kept: number[]; rank: number } {
  const given = call.opset < 13 ? call.ints('axes') : call.integers(1);
  if (!given) return call.fail('needs axes');
  const rank = call.shape(0).length + given.length;
  const added = call.axes(given, rank);
  return { added, kept: inOrder(rank).filter((axis) => !added.includes(axis)), rank };
}

function unsqueeze(call: NodeCall): Value {
  const { added, kept, rank } = unsqueezedAxes(call);
  const { tensor, shape, axes } = call.stored(0);
  const order = [...axes.map((axis) => kept[axis]!), ...added];
  const sizes = inOrder(rank).map((axis) => shape[kept.indexOf(axis)] ?? 1);
  return new Stored(call.reshape(tensor, storedShape(sizes, order)), sizes, order);
}

export function permutation(call: NodeCall): number[] {
  const rank = call.shape(0).length;
  const perm = call.axes(call.ints('perm') ?? inOrder(rank).reverse(), rank);
  return perm.length === rank ? perm : call.fail(`perm [${perm}] does not name all ${rank} axes`);
}

function transposed(call: NodeCall): Value {
  const perm = permutation(call);
  const { tensor, shape, axes } = call.stored(0);
  return new Stored(
    tensor,
    perm.map((axis) => shape[axis]!),
    axes.map((axis) => perm.indexOf(axis)),
  );
}

function concatenated(call: NodeCall): Value {
  const values = call.inputs.map((_, index) => call.input(index)).filter((value) => elementCount(value.shape) > 0);
  const [first] = values;
  if (!first) return call.fail('all inputs are empty');
  const rank = first.shape.length;
  const axis = call.axis(call.int('axis', 0), rank);
  const axes = values.find((value) => value instanceof Stored)?.axes ?? inOrder(rank);
  const shapes = values.map(({ shape }) => shape);
  if (shapes.some((shape) => shape.length !== rank)) call.fail(`inputs have different numbers of axes`);
  const parts = values.map((value) => call.arrange(value, axes));
  const size = shapes.reduce((sum, shape) => sum + shape[axis]!, 0);
  return new Stored(joined(call, parts, axes.indexOf(axis)), first.shape.with(axis, size), axes);
}

function expand(call: NodeCall): Value {
  const { shape } = call.input(0);
  const wanted = broadcastShapes(call, [shape, call.integers(1)]);
  if (wanted.join() === shape.join()) return call.input(0);
  const x = call.tensor(0, inOrder(shape.length));
  return call.plain(call.emit(broadcast, [x], broadcastTo(wanted)), wanted);
}

/** Blocks of channels become pixels, as [b, b, c] (DCR) or [c, b, b] (CRD), or the other way round. */
function depthToSpace(call: NodeCall): Value {
  const [n = 1, c = 1, h = 1, w = 1] = call.rank(0, 4);
  const block = call.int('blocksize', 0);
  const isDcr = call.word('mode', ['DCR', 'CRD'], 'DCR') === 'DCR';
  const rest = c / block ** 2;
  if (block < 1 || !Number.isInteger(rest)) call.fail(`blocks of ${block} x ${block} do not divide ${c} channels`);
  const x = call.tensor(0, channelsLast(4));
  const parts = isDcr ? [block, block, rest] : [rest, block, block];
  const cut = call.reshape(x, [n * h, w, ...parts]);
  // [nh, w, bh, bw, c] or [nh, w, c, bh, bw] to [nh, bh, w, bw, c].
  const moved = call.emit(transpose, [cut], transposeBy(isDcr ? [0, 2, 1, 3, 4] : [0, 3, 1, 4, 2]));
  const shape = [n, rest, h * block, w * block];
  return new Stored(call.reshape(moved, storedShape(shape, channelsLast(4))), shape, channelsLast(4));
}

function spaceToDepth(call: NodeCall): Value {
  const [n = 1, c = 1, h = 1, w = 1] = call.rank(0, 4);
  const block = call.int('blocksize', 0);
  const [rows, columns] = [h / block, w / block];
  if (block < 1 || !Number.isInteger(rows) || !Number.isInteger(columns)) {
    call.fail(`blocks of ${block} x ${block} do not divide ${h} x ${w} pixels`);
  }
  const cut = call.reshape(call.tensor(0, channelsLast(4)), [n * rows, block, columns, block, c]);
  const moved = call.emit(transpose, [cut], transposeBy([0, 2, 1, 3, 4]));
  const shape = [n, c * block ** 2, rows, columns];
  return new Stored(call.reshape(moved, storedShape(shape, channelsLast(4))), shape, channelsLast(4));
}

const int64 = (shape: readonly number[], data: readonly number[]): Known => new Known('I64', shape, data);

export const structure: OperatorTable = {
  Reshape(call) {
    const allowZero = call.opset >= 14 && call.flag('allowzero');
    return reshaped(call, resolveShape(call, call.shape(0), call.integers(1), allowZero));
  },
  Flatten: (call) => reshaped(call, flattenedShape(call)),
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transposed,
  Concat: concatenated,
  Expand: expand,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Shape(call) {
    const shape = call.shape(0);
    const bound = (name: string, fallback: number) => {
      const value = call.opset < 15 ? fallback : call.int(name, fallback);
      return Math.min(shape.length, Math.max(0, value < 0 ? value + shape.length : value));
    };
    const part = shape.slice(bound('start', 0), bound('end', shape.length));
    return int64([part.length], part);
  },
  Size: (call) => int64([], [elementCount(call.shape(0))]),
};
