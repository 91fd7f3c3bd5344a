// Ops that a layer of one's own can emit though no built-in one does, exported: every kind of `unary`, `binary` and `reduce`,
// operands without a batch, slices backwards, axes in unusual orders.

import { describe, expect, it } from 'vitest';
import * as lw from '../../../lib/index.ts';
import { axisAttrs } from '../../../lib/ops/axes.ts';
import { BINARY_NAMES } from '../../../lib/ops/binary-functions.ts';
import { REDUCE_NAMES } from '../../../lib/ops/reduction-order.ts';
import { type UnaryName, unaryFunctions } from '../../../lib/ops/unary-functions.ts';
import { bothResults, expectSame, filled, inputsOf, predicted } from './export-run.ts';
import { withoutOnnxRuntime } from './onnxruntime.ts';

const { ops } = lw;
const { binaryAttrs, broadcastTo, padBy, reduceAttrs, reshapeTo, sliceOf, transposeBy, unaryAttrs } = ops;

type Emit = (builder: lw.Builder, x: lw.GraphTensor) => lw.GraphTensor;

let emitCase: Emit = (_, x) => x;
const layer = lw.defineLayer({ type: 'opsForExport', emit: (builder, _, x) => emitCase(builder, x) });

const kinds: Readonly<Record<UnaryName, readonly [alpha: number, beta: number]>> = {
  ...(Object.fromEntries(Object.keys(unaryFunctions).map((name) => [name, [0, 0]])) as Record<UnaryName, [0, 0]>),
  hard_tanh: [-0.5, 0.5],
  clip: [-0.25, 0.75],
  elu: [0.5, 1.5],
  celu: [0.5, 0],
  silu: [1.5, 0],
  hard_sigmoid: [0.3, 0.4],
  softplus: [2, 20],
  affine: [2, 0.5],
  power: [1.5, 0],
  huber: [0.5, 0],
};
/** For these x is above 0. */
const positive = new Set<UnaryName>(['log', 'sqrt', 'reciprocal', 'power']);

const cases: readonly (readonly [title: string, shape: readonly number[], emit: Emit])[] = [
  ...(Object.keys(unaryFunctions) as UnaryName[]).map((name): [string, number[], Emit] => [
    `unary ${name}`,
    [3, 2, 4],
    (builder, x) => {
      const given = positive.has(name) ? builder.emit(ops.unary, [x], unaryAttrs('softplus', 1, 20)) : x;
      return builder.emit(ops.unary, [given], unaryAttrs(name, ...kinds[name]));
    },
  ]),
  ...BINARY_NAMES.filter((name) => name !== 'maximum_share').map((name): [string, number[], Emit] => [
    `binary ${name} with an operand of fewer axes`,
    [3, 2, 4],
    (builder, x) => {
      const w = builder.parameter('w', [2, 4], 'ones');
      const above = builder.emit(ops.unary, [w], unaryAttrs('softplus', 1, 20));
      return builder.emit(ops.binary, [x, above], binaryAttrs(name));
    },
  ]),
  ...REDUCE_NAMES.map((name): [string, number[], Emit] => [
    `reduce ${name}`,
    [3, 2, 4],
    (builder, x) => builder.emit(ops.reduce, [x], reduceAttrs(name, [1, 3])),
  ]),
  [
    'binary of two values, one with fewer axes and the batch not first',
    [3, 2],
    (builder, x) => {
      const rows = builder.emit(ops.transpose, [x], transposeBy([1, 0, 2]));
      const sum = builder.emit(ops.reduce, [x], reduceAttrs('sum', [0]));
      const flat = builder.emit(ops.reshape, [sum], reshapeTo([3, 2]));
      const moved = builder.emit(
        ops.binary,
        [builder.emit(ops.transpose, [rows], transposeBy([1, 0, 2])), flat],
        binaryAttrs('add'),
      );
      return moved;
    },
  ],
  [
    'slice backwards',
    [5, 4, 2],
    (builder, x) => builder.emit(ops.slice, [x], sliceOf([0, 4, 2, 0], [x.shape[0]!, 3, 3, 2], [1, -2, -1, 1])),
  ],
  [
    'slice_dx with steps both ways',
    [3, 2, 2],
    (builder, x) =>
      builder.emit(ops.sliceDx, [x], {
        ...axisAttrs('start', [0, 6, 1, 0], 0),
        ...axisAttrs('step', [1, -2, 3, 1], 1),
        ...axisAttrs('in', [x.shape[0]!, 8, 6, 2], 1),
      }),
  ],
  [
    'pad of channels',
    [3, 2, 4],
    (builder, x) => builder.emit(ops.pad, [x], padBy([0, 0, 1, 2], [0, 1, 0, 1], 'reflect')),
  ],
  [
    'broadcast to the batch',
    [4, 2],
    (builder, x) => {
      const [, ...sizes] = x.shape;
      const w = builder.parameter('w', [1, ...sizes], 'ones');
      const all = builder.emit(ops.broadcast, [w], broadcastTo(x.shape));
      const half = builder.emit(ops.slice, [x], sliceOf([0, 0, 0], [x.shape[0]!, 2, 2]));
      return builder.emit(ops.concat, [all, half], { axis: 1 });
    },
  ],
  [
    'fill by the batch',
    [4],
    (builder, x) => {
      const n = x.shape[0]!;
      const ones = builder.emit(ops.fill, [], { value: 2, count: n });
      return builder.emit(
        ops.binary,
        [x, builder.emit(ops.reshape, [ones], reshapeTo([n, 1]))],
        binaryAttrs('multiply'),
      );
    },
  ],
  [
    'gemm of transposed operands',
    [3],
    (builder, x) => {
      const w = builder.parameter('w', [4, 3], 'he');
      const y = builder.emit(ops.gemm, [w, x], { transA: 0, transB: 1 });
      return builder.emit(ops.transpose, [y], transposeBy([1, 0]));
    },
  ],
  [
    'reshape that joins the batch with an axis behind another',
    [3, 4, 2],
    (builder, x) => {
      const n = x.shape[0]!;
      const rows = builder.emit(ops.reshape, [x], reshapeTo([n * 3, 4, 2]));
      const turned = builder.emit(
        ops.transpose,
        [builder.emit(ops.unary, [rows], unaryAttrs('square'))],
        transposeBy([0, 2, 1]),
      );
      return builder.emit(ops.reshape, [turned], reshapeTo([n, 24]));
    },
  ],
];

const modelOf = (shape: readonly number[], emit: Emit): lw.Model => {
  emitCase = emit;
  return filled(lw.sequential([layer()], { inputShape: shape }));
};

describe.skipIf(withoutOnnxRuntime)(withoutOnnxRuntime ?? 'in onnxruntime', () => {
  it.each(cases)('%s', async (_, shape, emit) => {
    for (const { wanted, found } of await bothResults(modelOf(shape, emit), 4)) expectSame(found.data, wanted.data);
  });
});

describe('after the way back', () => {
  const refused = new Map([
    ['binary equal with an operand of fewer axes', 'Equal is supported for shapes'],
    ['broadcast to the batch', 'made for a batch of one size'],
  ]);
  it.each(cases)('%s', async (title, shape, emit) => {
    const model = modelOf(shape, emit);
    const again = lw.importOnnx(lw.onnxBytes(model));
    const reason = refused.get(title);
    if (reason !== undefined) return expect(again).rejects.toThrow(reason);
    const { output: wanted } = await predicted(model, inputsOf(model, 4));
    const { output: found } = await predicted(await again, inputsOf(model, 4));
    expectSame(found as Float32Array, wanted as Float32Array);
  });
});

describe('refused is', () => {
  it.each<[string, Emit, string]>([
    [
      'half of the batch',
      (builder, x) => {
        const count = Math.ceil(x.shape[0]! / 2);
        const sum = builder.emit(
          ops.reduce,
          [builder.emit(ops.slice, [x], sliceOf([0, 0], [count, 4], [2, 1]))],
          reduceAttrs('sum', [0]),
        );
        return builder.emit(ops.binary, [x, sum], binaryAttrs('add'));
      },
      'exportOnnx: opsForExport_1: axis 0 of slice.y is no multiple of the batch',
    ],
    [
      'the share of a maximum',
      (builder, x) => builder.emit(ops.binary, [x, x], binaryAttrs('maximum_share')),
      'exportOnnx: opsForExport_1: op binary of the kind maximum_share cannot be exported',
    ],
    [
      'statistics of a norm',
      (builder, x) => {
        const vectors = [builder.constant('ones', [4], 1), builder.constant('zeros', [4], 0)];
        const attrs = { groups: 2, epsilon: 1e-5, activation: 0, slope: 0 };
        return builder.graph.emit(ops.groupNorm, [x, ...vectors], attrs)[1]!;
      },
      'exportOnnx: opsForExport_1: op group_norm gives mean and rstd, which stand in gradients only',
    ],
  ])('%s', (_, emit, message) => {
    expect(() => lw.onnxBytes(modelOf([4], emit))).toThrow(message);
  });
});
