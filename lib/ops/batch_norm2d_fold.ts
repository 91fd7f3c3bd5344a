// batch_norm2d_fold: inference batch norm as part of the weights and bias of what comes before it, made once for as long as
// the weights do not change.

import { fma } from './fma.ts';
import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, tensor } from './tensor-data.ts';

const { fround } = Math;

/** 1 / sqrt(variance + epsilon) of every channel. */
export function reciprocalDeviation(variance: Float32Array, epsilon: number): Float32Array {
  const eps = fround(epsilon);
  return variance.map((value) => 1 / fround(Math.sqrt(fround(value + eps))));
}

/**
 * wFolded[..., o] = w[..., o] * scale[o] and bFolded[o] = fma(b[o] - runningMean[o], scale[o], beta[o]), with scale[o] =
 * gamma[o] / sqrt(runningVariance[o] + epsilon) and b 0 where absent.
 *
 * w of any shape with output channels last, the others [o] -> wFolded, shaped as w, and bFolded [o].
 * Errors: a vector not [o]; epsilon not above 0.
 */
export const batchNorm2dFold = defineOp({
  name: 'batch_norm2d_fold',
  inputs: ['w', 'gamma', 'beta', 'runningMean', 'runningVariance', 'b?'],
  outputs: ['wFolded', 'bFolded'],
  attrs: { epsilon: 'f32' },
  infer(inputs, { epsilon }) {
    const names = ['w', 'gamma', 'beta', 'runningMean', 'runningVariance', 'b?'];
    const check = new ShapeCheck('batch_norm2d_fold', names, inputs);
    const o = check.channels(0);
    for (const index of [1, 2, 3, 4]) check.shape(index, [o], 'one value for each output channel of w');
    if (check.has(5)) check.shape(5, [o], 'one value for each output channel of w');
    check.number('epsilon', epsilon, 'a finite number above 0', (value) => value > 0);
    return [tensor(check.spec(0).shape), tensor([o])];
  },
  cost: (_, [w]) => ({ flops: elementCount(w?.shape ?? []) }),
  run(inputs, outputs, { epsilon }) {
    const [w, gamma, beta, mean] = [f32(inputs[0]), f32(inputs[1]), f32(inputs[2]), f32(inputs[3])];
    const b = inputs[5] && f32(inputs[5]);
    const [wFolded, bFolded] = [f32(outputs[0]), f32(outputs[1])];
    const scale = reciprocalDeviation(f32(inputs[4]), epsilon).map((value, k) => value * gamma[k]!);
    const o = scale.length;
    for (let start = 0; start < w.length; start += o) {
      for (let k = 0; k < o; k++) wFolded[start + k] = w[start + k]! * scale[k]!;
    }
    for (let k = 0; k < o; k++) bFolded[k] = fma(b ? fround(b[k]! - mean[k]!) : -mean[k]!, scale[k]!, beta[k]!);
  },
});
