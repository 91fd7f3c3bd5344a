// Faults of pooling with dilation, ceil mode and adaptive windows, and of unpooling.

import * as ops from '../../../lib/ops/index.ts';
import { type Fault, i32, SIDES, u8 } from './fault.ts';

const POOL = { ...SIDES, kernelH: 2, kernelW: 2, dilationH: 1, dilationW: 1 };
const COUNTING = { countPadding: 0, ceilBottom: 0, ceilRight: 0, divisor: 0 };
const STEPS = { depth: 1, stepN: 0, stepD: 0, stepH: 3, stepW: 1, stepC: 0, inH: 3, inW: 3 };

export const faults: readonly Fault[] = [
  [
    ops.maxPool2d,
    [[1, 3, 3, 2]],
    { ...POOL, dilationW: 3 },
    'max_pool2d: the kernel covers 2x4 pixels, the padded input has only 3x3; use a smaller kernel or more padding (x: [1,3,3,2])',
  ],
  [
    ops.maxPool2d,
    [[1, 2, 3, 2]],
    { ...POOL, dilationH: 4, padTop: 2, padBottom: 2 },
    'max_pool2d: a window that begins in the padding 2,0 (top, left) steps over all of the 2x3 pixels with dilation 4x1; use less of either (x: [1,2,3,2])',
  ],
  [
    ops.avgPool2d,
    [[1, 3, 3, 2]],
    { ...POOL, ...COUNTING, dilationH: 0 },
    'avg_pool2d: dilationH must be a whole number from 1 to 65536, it is 0 (x: [1,3,3,2])',
  ],
  [
    ops.avgPool2d,
    [[1, 3, 3, 2]],
    { ...POOL, ...COUNTING, padBottom: 1, ceilBottom: 2 },
    'avg_pool2d: ceilBottom must be a whole number from 0 to 1, it is 2 (x: [1,3,3,2])',
  ],
  [
    ops.avgPool2dDx,
    [[1, 2, 2, 2]],
    { ...POOL, ...COUNTING, ceilRight: 1, inH: 3, inW: 3 },
    'avg_pool2d_dx: ceilRight must be a whole number from 0 to 0, it is 1 (dy: [1,2,2,2])',
  ],
  [
    ops.avgPool2d,
    [[1, 3, 3, 2]],
    { ...POOL, ...COUNTING, divisor: -1 },
    'avg_pool2d: divisor must be a whole number from 0 to 16777216, it is -1 (x: [1,3,3,2])',
  ],
  [
    ops.adaptiveAvgPool2d,
    [[4, 5]],
    { outH: 1, outW: 1 },
    'adaptive_avg_pool2d: x must have 4 dimensions, it has 2 (x: [4,5])',
  ],
  [
    ops.adaptiveAvgPool2d,
    [[1, 3, 3, 2]],
    { outH: 0, outW: 1 },
    'adaptive_avg_pool2d: outH must be a whole number from 1 to 2147483647, it is 0 (x: [1,3,3,2])',
  ],
  [
    ops.adaptiveAvgPool2dDx,
    [[1, 3, 3, 2]],
    { inH: 4, inW: 0 },
    'adaptive_avg_pool2d_dx: inW must be a whole number from 1 to 2147483647, it is 0 (dy: [1,3,3,2])',
  ],
  [
    ops.adaptiveMaxPool2d,
    [[1, 8192, 8192, 1]],
    { outH: 1, outW: 1 },
    'adaptive_max_pool2d: height * width must be a whole number from 1 to 16777216, it is 67108864 (x: [1,8192,8192,1])',
  ],
  [
    ops.adaptiveMaxPool2dDx,
    [[1, 3, 3, 2], i32(1, 3, 3, 1)],
    { inH: 4, inW: 4 },
    'adaptive_max_pool2d_dx: index is [1,3,3,1], expected [1,3,3,2], the shape of dy (dy: [1,3,3,2], index: [1,3,3,1])',
  ],
  [
    ops.maxPool2dPosition,
    [i32(1, 2, 2, 2)],
    { ...POOL, ...STEPS },
    'max_pool2d_position: index must be u8, it is i32 (index: [1,2,2,2])',
  ],
  [
    ops.maxPool2dPosition,
    [u8(1, 2, 3, 2)],
    { ...POOL, ...STEPS },
    'max_pool2d_position: index is [1,2,3,2], expected [1,2,2,2], the output of max_pool2d on 3x3 pixels (index: [1,2,3,2])',
  ],
  [
    ops.maxPool2dPosition,
    [u8(3, 2, 2, 2)],
    { ...POOL, ...STEPS, depth: 2 },
    'max_pool2d_position: depth (2) must divide the number of images (index: [3,2,2,2])',
  ],
  [
    ops.maxPool2dPosition,
    [u8(2, 2, 2, 2)],
    { ...POOL, ...STEPS, stepN: 2 ** 31 - 2 },
    'max_pool2d_position: the last position, 2147483654, is 2^31 or more (index: [2,2,2,2])',
  ],
  [
    ops.maxUnpool2d,
    [[1, 2, 2, 2], i32(1, 2, 2)],
    { outH: 4, outW: 4 },
    'max_unpool2d: position is [1,2,2], expected [1,2,2,2], the shape of x (x: [1,2,2,2], position: [1,2,2])',
  ],
  [
    ops.maxUnpool2d,
    [[1, 2, 2, 2], i32(1, 2, 2, 2)],
    { outH: 4, outW: 0 },
    'max_unpool2d: outW must be a whole number from 1 to 2147483647, it is 0 (x: [1,2,2,2], position: [1,2,2,2])',
  ],
  [
    ops.maxUnpool2dDx,
    [[1, 4, 4, 2], i32(1, 2, 2, 1)],
    {},
    'max_unpool2d_dx: position is [1,2,2,1], expected [1,2,2,2], with the batch and channels of dy (dy: [1,4,4,2], position: [1,2,2,1])',
  ],
];
