// Faults of conv2d, linear, gemm, bias_add and their gradients.

import * as ops from '../../../lib/ops/index.ts';
import { type Fault, NONE, SIDES, u8 } from './fault.ts';

const CONV = { ...SIDES, dilationH: 1, dilationW: 1, groups: 1 };
const FORWARD = { ...CONV, activation: 0, slope: 0 };

const x = [8, 32, 32, 3];
const w = [3, 3, 3, 16];

export const faults: readonly Fault[] = [
  [ops.conv2d, [x, [3, 3, 4, 16]], FORWARD, 'conv2d: w has 4 input channels, x has 3 (x: [8,32,32,3], w: [3,3,4,16])'],
  [ops.conv2d, [x, [3, 3, 3]], FORWARD, 'conv2d: w must have 4 dimensions, it has 3 (x: [8,32,32,3], w: [3,3,3])'],
  [ops.conv2d, [x], FORWARD, 'conv2d: needs the input w (x: [8,32,32,3])'],
  [ops.conv2d, [u8(8, 32, 32, 3), w], FORWARD, 'conv2d: x must be f32, it is u8 (x: [8,32,32,3], w: [3,3,3,16])'],
  [
    ops.conv2d,
    [[0, 32, 32, 3], w],
    FORWARD,
    'conv2d: x has a dimension of size 0, every size must be a whole number of at least 1 (x: [0,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [[8, 32.5, 32, 3], w],
    FORWARD,
    'conv2d: x has a dimension of size 32.5, every size must be a whole number of at least 1 (x: [8,32.5,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w, [15]],
    FORWARD,
    'conv2d: b is [15], expected [16], one value for each output channel of w (x: [8,32,32,3], w: [3,3,3,16], b: [15])',
  ],
  [
    ops.conv2d,
    [
      [1, 4, 4, 3],
      [5, 5, 3, 2],
    ],
    FORWARD,
    'conv2d: the kernel covers 5x5 pixels, the padded input has only 4x4; use a smaller kernel or more padding (x: [1,4,4,3], w: [5,5,3,2])',
  ],
  [
    ops.conv2d,
    [
      [1, 4, 4, 3],
      [3, 3, 3, 2],
    ],
    { ...FORWARD, dilationH: 2, dilationW: 2 },
    'conv2d: the kernel covers 5x5 pixels, the padded input has only 4x4; use a smaller kernel or more padding (x: [1,4,4,3], w: [3,3,3,2])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, groups: 2 },
    'conv2d: 2 groups do not divide the 3 channels of x (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, [3, 3, 1, 16]],
    { ...FORWARD, groups: 3 },
    'conv2d: 3 groups do not divide the 16 output channels (x: [8,32,32,3], w: [3,3,1,16])',
  ],
  [
    ops.conv2d,
    [
      [8, 9, 9, 4],
      [3, 3, 4, 16],
    ],
    { ...FORWARD, groups: 2 },
    'conv2d: w has 4 input channels for each of 2 groups, x has 2 (x: [8,9,9,4], w: [3,3,4,16])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, strideH: 0 },
    'conv2d: strideH must be a whole number from 1 to 65536, it is 0 (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, strideW: 1.5 },
    'conv2d: strideW must be a whole number from 1 to 65536, it is 1.5 (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, padLeft: -1 },
    'conv2d: padLeft must be a whole number from 0 to 65536, it is -1 (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, padTop: 1e9 },
    'conv2d: padTop must be a whole number from 0 to 65536, it is 1000000000 (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, dilationH: Number.NaN },
    'conv2d: dilationH must be a whole number from 1 to 65536, it is NaN (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, groups: 0 },
    'conv2d: groups must be a whole number from 1 to 2147483647, it is 0 (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, activation: 3 },
    'conv2d: activation must be a whole number from 0 to 2, it is 3 (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w],
    { ...FORWARD, activation: 2 },
    'conv2d: slope must be a finite number above 0 (use relu for 0), it is 0 (x: [8,32,32,3], w: [3,3,3,16])',
  ],
  [
    ops.conv2d,
    [x, w, undefined, w],
    FORWARD,
    'conv2d: takes 3 inputs, got 4 (x: [8,32,32,3], w: [3,3,3,16], input 3: [3,3,3,16])',
  ],
  [
    ops.conv2dDx,
    [[8, 30, 30, 8], w],
    { ...FORWARD, inH: 32, inW: 32 },
    'conv2d_dx: w has 16 output channels, dy has 8 (dy: [8,30,30,8], w: [3,3,3,16])',
  ],
  [
    ops.conv2dDx,
    [[8, 29, 30, 16], w],
    { ...FORWARD, inH: 32, inW: 32 },
    'conv2d_dx: dy is [8,29,30,16], expected [8,30,30,16], the output of conv2d on 32x32 pixels (dy: [8,29,30,16], w: [3,3,3,16])',
  ],
  [
    ops.conv2dDx,
    [[8, 30, 30, 16], w, [16]],
    { ...FORWARD, inH: 32, inW: 32 },
    'conv2d_dx: b is [16], expected [3], one value for each channel of dx (dy: [8,30,30,16], w: [3,3,3,16], b: [16])',
  ],
  [
    ops.conv2dDw,
    [x, [7, 30, 30, 16]],
    { ...CONV, kernelH: 3, kernelW: 3 },
    'conv2d_dw: dy is [7,30,30,16], expected [8,30,30,16], the output of conv2d on x with a [3,3] kernel (x: [8,32,32,3], dy: [7,30,30,16])',
  ],
  [
    ops.conv2dDw,
    [x, [8, 30, 30, 16]],
    { ...CONV, kernelH: 0, kernelW: 3 },
    'conv2d_dw: kernelH must be a whole number from 1 to 2147483647, it is 0 (x: [8,32,32,3], dy: [8,30,30,16])',
  ],
  [
    ops.linear,
    [
      [8, 3, 3, 16],
      [144, 10],
    ],
    NONE,
    'linear: x must have 2 dimensions, it has 4; put flatten before it (x: [8,3,3,16], w: [144,10])',
  ],
  [
    ops.linear,
    [
      [8, 100],
      [144, 10],
    ],
    NONE,
    'linear: w takes 144 features, x has 100 (x: [8,100], w: [144,10])',
  ],
  [
    ops.linear,
    [[8, 144], [144, 10], [1]],
    NONE,
    'linear: b is [1], expected [10], one value for each output of w (x: [8,144], w: [144,10], b: [1])',
  ],
  [
    ops.linearDx,
    [
      [8, 9],
      [144, 10],
    ],
    {},
    'linear_dx: w has 10 outputs, dy has 9 (dy: [8,9], w: [144,10])',
  ],
  [
    ops.linearDw,
    [
      [8, 144],
      [7, 10],
    ],
    {},
    'linear_dw: x has 8 rows, dy has 7 (x: [8,144], dy: [7,10])',
  ],
  [
    ops.gemm,
    [
      [2, 3],
      [2, 4],
    ],
    { transA: 0, transB: 0 },
    'gemm: a has an inner size of 3, b of 2 (transA=0, transB=0) (a: [2,3], b: [2,4])',
  ],
  [
    ops.gemm,
    [
      [2, 3],
      [3, 4],
    ],
    { transA: 2, transB: 0 },
    'gemm: transA must be a whole number from 0 to 1, it is 2 (a: [2,3], b: [3,4])',
  ],
  [
    ops.biasAdd,
    [[2, 5], [4]],
    {},
    'bias_add: b is [4], expected [5], one value for each channel of x (x: [2,5], b: [4])',
  ],
  [ops.biasAddDb, [[]], {}, 'bias_add_db: dy must have at least 1 dimension (dy: [])'],
];
