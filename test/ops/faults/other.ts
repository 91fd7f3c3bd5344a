// Faults of pooling, dropout, shapes, checks and optimizers.

import * as ops from '../../../lib/ops/index.ts';
import { type Fault, i32, NONE, SIDES, u8 } from './fault.ts';

const POOL = { ...SIDES, kernelH: 2, kernelW: 2, dilationH: 1, dilationW: 1 };
const COUNTING = { countPadding: 0, ceilBottom: 0, ceilRight: 0, divisor: 0 };
const SGD = { momentum: 0, nesterov: 0, weightDecay: 0 };
const RMSPROP = { alpha: 0.99, momentum: 0, epsilon: 1e-8, weightDecay: 0, cumulative: 0 };
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: 0 };

export const faults: readonly Fault[] = [
  [
    ops.dropout,
    [[4], i32(2)],
    { rate: 1, stream: 0 },
    'dropout: rate must be at least 0 and below 1, it is 1 (x: [4], step: [2])',
  ],
  [
    ops.dropout,
    [[4], i32(1)],
    { rate: 0.5, stream: 0 },
    'dropout: step is [1], expected [2], the seed and the step (x: [4], step: [1])',
  ],
  [ops.add, [[4, 5], [5]], NONE, 'add: b is [5], expected [4,5], the shape of a (a: [4,5], b: [5])'],
  [
    ops.maxPool2d,
    [[1, 3, 3, 2]],
    { ...POOL, kernelH: 4 },
    'max_pool2d: the kernel covers 4x2 pixels, the padded input has only 3x3; use a smaller kernel or more padding (x: [1,3,3,2])',
  ],
  [
    ops.maxPool2d,
    [[1, 3, 3, 2]],
    { ...POOL, padTop: 2 },
    'max_pool2d: padding 2,0,0,0 (top, left, bottom, right) must be smaller than the dilated reach of the kernel, 2x2, or a window would hold nothing but padding (x: [1,3,3,2])',
  ],
  [
    ops.maxPool2d,
    [[1, 3, 3, 2]],
    { ...POOL, kernelW: 0 },
    'max_pool2d: kernelW must be a whole number from 1 to 65536, it is 0 (x: [1,3,3,2])',
  ],
  [
    ops.maxPool2dDx,
    [[1, 2, 2, 2], i32(1, 2, 2, 2)],
    { ...POOL, inH: 3, inW: 3 },
    'max_pool2d_dx: index must be u8, it is i32 (dy: [1,2,2,2], index: [1,2,2,2])',
  ],
  [
    ops.maxPool2dDx,
    [[1, 2, 2, 2], u8(1, 2, 2, 2)],
    { ...POOL, inH: 9, inW: 3 },
    'max_pool2d_dx: dy is [1,2,2,2], expected [1,8,2,2], the output of max_pool2d on 9x3 pixels (dy: [1,2,2,2], index: [1,2,2,2])',
  ],
  [
    ops.avgPool2d,
    [[1, 3, 3, 2]],
    { ...POOL, ...COUNTING, countPadding: 2 },
    'avg_pool2d: countPadding must be a whole number from 0 to 1, it is 2 (x: [1,3,3,2])',
  ],
  [
    ops.avgPool2dDx,
    [[1, 2, 3, 2]],
    { ...POOL, ...COUNTING, inH: 3, inW: 3 },
    'avg_pool2d_dx: dy is [1,2,3,2], expected [1,2,2,2], the output of avg_pool2d on 3x3 pixels (dy: [1,2,3,2])',
  ],
  [ops.globalAvgPool2d, [[4, 5]], {}, 'global_avg_pool2d: x must have 4 dimensions, it has 2 (x: [4,5])'],
  [
    ops.globalAvgPool2dDx,
    [[4, 5]],
    { inH: 0, inW: 1 },
    'global_avg_pool2d_dx: inH must be a whole number from 1 to 2147483647, it is 0 (dy: [4,5])',
  ],
  [
    ops.globalMaxPool2dDx,
    [[4, 5], i32(4)],
    { inH: 1, inW: 1 },
    'global_max_pool2d_dx: index is [4], expected [4,5], the shape of dy (dy: [4,5], index: [4])',
  ],
  [
    ops.globalMaxPool2d,
    [[1, 5000, 5000, 1]],
    {},
    'global_max_pool2d: height * width must be a whole number from 1 to 16777216, it is 25000000 (x: [1,5000,5000,1])',
  ],
  [
    ops.normalize,
    [i32(2, 2, 2, 3), [3], [3]],
    {},
    'normalize: x must be u8 or f32, it is i32 (x: [2,2,2,3], scale: [3], shift: [3])',
  ],
  [
    ops.normalize,
    [u8(2, 2, 2, 3), [3], [1]],
    {},
    'normalize: shift is [1], expected [3], one value for each channel of x (x: [2,2,2,3], scale: [3], shift: [1])',
  ],
  [ops.fill, [], { value: 1, count: 0 }, 'fill: count must be a whole number from 1 to 2147483647, it is 0'],
  [ops.fill, [], { value: 1e39, count: 1 }, 'fill: value must be a finite number, it is 1e+39'],
  [ops.guardFinite, [i32(3)], {}, 'guard_finite: x must be f32, it is i32 (x: [3])'],
  [
    ops.countCorrect,
    [[4, 10], i32(3)],
    {},
    'count_correct: labels is [3], expected [4], one label for each row of logits (logits: [4,10], labels: [3])',
  ],
  [
    ops.sgdStep,
    [[3], undefined, [4], [1]],
    SGD,
    'sgd_step: g is [4], expected [3], the shape of w (w: [3], g: [4], hyper: [1])',
  ],
  [
    ops.sgdStep,
    [[3], undefined, [3], [1]],
    { ...SGD, momentum: 0.9 },
    'sgd_step: momentum 0.9 needs a velocity (w: [3], g: [3], hyper: [1])',
  ],
  [
    ops.sgdStep,
    [[3], undefined, [3], [1]],
    { ...SGD, weightDecay: -1 },
    'sgd_step: weightDecay must be a finite number of at least 0, it is -1 (w: [3], g: [3], hyper: [1])',
  ],
  [
    ops.adamStep,
    [[3], [3], [2], [3], [3]],
    ADAM,
    'adam_step: v is [2], expected [3], the shape of w (w: [3], m: [3], v: [2], g: [3], hyper: [3])',
  ],
  [
    ops.adamStep,
    [[3], [3], [3], [3], [1]],
    ADAM,
    'adam_step: hyper is [1], expected [3], the step size, the bias correction and the learning rate (w: [3], m: [3], v: [3], g: [3], hyper: [1])',
  ],
  [
    ops.adamStep,
    [[3], [3], [3], [3], [3]],
    { ...ADAM, beta2: 1 },
    'adam_step: beta2 must be at least 0 and below 1, it is 1 (w: [3], m: [3], v: [3], g: [3], hyper: [3])',
  ],
  [
    ops.rmspropStep,
    [[3], [3], undefined, undefined, [4], [1]],
    RMSPROP,
    'rmsprop_step: g is [4], expected [3], the shape of w (w: [3], v: [3], g: [4], hyper: [1])',
  ],
  [
    ops.rmspropStep,
    [[3], [3], [2], undefined, [3], [1]],
    RMSPROP,
    'rmsprop_step: mean is [2], expected [3], the shape of w (w: [3], v: [3], mean: [2], g: [3], hyper: [1])',
  ],
  [
    ops.rmspropStep,
    [[3], [3], undefined, undefined, [3], [1]],
    { ...RMSPROP, momentum: 0.9 },
    'rmsprop_step: momentum 0.9 needs a velocity (w: [3], v: [3], g: [3], hyper: [1])',
  ],
  [
    ops.rmspropStep,
    [[3], [3], undefined, undefined, [3], [1]],
    { ...RMSPROP, alpha: 1 },
    'rmsprop_step: alpha must be at least 0 and below 1, it is 1 (w: [3], v: [3], g: [3], hyper: [1])',
  ],
  [ops.blend, [[3], [4], [2]], {}, 'blend: b is [4], expected [3], the shape of a (a: [3], b: [4], share: [2])'],
  [
    ops.blend,
    [[3], [3], [1]],
    {},
    'blend: share is [1], expected [2], the share of a and that of b (a: [3], b: [3], share: [1])',
  ],
];
