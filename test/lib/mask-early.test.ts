// The gradient of an activation, moved before that of the pooling behind it, gives the same gradients from fewer elements. All
// numbers are small integers, so that sums are exact in any order; a slope is a power of two.

import { describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.ts';
import { selectBackend } from '../../lib/backend/select.ts';
import { Graph, type GraphTensor } from '../../lib/graph/graph.ts';
import * as ops from '../../lib/ops/index.ts';
import { type Attrs, elementCount, type OpDefinition } from '../../lib/ops/op.ts';
import { compilePlan, type Numerics } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';
import { randomBits, streamKey } from '../../lib/random.ts';
import { isaLevels } from '../ops/implementations.ts';

const SHAPE = [5, 8, 9, 19];

const pool = (kernel: number, stride: number, padding: number) => ({
  kernelH: kernel,
  kernelW: kernel,
  strideH: stride,
  strideW: stride,
  padTop: padding,
  padLeft: padding,
  padBottom: padding,
  padRight: padding,
  dilationH: 1,
  dilationW: 1,
});
const size = { inH: SHAPE[1], inW: SHAPE[2] };

interface Case {
  readonly name: string;
  readonly pooling: readonly [op: unknown, attrs: object];
  readonly back: readonly [op: unknown, attrs: object];
  readonly overlap?: true;
}
const max2d = (name: string, attrs: object, more = {}): Case => ({
  name,
  pooling: [ops.maxPool2d, attrs],
  back: [ops.maxPool2dDx, { ...attrs, ...size }],
  ...more,
});
const poolings: readonly Case[] = [
  max2d('2x2', pool(2, 2, 0)),
  max2d('3x3/2', pool(3, 2, 1), { overlap: true }),
  {
    name: 'adaptive',
    pooling: [ops.adaptiveMaxPool2d, { outH: 3, outW: 3 }],
    back: [ops.adaptiveMaxPool2dDx, size],
    overlap: true,
  },
  { name: 'global', pooling: [ops.globalMaxPool2d, {}], back: [ops.globalMaxPool2dDx, size] },
];

/** An activation, the gradient by its input and, for two of them, the sums of a bias. */
const activations: readonly (readonly [name: string, op: unknown, attrs: object, back: unknown, backAttrs: object])[] =
  [
    ['relu', ops.relu, {}, ops.reluDx, {}],
    ['relu with bias', ops.relu, {}, ops.biasActivationDx, { activation: 1, slope: 0 }],
    ['leaky relu', ops.leakyRelu, { slope: 0.5 }, ops.leakyReluDx, { slope: 0.5 }],
    ['leaky relu with bias', ops.leakyRelu, { slope: 0.5 }, ops.biasActivationDx, { activation: 2, slope: 0.5 }],
    ['sigmoid', ops.sigmoid, {}, ops.sigmoidDx, {}],
    ['tanh', ops.tanh, {}, ops.tanhDx, {}],
  ];
type Activation = (typeof activations)[number];

interface Built {
  readonly graph: Graph;
  readonly y: GraphTensor;
  readonly spread: GraphTensor;
  readonly outputs: Record<string, GraphTensor>;
}

function build({ pooling, back }: Case, [, op, attrs, gradientOp, gradientAttrs]: Activation): Built {
  const graph = new Graph();
  const emit = (what: unknown, inputs: readonly GraphTensor[], values: object) =>
    graph.emit(what as OpDefinition, inputs, values as Attrs);
  const x = graph.tensor('input', 'x', { shape: SHAPE, dtype: 'f32' });
  const [y] = emit(op, [x], attrs) as [GraphTensor];
  const [pooled, index] = emit(pooling[0], [y], pooling[1]) as [GraphTensor, GraphTensor];
  const dy = graph.tensor('input', 'dy', pooled);
  const [spread] = emit(back[0], [dy, index], back[1]) as [GraphTensor];
  const [dx, db] = emit(gradientOp, [spread, y], gradientAttrs) as [GraphTensor, GraphTensor | undefined];
  return { graph, y, spread, outputs: { dx, ...(db && { db }) } };
}

const compile = ({ graph, outputs }: Built, numerics: Numerics, more = {}) =>
  compilePlan(graph, { outputs, layout: new StoreLayout(), numerics, ...more });

/** Small integers, many of them equal, a third below zero. */
const integers = (count: number, key: number) =>
  Float32Array.from({ length: count }, (_, i) => (randomBits(streamKey(key), i) % 13) - 4);

async function results(backend: Backend, built: Built, numerics: Numerics): Promise<Record<string, Int32Array>> {
  const plan = compile(built, numerics);
  const executable = backend.compile(plan, backend.createStore(plan.storeBytes));
  for (const [key, name] of ['x', 'dy'].entries()) {
    const tensor = plan.inputs[name] as number;
    executable.write(tensor, integers(elementCount(plan.tensors[tensor]?.shape ?? []), key));
  }
  await executable.run();
  return Object.fromEntries(
    Object.entries(plan.outputs).map(([name, tensor]) => {
      const values = new Float32Array(elementCount(plan.tensors[tensor]?.shape ?? []));
      executable.read(tensor, values);
      return [name, new Int32Array(values.map((value) => value + 0).buffer)]; // + 0: the sign of a zero is free
    }),
  );
}

const cases = poolings.flatMap((pooling) =>
  activations
    // Where windows overlap, a sum is scaled, or its terms are: equal only where scaling does not round.
    .filter(([name]) => !pooling.overlap || name.includes('relu'))
    .map((activation) => [pooling.name, activation[0], pooling, activation] as const),
);

describe.each(cases)('%s, %s', (_pooling, _activation, pooling, activation) => {
  const built = () => build(pooling, activation);

  it('gives the gradients of the graph as it was', async () => {
    const reference = selectBackend({ backend: 'typescript' });
    const wanted = await results(reference, built(), 'exact');
    expect(new Set(wanted['dx']).size).toBeGreaterThan(5);
    expect(await results(reference, built(), 'fast')).toEqual(wanted);
    for (const isa of isaLevels) {
      const native = selectBackend({ backend: 'native', isa, threads: 2 });
      expect(await results(native, built(), 'fast')).toEqual(wanted);
    }
  });

  it('masks at the size of the windows', () => {
    const [spread, gradient] = [pooling.back[0], activation[3]] as [OpDefinition, OpDefinition];
    const last = (numerics: Numerics) =>
      compile(built(), numerics)
        .ops.slice(-2)
        .map(({ op }) => op.name);
    expect(last('exact')).toEqual([spread.name, gradient.name]);
    expect(last('fast')).toEqual([gradient.name, spread.name]);
  });
});

describe('the order stays', () => {
  const relu = activations[1] as Activation;
  const order = (built: Built, more = {}) =>
    compile(built, 'fast', more)
      .ops.slice(-2)
      .map(({ op }) => op.name);
  const unchanged = ['max_pool2d_dx', 'bias_activation_dx'];

  it('where there are as many windows as places', () => {
    expect(order(build(max2d('3x3/1', pool(3, 1, 1)), relu))).toEqual(unchanged);
  });

  it('where the value in between is read as well', () => {
    const built = build(poolings[0] as Case, relu);
    expect(order({ ...built, outputs: { ...built.outputs, spread: built.spread } })).toEqual(unchanged);
  });

  it('where every value is kept', () => {
    expect(order(build(poolings[0] as Case, relu), { keepAll: true })).toEqual(unchanged);
  });

  it('where the mask is that of another tensor', () => {
    const { graph, y, spread } = build(poolings[0] as Case, relu);
    graph.nodes.pop();
    const [other] = graph.emit(ops.tanh, [y], {}) as [GraphTensor];
    const [dx] = graph.emit(ops.reluDx, [spread, other], {}) as [GraphTensor];
    expect(order({ graph, y, spread, outputs: { dx } })).toEqual(['tanh', 'relu_dx']);
  });
});
