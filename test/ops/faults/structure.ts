// Faults of the ops that move values.

import { axisAttrs } from '../../../lib/ops/axes.ts';
import * as ops from '../../../lib/ops/index.ts';
import { padBy } from '../../../lib/ops/pad.ts';
import { reshapeTo } from '../../../lib/ops/reshape.ts';
import { sliceOf } from '../../../lib/ops/slice.ts';
import { transposeBy } from '../../../lib/ops/transpose.ts';
import type { Fault } from './fault.ts';

const gradientBy = (before: number[], after: number[]) => {
  const { value: _, ...sides } = padBy(before, after, 'reflect');
  return sides;
};
const map = [1, 4, 5, 2];
const RESIZE = { mode: 0, outH: 8, outW: 10, stepH: 0, stepW: 0 };
const outside = 'axis 0 has 4 positions, the slice reads from';

export const faults: readonly Fault[] = [
  [ops.reshape, [[4, 30]], reshapeTo([4, 24]), 'reshape: x has 120 elements, [4,24] holds 96 (x: [4,30])'],
  [
    ops.reshape,
    [[4]],
    { ...reshapeTo([4]), rank: 7 },
    'reshape: rank must be a whole number from 0 to 6, it is 7 (x: [4])',
  ],
  [ops.reshape, [[4]], reshapeTo([-4]), 'reshape: d0 must be a whole number from 1 to 2147483647, it is -4 (x: [4])'],
  [
    ops.transpose,
    [[4, 5]],
    transposeBy([0, 0]),
    'transpose: perm must be the axes 0 to 1, each once, it is 0,0 (x: [4,5])',
  ],
  [
    ops.transpose,
    [[4, 5]],
    transposeBy([0, 2]),
    'transpose: perm must be the axes 0 to 1, each once, it is 0,2 (x: [4,5])',
  ],
  [ops.slice, [[4]], sliceOf([0], [2], [0]), 'slice: step0 must be a whole number other than 0, it is 0 (x: [4])'],
  [ops.slice, [[4]], sliceOf([2], [3]), `slice: ${outside} 2 to 4 (x: [4])`],
  [ops.slice, [[4]], sliceOf([2], [4], [-1]), `slice: ${outside} 2 to -1 (x: [4])`],
  [ops.slice, [[4]], sliceOf([4], [1]), `slice: ${outside} 4 to 4 (x: [4])`],
  [ops.slice, [[4]], sliceOf([0], [0]), 'slice: size0 must be a whole number from 1 to 2147483647, it is 0 (x: [4])'],
  [
    ops.sliceDx,
    [[3]],
    { ...axisAttrs('start', [2], 0), ...axisAttrs('step', [1], 1), ...axisAttrs('in', [4], 1) },
    `slice_dx: ${outside} 2 to 4 (dy: [3])`,
  ],
  [ops.concat, [[4, 5]], { axis: 0 }, 'concat: needs the input b (a: [4,5])'],
  [
    ops.concat,
    [
      [4, 5],
      [4, 6],
    ],
    { axis: 0 },
    'concat: b is [4,6], it may differ from a only at axis 0 (a: [4,5], b: [4,6])',
  ],
  [ops.concat, [[4], [4]], { axis: 1 }, 'concat: axis must be a whole number from 0 to 0, it is 1 (a: [4], b: [4])'],
  [ops.pad, [[4]], padBy([-1], [0]), 'pad: before0 must be a whole number from 0 to 2147483647, it is -1 (x: [4])'],
  [ops.pad, [[4]], { ...padBy([1], [0]), mode: 4 }, 'pad: mode must be a whole number from 0 to 3, it is 4 (x: [4])'],
  [ops.pad, [[4]], padBy([1], [0], 'constant', Number.NaN), 'pad: value must be finite, it is NaN (x: [4])'],
  [
    ops.pad,
    [[4]],
    padBy([0], [4], 'reflect'),
    'pad: axis 0 has 4 positions, reflect padding can add at most 3, not 4 (x: [4])',
  ],
  [
    ops.pad,
    [[4]],
    padBy([5], [0], 'circular'),
    'pad: axis 0 has 4 positions, circular padding can add at most 4, not 5 (x: [4])',
  ],
  [
    ops.pad,
    [[4]],
    padBy([2 ** 31 - 1], [0]),
    'pad: size0 must be a whole number from 1 to 2147483647, it is 2147483651 (x: [4])',
  ],
  [
    ops.padDx,
    [[4]],
    { ...gradientBy([0], [2]), mode: 0 },
    'pad_dx: mode must be a whole number from 1 to 3, it is 0 (dy: [4])',
  ],
  [
    ops.padDx,
    [[4]],
    gradientBy([2], [2]),
    'pad_dx: size0 must be a whole number from 1 to 2147483647, it is 0 (dy: [4])',
  ],
  [
    ops.padDx,
    [[4]],
    gradientBy([0], [2]),
    'pad_dx: axis 0 has 2 positions, reflect padding can add at most 1, not 2 (dy: [4])',
  ],
  [ops.resize2d, [[4, 5]], RESIZE, 'resize2d: x must have 4 dimensions, it has 2 (x: [4,5])'],
  [
    ops.resize2d,
    [map],
    { ...RESIZE, mode: 3 },
    'resize2d: mode must be a whole number from 0 to 2, it is 3 (x: [1,4,5,2])',
  ],
  [
    ops.resize2d,
    [map],
    { ...RESIZE, outW: 0 },
    'resize2d: outW must be a whole number from 1 to 16777216, it is 0 (x: [1,4,5,2])',
  ],
  [
    ops.resize2d,
    [map],
    { ...RESIZE, stepH: -1 },
    'resize2d: stepH must be a finite number, at least 0, it is -1 (x: [1,4,5,2])',
  ],
  [
    ops.resize2dDx,
    [map],
    { ...RESIZE, inH: 2 ** 25, inW: 1 },
    'resize2d_dx: inH must be a whole number from 1 to 16777216, it is 33554432 (dy: [1,4,5,2])',
  ],
];
