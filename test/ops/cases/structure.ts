// reshape, transpose, slice and its gradient, concat: ops that only move values.

import { axisAttrs, axisValues } from '../../../lib/ops/axes.ts';
import { concat, reshape, slice, sliceDx, transpose } from '../../../lib/ops/index.ts';
import { reshapeTo } from '../../../lib/ops/reshape.ts';
import { sliceOf } from '../../../lib/ops/slice.ts';
import { transposeBy } from '../../../lib/ops/transpose.ts';
import { attr, countOf, exactly, type Formula, input } from '../formula.ts';
import { CaseList, type Source } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

const exact = { exact: true };
const sparse = { exact: true, sparse: true };

/** Position of element `index` of a tensor of `shape`, and back. */
const positionOf = (shape: readonly number[], index: number): number[] =>
  shape.map((size, d) => Math.floor(index / shape.slice(d + 1).reduce((a, b) => a * b, 1)) % size);
const indexOf = (shape: readonly number[], position: readonly number[]): number =>
  shape.reduce((index, size, d) => index * size + (position[d] as number), 0);

const same: Formula = (inputs) => [exactly(input(inputs, 0).data.length, (i) => input(inputs, 0).data[i] as number)];
for (const [title, from, to] of [
  ['an image, flat', [2, 3, 4, 5], [2, 60]],
  ['features as an image', [2, 60], [2, 3, 4, 5]],
  ['one element', [1], [1, 1, 1, 1, 1, 1]],
  ['six axes', [2, 1, 3, 2, 1, 4], [48]],
  ['axes that cut across', [4, 6], [3, 8]],
] as const) {
  list.add(reshape, same, title, [from], reshapeTo(to), exact);
}

const transposed: Formula = (inputs, [y], attrs) => {
  const { shape, data } = input(inputs, 0);
  const perm = axisValues('perm', attrs, shape.length);
  return [
    exactly(data.length, (i) => {
      const at = positionOf(y!.shape, i);
      return data[
        indexOf(
          shape,
          shape.map((_, axis) => at[perm.indexOf(axis)] as number),
        )
      ] as number;
    }),
  ];
};
for (const [title, shape, perm] of [
  ['one axis', [7], [0]],
  ['a matrix', [5, 3], [1, 0]],
  ['a large matrix', [150, 131], [1, 0]],
  ['channels first', [2, 5, 7, 3], [0, 3, 1, 2]],
  ['channels first, many', [3, 31, 17, 37], [0, 3, 1, 2]],
  ['channels last', [2, 35, 5, 7], [0, 2, 3, 1]],
  ['the last axis stays', [4, 5, 33], [1, 0, 2]],
  ['channel shuffle', [2, 3, 3, 4, 8], [0, 1, 2, 4, 3]],
  ['nothing moves', [3, 4, 5], [0, 1, 2]],
  ['axes of size 1', [1, 6, 1, 5], [3, 2, 1, 0]],
  ['reversed, six axes', [2, 3, 2, 3, 2, 3], [5, 4, 3, 2, 1, 0]],
  ['pixel shuffle', [2, 3, 4, 2, 2, 5], [0, 1, 3, 2, 4, 5]],
  ['one column', [2000, 1], [1, 0]],
  ['work for many threads', [6, 120, 121], [2, 0, 1]],
] as const) {
  list.add(transpose, transposed, title, [shape], transposeBy(perm), exact);
}

const SLICES: readonly (readonly [string, readonly number[], number[], number[], number[]])[] = [
  ['part of a vector', [9], [2], [5], [1]],
  ['all of it', [3, 4], [0, 0], [3, 4], [1, 1]],
  ['backwards', [37], [36], [37], [-1]],
  ['every other pixel', [2, 7, 9, 5], [0, 0, 1, 0], [2, 4, 4, 5], [1, 2, 2, 1]],
  ['channels', [2, 3, 3, 37], [0, 0, 0, 8], [2, 3, 3, 17], [1, 1, 1, 1]],
  ['flipped left to right', [2, 4, 6, 3], [0, 0, 5, 0], [2, 4, 6, 3], [1, 1, -1, 1]],
  ['one position, a huge step', [4, 5], [3, 2], [1, 1], [-(2 ** 31), 2 ** 31 - 1]],
  ['six axes', [2, 3, 2, 3, 2, 5], [1, 2, 0, 0, 1, 4], [1, 2, 2, 2, 2, 2], [1, -2, 1, 2, -1, -3]],
  ['a crop for many threads', [4, 100, 100, 5], [1, 3, 4, 0], [3, 90, 91, 5], [1, 1, 1, 1]],
];
/** Where element `i` of the part comes from in the whole. */
const pickedIndex = (whole: readonly number[], part: readonly number[], attrs: Parameters<Formula>[2], i: number) => {
  const [start, step] = [axisValues('start', attrs, whole.length), axisValues('step', attrs, whole.length)];
  return indexOf(
    whole,
    positionOf(part, i).map((p, axis) => (start[axis] as number) + p * (step[axis] as number)),
  );
};
const picked: Formula = (inputs, [y], attrs) => {
  const { shape, data } = input(inputs, 0);
  return [exactly(countOf(y!), (i) => data[pickedIndex(shape, y!.shape, attrs, i)] as number)];
};
const placed: Formula = (inputs, [dx], attrs) => {
  const { shape, data } = input(inputs, 0);
  const whole = new Float64Array(countOf(dx!));
  for (let i = 0; i < data.length; i++) whole[pickedIndex(dx!.shape, shape, attrs, i)] = data[i] as number;
  return [exactly(whole.length, (i) => whole[i] as number)];
};
for (const [title, shape, start, size, step] of SLICES) {
  list.add(slice, picked, title, [shape], sliceOf(start, size, step), exact);
  const back = { ...axisAttrs('start', start, 0), ...axisAttrs('step', step, 1), ...axisAttrs('in', shape, 1) };
  list.add(sliceDx, placed, title, [size], back, sparse);
}

const joined: Formula = (inputs, [y], attrs) => {
  const axis = attr(attrs, 'axis');
  return [
    exactly(countOf(y!), (i) => {
      const at = positionOf(y!.shape, i);
      for (const part of inputs) {
        if (!part) continue;
        const size = part.shape[axis] as number;
        if ((at[axis] as number) < size) return part.data[indexOf(part.shape, at)] as number;
        at[axis] = (at[axis] as number) - size;
      }
      return Number.NaN;
    }),
  ];
};
const gap: Source | undefined = undefined;
for (const [title, parts, axis] of [
  ['vectors', [[3], [4]], 0],
  [
    'channels',
    [
      [2, 3, 4, 5],
      [2, 3, 4, 16],
      [2, 3, 4, 1],
    ],
    3,
  ],
  ['rows, one input left out', [[2, 5], [1, 5], gap, [3, 5]], 0],
  [
    'the middle of six axes',
    [
      [1, 2, 2, 1, 2, 3],
      [1, 2, 2, 5, 2, 3],
    ],
    3,
  ],
  [
    'eight',
    [
      [2, 1],
      [2, 2],
      [2, 3],
      [2, 4],
      [2, 5],
      [2, 6],
      [2, 7],
      [2, 8],
    ],
    1,
  ],
  [
    'work for many threads',
    [
      [3, 60, 61, 8],
      [3, 60, 61, 24],
    ],
    3,
  ],
] as const) {
  list.add(concat, joined, title, parts, { axis }, exact);
}
