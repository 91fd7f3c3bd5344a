// Faults of activations, softmax and batch normalisation.

import * as ops from '../../../lib/ops/index.ts';
import { UNARY_KINDS, unaryAttrs } from '../../../lib/ops/unary-functions.ts';
import { type Fault, i32, NONE } from './fault.ts';

const NORM = { ...NONE, epsilon: 1e-5 };

const x = [8, 32, 32, 3];
const { kind: CLIP } = unaryAttrs('clip');
const { kind: SOFTPLUS } = unaryAttrs('softplus');
const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

export const faults: readonly Fault[] = [
  [ops.relu, [i32(4)], {}, 'relu: x must be f32, it is i32 (x: [4])'],
  [ops.relu, [[1, 1, 1, 1, 1, 1, 1]], {}, 'relu: x has 7 dimensions, at most 6 are supported (x: [1,1,1,1,1,1,1])'],
  [ops.reluDx, [[4], [5]], {}, 'relu_dx: y is [5], expected [4], the shape of dy (dy: [4], y: [5])'],
  [
    ops.leakyRelu,
    [[4]],
    { slope: -0.1 },
    'leaky_relu: slope must be a finite number above 0 (use relu for 0), it is -0.1 (x: [4])',
  ],
  [
    ops.leakyReluDx,
    [[4], [4]],
    { slope: Number.NaN },
    'leaky_relu_dx: slope must be a finite number above 0 (use relu for 0), it is NaN (dy: [4], y: [4])',
  ],
  [
    ops.softmaxDx,
    [
      [4, 5],
      [5, 4],
    ],
    {},
    'softmax_dx: y is [5,4], expected [4,5], the shape of dy (dy: [4,5], y: [5,4])',
  ],
  [
    ops.softmaxCrossEntropy,
    [[4, 10], i32(5)],
    { labelSmoothing: 0, ignoreIndex: -100 },
    'softmax_cross_entropy: labels is [5], expected [4], one label for each row of logits (logits: [4,10], labels: [5])',
  ],
  [
    ops.softmaxCrossEntropy,
    [[4, 10], [4]],
    { labelSmoothing: 0, ignoreIndex: -100 },
    'softmax_cross_entropy: labels must be i32, it is f32 (logits: [4,10], labels: [4])',
  ],
  [
    ops.softmaxCrossEntropy,
    [[4, 10], i32(4)],
    { labelSmoothing: 1, ignoreIndex: -100 },
    'softmax_cross_entropy: labelSmoothing must be at least 0 and below 1, it is 1 (logits: [4,10], labels: [4])',
  ],
  [
    ops.softmaxCrossEntropy,
    [[4, 10], i32(4), [9]],
    { labelSmoothing: 0, ignoreIndex: -100 },
    'softmax_cross_entropy: weights is [9], expected [10], one weight for each class (logits: [4,10], labels: [4], weights: [9])',
  ],
  [
    ops.softmaxCrossEntropy,
    [[4], i32(4)],
    { labelSmoothing: 0, ignoreIndex: -100 },
    'softmax_cross_entropy: logits must have at least 2 dimensions, it has 1 (logits: [4], labels: [4])',
  ],
  [
    ops.countCorrect,
    [[4], i32(4)],
    {},
    'count_correct: logits must have at least 2 dimensions, it has 1 (logits: [4], labels: [4])',
  ],
  [
    ops.oneHot,
    [i32(1, 1, 1, 1, 1, 1)],
    { classes: 2 },
    'one_hot: labels [1,1,1,1,1,1] leave no axis for the classes (labels: [1,1,1,1,1,1])',
  ],
  [
    ops.oneHot,
    [i32(4)],
    { classes: 0 },
    'one_hot: classes must be a whole number from 1 to 2147483647, it is 0 (labels: [4])',
  ],
  [
    ops.softmaxCrossEntropyDx,
    [[4, 10], i32(4), [2]],
    { labelSmoothing: 0, ignoreIndex: -100 },
    'softmax_cross_entropy_dx: dloss is [2], expected [1], the gradient of one loss (probs: [4,10], labels: [4], dloss: [2])',
  ],
  [
    ops.batchNorm2d,
    [x, [3], [4]],
    NORM,
    'batch_norm2d: beta is [4], expected [3], one value for each channel (x: [8,32,32,3], gamma: [3], beta: [4])',
  ],
  [
    ops.batchNorm2d,
    [x, [3], [3], [8, 32, 3, 32]],
    NORM,
    'batch_norm2d: residual is [8,32,3,32], expected [8,32,32,3], the shape of x (x: [8,32,32,3], gamma: [3], beta: [3], residual: [8,32,3,32])',
  ],
  [
    ops.add,
    [[4], [4], [5]],
    { activation: 1, slope: 0 },
    'add: gate is [5], expected [4], the shape of a (a: [4], b: [4], gate: [5])',
  ],
  [
    ops.add,
    [[4], [4], [4]],
    { activation: 0, slope: 0 },
    'add: activation must be a whole number from 1 to 2, it is 0 (a: [4], b: [4], gate: [4])',
  ],
  [
    ops.batchNorm2d,
    [[8, 3], [3], [8]],
    NORM,
    'batch_norm2d: beta is [8], expected [3], one value for each channel (x: [8,3], gamma: [3], beta: [8])',
  ],
  [
    ops.batchNorm2d,
    [x, [3], [3]],
    { ...NORM, epsilon: 0 },
    'batch_norm2d: epsilon must be a finite number above 0, it is 0 (x: [8,32,32,3], gamma: [3], beta: [3])',
  ],
  [
    ops.batchNorm2dInference,
    [x, [3], [3], [3]],
    NORM,
    'batch_norm2d_inference: needs the input runningVariance (x: [8,32,32,3], gamma: [3], beta: [3], runningMean: [3])',
  ],
  [
    ops.batchNorm2dFold,
    [[3, 3, 4, 8], [8], [8], [8], [4]],
    { epsilon: 1e-5 },
    'batch_norm2d_fold: runningVariance is [4], expected [8], one value for each output channel of w (w: [3,3,4,8], gamma: [8], beta: [8], runningMean: [8], runningVariance: [4])',
  ],
  [
    ops.batchNorm2dFold,
    [[3, 3, 4, 8], [8], [8], [8], [8], [3]],
    { epsilon: 1e-5 },
    'batch_norm2d_fold: b is [3], expected [8], one value for each output channel of w (w: [3,3,4,8], gamma: [8], beta: [8], runningMean: [8], runningVariance: [8], b: [3])',
  ],
  [
    ops.batchNorm2dRunning,
    [[3], [3], [2], [3]],
    { momentum: 0.1, unbiased: 1 },
    'batch_norm2d_running: mean is [2], expected [3], the shape of runningMean (runningMean: [3], runningVariance: [3], mean: [2], variance: [3])',
  ],
  [
    ops.batchNorm2dRunning,
    [[3], [3], [3], [3]],
    { momentum: 1.5, unbiased: 1 },
    'batch_norm2d_running: momentum must be from 0 to 1, it is 1.5 (runningMean: [3], runningVariance: [3], mean: [3], variance: [3])',
  ],
  [
    ops.batchNorm2dDw,
    [x, [8, 32, 32, 4], [3], [3], [3], [3]],
    NORM,
    'batch_norm2d_dw: x is [8,32,32,4], expected [8,32,32,3], the shape of dy (dy: [8,32,32,3], x: [8,32,32,4], gamma: [3], beta: [3], mean: [3], variance: [3])',
  ],
  [
    ops.batchNorm2dDx,
    [x, x, [3], [3], [3], [3], [3], [4]],
    NORM,
    'batch_norm2d_dx: dbeta is [4], expected [3], one value for each channel (dy: [8,32,32,3], x: [8,32,32,3], gamma: [3], beta: [3], mean: [3], variance: [3], dgamma: [3], dbeta: [4])',
  ],
  [
    ops.biasActivationDx,
    [
      [4, 3],
      [3, 4],
    ],
    { activation: 1, slope: 0 },
    'bias_activation_dx: y is [3,4], expected [4,3], the shape of dy (dy: [4,3], y: [3,4])',
  ],
  [
    ops.biasActivationDx,
    [
      [4, 3],
      [4, 3],
    ],
    { activation: 0, slope: 0 },
    'bias_activation_dx: activation must be a whole number from 1 to 2, it is 0 (dy: [4,3], y: [4,3])',
  ],
  [
    ops.unary,
    [[4]],
    { kind: UNARY_KINDS, alpha: 0, beta: 0 },
    `unary: kind must be a whole number from 0 to ${UNARY_KINDS - 1}, it is ${UNARY_KINDS} (x: [4])`,
  ],
  [
    ops.unary,
    [[4]],
    { kind: -1, alpha: 0, beta: 0 },
    `unary: kind must be a whole number from 0 to ${UNARY_KINDS - 1}, it is -1 (x: [4])`,
  ],
  [ops.unary, [[4]], { kind: CLIP, alpha: 2, beta: 1 }, 'unary: alpha must be at most beta, they are 2 and 1 (x: [4])'],
  [
    ops.unary,
    [[4]],
    { kind: CLIP, alpha: nan, beta: 1 },
    'unary: alpha must be at most beta, they are NaN and 1 (x: [4])',
  ],
  [ops.unary, [[4]], unaryAttrs('gelu', 1), 'unary: alpha must be 0 for this function, it is 1 (x: [4])'],
  [ops.unary, [[4]], unaryAttrs('silu', 1, 2), 'unary: beta must be 0 for this function, it is 2 (x: [4])'],
  [ops.unary, [[4]], unaryAttrs('silu', infinity), 'unary: alpha must be a finite number, it is Infinity (x: [4])'],
  [ops.unary, [[4]], unaryAttrs('elu', 1, nan), 'unary: beta must be a finite number, it is NaN (x: [4])'],
  [ops.unary, [[4]], unaryAttrs('celu'), 'unary: alpha must be a finite number other than 0, it is 0 (x: [4])'],
  [
    ops.unaryDx,
    [[4], [4]],
    { kind: SOFTPLUS, alpha: 0, beta: 20 },
    'unary_dx: alpha must be a finite number above 0, it is 0 (dy: [4], x: [4])',
  ],
  [ops.unaryDx, [[4], [5]], unaryAttrs('gelu'), 'unary_dx: x is [5], expected [4], the shape of dy (dy: [4], x: [5])'],
  [ops.prelu, [x, [2]], {}, 'prelu: slope must be [1] or [3], one for each channel (x: [8,32,32,3], slope: [2])'],
  [ops.prelu, [x, [1, 3]], {}, 'prelu: slope must have 1 dimension, it has 2 (x: [8,32,32,3], slope: [1,3])'],
  [
    ops.preluDx,
    [x, [8, 32, 3, 32], [3]],
    {},
    'prelu_dx: x is [8,32,3,32], expected [8,32,32,3], the shape of dy (dy: [8,32,32,3], x: [8,32,3,32], slope: [3])',
  ],
  [
    ops.preluDw,
    [x, [8, 32, 32, 4]],
    { shared: 0 },
    'prelu_dw: x is [8,32,32,4], expected [8,32,32,3], the shape of dy (dy: [8,32,32,3], x: [8,32,32,4])',
  ],
  [
    ops.preluDw,
    [x, x],
    { shared: 2 },
    'prelu_dw: shared must be a whole number from 0 to 1, it is 2 (dy: [8,32,32,3], x: [8,32,32,3])',
  ],
  [
    ops.logSoftmaxDx,
    [
      [4, 5],
      [5, 4],
    ],
    {},
    'log_softmax_dx: y is [5,4], expected [4,5], the shape of dy (dy: [4,5], y: [5,4])',
  ],
];
