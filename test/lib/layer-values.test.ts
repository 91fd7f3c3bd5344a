// Convolution, pooling, padding and resizing layers against values and gradients of PyTorch, on both backends.

import { describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import { selectBackend } from '../../lib/backend/select.ts';
import { differentiate } from '../../lib/graph/differentiate.ts';
import { fuse } from '../../lib/graph/fuse.ts';
import type { GraphTensor } from '../../lib/graph/graph.ts';
import * as nn from '../../lib/index.ts';
import { Builder } from '../../lib/nn/builder.ts';
import { layersFromConfig } from '../../lib/nn/registry.ts';
import * as ops from '../../lib/ops/index.ts';
import { elementCount } from '../../lib/ops/op.ts';
import { reshapeTo } from '../../lib/ops/reshape.ts';
import { compilePlan } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';
import { layerValues } from './layer-values.ts';
import { poolingValues } from './pooling-values.ts';

const backends = loadNative().binding ? (['typescript', 'native'] as const) : (['typescript'] as const);

/** The numbers that layer-values.ts is about. */
const pattern = (count: number, step: number) => Float32Array.from({ length: count }, (_, i) => ((i * step) % 11) - 5);

/** y, and the gradients of dy . y by x, weight and bias. */
async function results(backendName: 'typescript' | 'native', layer: nn.Layer, xShape: readonly number[]) {
  const builder = new Builder('training');
  const { graph } = builder;
  const x = graph.tensor('parameter', 'x', { shape: xShape, dtype: 'f32' });
  const y = builder.apply(layer, x);
  const count = elementCount(y.shape);
  const dy = graph.tensor('input', 'dy', { shape: [count, 1], dtype: 'f32' });
  const flat = graph.emit(ops.reshape, [y], reshapeTo([1, count]))[0] as GraphTensor;
  const dot = graph.emit(ops.linear, [flat, dy, undefined], { activation: 0, slope: 0 })[0] as GraphTensor;
  const loss = graph.emit(ops.reshape, [dot], reshapeTo([1]))[0] as GraphTensor;
  fuse(graph, [loss, y]);
  const gradients = [...differentiate(graph, loss)].map(([{ name }, tensor]) => [
    `d ${name.replace(/.*\./, '')}`,
    tensor,
  ]);
  const layout = new StoreLayout();
  const plan = compilePlan(graph, { outputs: { y, ...Object.fromEntries(gradients) }, layout });
  const backend = selectBackend({ backend: backendName });
  const store = backend.createStore(layout.bytes);
  const executable = backend.compile(plan, store);
  for (const { name, shape, offset } of layout.entries.values()) {
    const values = pattern(elementCount(shape), name === 'x' ? 7 : 5);
    store.write(offset, name.endsWith('.bias') ? values.fill(0) : values);
  }
  executable.write(plan.inputs['dy'] as number, pattern(count, 3));
  await executable.run();
  return Object.fromEntries(
    Object.entries(plan.outputs).map(([name, tensor]) => {
      const values = new Float32Array(elementCount(plan.tensors[tensor]?.shape ?? []));
      executable.read(tensor, values);
      return [name, { shape: plan.tensors[tensor]?.shape, values: [...values] }];
    }),
  );
}

describe.each(backends)('%s: values and gradients of PyTorch', (backend) => {
  it.each([...layerValues, ...poolingValues].map((one) => [`${one[0]} ${JSON.stringify(one[1])}`, one] as const))(
    '%s',
    async (_, [type, options, xShape, yShape, value, dx, dw]) => {
      const [layer] = layersFromConfig([{ type, ...options }]) as [nn.Layer];
      expect(layer.config).toEqual({ type, ...options });
      const got = await results(backend, layer, xShape);
      // Whole numbers are exact; interpolation rounds its weights and sums, of numbers up to 11, and PyTorch's are given to
      // six digits.
      const expectNear = (name: string, wanted: readonly number[]) => {
        const values = got[name]?.values ?? [];
        expect(values).toHaveLength(wanted.length);
        for (const [i, number] of wanted.entries()) {
          const allowed = wanted.every(Number.isInteger) ? 0 : 5e-6;
          if (!(Math.abs((values[i] as number) - number) <= allowed)) expect(values, name).toEqual(wanted);
        }
      };
      expect(got['y']?.shape).toEqual(yShape);
      expectNear('y', value);
      expectNear('d x', dx);
      if (dw.length === 0) return;
      expectNear('d weight', dw);
      const channels = yShape.at(-1) as number;
      const dy = pattern(elementCount(yShape), 3);
      const sums = Array.from({ length: channels }, (_, c) =>
        dy.reduce((s, v, i) => (i % channels === c ? s + v : s), 0),
      );
      expectNear('d bias', sums);
    },
  );
});

it('a separable convolution is a depthwise and a 1x1 one', async () => {
  const [pair] = layersFromConfig([
    { type: 'separableConv2d', filters: 3, kernelSize: 2, depthMultiplier: 2, padding: 'same', stride: 2 },
  ]) as [nn.Layer];
  const got = await results('typescript', pair, [1, 3, 3, 2]);
  const deep = await results(
    'typescript',
    nn.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, padding: 'same', stride: 2 }),
    [1, 3, 3, 2],
  );
  const weights = pattern(12, 5);
  const mixed = Array.from({ length: 2 * 2 * 3 }, (_, i) =>
    [0, 1, 2, 3].reduce(
      (sum, c) => sum + (deep['y']?.values[Math.floor(i / 3) * 4 + c] as number) * (weights[c * 3 + (i % 3)] as number),
      0,
    ),
  );
  expect(got['y']).toEqual({ shape: [1, 2, 2, 3], values: mixed });
  expect(Object.keys(got)).toEqual(['y', 'd x', 'd depthwise', 'd pointwise', 'd bias']);
});
