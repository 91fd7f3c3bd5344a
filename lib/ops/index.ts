// The op table: every op, in the order of its code in the plan format and in C++.

import { adamStep } from './adam_step.ts';
import { adaptiveAvgPool2d, adaptiveAvgPool2dDx } from './adaptive_avg_pool2d.ts';
import { adaptiveMaxPool2d, adaptiveMaxPool2dDx } from './adaptive_max_pool2d.ts';
import { add } from './add.ts';
import { avgPool2d, avgPool2dDx } from './avg_pool2d.ts';
import { batchNorm2d, batchNorm2dDw, batchNorm2dDx, batchNorm2dInference, batchNorm2dRunning } from './batch_norm2d.ts';
import { batchNorm2dFold } from './batch_norm2d_fold.ts';
import { biasActivationDx } from './bias_activation_dx.ts';
import { biasAdd, biasAddDb } from './bias_add.ts';
import { binary, broadcast, reduce } from './binary.ts';
import { blend } from './blend.ts';
import { concat } from './concat.ts';
import { conv2d, conv2dDw, conv2dDx } from './conv2d.ts';
import { countCorrect } from './count_correct.ts';
import { dropout } from './dropout.ts';
import { fill } from './fill.ts';
import { gemm } from './gemm.ts';
import { globalAvgPool2d, globalAvgPool2dDx } from './global_avg_pool2d.ts';
import { globalMaxPool2d, globalMaxPool2dDx } from './global_max_pool2d.ts';
import { groupNorm, groupNormDw, groupNormDx } from './group_norm.ts';
import { guardFinite } from './guard_finite.ts';
import { leakyRelu, leakyReluDx } from './leaky_relu.ts';
import { linear, linearDw, linearDx } from './linear.ts';
import { localResponseNorm, localResponseNormDx } from './local_response_norm.ts';
import { logSoftmax, logSoftmaxDx } from './log_softmax.ts';
import { maxPool2d, maxPool2dDx } from './max_pool2d.ts';
import { maxPool2dPosition } from './max_pool2d_position.ts';
import { maxUnpool2d, maxUnpool2dDx } from './max_unpool2d.ts';
import { normalize } from './normalize.ts';
import { oneHot } from './one_hot.ts';
import type { OpDefinition } from './op.ts';
import { pad, padDx } from './pad.ts';
import { prelu, preluDw, preluDx } from './prelu.ts';
import { relu, reluDx } from './relu.ts';
import { reshape } from './reshape.ts';
import { resize2d, resize2dDx } from './resize2d.ts';
import { rmspropStep } from './rmsprop_step.ts';
import { sgdStep } from './sgd_step.ts';
import { sigmoid, sigmoidDx } from './sigmoid.ts';
import { slice, sliceDx } from './slice.ts';
import { softmax, softmaxDx } from './softmax.ts';
import { softmaxCrossEntropy, softmaxCrossEntropyDx } from './softmax_cross_entropy.ts';
import { tanh, tanhDx } from './tanh.ts';
import { transpose } from './transpose.ts';
import { unary, unaryDx } from './unary.ts';

/** All ops; the position of an op is its opcode. */
export const opTable: readonly OpDefinition[] = [
  conv2d,
  conv2dDx,
  conv2dDw,
  linear,
  linearDx,
  linearDw,
  gemm,
  biasAdd,
  biasAddDb,
  relu,
  reluDx,
  leakyRelu,
  leakyReluDx,
  sigmoid,
  sigmoidDx,
  tanh,
  tanhDx,
  softmax,
  softmaxDx,
  softmaxCrossEntropy,
  softmaxCrossEntropyDx,
  batchNorm2d,
  batchNorm2dRunning,
  batchNorm2dInference,
  batchNorm2dDw,
  batchNorm2dDx,
  dropout,
  reshape,
  add,
  maxPool2d,
  maxPool2dDx,
  avgPool2d,
  avgPool2dDx,
  globalAvgPool2d,
  globalAvgPool2dDx,
  globalMaxPool2d,
  globalMaxPool2dDx,
  normalize,
  fill,
  guardFinite,
  countCorrect,
  sgdStep,
  adamStep,
  biasActivationDx,
  batchNorm2dFold,
  unary,
  unaryDx,
  prelu,
  preluDx,
  preluDw,
  logSoftmax,
  logSoftmaxDx,
  transpose,
  slice,
  sliceDx,
  concat,
  binary,
  reduce,
  broadcast,
  rmspropStep,
  blend,
  oneHot,
  pad,
  padDx,
  resize2d,
  resize2dDx,
  adaptiveAvgPool2d,
  adaptiveAvgPool2dDx,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dDx,
  maxPool2dPosition,
  maxUnpool2d,
  maxUnpool2dDx,
  groupNorm,
  groupNormDw,
  groupNormDx,
  localResponseNorm,
  localResponseNormDx,
];

export {
  adamStep,
  adaptiveAvgPool2d,
  adaptiveAvgPool2dDx,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dDx,
  add,
  avgPool2d,
  avgPool2dDx,
  batchNorm2d,
  batchNorm2dDw,
  batchNorm2dDx,
  batchNorm2dFold,
  batchNorm2dInference,
  batchNorm2dRunning,
  biasActivationDx,
  biasAdd,
  biasAddDb,
  binary,
  blend,
  broadcast,
  concat,
  conv2d,
  conv2dDw,
  conv2dDx,
  countCorrect,
  dropout,
  fill,
  gemm,
  globalAvgPool2d,
  globalAvgPool2dDx,
  globalMaxPool2d,
  globalMaxPool2dDx,
  groupNorm,
  groupNormDw,
  groupNormDx,
  guardFinite,
  leakyRelu,
  leakyReluDx,
  linear,
  linearDw,
  linearDx,
  localResponseNorm,
  localResponseNormDx,
  logSoftmax,
  logSoftmaxDx,
  maxPool2d,
  maxPool2dDx,
  maxPool2dPosition,
  maxUnpool2d,
  maxUnpool2dDx,
  normalize,
  oneHot,
  pad,
  padDx,
  prelu,
  preluDw,
  preluDx,
  reduce,
  relu,
  reluDx,
  reshape,
  resize2d,
  resize2dDx,
  rmspropStep,
  sgdStep,
  sigmoid,
  sigmoidDx,
  slice,
  sliceDx,
  softmax,
  softmaxCrossEntropy,
  softmaxCrossEntropyDx,
  softmaxDx,
  tanh,
  tanhDx,
  transpose,
  unary,
  unaryDx,
};
