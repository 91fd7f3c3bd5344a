// Prediction and evaluation: batch norm folded into convolutions, weights prepared once and again when they change, and
// one arena for all plans of a session.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.ts';
import { selectBackend } from '../../lib/backend/select.ts';
import { Graph, type GraphTensor } from '../../lib/graph/graph.ts';
import * as nn from '../../lib/index.ts';
import { conv2d as conv2dOp } from '../../lib/ops/index.ts';
import { compilePlan, type Numerics } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';
import { streamKey, uniform } from '../../lib/random.ts';
import { Session } from '../../lib/train/session.ts';
import { isaLevels, nativeMissing } from '../ops/implementations.ts';
import { collectGarbage } from './collect-garbage.ts';

const U = 2 ** -24;
const typescript = selectBackend({ backend: 'typescript' });
const backends: [string, Backend][] = [
  ['typescript', typescript],
  ...isaLevels.flatMap((isa) =>
    [1, 2, 3].map((threads): [string, Backend] => [
      `${isa}, ${threads} threads`,
      selectBackend({ backend: 'native', isa, threads }),
    ]),
  ),
];
const best = backends.at(-1) as [string, Backend];
const native = nativeMissing ? [] : [best];

const draw = (count: number, ...key: number[]) =>
  Float32Array.from({ length: count }, (_, i) => 2 * uniform(streamKey(...(key as [number])), i) - 1);

/** Channels below 16: Winograd takes none of these, so both backends compute the same chains. */
const folding = () => [
  nn.conv2d({ filters: 7, kernelSize: 3, padding: 'same' }),
  nn.batchNorm2d(),
  nn.relu(),
  nn.conv2d({ filters: 14, kernelSize: 3, padding: 1, stride: 2, groups: 7, bias: false }),
  nn.batchNorm2d(),
  nn.leakyRelu({ slope: 0.2 }),
  nn.residual([nn.conv2d({ filters: 14, kernelSize: 1, bias: false }), nn.batchNorm2d()]),
  nn.relu(),
  nn.maxPool2d({ size: 2 }),
  nn.batchNorm2d(), // Follows no convolution.
  nn.flatten(),
  nn.linear({ units: 5 }),
];

const soleLoss = [{ output: 'output', loss: nn.softmaxCrossEntropy(), weight: 1 }];

/** A model with every tensor drawn at random, statistics of batch norm included. */
function randomModel(layers: nn.Layer[], inputShape: [number, number, number]): nn.Model {
  const model = nn.sequential(layers, { inputShape });
  [...model.tensors].forEach(([name, { data }], i) => {
    data.set(draw(data.length, 3, i));
    if (/variance/i.test(name)) data.set(data.map((value) => Math.abs(value) + 0.1));
  });
  return model;
}

async function predicted(model: nn.Model, backend: Backend, images: Float32Array, size: number, numerics: Numerics) {
  const outputs = model.outputShape.reduce((a, b) => a * b, 1);
  const output = new Float32Array(size * outputs);
  await new Session(model, backend, { numerics }).predict([images], size, [output]);
  return output;
}

const bits = (values: Float32Array) => new Int32Array(values.map((value) => value + 0).buffer);

describe('folding', () => {
  const names = (numerics: Numerics, kind: 'predict' | 'evaluate' | 'train' = 'predict') => {
    const options = { numerics, losses: soleLoss, optimizer: nn.sgd({ learningRate: 0.1 }) };
    const session = new Session(randomModel(folding(), [12, 12, 3]), typescript, options);
    const { plan } = session.compiled(kind, { inputs: [new Float32Array(0)], size: 2 });
    return { all: plan.ops.map(({ op }) => op.name), constant: plan.constantOps };
  };
  const count = (list: string[], name: string) => list.filter((entry) => entry === name).length;

  it.each(['predict', 'evaluate'] as const)('happens before the run in %s, unless numerics are exact', (kind) => {
    const fast = names('fast', kind);
    expect(fast.all.slice(0, fast.constant)).toEqual(Array(3).fill('batch_norm2d_fold'));
    expect(count(fast.all, 'batch_norm2d_inference')).toBe(1);
    const exact = names('exact', kind);
    expect(exact.constant).toBe(0);
    expect(count(exact.all, 'batch_norm2d_inference')).toBe(4);
    const train = names('fast', 'train');
    expect(train.constant).toBe(0);
    expect(count(train.all, 'batch_norm2d_fold')).toBe(0);
  });

  it('stays within its error bound', async () => {
    for (const bias of [false, true]) {
      const layers = () => [nn.conv2d({ filters: 9, kernelSize: 3, padding: 1, bias }), nn.batchNorm2d()];
      const model = randomModel(layers(), [8, 8, 6]);
      const images = draw(3 * 8 * 8 * 6, 1);
      const exact = await predicted(model, typescript, images, 3, 'exact');
      const fast = await predicted(model, typescript, images, 3, 'fast');
      // The same network over absolute values sums up what the roundings are relative to.
      for (const [name, { data }] of model.tensors) {
        const sign = /mean/i.test(name) ? -1 : 1;
        data.set(data.map((value) => sign * Math.abs(value)));
      }
      model.weightsChanged();
      const scale = await predicted(model, typescript, images.map(Math.abs), 3, 'exact');
      const roundings = 2 * 9 * 6 + 12;
      expect(bits(fast)).not.toEqual(bits(exact));
      fast.forEach((value, i) => {
        expect(Math.abs(value - exact[i]!)).toBeLessThanOrEqual(roundings * U * scale[i]!);
      });
    }
  });

  const images = draw(5 * 12 * 12 * 3, 2);
  const wanted = predicted(randomModel(folding(), [12, 12, 3]), typescript, images, 5, 'fast');
  it.each(backends)('gives the bits of the reference on %s', async (_, backend) => {
    for (const size of [1, 5]) {
      const got = await predicted(
        randomModel(folding(), [12, 12, 3]),
        backend,
        images.subarray(0, size * 432),
        size,
        'fast',
      );
      expect(bits(got)).toEqual(bits((await wanted).slice(0, size * 5)));
    }
  });
});

describe('prepared weights', () => {
  const layers = () => [
    ...[3, 3, 3].flatMap((kernelSize) => [
      nn.conv2d({ filters: 32, kernelSize, padding: 'same', bias: false }),
      nn.batchNorm2d(),
      nn.relu(),
    ]),
    nn.flatten(),
    nn.linear({ units: 4 }),
  ];
  const images = draw(2 * 8 * 8 * 2, 4);
  const batch = { inputs: [images], targets: [Int32Array.of(1, 3)], size: 2 };
  const options = { losses: soleLoss, optimizer: nn.sgd({ learningRate: 0.1 }) };

  it.each([['typescript', typescript] as [string, Backend], ...native])(
    'follow the weights on %s',
    async (_, backend) => {
      const model = randomModel(layers(), [8, 8, 2]);
      const session = new Session(model, backend, options);
      const check = async () => {
        const [output, again, fresh] = [new Float32Array(8), new Float32Array(8), new Float32Array(8)];
        const [evaluated, freshlyEvaluated] = [new Float32Array(8), new Float32Array(8)];
        await session.predict([images], 2, [output]);
        const result = await session.evaluate(batch, [evaluated]);
        await session.predict([images], 2, [again]);
        session.download();
        const other = new Session(model, backend, options);
        await other.predict([images], 2, [fresh]);
        expect(await other.evaluate(batch, [freshlyEvaluated])).toEqual(result);
        expect(output).toEqual(fresh);
        expect(again).toEqual(fresh);
        expect(evaluated).toEqual(freshlyEvaluated);
        return output.join();
      };
      const seen = new Set([await check()]);
      for (let step = 0; step < 3; step++) {
        await session.train(batch, { seed: 1, step, learningRate: 0.1 });
        seen.add(await check());
      }
      for (const [name, { data }] of model.tensors) {
        if (/input/.test(name)) continue;
        session.write(
          name,
          data.map((value) => value * 1.5 + 0.01),
        );
        seen.add(await check());
      }
      expect(seen.size).toBe(1 + 3 + 3 * 5 + 2);
    },
  );

  it.skipIf(nativeMissing).each(isaLevels)('change no bits of Winograd and direct convolutions on %s', async (isa) => {
    for (const [n, size, c, o] of [
      [1, 8, 32, 48],
      [1, 4, 128, 64],
      [8, 8, 256, 256],
      [2, 32, 16, 20],
    ] as const) {
      for (const threads of [1, 2, 3]) {
        const backend = selectBackend({ backend: 'native', isa, threads });
        const run = async (constant: boolean) => {
          const graph = new Graph();
          const x = graph.tensor('input', 'x', { shape: [n, size, size, c], dtype: 'f32' });
          const w = graph.tensor(constant ? 'parameter' : 'input', 'w', { shape: [3, 3, c, o], dtype: 'f32' });
          const geometry = { strideH: 1, strideW: 1, dilationH: 1, dilationW: 1, groups: 1 };
          const padding = { padTop: 1, padLeft: 1, padBottom: 1, padRight: 1 };
          const attrs = { ...geometry, ...padding, activation: 0, slope: 0 };
          const [y] = graph.emit(conv2dOp, [x, w], attrs) as [GraphTensor];
          const layout = new StoreLayout();
          const plan = compilePlan(graph, { outputs: { y }, layout });
          const store = backend.createStore(layout.bytes);
          const executable = backend.compile(plan, store);
          const weights = draw(9 * c * o, 6);
          if (constant) store.write(0, weights);
          else executable.write(plan.inputs['w'] as number, weights);
          executable.write(plan.inputs['x'] as number, draw(n * size * size * c, 5));
          const output = new Float32Array(n * size * size * o);
          for (let time = 0; time < 2; time++) await executable.run();
          executable.read(plan.outputs['y'] as number, output);
          return bits(output);
        };
        expect(await run(true)).toEqual(await run(false));
      }
    }
  });
});

describe('plans of one store', () => {
  const layers = () => [
    nn.conv2d({ filters: 24, kernelSize: 3, padding: 1 }),
    nn.relu(),
    nn.flatten(),
    nn.linear({ units: 3 }),
  ];
  const options = { losses: soleLoss, optimizer: nn.sgd({ learningRate: 0.1 }) };

  it.each([['typescript', typescript] as [string, Backend], ...native])(
    'keep inputs and outputs apart while sharing the arena on %s',
    async (_, backend) => {
      const model = randomModel(layers(), [10, 10, 3]);
      const session = new Session(model, backend, options);
      const sizes = [2, 5, 3]; // The second needs a larger arena than the first has.
      const inputs = sizes.map((size, i) => draw(size * 300, 7, i));
      const wanted = await Promise.all(sizes.map((size, i) => predicted(model, backend, inputs[i]!, size, 'fast')));
      const plans = sizes.map((size) => session.compiled('predict', { inputs: [inputs[0]!], size }));
      for (const [i, { plan, executable }] of plans.entries())
        executable.write(plan.inputs['inputs/input'] as number, inputs[i]!);
      for (const { executable } of plans) expect(await executable.run()).toBe(true);
      plans.forEach(({ plan, executable }, i) => {
        const output = new Float32Array(sizes[i]! * 3);
        executable.read(plan.outputs['outputs/output'] as number, output);
        expect(output).toEqual(wanted[i]);
        const hidden = plan.tensors.findIndex(({ region }) => region === 'arena');
        const { shape } = plan.tensors[hidden]!;
        const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
        expect(() => executable.read(hidden, values)).toThrow(/exists only during a run/);
        expect(() => executable.write(hidden, values)).toThrow(/exists only during a run/);
      });
    },
  );

  it.skipIf(nativeMissing)('may be compiled, larger ones too, while another runs', async () => {
    const model = randomModel(layers(), [10, 10, 3]);
    const session = new Session(model, best[1], options);
    const images = draw(400 * 300, 8);
    const output = new Float32Array(100 * 3);
    const first = session.predict([images.subarray(0, 100 * 300)], 100, [output]);
    const larger = session.compiled('predict', { inputs: [images], size: 400 });
    await first;
    expect(output).toEqual(await predicted(model, best[1], images.subarray(0, 100 * 300), 100, 'fast'));
    const again = new Float32Array(400 * 3);
    await session.predict([images], 400, [again]);
    expect(larger.plan.arenaBytes).toBeGreaterThan(1e6);
    expect(again.subarray(0, 300)).toEqual(output);
  });

  it.skipIf(nativeMissing || !existsSync('/proc/self/statm'))(
    'take the memory of the largest, not of all',
    async () => {
      await collectGarbage();
      const session = new Session(randomModel(layers(), [32, 32, 3]), best[1], options);
      const images = new Uint8Array(0);
      const mapped = () => Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * 4096;
      const start = mapped();
      session.compiled('train', { inputs: [images], size: 2048 });
      const one = mapped() - start;
      expect(one).toBeGreaterThan(400e6);
      session.compiled('train', { inputs: [images], size: 2047 });
      session.compiled('evaluate', { inputs: [images], size: 2048 });
      expect(mapped() - start).toBeLessThan(1.3 * one);
    },
  );
});

describe('inputs whose normalisation does nothing', () => {
  const layers = () => [nn.relu(), nn.conv2d({ filters: 3, kernelSize: 3 }), nn.flatten(), nn.linear({ units: 4 })];
  const names = (session: Session, x: Float32Array | Uint8Array) =>
    session.compiled('predict', { inputs: [x], size: 1 }).plan.ops.map(({ op }) => op.name);

  it.each(backends)('are read as they are, and not written to, %s', async (_, backend) => {
    const model = randomModel(layers(), [5, 5, 2]);
    model.setNormalization([0, 0], [1, 1]);
    const halved = randomModel(layers(), [5, 5, 2]);
    halved.setNormalization([0, 0], [2, 2]);
    const x = draw(3 * 50, 9);
    const outputs = [0, 1, 2].map(() => new Float32Array(3 * 4)) as [Float32Array, Float32Array, Float32Array];
    const session = new Session(model, backend, {});
    await session.predict([x], 3, [outputs[0]]);
    await session.predict([x], 3, [outputs[1]]);
    await new Session(halved, backend, {}).predict([x.map((value) => 2 * value)], 3, [outputs[2]]);
    expect(new Set(outputs[0]).size).toBe(12);
    expect(outputs[1]).toEqual(outputs[0]);
    expect(outputs[2]).toEqual(outputs[0]);
  });

  it('have no op, unless they are bytes or the store says otherwise', () => {
    const [model, x] = [randomModel(layers(), [5, 5, 2]), new Float32Array(50)];
    model.setNormalization([0, 0], [1, 1]);
    expect(names(new Session(model, typescript, {}), x)[0]).toBe('relu');
    expect(names(new Session(model, typescript, {}), new Uint8Array(50))[0]).toBe('normalize');
    const resumed = new Session(model, typescript, {});
    resumed.write('input.shift', Float32Array.of(0, 1));
    expect(names(resumed, x)[0]).toBe('normalize');
  });
});
