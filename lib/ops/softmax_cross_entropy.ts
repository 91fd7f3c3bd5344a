// softmax_cross_entropy: softmax, the negative log-likelihood of the labels and the mean over the batch, in one op, so
// that no probability is rounded to 0 before its logarithm; and its gradient.

import { log } from './exp.ts';
import { type AttrSchema, defineOp } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { largest, softmaxRow, sumInTurns } from './softmax.ts';
import { f32, i32, rowsOf, tensor } from './tensor-data.ts';

const { fround } = Math;

const smoothingAttrs = { labelSmoothing: 'f32' } as const satisfies AttrSchema;

function checkSmoothing(check: ShapeCheck, labelSmoothing: number): void {
  check.number('labelSmoothing', labelSmoothing, 'at least 0 and below 1', (value) => value >= 0 && value < 1);
}

/**
 * loss = mean over rows of -sum over k of t[k] * log(softmax(logits)[k]), t being 1 - s + s/K at the label and s/K
 * elsewhere (s = labelSmoothing, K classes).
 *
 * logits [n,k], labels i32 [n] -> loss [1], probs [n,k] (the softmax). Semantics:
 * torch.nn.functional.cross_entropy(logits, labels, label_smoothing=s). Only loss has a gradient. A label outside
 * [0, K) makes the loss NaN.
 *
 * Errors: labels not i32 or not one for each row; labelSmoothing outside [0, 1).
 */
export const softmaxCrossEntropy = defineOp({
  name: 'softmax_cross_entropy',
  inputs: ['logits', 'labels'],
  outputs: ['loss', 'probs'],
  attrs: smoothingAttrs,
  infer(inputs, { labelSmoothing }) {
    const check = new ShapeCheck('softmax_cross_entropy', ['logits', 'labels'], inputs);
    const [n, k] = check.dims(0, 2);
    check.shape(1, [n], 'one label for each row of logits', 'i32');
    checkSmoothing(check, labelSmoothing);
    return [tensor([1]), tensor([n, k])];
  },
  gradient(context) {
    const [dloss, dprobs] = context.outputGradients;
    if (dprobs) throw new Error('softmax_cross_entropy: probs has no gradient, use softmax for one');
    if (!dloss || !context.needs(0)) return [];
    const inputs = [context.outputs[1], context.inputs[1], dloss];
    return [context.emit(softmaxCrossEntropyDx, inputs, context.attrs)[0]];
  },
  cost: (_, outputs) => ({ flops: 12 * rowsOf(outputs[1]).rows * rowsOf(outputs[1]).columns }),
  run(inputs, outputs, attrs) {
    const logits = f32(inputs[0]);
    const labels = i32(inputs[1]);
    const probs = f32(outputs[1]);
    const { rows, columns } = rowsOf(inputs[0]);
    const smoothing = fround(attrs.labelSmoothing);
    let total = 0;
    for (let row = 0; row < rows; row++) {
      const start = row * columns;
      const end = start + columns;
      const max = largest(logits, start, end);
      // The logarithm of the sum, relative to max like every term below.
      const lse = log(softmaxRow(logits, probs, start, end, max));
      const label = labels[row]!;
      const inRange = label >= 0 && label < columns;
      let rowLoss = inRange ? (1 - smoothing) * (lse - fround(logits[start + label]! - max)) : NaN;
      if (smoothing !== 0) {
        const sum = sumInTurns(start, end, (k) => lse - fround(logits[k]! - max));
        rowLoss += (smoothing / columns) * sum;
      }
      total += rowLoss;
    }
    f32(outputs[0])[0] = total / rows;
  },
});

/**
 * dlogits[n,k] = (probs[n,k] - t[n,k]) * dloss / n_total, with t as in softmax_cross_entropy.
 *
 * probs [n,k], labels i32 [n], dloss [1] -> dlogits [n,k]. Errors: as softmax_cross_entropy.
 */
export const softmaxCrossEntropyDx = defineOp({
  name: 'softmax_cross_entropy_dx',
  inputs: ['probs', 'labels', 'dloss'],
  outputs: ['dlogits'],
  attrs: smoothingAttrs,
  infer(inputs, { labelSmoothing }) {
    const check = new ShapeCheck('softmax_cross_entropy_dx', ['probs', 'labels', 'dloss'], inputs);
    const [n, k] = check.dims(0, 2);
    check.shape(1, [n], 'one label for each row of probs', 'i32');
    check.shape(2, [1], 'the gradient of one loss');
    checkSmoothing(check, labelSmoothing);
    return [tensor([n, k])];
  },
  cost: (_, [dlogits]) => ({ flops: 2 * rowsOf(dlogits).rows * rowsOf(dlogits).columns }),
  run(inputs, outputs, attrs) {
    const probs = f32(inputs[0]);
    const labels = i32(inputs[1]);
    const dlogits = f32(outputs[0]);
    const { rows, columns } = rowsOf(inputs[0]);
    const smoothing = fround(attrs.labelSmoothing);
    const elsewhere = fround(smoothing / columns);
    const atLabel = fround(1 - smoothing + smoothing / columns);
    const scale = fround(f32(inputs[2])[0]! / rows);
    for (let row = 0, i = 0; row < rows; row++) {
      const label = labels[row]!;
      for (let k = 0; k < columns; k++, i++) {
        dlogits[i] = fround(probs[i]! - (k === label ? atLabel : elsewhere)) * scale;
      }
    }
  },
});
