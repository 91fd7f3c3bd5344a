// Frozen layers, and a new head on the layers of another model.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectBackend } from '../../lib/backend/select.ts';
import * as nn from '../../lib/index.ts';
import { Session } from '../../lib/train/session.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanewise-freeze-'));
});
afterAll(() => rm(folder, { recursive: true }));

const backbone = () =>
  nn.sequential(
    [
      nn.conv2d({ filters: 4, kernelSize: 3, padding: 'same', bias: false }),
      nn.batchNorm2d(),
      nn.relu(),
      nn.residual([nn.conv2d({ filters: 4, kernelSize: 3, padding: 1 }), nn.batchNorm2d()], [], { name: 'block' }),
      nn.globalAvgPool2d({ name: 'features' }),
      nn.linear({ units: 3 }),
    ],
    { inputShape: [6, 6, 1], seed: 2 },
  );

const data = nn.datasetFrom({
  images: Float32Array.from({ length: 24 * 36 }, (_, i) => Math.sin(i * (1 + (Math.floor(i / 36) % 3)))),
  labels: Array.from({ length: 24 }, (_, i) => i % 3),
  shape: [6, 6, 1],
  classes: 3,
});
const training = { data, epochs: 2, batchSize: 8, seed: 1, optimizer: nn.sgd({ learningRate: 0.05, momentum: 0.9 }) };

/** What a training step runs, by op. */
function stepOps(model: nn.Model): string[] {
  const losses = [{ output: 'output', loss: nn.softmaxCrossEntropy(), weight: 1 }];
  const session = new Session(model, selectBackend({ backend: 'typescript' }), {
    losses,
    optimizer: training.optimizer,
  });
  return session.compiled('train', { inputs: [data.images], size: 8 }).plan.ops.map(({ op }) => op.name);
}
const count = (model: nn.Model, name: string) => stepOps(model).filter((op) => op === name).length;
const copy = (model: nn.Model) => new Map([...model.tensors].map(([name, { data: values }]) => [name, values.slice()]));
/** Names of the tensors that training changed. */
async function changedBy(model: nn.Model): Promise<string[]> {
  const before = copy(model);
  await nn.fit(model, training);
  return [...model.tensors].flatMap(([name, { data: now, role }]) =>
    role !== 'constant' && now.some((value, i) => value !== before.get(name)?.[i]) ? [name] : [],
  );
}

describe('frozen layers', () => {
  it('keep their weights, and no gradient is planned for them', async () => {
    const model = backbone();
    expect([count(model, 'sgd_step'), count(model, 'conv2d_dw'), count(model, 'conv2d_dx')]).toEqual([9, 2, 1]);
    expect(count(model, 'batch_norm2d')).toBe(2);
    model.freeze('conv2d_1', 'batchNorm2d_1', 'block');
    expect(stepOps(model).filter((op) => /_d[xwb]$|_step$|running/.test(op))).toEqual([
      'softmax_cross_entropy_dx',
      'bias_add_db',
      'sgd_step',
      'linear_dw',
      'sgd_step',
    ]);
    expect(count(model, 'batch_norm2d')).toBe(0);
    expect(await changedBy(model)).toEqual(['linear_1.weight', 'linear_1.bias']);
    model.unfreeze();
    expect(await changedBy(model)).toHaveLength(13);
  });

  it('let gradients pass to those before them', async () => {
    const model = backbone();
    model.freeze('block');
    expect([count(model, 'conv2d_dw'), count(model, 'conv2d_dx')]).toEqual([1, 1]);
    const changed = await changedBy(model);
    expect(changed).toContain('conv2d_1.weight');
    expect(changed.filter((name) => /_2\./.test(name))).toEqual([]);
  });

  it('may keep the statistics of each batch: only the parameters are frozen then', async () => {
    const model = backbone();
    model.freeze((name, { role }) => role === 'parameter' && /batchNorm/.test(name));
    expect(count(model, 'batch_norm2d')).toBe(2);
    const changed = await changedBy(model);
    expect(changed).toContain('batchNorm2d_1.runningMean');
    expect(changed).not.toContain('batchNorm2d_1.gamma');
  });

  it('stay frozen in files, and must be the same when a run resumes', async () => {
    const model = backbone();
    model.freeze('block', 'linear_1.bias');
    const path = join(folder, 'frozen.safetensors');
    await model.save(path);
    const loaded = await nn.loadModel(path);
    expect(loaded.frozen).toEqual(new Set([...model.frozen].sort()));

    const checkpoint = join(folder, 'frozen.checkpoint');
    const whole = await nn.loadModel(path);
    await nn.fit(whole, training);
    const controller = new AbortController();
    const onStep = ({ step }: nn.StepEvent) => step === 2 && controller.abort();
    await nn.fit(loaded, { ...training, signal: controller.signal, onStep, checkpoint: { path: checkpoint } });
    const resumed = await nn.loadModel(path);
    await nn.fit(resumed, { ...training, resume: checkpoint });
    expect(copy(resumed)).toEqual(copy(whole));
    await expect(nn.fit(backbone(), { ...training, resume: checkpoint })).rejects.toThrow(
      /the checkpoint's network is/,
    );
  });

  it.each<[string, (model: nn.Model) => unknown, RegExp]>([
    [
      'a layer that is none',
      (model) => model.freeze('conv9'),
      /freeze: there is no layer or tensor conv9 \(the layers/,
    ],
    ['a number', (model) => model.unfreeze(3 as never), /unfreeze: takes names and functions, not 3/],
  ])('refuse %s', (_, act, message) => {
    expect(() => act(backbone())).toThrow(message);
  });

  it('leave nothing to train when they are all', async () => {
    const model = backbone();
    model.freeze();
    await expect(nn.fit(model, training)).rejects.toThrow(/fit: nothing to train: the loss depends on no parameter/);
  });
});

describe('a new head', () => {
  const tuned = async () => {
    const trained = backbone();
    await nn.fit(trained, training);
    const path = join(folder, 'backbone.safetensors');
    await trained.save(path);
    const body = await nn.loadModel(path);
    const outputs = nn.linear({ units: 3, name: 'head' })(nn.relu()(body.value('features')));
    const model = nn.model({ inputs: body.inputs, outputs, seed: 9 });
    return { body, model, copied: model.copyWeights(body) };
  };

  it('takes the layers of a loaded model with their weights and normalisation', async () => {
    const { body, model, copied } = await tuned();
    expect(copied).toHaveLength(body.tensors.size - 2);
    for (const name of copied) expect(model.tensor(name)).toEqual(body.tensor(name));
    expect(copied).toContain('input.scale');
    expect(copied.some((name) => name.startsWith('head'))).toBe(false);
    model.freeze(...copied.filter((name) => !name.startsWith('input')));
    expect(await changedBy(model)).toEqual(['head.weight', 'head.bias']);
  });

  it('works for layers in a row, whatever their new names', async () => {
    const { body } = await tuned();
    const layers = body.architecture.nodes.slice(0, 4).map(({ layer }) => layer);
    const model = nn.sequential([nn.conv2d({ filters: 1, kernelSize: 1 }), ...layers], { inputShape: [6, 6, 1] });
    const copied = model.copyWeights(body);
    expect(copied).toContain('conv2d_2.weight');
    expect(model.tensor('conv2d_2.weight')).toEqual(body.tensor('conv2d_1.weight'));
    expect(model.tensor('conv2d_3.weight')).toEqual(body.tensor('conv2d_2.weight'));
  });

  it('is refused where there is nothing to take', async () => {
    const { body } = await tuned();
    expect(() => body.value('conv2d_2')).toThrow(/conv2d_2 is no layer of the network's own, it is inside another one/);
    expect(() => body.value('nowhere')).toThrow(/value: nowhere is no layer of the network's own \(it has conv2d_1,/);
    expect(() => backbone().copyWeights(body)).toThrow(/copyWeights: the models have no layer in common/);
  });
});
