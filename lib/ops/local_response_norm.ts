// local_response_norm: each value divided by a power of the mean square of its neighbours in the channels, and its gradient.

import { log32 } from './elementary.ts';
import { costPerElement, inferSame } from './elementwise.ts';
import { exp } from './exp.ts';
import { fma } from './fma.ts';
import { type AttrSchema, defineOp, type TensorSpec } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, rowsOf, tensor } from './tensor-data.ts';

const { fround } = Math;

const lrnAttrs = {
  before: 'i32',
  after: 'i32',
  alpha: 'f32',
  beta: 'f32',
  k: 'f32',
} as const satisfies AttrSchema;

interface LrnAttrs {
  readonly before: number;
  readonly after: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;
}

/** As many neighbours on either side as a window may have. */
const MOST = 4096;

function checkWindow(check: ShapeCheck, { before, after, alpha, beta, k }: LrnAttrs): void {
  check.integers({ before, after }, 0, MOST);
  check.number('alpha', alpha, 'a finite number of at least 0', (value) => value >= 0);
  check.number('beta', beta, 'a finite number', () => true);
  check.number('k', k, 'a finite number above 0', (value) => value > 0);
}

/** The factor s = k + alpha / size * sum of squares of each channel of the row at `start`, and its power -beta. */
function scalesOf(
  x: Float32Array,
  start: number,
  { before, after, alpha, beta, k }: LrnAttrs,
  scales: Float32Array,
  powers: Float32Array,
): void {
  const c = scales.length;
  const weight = fround(alpha / (before + after + 1));
  for (let i = 0; i < c; i++) {
    let sum = 0;
    const end = Math.min(c - 1, i + after);
    for (let j = Math.max(0, i - before); j <= end; j++) sum = fma(x[start + j]!, x[start + j]!, sum);
    const scale = fma(sum, weight, fround(k));
    scales[i] = scale;
    powers[i] = exp(fround(-fround(beta) * log32(scale)));
  }
}

/**
 * y[..., i] = x[..., i] * s[..., i]^-beta, with s[..., i] = k + alpha / (before + 1 + after) * sum of x[..., j]^2 over j from
 * i - before to i + after, as far as there are such channels.
 *
 * x of any shape with channels last -> y of the same. Semantics: torch.nn.LocalResponseNorm with before = floor(size / 2) and
 * after = floor((size - 1) / 2); ONNX LRN with before = floor((size - 1) / 2) and after = ceil((size - 1) / 2).
 * Errors: before or after not from 0 to 4096; alpha below 0; k not above 0.
 */
export const localResponseNorm = defineOp({
  name: 'local_response_norm',
  inputs: ['x'],
  outputs: ['y'],
  attrs: lrnAttrs,
  inPlace: [0, 0],
  infer(inputs, attrs) {
    const [y] = inferSame('local_response_norm', inputs) as [TensorSpec];
    const check = new ShapeCheck('local_response_norm', ['x'], inputs);
    check.channels(0);
    checkWindow(check, attrs);
    return [y];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    return [context.emit(localResponseNormDx, [dy, context.inputs[0]], context.attrs)[0]];
  },
  cost: (_, outputs, { before, after }) => costPerElement(outputs, 2 * (before + after + 1) + 30),
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const { columns } = rowsOf(inputs[0]);
    const scales = new Float32Array(columns);
    const powers = new Float32Array(columns);
    for (let start = 0; start < x.length; start += columns) {
      scalesOf(x, start, attrs, scales, powers);
      for (let i = 0; i < columns; i++) y[start + i] = x[start + i]! * powers[i]!;
    }
  },
});

/**
 * dx[..., i] = dy[..., i] * s[..., i]^-beta - 2 * alpha * beta / size * x[..., i] * sum over j from i - after to i + before of
 * dy[..., j] * x[..., j] * s[..., j]^(-beta - 1), with s and size as in local_response_norm.
 *
 * dy, x of one shape -> dx of the same. Errors: those of local_response_norm; x and dy have different shapes.
 */
export const localResponseNormDx = defineOp({
  name: 'local_response_norm_dx',
  inputs: ['dy', 'x'],
  outputs: ['dx'],
  attrs: lrnAttrs,
  inPlace: [0, 0],
  infer(inputs, attrs) {
    const check = new ShapeCheck('local_response_norm_dx', ['dy', 'x'], inputs);
    const { shape } = check.spec(0);
    check.channels(0);
    check.shape(1, shape, 'the shape of dy');
    checkWindow(check, attrs);
    return [tensor(shape)];
  },
  cost: (_, outputs, { before, after }) => costPerElement(outputs, 3 * (before + after + 1) + 35),
  run(inputs, outputs, attrs) {
    const dy = f32(inputs[0]);
    const x = f32(inputs[1]);
    const dx = f32(outputs[0]);
    const { columns } = rowsOf(inputs[0]);
    const { before, after, alpha, beta } = attrs;
    const factor = fround((2 * fround(alpha) * fround(beta)) / (before + after + 1));
    const scales = new Float32Array(columns);
    const powers = new Float32Array(columns);
    const terms = new Float32Array(columns);
    for (let start = 0; start < x.length; start += columns) {
      scalesOf(x, start, attrs, scales, powers);
      for (let i = 0; i < columns; i++) {
        terms[i] = fround(fround(dy[start + i]! * x[start + i]!) * powers[i]!) / scales[i]!;
      }
      for (let i = 0; i < columns; i++) {
        let sum = 0;
        const end = Math.min(columns - 1, i + before);
        for (let j = Math.max(0, i - after); j <= end; j++) sum = fround(sum + terms[j]!);
        const spread = fround(fround(factor * x[start + i]!) * sum);
        dx[start + i] = fround(dy[start + i]! * powers[i]!) - spread;
      }
    }
  },
});
