// Fusion changes no bits: the loss and every gradient of a graph that was fused and then differentiated are those of the
// graph as the layers wrote it, on the reference and on the native kernels.

import { describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.ts';
import { selectBackend } from '../../lib/backend/select.ts';
import { differentiate } from '../../lib/graph/differentiate.ts';
import { fuse } from '../../lib/graph/fuse.ts';
import { Graph, type GraphTensor, removeUnused } from '../../lib/graph/graph.ts';
import * as ops from '../../lib/ops/index.ts';
import { type Attrs, elementCount, type OpDefinition } from '../../lib/ops/op.ts';
import { reshapeTo } from '../../lib/ops/reshape.ts';
import { compilePlan } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';
import { streamKey, uniform } from '../../lib/random.ts';
import { isaLevels } from '../ops/implementations.ts';

const SLOPE = 0.3;
const GEOMETRY = { strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, groups: 1 };
const PADDING = { padTop: 1, padLeft: 1, padBottom: 1, padRight: 1 };
const NO_ACTIVATION = { activation: 0, slope: 0 };

type Activation = 'relu' | 'leakyRelu';

/** Every fusion there is, and values used twice that stand in the way of one. Channels are few and odd: tails. */
function forward(graph: Graph, activation: Activation) {
  const emit = <T extends Attrs>(op: OpDefinition, inputs: GraphTensor[], attrs: T | object = {}) =>
    graph.emit(op, inputs, attrs as Attrs)[0] as GraphTensor;
  const parameter = (name: string, ...shape: number[]) => graph.tensor('parameter', name, { shape, dtype: 'f32' });
  const act = (x: GraphTensor) =>
    activation === 'relu'
      ? emit(ops.relu as unknown as OpDefinition, [x])
      : emit(ops.leakyRelu as unknown as OpDefinition, [x], { slope: SLOPE });
  const conv = (name: string, x: GraphTensor, c: number) =>
    emit(ops.conv2d as unknown as OpDefinition, [x, parameter(`${name}.w`, 3, 3, x.shape[3] as number, c)], {
      ...GEOMETRY,
      ...PADDING,
      ...NO_ACTIVATION,
    });
  const bias = (name: string, x: GraphTensor) =>
    emit(ops.biasAdd as unknown as OpDefinition, [x, parameter(`${name}.b`, x.shape.at(-1) as number)]);
  const norm = (name: string, x: GraphTensor) => {
    const c = x.shape[3] as number;
    const inputs = [x, parameter(`${name}.gamma`, c), parameter(`${name}.beta`, c)];
    return emit(ops.batchNorm2d as unknown as OpDefinition, inputs, { epsilon: 1e-5, ...NO_ACTIVATION });
  };
  const images = graph.tensor('input', 'images', { shape: [5, 9, 9, 3], dtype: 'f32' });
  const labels = graph.tensor('input', 'labels', { shape: [5], dtype: 'i32' });
  const stem = act(bias('conv1', conv('conv1', images, 7)));
  const main = norm('norm3', conv('conv3', act(norm('norm2', conv('conv2', stem, 19))), 7));
  const sum = act(emit(ops.add as unknown as OpDefinition, [main, stem], NO_ACTIVATION));
  const twice = act(norm('norm4', conv('conv4', sum, 7)));
  const joined = act(
    emit(ops.add as unknown as OpDefinition, [sum, norm('norm5', conv('conv5', twice, 7))], NO_ACTIVATION),
  );
  const last = act(emit(ops.add as unknown as OpDefinition, [joined, twice], NO_ACTIVATION));
  const flat = emit(ops.reshape as unknown as OpDefinition, [last], reshapeTo([5, 9 * 9 * 7]));
  const linear = (name: string, x: GraphTensor, o: number) =>
    bias(
      name,
      emit(ops.linear as unknown as OpDefinition, [x, parameter(`${name}.w`, x.shape[1] as number, o)], NO_ACTIVATION),
    );
  const logits = linear('fc2', act(linear('fc1', flat, 33)), 4);
  const loss = graph.emit(ops.softmaxCrossEntropy, [logits, labels], {
    labelSmoothing: 0,
    ignoreIndex: -100,
  })[0] as GraphTensor;
  return { images, labels, loss };
}

function compiled(activation: Activation, fused: boolean) {
  const graph = new Graph();
  const { loss } = forward(graph, activation);
  removeUnused(graph, [loss]);
  if (fused) fuse(graph, [loss]);
  const gradients = differentiate(graph, loss);
  const outputs = Object.fromEntries([...gradients].map(([parameter, gradient]) => [parameter.name, gradient]));
  const layout = new StoreLayout();
  const plan = compilePlan(graph, { outputs: { ...outputs, loss }, layout, numerics: 'exact', keepAll: !fused });
  return { plan, layout, parameters: [...gradients.keys()] };
}

/** The loss and all gradients, as bits. */
async function results(backend: Backend, activation: Activation, fused: boolean): Promise<Record<string, Int32Array>> {
  const { plan, layout, parameters } = compiled(activation, fused);
  const store = backend.createStore(layout.bytes);
  const executable = backend.compile(plan, store);
  const draw = (count: number, key: number) => Float32Array.from({ length: count }, (_, i) => uniform(key, i) - 0.5);
  parameters.forEach((parameter, i) => {
    const { offset } = layout.place(parameter.name, parameter);
    store.write(offset, draw(elementCount(parameter.shape), streamKey(1, i)));
  });
  executable.write(plan.inputs['images'] as number, draw(5 * 9 * 9 * 3, streamKey(2)));
  executable.write(plan.inputs['labels'] as number, Int32Array.of(0, 1, 2, 3, 0));
  expect(await executable.run()).toBe(true);
  return Object.fromEntries(
    Object.entries(plan.outputs).map(([name, tensor]) => {
      const values = new Float32Array(elementCount(plan.tensors[tensor]?.shape ?? []));
      executable.read(tensor, values);
      return [name, new Int32Array(values.map((value) => value + 0).buffer)]; // + 0: the sign of a zero is free
    }),
  );
}

const names = (activation: Activation, fused: boolean) => compiled(activation, fused).plan.ops.map(({ op }) => op.name);

describe.each(['relu', 'leakyRelu'] as const)('%s', (activation) => {
  const wanted = results(selectBackend({ backend: 'typescript' }), activation, false);

  it('gives the same bits on the reference', async () => {
    expect(await results(selectBackend({ backend: 'typescript' }), activation, true)).toEqual(await wanted);
  });

  it.each(isaLevels)('gives the same bits on %s', async (isa) => {
    for (const threads of [1, 2]) {
      for (const fused of [false, true]) {
        expect(await results(selectBackend({ backend: 'native', isa, threads }), activation, fused)).toEqual(
          await wanted,
        );
      }
    }
  });

  it('leaves few passes', () => {
    const separate = /^(leaky_)?relu(_dx)?$|^bias_add$/;
    const count = (fused: boolean, kind: RegExp) => names(activation, fused).filter((name) => kind.test(name)).length;
    expect(count(false, separate)).toBe(7 * 2 + 3);
    // The two that remain begin the gradient of a sum whose branches both take their result.
    expect(count(true, separate)).toBe(2);
    // Three values are used twice; three sums end residual connections, two of them in a batch norm.
    expect(count(false, /^add$/)).toBe(3 + 3);
    expect(count(true, /^add$/)).toBe(3 + 1);
  });
});
