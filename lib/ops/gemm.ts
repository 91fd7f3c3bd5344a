// gemm, the plain matrix product, with either operand transposed.

import { multiply } from './matrix-product.ts';
import { type AttrSchema, defineOp, type OpDefinition } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, rowsOf, tensor } from './tensor-data.ts';

const gemmAttrs = { transA: 'i32', transB: 'i32' } as const satisfies AttrSchema;

/**
 * c[m,n] = sum over k of A[m,k] * B[k,n], A being a or its transpose, B being b or its transpose.
 *
 * a [m,k] (transA=1: [k,m]), b [k,n] (transB=1: [n,k]) -> c [m,n]. With transA the sum is cut into blocks of 1024
 * terms, since it then is a weight gradient over many rows. Semantics: BLAS sgemm with alpha 1, beta 0.
 * Errors: operands that disagree about k.
 */
export const gemm: OpDefinition<typeof gemmAttrs> = defineOp({
  name: 'gemm',
  inputs: ['a', 'b'],
  outputs: ['c'],
  attrs: gemmAttrs,
  infer(inputs, { transA, transB }) {
    const check = new ShapeCheck('gemm', ['a', 'b'], inputs);
    check.integers({ transA, transB }, 0, 1);
    const a = check.dims(0, 2);
    const b = check.dims(1, 2);
    const [m, k] = transA ? [a[1], a[0]] : a;
    const [kb, n] = transB ? [b[1], b[0]] : b;
    if (k !== kb) check.fail(`a has an inner size of ${k}, b of ${kb} (transA=${transA}, transB=${transB})`);
    return [tensor([m, n])];
  },
  gradient(context) {
    const [a, b] = context.inputs;
    const dc = context.outputGradients[0];
    if (!dc) return [];
    const { transA, transB } = context.attrs;
    // dA = dc B^T and dB = A^T dc, each written for the operand as it is stored.
    const da = () =>
      transA
        ? context.emit(gemm, [b, dc], { transA: transB, transB: 1 })
        : context.emit(gemm, [dc, b], { transA: 0, transB: 1 - transB });
    const db = () =>
      transB
        ? context.emit(gemm, [dc, a], { transA: 1, transB: transA })
        : context.emit(gemm, [a, dc], { transA: 1 - transA, transB: 0 });
    return [context.needs(0) ? da()[0] : undefined, context.needs(1) ? db()[0] : undefined];
  },
  cost([a], [c], { transA }) {
    return { flops: 2 * (a?.shape[transA ? 0 : 1] ?? 0) * (c?.shape[0] ?? 0) * (c?.shape[1] ?? 0) };
  },
  run([a, b], [c], { transA, transB }) {
    const { rows, columns } = rowsOf(a);
    const [m, k] = transA ? [columns, rows] : [rows, columns];
    multiply(f32(a), f32(b), f32(c), { m, n: rowsOf(c).columns, k, transA: transA === 1, transB: transB === 1 });
  },
});
