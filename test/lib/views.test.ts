// Views do not stand in the way of fusion, and what is done about it changes no value.

import { expect, it } from 'vitest';
import { selectBackend } from '../../lib/backend/select.ts';
import type { Graph, GraphTensor } from '../../lib/graph/graph.ts';
import * as nn from '../../lib/index.ts';
import { Builder } from '../../lib/nn/builder.ts';
import * as ops from '../../lib/ops/index.ts';
import { elementCount } from '../../lib/ops/op.ts';
import { view } from '../../lib/ops/reshape.ts';
import { compilePlan } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';

/** The ops that `build` leads to, and its values, as written or fused. */
async function compiled(build: (builder: Builder, x: GraphTensor) => Record<string, GraphTensor>, keepAll: boolean) {
  const builder = new Builder('inference');
  const x = builder.graph.tensor('input', 'x', { shape: [2, 6, 3], dtype: 'f32' });
  const outputs = build(builder, x);
  const layout = new StoreLayout();
  const plan = compilePlan(builder.graph, { outputs, layout, keepAll, numerics: 'exact' });
  const backend = selectBackend({ backend: 'typescript' });
  const store = backend.createStore(layout.bytes);
  for (const { name, offset } of layout.entries.values()) {
    store.write(offset, builder.persistent.get(name)?.initial(5) as Float32Array);
  }
  const executable = backend.compile(plan, store);
  executable.write(
    plan.inputs['x'] as number,
    Float32Array.from({ length: 36 }, (_, i) => Math.sin(i)),
  );
  await executable.run();
  const values = Object.entries(plan.outputs).map(([name, tensor]) => {
    const data = new Float32Array(elementCount(plan.tensors[tensor]?.shape ?? []));
    executable.read(tensor, data);
    return [name, plan.tensors[tensor]?.shape, [...data]];
  });
  return { ops: plan.ops.map(({ op }) => op.name), values };
}

const relu = (graph: Graph, x: GraphTensor) => graph.emit(ops.relu, [x], {})[0] as GraphTensor;

it.each<[string, (builder: Builder, x: GraphTensor) => Record<string, GraphTensor>, string[]]>([
  [
    'an activation after a convolution of signals is part of it',
    (builder, x) => {
      const layers = [
        nn.conv1d({ filters: 4, kernelSize: 3 }),
        nn.relu(),
        nn.conv1d({ filters: 2, kernelSize: 2 }),
        nn.leakyRelu(),
      ];
      return { y: builder.applyAll(layers, x) };
    },
    ['conv2d', 'conv2d'],
  ],
  [
    'a transposed convolution takes its bias and the activation',
    (builder, x) => ({
      y: builder.applyAll([nn.convTranspose1d({ filters: 4, kernelSize: 3, stride: 2 }), nn.relu()], x),
    }),
    ['conv2d_dx'],
  ],
  [
    'there and back',
    ({ graph }, x) => ({ y: relu(graph, view(graph, view(graph, doubled(graph, x), [36]), [2, 6, 3])) }),
    ['add'],
  ],
  [
    'a view that is read by others too',
    ({ graph }, x) => {
      const flat = view(graph, doubled(graph, x), [36]);
      return { y: relu(graph, flat), flat };
    },
    ['add', 'relu'],
  ],
  [
    'a view of the same shape that is an output',
    ({ graph }, x) => {
      const sum = doubled(graph, x);
      return { y: view(graph, sum, [2, 6, 3]), z: relu(graph, sum) };
    },
    ['add', 'relu'],
  ],
])('%s', async (_, build, wanted) => {
  const fused = await compiled(build, false);
  expect(fused.ops).toEqual(wanted);
  expect(fused.values).toEqual((await compiled(build, true)).values);
});

/** x + x: something with an epilogue. */
function doubled(graph: Graph, x: GraphTensor): GraphTensor {
  return graph.emit(ops.add, [x, x], { activation: 0, slope: 0 })[0] as GraphTensor;
}
