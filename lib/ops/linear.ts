// linear, the fully connected layer, and its two gradients: the three matrix products of x, w and dy.

import { activationAttrs, addBiasAndActivate, checkActivation } from './activation.ts';
import { biasActivationGradient } from './bias_activation_dx.ts';
import { multiply } from './matrix-product.ts';
import { type Cost, defineOp, elementCount, type TensorSpec } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, rowsOf, tensor } from './tensor-data.ts';

/** 2 FLOPs for each weight and row. */
function linearCost(rows: TensorSpec | undefined, w: TensorSpec | undefined): Cost {
  return { flops: 2 * (rows?.shape[0] ?? 0) * elementCount(w?.shape ?? []) };
}

/**
 * y[n,o] = act(b[o] + sum over i of x[n,i] * w[i,o]).
 *
 * x [n,i], w [i,o], b [o] (optional) -> y [n,o]. Semantics: torch.nn.functional.linear with its weight transposed.
 * Errors: x and w that disagree about i; b not [o]; an x that is not flat (flatten comes first).
 */
export const linear = defineOp({
  name: 'linear',
  inputs: ['x', 'w', 'b?'],
  outputs: ['y'],
  attrs: activationAttrs,
  epilogue: { bias: 2 },
  infer(inputs, attrs) {
    const check = new ShapeCheck('linear', ['x', 'w', 'b?'], inputs);
    if (check.spec(0).shape.length === 4) check.fail('x must have 2 dimensions, it has 4; put flatten before it');
    const [n, features] = check.dims(0, 2);
    const [i, o] = check.dims(1, 2);
    if (features !== i) check.fail(`w takes ${i} features, x has ${features}`);
    if (check.has(2)) check.shape(2, [o], 'one value for each output of w');
    checkActivation(check, attrs);
    return [tensor([n, o])];
  },
  gradient(context) {
    const { attrs, inputs, outputGradients, outputs } = context;
    const [x, w] = inputs;
    if (!outputGradients[0]) return [];
    const bias = inputs[2] !== undefined && context.needs(2);
    const [dy, db] = biasActivationGradient(context, outputGradients[0], outputs[0], attrs, bias);
    return [
      context.needs(0) ? context.emit(linearDx, [dy, w], {})[0] : undefined,
      context.needs(1) ? context.emit(linearDw, [x, dy], {})[0] : undefined,
      db,
    ];
  },
  cost: ([x, w]) => linearCost(x, w),
  run([x, w, b], [y], attrs) {
    const { rows, columns } = rowsOf(x);
    const n = rowsOf(w).columns;
    multiply(f32(x), f32(w), f32(y), { m: rows, n, k: columns });
    addBiasAndActivate(f32(y), n, b && f32(b), attrs);
  },
});

/**
 * The gradient of linear by x: dx[n,i] = sum over o of dy[n,o] * w[i,o].
 *
 * dy [n,o], w [i,o] -> dx [n,i]. Errors: dy and w that disagree about o.
 */
export const linearDx = defineOp({
  name: 'linear_dx',
  inputs: ['dy', 'w'],
  outputs: ['dx'],
  attrs: {},
  infer(inputs) {
    const check = new ShapeCheck('linear_dx', ['dy', 'w'], inputs);
    const [n, outputs] = check.dims(0, 2);
    const [i, o] = check.dims(1, 2);
    if (outputs !== o) check.fail(`w has ${o} outputs, dy has ${outputs}`);
    return [tensor([n, i])];
  },
  cost: ([dy, w]) => linearCost(dy, w),
  run([dy, w], [dx]) {
    const { rows, columns } = rowsOf(dy);
    multiply(f32(dy), f32(w), f32(dx), { m: rows, n: rowsOf(dx).columns, k: columns, transB: true });
  },
});

/**
 * The gradient of linear by w: dw[i,o] = sum over n of x[n,i] * dy[n,o], in blocks of 1024 rows.
 *
 * x [n,i], dy [n,o] -> dw [i,o]. Errors: x and dy that disagree about n.
 */
export const linearDw = defineOp({
  name: 'linear_dw',
  inputs: ['x', 'dy'],
  outputs: ['dw'],
  attrs: {},
  infer(inputs) {
    const check = new ShapeCheck('linear_dw', ['x', 'dy'], inputs);
    const [n, i] = check.dims(0, 2);
    const [rows, o] = check.dims(1, 2);
    if (rows !== n) check.fail(`x has ${n} rows, dy has ${rows}`);
    return [tensor([i, o])];
  },
  cost: ([x], [dw]) => linearCost(x, dw),
  run([x, dy], [dw]) {
    const { rows, columns } = rowsOf(x);
    multiply(f32(x), f32(dy), f32(dw), { m: columns, n: rowsOf(dy).columns, k: rows, transA: true });
  },
});
