// Pooling layers: wrong options, positions and unpooling against PyTorch, and a training through all of them with equal bits
// on both backends. Values and gradients are in layer-values.test.ts.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadNative } from '../../lib/backend/native-loader.ts';
import { selectBackend } from '../../lib/backend/select.ts';
import { digits } from '../../lib/data/digits.ts';
import { Graph, type GraphTensor } from '../../lib/graph/graph.ts';
import * as nn from '../../lib/index.ts';
import { elementCount } from '../../lib/ops/op.ts';
import { maxPoolingWithPositions, maxUnpooling, roundedUp } from '../../lib/ops/pooling.ts';
import { compilePlan } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';

const native = loadNative().binding;
const backends = native ? (['typescript', 'native'] as const) : (['typescript'] as const);

describe('wrong options', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;
  const on = (inputShape: number[], layer: nn.Layer) => nn.sequential([layer], { inputShape }).summary();
  it.each<[string, () => unknown, RegExp]>([
    ['no size', () => nn.maxPool2d(wrong({})), /maxPool2d: size must be a whole number .* not undefined/],
    ['sizes of another rank', () => nn.maxPool1d({ size: wrong([2, 2]) }), /size must be a number or \[width\]/],
    ['images for a signal', () => on([4, 4, 1], nn.maxPool1d({ size: 2 })), /maxPool1d_1: needs signals \[n, w, c\]/],
    ['features for an image', () => on([4], nn.globalMaxPool2d()), /globalMaxPool2d_1: needs images/],
    ['images for a volume', () => on([4, 4, 1], nn.adaptiveAvgPool3d({ outputSize: 2 })), /needs volumes/],
    ['a dilation of 0', () => nn.avgPool3d({ size: 2, dilation: 0 }), /avgPool3d: dilation must be .* not 0/],
    ['a word for ceilMode', () => nn.maxPool2d({ size: 2, ceilMode: wrong('yes') }), /ceilMode must be true or false/],
    ['a number for countPadding', () => nn.avgPool2d({ size: 2, countPadding: wrong(1) }), /countPadding must be true/],
    ['a divisor of 0', () => nn.avgPool2d({ size: 2, divisor: 0 }), /divisor must be a whole number from 1/],
    ['a divisor of maxima', () => nn.maxPool2d(wrong({ size: 2, divisor: 1 })), /no option 'divisor'/],
    ['a norm that is none', () => nn.lpPool2d({ size: 2, p: 0.5 }), /lpPool2d: p must be a number from 1 to 1000/],
    ['no output', () => nn.adaptiveMaxPool2d({ outputSize: [1, 0] }), /outputSize\[1\] must be .* not 0/],
    [
      'padding as wide as the window',
      () => on([8, 1], nn.maxPool1d({ size: 2, padding: 2 })),
      /maxPool1d_1: .*smaller than the dilated reach of the kernel, 1x2/,
    ],
    [
      'a dilation over the whole input',
      () => on([2, 1], nn.maxPool1d({ size: 2, dilation: 4, padding: 2 })),
      /maxPool1d_1: .*steps over all of the 1x2 pixels/,
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
    expect(act).toThrow(nn.LanewiseError);
  });
});

/** Outputs of a graph of x, whose element i is (7 i mod 11) - 5. */
async function evaluate<K extends string>(
  backendName: 'typescript' | 'native',
  shape: readonly number[],
  build: (graph: Graph, x: GraphTensor) => Record<K, GraphTensor>,
): Promise<Record<K, number[]>> {
  const graph = new Graph();
  const x = graph.tensor('input', 'x', { shape, dtype: 'f32' });
  const outputs = build(graph, x);
  const layout = new StoreLayout();
  const plan = compilePlan(graph, { outputs, layout });
  const backend = selectBackend({ backend: backendName });
  const executable = backend.compile(plan, backend.createStore(layout.bytes));
  const values = Float32Array.from({ length: elementCount(shape) }, (_, i) => ((i * 7) % 11) - 5);
  executable.write(plan.inputs['x'] as number, values);
  await executable.run();
  const read = Object.entries<GraphTensor>(outputs).map(([name, tensor]) => {
    const data = new (tensor.dtype === 'i32' ? Int32Array : Float32Array)(elementCount(tensor.shape));
    executable.read(plan.outputs[name] as number, data);
    return [name, [...data]];
  });
  return Object.fromEntries(read);
}

const windows = (kernel: readonly number[]) =>
  kernel.map((size) => ({ kernel: size, stride: size, dilation: 1, before: 0, after: 0, ceil: 0 }));
const sparse = (count: number, entries: Readonly<Record<number, number>>) =>
  Array.from({ length: count }, (_, i) => entries[i] ?? 0);

describe.each(backends)('%s: positions of maxima', (backend) => {
  // PyTorch: max_pool1d/2d/3d with return_indices, and max_unpool1d/2d/3d of what they gave; channels last.
  it.each<[string, number[], number[], number[], number[], number[]]>([
    [
      'a signal',
      [2, 7, 2],
      [3],
      [1, 5, 4, 3, 5, 4, 3, 5],
      [2, 1, 3, 4, 0, 1, 3, 5],
      [0, 0, 0, 5, 1, 0, 4, 0, 0, 3, 0, 0, 0, 0, 5, 0, 0, 4, 0, 0, 3, 0, 0, 0, 0, 5, 0, 0],
    ],
    [
      'an image',
      [1, 5, 4, 3],
      [2, 2],
      [5, 2, 5, 4, 0, 3, 5, 5, 1, 3, 3, 5],
      [1, 0, 4, 2, 2, 6, 12, 8, 8, 14, 10, 15],
      sparse(60, { 1: 2, 3: 5, 6: 4, 14: 5, 20: 3, 25: 5, 26: 1, 31: 3, 36: 5, 42: 3, 47: 5 }),
    ],
    [
      'a volume',
      [1, 4, 3, 4, 2],
      [2, 3, 2],
      [3, 5, 5, 5, 5, 5, 4, 5],
      [21, 1, 7, 23, 29, 45, 47, 34],
      sparse(96, { 3: 5, 14: 5, 42: 3, 47: 5, 58: 5, 69: 5, 91: 5, 94: 4 }),
    ],
  ])('%s', async (_, shape, kernel, y, position, unpooled) => {
    const got = await evaluate(backend, shape, (graph, x) => {
      const [pooled, plane] = maxPoolingWithPositions(graph, x, windows(kernel), 'plane');
      const [, tensor] = maxPoolingWithPositions(graph, x, windows(kernel), 'tensor');
      const sizes = shape.slice(1, -1);
      const back = maxUnpooling(graph, pooled, plane, sizes);
      return { pooled, plane, tensor, back, same: maxUnpooling(graph, pooled, tensor, sizes) };
    });
    const [n = 1, c = 1] = [shape[0], shape.at(-1)];
    const area = elementCount(shape) / n / c;
    const whole = position.map((at, i) => (Math.floor((i * n) / position.length) * c + (i % c)) * area + at);
    expect(got).toEqual({ pooled: y, plane: position, tensor: whole, back: unpooled, same: unpooled });
  });

  it('counts by columns where that is asked for', async () => {
    const { position, rows } = await evaluate(backend, [1, 5, 4, 1], (graph, x) => {
      const [, position] = maxPoolingWithPositions(graph, x, windows([2, 2]), 'columns');
      const [, rows] = maxPoolingWithPositions(graph, x, windows([2, 2]), 'plane');
      return { position, rows };
    });
    expect(position).toEqual(rows.map((at) => (at % 4) * 5 + Math.floor(at / 4)));
  });
});

it('rounds up only for a window that begins inside', () => {
  const axis = { kernel: 3, stride: 3, dilation: 1, before: 1, after: 1 };
  // PyTorch's MaxPool1d(3, 3, 1, ceil_mode=True): 2 elements give one window, 3 and 4 give two.
  expect([2, 3, 4, 5].map((size) => roundedUp(size, axis).ceil)).toEqual([0, 1, 0, 0]);
  expect(roundedUp(2, { ...axis, kernel: 1, stride: 2, before: 0, after: 0 }).ceil).toBe(0);
});

it.skipIf(!native)('a training through all of them has the same bits on both backends', async () => {
  const { train } = digits({ trainCount: 24, testCount: 1, seed: 4 });
  const layers = () => [
    nn.maxPool2d({ size: 2, dilation: [2, 1], padding: 1, ceilMode: true }),
    nn.conv2d({ filters: 12, kernelSize: 3 }),
    nn.lpPool2d({ size: 2, stride: 1, p: 3 }),
    nn.avgPool2d({ size: 3, stride: 2, padding: 1, ceilMode: true, countPadding: true }),
    nn.relu(),
    nn.adaptiveMaxPool2d({ outputSize: [5, 4] }),
    nn.adaptiveAvgPool2d({ outputSize: [4, 6] }),
    nn.reshape({ shape: [4, 6, 4, 3] }),
    nn.maxPool3d({ size: 2, stride: 1 }),
    nn.avgPool3d({ size: [1, 2, 2], stride: 1, padding: [0, 1, 1], dilation: [1, 2, 1] }),
    nn.lpPool3d({ size: [2, 1, 1], stride: 1 }),
    nn.adaptiveAvgPool3d({ outputSize: [2, 3, 2] }),
    nn.reshape({ shape: [6, 6] }),
    nn.maxPool1d({ size: 3, stride: 1, padding: 1 }),
    nn.avgPool1d({ size: 3, stride: 2, divisor: 2, ceilMode: true }),
    nn.flatten(),
    nn.linear({ units: 10 }),
  ];
  const trained = async (backend: 'native' | 'typescript', threads: number) => {
    const model = nn.sequential(layers(), { inputShape: [28, 28, 1], seed: 2 });
    const losses: number[] = [];
    await nn.fit(model, {
      data: train,
      optimizer: nn.sgd({ learningRate: 1e-2, momentum: 0.9 }),
      seed: 11,
      epochs: 1,
      batchSize: 8,
      numerics: 'exact',
      backend,
      onStep: ({ loss }: nn.StepEvent) => losses.push(loss),
      ...(backend === 'native' && { threads }),
    });
    const hash = createHash('sha256');
    for (const { data } of model.tensors.values()) hash.update(new Uint8Array(data.buffer));
    expect(losses.every(Number.isFinite)).toBe(true);
    return { losses, weights: hash.digest('hex') };
  };
  const reference = await trained('typescript', 1);
  expect(reference.losses).toHaveLength(3);
  expect(await trained('native', 1)).toEqual(reference);
  expect(await trained('native', 2)).toEqual(reference);
});

describe('unpooling', () => {
  const windows = { size: 2, padding: [0, 1] } as const;
  const autoencoder = () => {
    const x = nn.input({ shape: [5, 7, 2] });
    const pooled = nn.maxPool2d(windows)(x);
    const code = nn.conv2d({ filters: 2, kernelSize: 1, bias: false, weightInit: { values: [2, 0, 0, 3] } })(pooled);
    return { x, code };
  };

  it('puts each value where the maximum of its window was', async () => {
    const { x, code } = autoencoder();
    const whole = nn.model({ inputs: x, outputs: nn.maxUnpool2d(windows)(code, x) });
    const half = nn.model({ inputs: x, outputs: code });
    const image = Float32Array.from({ length: 70 }, (_, i) => ((i * 7) % 11) - 5);
    for (const backend of backends) {
      const y = await whole.predict(image, { backend });
      const kept = y.filter((value) => value !== 0);
      expect(kept.toSorted()).toEqual(
        (await half.predict(image, { backend })).filter((value) => value !== 0).toSorted(),
      );
      expect(y.every((value, i) => value === 0 || value === image[i]! * (i % 2 === 0 ? 2 : 3))).toBe(true);
    }
  });

  it('refuses values that pooling would not give', () => {
    const { x } = autoencoder();
    expect(() => nn.maxUnpool2d(windows)(x, x)).toThrow(
      /maxUnpool2d: pooling \[1,5,7,2\] gives \[1,2,4,2\], the values to put back are \[1,5,7,2\]/,
    );
    expect(() => nn.maxUnpool2d(windows)(x)).toThrow(nn.LanewiseError);
  });
});
