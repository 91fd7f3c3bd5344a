// Faults of functions of two tensors, reductions and broadcasting.

import { broadcastTo } from '../../../lib/ops/binary.ts';
import { binaryAttrs } from '../../../lib/ops/binary-functions.ts';
import * as ops from '../../../lib/ops/index.ts';
import { reduceAttrs } from '../../../lib/ops/reduction-order.ts';
import type { Fault } from './fault.ts';

const sizes = 'a and b must have equal sizes, or 1, in every axis counted from the last';
const tooLarge = 'a size is neither 1 nor that of the result';

export const faults: readonly Fault[] = [
  [ops.binary, [[4, 5], [4]], binaryAttrs('add'), `binary: ${sizes} (a: [4,5], b: [4])`],
  [
    ops.binary,
    [
      [2, 3],
      [3, 2],
    ],
    binaryAttrs('divide'),
    `binary: ${sizes} (a: [2,3], b: [3,2])`,
  ],
  [ops.binary, [[4], [4]], { kind: 8 }, 'binary: kind must be a whole number from 0 to 7, it is 8 (a: [4], b: [4])'],
  [ops.reduce, [[4]], { kind: 5, axes: 1 }, 'reduce: kind must be a whole number from 0 to 4, it is 5 (x: [4])'],
  [ops.reduce, [[4, 5]], reduceAttrs('sum', []), 'reduce: axes must be a whole number from 1 to 3, it is 0 (x: [4,5])'],
  [
    ops.reduce,
    [[4, 5]],
    reduceAttrs('sum', [2]),
    'reduce: axes must be a whole number from 1 to 3, it is 4 (x: [4,5])',
  ],
  [ops.broadcast, [[4]], broadcastTo([4, 5]), `broadcast: x does not broadcast to [4,5]: ${tooLarge} (x: [4])`],
  [ops.broadcast, [[2, 1]], broadcastTo([1]), `broadcast: x does not broadcast to [1]: ${tooLarge} (x: [2,1])`],
  [
    ops.broadcast,
    [[4]],
    broadcastTo([0]),
    'broadcast: d0 must be a whole number from 1 to 2147483647, it is 0 (x: [4])',
  ],
  [
    ops.broadcast,
    [[4]],
    broadcastTo([1, 1, 1, 1, 1, 1, 4]),
    'broadcast: rank must be a whole number from 1 to 6, it is 7 (x: [4])',
  ],
];
