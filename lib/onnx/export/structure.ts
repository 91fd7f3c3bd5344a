// Ops that move values. A transposition only renames axes; a reshape keeps the order of the file where the axes that it
// splits or merges lie together there, and transposes before it otherwise.

import { axisValues } from '../../ops/axes.ts';
import { PAD_MODES } from '../../ops/pad.ts';
import { inOrder } from '../value.ts';
import { channelsFirst, type Placed } from './file-value.ts';
import type { Dim, ExporterTable, OpCall } from './op-call.ts';

/** Axes of x that become axes of y, those of size 1 left out. */
interface Group {
  readonly from: number[];
  readonly to: number[];
}

/** The finest groups of neighbouring axes with as many elements on both sides, for every batch. */
function groupsOf(call: OpCall): Group[] {
  const { otherShapeOf } = call.host;
  const [x, y] = [call.tensor(0), call.output()];
  const shapes = [x, y].map((tensor) => ({ one: tensor.shape, other: otherShapeOf(tensor) }));
  const long = shapes.map(({ one, other }) =>
    inOrder(one.length).filter((axis) => one[axis] !== 1 || other[axis] !== 1),
  );
  const groups: Group[] = [];
  const at = [0, 0];
  while (at[0]! < long[0]!.length || at[1]! < long[1]!.length) {
    const taken: [number[], number[]] = [[], []];
    const counts = [
      { one: 1, other: 1 },
      { one: 1, other: 1 },
    ];
    const take = (side: 0 | 1): void => {
      const axis = long[side]![at[side]!++];
      if (axis === undefined) throw new Error(`onnx: no groups in [${x.shape}] to [${y.shape}]`);
      taken[side].push(axis);
      counts[side]!.one *= shapes[side]!.one[axis]!;
      counts[side]!.other *= shapes[side]!.other[axis]!;
    };
    take(0);
    take(1);
    while (counts[0]!.one !== counts[1]!.one || counts[0]!.other !== counts[1]!.other) {
      const isShort = counts[0]!.one * counts[0]!.other < counts[1]!.one * counts[1]!.other;
      take(isShort ? 0 : 1);
    }
    groups.push({ from: taken[0], to: taken[1] });
  }
  return groups;
}

/** `groups` in the order in which `order` has the first axes of their `side`. */
const sortedBy = (groups: readonly Group[], order: readonly number[], side: keyof Group): Group[] =>
  groups.toSorted((a, b) => order.indexOf(a[side][0]!) - order.indexOf(b[side][0]!));

function reshape(call: OpCall): Placed {
  const { order, tensor } = call.value(0);
  const { shape } = call.output();
  const groups = groupsOf(call);
  const long = new Set(groups.flatMap(({ from }) => from));
  const asStored = sortedBy(
    groups,
    order.filter((axis) => long.has(axis)),
    'from',
  );
  const stays = asStored.flatMap(({ from }) => from).join() === order.filter((axis) => long.has(axis)).join();
  const usual = channelsFirst(shape.length);
  const wanted = stays ? asStored : sortedBy(groups, usual, 'to');
  const before = stays ? order : [...wanted.flatMap(({ from }) => from), ...order.filter((axis) => !long.has(axis))];
  const after = withOnes(
    wanted.flatMap(({ to }) => to),
    shape.length,
  );
  if (String(call.dims(tensor, before).map(show)) === String(call.dims(call.output(), after).map(show))) {
    return { order: after, name: () => call.as(0, before) };
  }
  return { order: after, name: () => call.reshape(call.as(0, before), call.dims(call.output(), after)) };
}

const show = (dim: Dim): string => (typeof dim === 'number' ? `${dim}` : `${dim.batch}b`);

/** An order of `rank` axes in which those of `long` come as there: a usual one if there is one. */
function withOnes(long: readonly number[], rank: number): readonly number[] {
  const fits = (order: readonly number[]) => order.filter((axis) => long.includes(axis)).join() === long.join();
  const usual = [channelsFirst(rank), inOrder(rank)].find(fits);
  return usual ?? [...long, ...inOrder(rank).filter((axis) => !long.includes(axis))];
}

/** `x` sliced along axes of the file: first positions, steps, and the number of positions. */
function sliced(
  call: OpCall,
  x: string,
  parts: readonly (readonly [axis: number, start: number, step: number, size: number])[],
): string {
  if (parts.length === 0) return x;
  const ends = parts.map(([, start, step, size]) => start + (size - 1) * step + Math.sign(step));
  // -1 would be the last position; far below 0 is before the first.
  const lists = [parts.map(([, start]) => start), ends.map((end) => (end < 0 ? -(2 ** 31) : end))];
  const inputs = [...lists, parts.map(([axis]) => axis), parts.map(([, , step]) => step)];
  return call.emit('Slice', [x, ...inputs.map((list) => call.integers(list))]);
}

function slice(call: OpCall): Placed {
  const { order } = call.value(0);
  const from = call.dims(call.tensor(0));
  const to = call.dims(call.output());
  const [starts, steps] = ['start', 'step'].map((name) => axisValues(name, call.node.attrs, from.length));
  const parts = order.flatMap((axis, at) => {
    const [start, step, size] = [starts![axis]!, steps![axis]!, to[axis]!];
    if (start === 0 && step === 1 && show(size) === show(from[axis]!)) return [];
    if (typeof size !== 'number') return call.fail(`takes a part of the batch, which has any size in the file`);
    return [[at, start, step, size] as const];
  });
  const x = call.value(0);
  return { order, name: () => sliced(call, x.as(order), parts) };
}

/** Elements apart by zeros: each gets step - 1 of them behind it, in an axis of its own that is merged at once. */
function sliceBack(call: OpCall): Placed {
  const { order } = call.value(0);
  const rank = order.length;
  const { shape } = call.output();
  const starts = axisValues('start', call.node.attrs, rank);
  const steps = axisValues('step', call.node.attrs, rank);
  const dims = call.dims(call.tensor(0), order);
  const whole = call.dims(call.output(), order);
  let x = call.as(0, order);
  const sides = [order.map(() => 0), order.map(() => 0)] as const;
  order.forEach((axis, at) => {
    const size = dims[at]!;
    if (starts[axis] === 0 && steps[axis] === 1 && show(size) === show(whole[at]!)) return;
    if (typeof size !== 'number') call.fail(`puts a part of the batch, which has any size in the file`);
    const count = size as number;
    const step = Math.abs(steps[axis]!);
    const first = steps[axis]! > 0 ? starts[axis]! : starts[axis]! - (count - 1) * step;
    if (steps[axis]! < 0) x = sliced(call, x, [[at, count - 1, -1, count]]);
    if (step > 1) {
      const apart = call.reshape(x, [...dims.slice(0, at + 1), 1, ...dims.slice(at + 1)]);
      const zeros = call.integers([
        ...Array<number>(rank + 1 + at + 1).fill(0),
        step - 1,
        ...Array<number>(rank - at - 1).fill(0),
      ]);
      x = call.emit('Pad', [apart, zeros]);
      dims[at] = count * step;
      x = call.reshape(x, dims);
    }
    sides[0][at] = first;
    sides[1][at] = shape[axis]! - first - count * step;
  });
  if (sides.every((side) => side.every((count) => count === 0))) return { order, name: x };
  return { order, name: call.emit('Pad', [x, call.integers(sides.flat())]) };
}

function pad(call: OpCall): Placed {
  const { order, tensor } = call.value(0);
  const rank = order.length;
  const [before, after] = ['before', 'after'].map((side) => {
    const counts = axisValues(side, call.node.attrs, rank);
    return order.map((axis) => counts[axis]!);
  }) as [number[], number[]];
  const mode = PAD_MODES[call.attr('mode')] ?? 'constant';
  const dims = call.dims(tensor, order);
  if (dims.some((dim, at) => typeof dim !== 'number' && before[at]! + after[at]! > 0)) call.fail('pads the batch');
  const x = call.as(0, order);
  if (mode === 'circular') {
    // Pad has wrap from opset 19 on.
    const wrapped = order.reduce((y, _, at) => {
      const size = dims[at] as number;
      const head = before[at]! > 0 ? [sliced(call, y, [[at, size - before[at]!, 1, before[at]!]])] : [];
      const tail = after[at]! > 0 ? [sliced(call, y, [[at, 0, 1, after[at]!]])] : [];
      return head.length + tail.length === 0 ? y : call.emit('Concat', [...head, y, ...tail], { axis: at });
    }, x);
    return { order, name: wrapped };
  }
  const names = { constant: 'constant', reflect: 'reflect', replicate: 'edge' } as const;
  const inputs = [x, call.integers([...before, ...after])];
  if (mode === 'constant' && call.attr('value') !== 0) inputs.push(call.float(call.attr('value')));
  return { order, name: call.emit('Pad', inputs, { mode: names[mode] }) };
}

function concat(call: OpCall): Placed {
  const indices = [...call.node.inputs.keys()].filter((index) => call.has(index));
  const { order } = indices.map((index) => call.value(index)).find(({ data }) => !data) ?? call.value(0);
  const parts = indices.map((index) => call.as(index, order));
  return { order, name: call.emit('Concat', parts, { axis: order.indexOf(call.attr('axis')) }) };
}

function broadcast(call: OpCall): Placed {
  const y = call.output();
  const { order: own, data, tensor } = call.value(0);
  const order = !data && tensor.shape.length === y.shape.length ? own : channelsFirst(y.shape.length);
  const missing = y.shape.length - tensor.shape.length;
  const from = call.dims(tensor);
  // An axis that has its size already keeps it, whatever it is.
  const dims = call.dims(y, order).map((dim, at) => {
    const given = from[order[at]! - missing];
    return given !== undefined && typeof dim !== 'number' && show(given) === show(dim) ? 1 : dim;
  });
  return { order, name: call.emit('Expand', [call.aligned(0, order), call.shapeTensor(dims)]) };
}

export const structure: ExporterTable = {
  reshape,
  transpose(call) {
    const x = call.value(0);
    const perm = axisValues('perm', call.node.attrs, x.order.length);
    return { order: x.order.map((axis) => perm.indexOf(axis)), name: () => x.as(x.order) };
  },
  slice,
  slice_dx: sliceBack,
  pad,
  concat,
  broadcast,
  fill(call) {
    const dims = call.dims(call.output());
    return { order: [0], name: call.emit('Expand', [call.float(call.attr('value')), call.shapeTensor(dims)]) };
  },
};
