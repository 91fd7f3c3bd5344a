// Gemm and MatMul. A product with a matrix on the right is op `linear` where the left one has rows of features, so that a
// bias and an activation ride on it; the others are op `gemm`, batch by batch.

import type { GraphTensor } from '../../graph/graph.ts';
import { biasAdd } from '../../ops/bias_add.ts';
import { gemm } from '../../ops/gemm.ts';
import { linear } from '../../ops/linear.ts';
import { elementCount } from '../../ops/op.ts';
import { slice, sliceOf } from '../../ops/slice.ts';
import { unary } from '../../ops/unary.ts';
import { unaryAttrs } from '../../ops/unary-functions.ts';
import type { NodeCall } from '../node-call.ts';
import { inOrder, Stored, type Value } from '../value.ts';
import { broadcastShapes, emitBinary } from './elementwise.ts';
import type { OperatorTable } from './operator.ts';
import { joined } from './structure.ts';

/** Products of a batch, each an op of its own: more is not a convolutional network. */
const MAX_PRODUCTS = 4096;

const NO_ACTIVATION = { activation: 0, slope: 0 } as const;

/** alpha * A' B' + beta * C, the quotes standing for transpositions. */
function gemmOperator(call: NodeCall): Value {
  const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)];
  const [transA, transB] = [call.flag('transA'), call.flag('transB')];
  call.rank(0, 2);
  call.rank(1, 2);
  const a = call.tensor(0, transA ? [1, 0] : [0, 1]);
  const b = call.tensor(1, transB ? [1, 0] : [0, 1], 'parameter');
  let y = call.emit(linear, [a, b, undefined], NO_ACTIVATION);
  if (alpha !== 1) y = scaled(call, y, alpha);
  const product = call.plain(y, y.shape);
  if (!call.has(2) || beta === 0) return product;
  const c = call.input(2);
  const [, columns] = y.shape;
  if (broadcastShapes(call, [y.shape, c.shape]).join() !== y.shape.join()) {
    call.fail(`C is [${c.shape}] and the product [${y.shape}]`);
  }
  if (beta === 1 && elementCount(c.shape) === columns && c.shape.at(-1) === columns) {
    const bias = call.arrange(c, inOrder(c.shape.length), 'parameter');
    return call.plain(call.emit(biasAdd, [y, call.reshape(bias, [columns])], {}), y.shape);
  }
  const { tensor, shape, axes } = call.stored(2, 'parameter');
  return emitBinary(call, 'add', product, beta === 1 ? c : new Stored(scaled(call, tensor, beta), shape, axes));
}

const scaled = (call: NodeCall, x: GraphTensor, factor: number): GraphTensor =>
  call.emit(unary, [x], unaryAttrs('affine', factor, 0));

/** numpy.matmul: a vector is a row on the left and a column on the right, leading axes are a batch and broadcast. */
function matmul(call: NodeCall): Value {
  const [a, b] = [call.shape(0), call.shape(1)];
  if (a.length === 0 || b.length === 0) call.fail('a scalar cannot be multiplied as a matrix');
  const [m, k] = [a.at(-2) ?? 1, a.at(-1)!];
  const [kb, n] = b.length === 1 ? [b[0]!, 1] : [b.at(-2)!, b.at(-1)!];
  if (k !== kb) call.fail(`the inner sizes of [${a}] and [${b}] differ`);
  const batch = broadcastShapes(call, [a.slice(0, -2), b.slice(0, -2), []]);
  const shape = [...batch, ...(a.length > 1 ? [m] : []), ...(b.length > 1 ? [n] : [])];
  if (b.length <= 2) {
    // One matrix on the right serves all rows of the left.
    const x = call.reshape(call.tensor(0, inOrder(a.length), 'parameter'), [elementCount(a) / k, k]);
    const w = call.reshape(call.tensor(1, inOrder(b.length), 'parameter'), [k, n]);
    return call.plain(call.emit(linear, [x, w, undefined], NO_ACTIVATION), shape);
  }
  const count = elementCount(batch);
  if (count > MAX_PRODUCTS) call.fail(`${count} products in one node are more than ${MAX_PRODUCTS}`);
  const left = matrices(call, 0, [m, k], batch);
  const right = matrices(call, 1, [k, n], batch);
  const products = left.map((matrix, i) =>
    call.reshape(call.emit(gemm, [matrix, right[i]], { transA: 0, transB: 0 }), [1, m, n]),
  );
  return call.plain(joined(call, products, 0), shape);
}

/** The matrix of input `index` for each position of the batch. */
function matrices(call: NodeCall, index: number, matrix: readonly number[], batch: readonly number[]): GraphTensor[] {
  const shape = call.shape(index);
  const own = shape.slice(0, -2);
  const count = elementCount(own);
  const whole = call.reshape(call.tensor(index, inOrder(shape.length), 'parameter'), [count, ...matrix]);
  const parts = Array.from({ length: count }, (_, i) =>
    call.reshape(count === 1 ? whole : call.emit(slice, [whole], sliceOf([i, 0, 0], [1, ...matrix])), matrix),
  );
  return Array.from({ length: elementCount(batch) }, (_, position) => {
    let rest = position;
    let at = 0;
    let stride = 1;
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      const size = own[axis - batch.length + own.length] ?? 1;
      if (size > 1) at += (rest % batch[axis]!) * stride;
      stride *= size;
      rest = Math.floor(rest / batch[axis]!);
    }
    return parts[at]!;
  });
}

export const products: OperatorTable = { Gemm: gemmOperator, MatMul: matmul };
