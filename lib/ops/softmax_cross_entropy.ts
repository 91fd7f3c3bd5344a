// softmax_cross_entropy: softmax, the negative log-likelihood of the labels and the mean over all rows, in one op, so
// that no probability is rounded to 0 before its logarithm; and its gradient.

import { log } from './exp.ts';
import { fma } from './fma.ts';
import { type AttrSchema, type Attrs, defineOp } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { largest, softmaxRow, sumInTurns } from './softmax.ts';
import { f32, i32, rowsOf, tensor } from './tensor-data.ts';

const { fround } = Math;

const schema = { labelSmoothing: 'f32', ignoreIndex: 'i32' } as const satisfies AttrSchema;

/** The attributes; rows with the label `ignoreIndex` do not count, -100 being PyTorch's default. */
export const crossEntropyAttrs = (labelSmoothing = 0, ignoreIndex = -100): Attrs<typeof schema> => ({
  labelSmoothing,
  ignoreIndex,
});

/** Rows of classes, a label for each and perhaps a weight for each class; returns the shape of the rows. */
function checkRows(check: ShapeCheck, rows: string, weights: number, attrs: Attrs<typeof schema>): readonly number[] {
  const { shape } = check.spec(0);
  if (shape.length < 2) check.fail(`${rows} must have at least 2 dimensions, it has ${shape.length}`);
  check.shape(1, shape.slice(0, -1), `one label for each row of ${rows}`, 'i32');
  if (check.has(weights)) check.shape(weights, [check.channels(0)], 'one weight for each class');
  const range = 'at least 0 and below 1';
  check.number('labelSmoothing', attrs.labelSmoothing, range, (value) => value >= 0 && value < 1);
  check.integers({ ignoreIndex: attrs.ignoreIndex }, -(2 ** 31));
  return shape;
}

/** What the rows that count weigh together: their number, or the sum of their labels' weights. */
function totalWeight(labels: Int32Array, weights: Float32Array | undefined, ignoreIndex: number): number {
  let total = 0;
  for (const label of labels) if (label !== ignoreIndex) total += weights ? (weights[label] ?? 0) : 1;
  return total;
}

/**
 * loss = sum over rows of -sum over k of t[k] * log(softmax(logits)[k]), divided by the sum of w[label] over rows;
 * t[k] = w[k] * (1 - s + s/K) at the label and w[k] * s/K elsewhere (s = labelSmoothing, K classes, w = 1 without weights). Rows
 * labelled ignoreIndex are in neither sum.
 *
 * logits [..., k], labels i32 [...], weights [k] -> loss [1], probs (the softmax), shaped as logits. Semantics:
 * torch.nn.functional.cross_entropy(logits, labels, weight, ignore_index, label_smoothing=s) with classes last. Only loss
 * has a gradient, only logits get one. A label outside [0, K) that is not ignoreIndex makes the loss NaN, and so does a batch
 * in which nothing counts.
 *
 * Errors: labels not i32 or not one for each row; weights not one for each class; labelSmoothing outside [0, 1).
 */
export const softmaxCrossEntropy = defineOp({
  name: 'softmax_cross_entropy',
  inputs: ['logits', 'labels', 'weights?'],
  outputs: ['loss', 'probs'],
  attrs: schema,
  infer(inputs, attrs) {
    const check = new ShapeCheck('softmax_cross_entropy', ['logits', 'labels', 'weights?'], inputs);
    const shape = checkRows(check, 'logits', 2, attrs);
    return [tensor([1]), tensor(shape)];
  },
  gradient(context) {
    const [dloss, dprobs] = context.outputGradients;
    if (dprobs) throw new Error('softmax_cross_entropy: probs has no gradient, use softmax for one');
    if (!dloss || !context.needs(0)) return [];
    const inputs = [context.outputs[1], context.inputs[1], dloss, context.inputs[2]];
    return [context.emit(softmaxCrossEntropyDx, inputs, context.attrs)[0]];
  },
  cost: (_, outputs) => ({ flops: 12 * rowsOf(outputs[1]).rows * rowsOf(outputs[1]).columns }),
  run(inputs, outputs, attrs) {
    const logits = f32(inputs[0]);
    const labels = i32(inputs[1]);
    const weights = inputs[2] && f32(inputs[2]);
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
      if (label === attrs.ignoreIndex) continue;
      const inRange = label >= 0 && label < columns;
      let rowLoss = inRange ? (1 - smoothing) * (lse - fround(logits[start + label]! - max)) : NaN;
      if (inRange && weights) rowLoss *= weights[label]!;
      if (smoothing !== 0) {
        const termAt = (k: number) => lse - fround(logits[k]! - max);
        const sum = sumInTurns(start, end, weights ? (k) => termAt(k) * weights[k - start]! : termAt);
        rowLoss += (smoothing / columns) * sum;
      }
      total += rowLoss;
    }
    f32(outputs[0])[0] = total / totalWeight(labels, weights, attrs.ignoreIndex);
  },
});

/**
 * dlogits[..., k] = (probs[..., k] * sum(t) - t[k]) * dloss / (sum of weights), with t and the weights as in
 * softmax_cross_entropy; 0 in rows that do not count.
 *
 * probs [..., k], labels i32 [...], dloss [1], weights [k] -> dlogits, shaped as probs. Errors: as softmax_cross_entropy.
 */
export const softmaxCrossEntropyDx = defineOp({
  name: 'softmax_cross_entropy_dx',
  inputs: ['probs', 'labels', 'dloss', 'weights?'],
  outputs: ['dlogits'],
  attrs: schema,
  infer(inputs, attrs) {
    const check = new ShapeCheck('softmax_cross_entropy_dx', ['probs', 'labels', 'dloss', 'weights?'], inputs);
    const shape = checkRows(check, 'probs', 3, attrs);
    check.shape(2, [1], 'the gradient of one loss');
    return [tensor(shape)];
  },
  cost: (_, [dlogits]) => ({ flops: 2 * rowsOf(dlogits).rows * rowsOf(dlogits).columns }),
  run(inputs, outputs, attrs) {
    const probs = f32(inputs[0]);
    const labels = i32(inputs[1]);
    const weights = inputs[3] && f32(inputs[3]);
    const dlogits = f32(outputs[0]);
    const { rows, columns } = rowsOf(inputs[0]);
    const smoothing = fround(attrs.labelSmoothing);
    const elsewhere = fround(smoothing / columns);
    const atLabel = fround(1 - smoothing + smoothing / columns);
    const scale = fround(f32(inputs[2])[0]! / totalWeight(labels, weights, attrs.ignoreIndex));
    const sharedWeight = (smoothing / columns) * (weights?.reduce((sum, w) => sum + w, 0) ?? 0);
    for (let row = 0; row < rows; row++) {
      const start = row * columns;
      const label = labels[row]!;
      if (label === attrs.ignoreIndex) {
        dlogits.fill(0, start, start + columns);
      } else if (!weights) {
        for (let k = 0; k < columns; k++) {
          dlogits[start + k] = fround(probs[start + k]! - (k === label ? atLabel : elsewhere)) * scale;
        }
      } else {
        const own = (1 - smoothing) * (weights[label] ?? 0);
        const sum = fround(own + sharedWeight);
        for (let k = 0; k < columns; k++) {
          const rest = fma(probs[start + k]!, sum, -fround(weights[k]! * elsewhere));
          dlogits[start + k] = (k === label ? fround(rest - fround(own)) : rest) * scale;
        }
      }
    }
  },
});
