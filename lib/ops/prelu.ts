// prelu, a leaky relu whose slope is learned, and its gradients. A slope has any sign, so they read the input.

import { sumBlocks } from './column-sums.ts';
import { costPerElement } from './elementwise.ts';
import { fma } from './fma.ts';
import { defineOp, elementCount, type TensorSpec } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, rowsOf, tensor } from './tensor-data.ts';

/** Input `index` is one slope, or one for each channel of input 0. */
function checkSlopes(check: ShapeCheck, index: number): void {
  const [count] = check.dims(index, 1);
  const channels = check.channels(0);
  if (count !== 1 && count !== channels) check.fail(`slope must be [1] or [${channels}], one for each channel`);
}

/**
 * y[..., c] = x > 0 ? x : slope[c] * x, x being x[..., c]. He et al. 2015; torch.nn.functional.prelu.
 *
 * x of any shape with channels last, slope [c] or [1] -> y, shaped as x.
 * Errors: slope is neither one value nor as long as the channels of x.
 */
export const prelu = defineOp({
  name: 'prelu',
  inputs: ['x', 'slope'],
  outputs: ['y'],
  attrs: {},
  inPlace: [0, 0],
  infer(inputs) {
    const check = new ShapeCheck('prelu', ['x', 'slope'], inputs);
    const { shape } = check.spec(0);
    checkSlopes(check, 1);
    return [tensor(shape)];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy) return [];
    const [x, slope] = context.inputs;
    const shared = slope?.shape[0] === 1 ? 1 : 0;
    return [
      context.needs(0) ? context.emit(preluDx, [dy, x, slope], {})[0] : undefined,
      context.needs(1) ? context.emit(preluDw, [dy, x], { shared })[0] : undefined,
    ];
  },
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const slope = f32(inputs[1]);
    const y = f32(outputs[0]);
    for (let start = 0; start < y.length; start += slope.length) {
      for (let c = 0; c < slope.length; c++)
        y[start + c] = x[start + c]! > 0 ? x[start + c]! : x[start + c]! * slope[c]!;
    }
  },
});

/**
 * dx = x > 0 ? dy : slope[c] * dy, with x the input of prelu.
 * Errors: x and dy have different shapes; those of prelu.
 */
export const preluDx = defineOp({
  name: 'prelu_dx',
  inputs: ['dy', 'x', 'slope'],
  outputs: ['dx'],
  attrs: {},
  inPlace: [0, 0],
  infer(inputs) {
    const check = new ShapeCheck('prelu_dx', ['dy', 'x', 'slope'], inputs);
    const { shape } = check.spec(0);
    check.shape(1, shape, 'the shape of dy');
    checkSlopes(check, 2);
    return [tensor(shape)];
  },
  cost: (_, outputs) => costPerElement(outputs, 1),
  run(inputs, outputs) {
    const dy = f32(inputs[0]);
    const x = f32(inputs[1]);
    const slope = f32(inputs[2]);
    const dx = f32(outputs[0]);
    for (let start = 0; start < dx.length; start += slope.length) {
      for (let c = 0; c < slope.length; c++) {
        const g = dy[start + c]!;
        dx[start + c] = x[start + c]! > 0 ? g : g * slope[c]!;
      }
    }
  },
});

/** The result of prelu_dw: one slope, or one for each channel. */
function slopeSpec(check: ShapeCheck, shared: number): TensorSpec[] {
  return [tensor([shared === 1 ? 1 : check.channels(0)])];
}

/**
 * dslope[c] = sum over all rows of (x > 0 ? 0 : dy * x), in blocks of 256 rows added left to right; where the slope is
 * shared (1), those sums added left to right.
 *
 * dy, x of one shape with channels last -> dslope [c] or [1].
 * Errors: x and dy have different shapes.
 */
export const preluDw = defineOp({
  name: 'prelu_dw',
  inputs: ['dy', 'x'],
  outputs: ['dslope'],
  attrs: { shared: 'i32' },
  infer(inputs, { shared }) {
    const check = new ShapeCheck('prelu_dw', ['dy', 'x'], inputs);
    check.integers({ shared }, 0, 1);
    check.shape(1, check.spec(0).shape, 'the shape of dy');
    return slopeSpec(check, shared);
  },
  cost: ([dy]) => ({ flops: 2 * elementCount(dy?.shape ?? []) }),
  run(inputs, outputs, { shared }) {
    const dy = f32(inputs[0]);
    const x = f32(inputs[1]);
    const dslope = f32(outputs[0]);
    const { rows, columns } = rowsOf(inputs[0]);
    const sums = shared ? new Float32Array(columns) : dslope;
    sumBlocks(rows, sums, (row, part) => {
      const start = row * columns;
      for (let c = 0; c < columns; c++) {
        const value = x[start + c]!;
        if (!(value > 0)) part[c] = fma(dy[start + c]!, value, part[c]!);
      }
    });
    if (shared) dslope[0] = sums.reduce((total, sum) => Math.fround(total + sum));
  },
});
