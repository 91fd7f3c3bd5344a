// Faults of group norm and local response norm.

import * as ops from '../../../lib/ops/index.ts';
import { type Fault, NONE } from './fault.ts';

const NORM = { groups: 2, epsilon: 1e-5, ...NONE };
const RESPONSE = { before: 2, after: 2, alpha: 1e-4, beta: 0.75, k: 1 };

export const faults: readonly Fault[] = [
  [
    ops.groupNorm,
    [[2, 5, 6], [6], [6]],
    { ...NORM, groups: 4 },
    'group_norm: groups (4) must divide the 6 channels of x (x: [2,5,6], gamma: [6], beta: [6])',
  ],
  [
    ops.groupNorm,
    [[2, 5, 6], [6], [6]],
    { ...NORM, groups: 0 },
    'group_norm: groups must be a whole number from 1 to 2147483647, it is 0 (x: [2,5,6], gamma: [6], beta: [6])',
  ],
  [
    ops.groupNorm,
    [[6], [6], [6]],
    NORM,
    'group_norm: x must have at least 2 dimensions, it has 1 (x: [6], gamma: [6], beta: [6])',
  ],
  [
    ops.groupNorm,
    [[2, 6], [5], [6]],
    NORM,
    'group_norm: gamma is [5], expected [6], one value for each channel (x: [2,6], gamma: [5], beta: [6])',
  ],
  [
    ops.groupNorm,
    [[2, 6], [6], [6]],
    { ...NORM, epsilon: 0 },
    'group_norm: epsilon must be a finite number above 0, it is 0 (x: [2,6], gamma: [6], beta: [6])',
  ],
  [
    ops.groupNormDw,
    [
      [2, 6],
      [2, 6],
      [3, 2],
      [3, 2],
    ],
    {},
    'group_norm_dw: mean has 3 rows, dy has 2 examples (dy: [2,6], x: [2,6], mean: [3,2], rstd: [3,2])',
  ],
  [
    ops.groupNormDw,
    [
      [2, 6],
      [2, 6],
      [2, 4],
      [2, 4],
    ],
    {},
    'group_norm_dw: groups (4) must divide the 6 channels of dy (dy: [2,6], x: [2,6], mean: [2,4], rstd: [2,4])',
  ],
  [
    ops.groupNormDx,
    [[2, 6], [2, 5], [6], [2, 2], [2, 2]],
    {},
    'group_norm_dx: x is [2,5], expected [2,6], the shape of dy (dy: [2,6], x: [2,5], gamma: [6], mean: [2,2], rstd: [2,2])',
  ],
  [
    ops.groupNormDx,
    [[2, 6], [2, 6], [6], [2, 2], [2, 1]],
    {},
    'group_norm_dx: rstd is [2,1], expected [2,2], the shape of mean (dy: [2,6], x: [2,6], gamma: [6], mean: [2,2], rstd: [2,1])',
  ],
  [
    ops.localResponseNorm,
    [[2, 6]],
    { ...RESPONSE, before: 5000 },
    'local_response_norm: before must be a whole number from 0 to 4096, it is 5000 (x: [2,6])',
  ],
  [
    ops.localResponseNorm,
    [[2, 6]],
    { ...RESPONSE, k: 0 },
    'local_response_norm: k must be a finite number above 0, it is 0 (x: [2,6])',
  ],
  [
    ops.localResponseNormDx,
    [
      [2, 6],
      [2, 7],
    ],
    RESPONSE,
    'local_response_norm_dx: x is [2,7], expected [2,6], the shape of dy (dy: [2,6], x: [2,7])',
  ],
];
