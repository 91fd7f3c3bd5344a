// Training end to end on the TypeScript backend, and on the native one where it loads: learning, stopping, resuming,
// diverging, and what happens with bad input.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as nn from '../../lib/index.ts';
import { backends, bars, bits, network, options } from './fit-examples.ts';

const folder = await mkdtemp(join(tmpdir(), 'lanewise-fit-'));
afterAll(() => rm(folder, { recursive: true }));

for (const { backend, skip } of backends) {
  describe.skipIf(skip)(`fit on the ${backend} backend`, () => {
    it('learns, trains on the last smaller batch, and reports', async () => {
      const model = network();
      const steps: nn.StepEvent[] = [];
      const epochs: nn.EpochEvent[] = [];
      const result = await nn.fit(model, {
        ...options,
        backend,
        epochs: 6,
        validation: bars(50, 9),
        onStep: (event) => steps.push(event),
        onEpoch: (event) => epochs.push(event),
      });
      expect(result).toMatchObject({ stopped: 'completed', steps: 42, epochs: 6, backend });
      expect(steps.map((s) => s.batchSize).slice(0, 7)).toEqual([16, 16, 16, 16, 16, 16, 4]);
      expect(epochs).toHaveLength(6);
      expect(result.validation?.accuracy).toBeGreaterThan(0.9);
      const evaluation = await nn.evaluate(model, bars(50, 9), { backend });
      expect(evaluation.accuracy).toBe(result.validation?.accuracy);
      const classes = await model.predictClasses(bars(50, 9).images, { backend, batchSize: 7 });
      const hits = classes.filter((k, i) => k === i % 2).length;
      expect(hits / 50).toBe(evaluation.accuracy);
    });

    it('gives its events to `for await`, and leaving the loop keeps the weights so far', async () => {
      const model = network();
      const before = bits(model);
      let seen = 0;
      for await (const event of nn.fit(model, { ...options, backend })) {
        expect(event.type).toBe('step');
        if (++seen === 3) break;
      }
      expect(bits(model)).not.toEqual(before);
    });

    it.each([1, 3, 7, 10])('resumes after %i steps with the bits of an uninterrupted run', async (k) => {
      for (const optimizer of [options.optimizer, nn.adamw({ learningRate: 0.01 })]) {
        const whole = network();
        const wholeResult = await nn.fit(whole, { ...options, optimizer, backend });

        const path = join(folder, `${backend}-${k}.checkpoint`);
        const controller = new AbortController();
        const stop = (event: nn.StepEvent) => event.step === k && controller.abort();
        const part = await nn.fit(network(), {
          ...options,
          optimizer,
          backend,
          signal: controller.signal,
          onStep: stop,
          checkpoint: { path },
        });
        expect(part).toMatchObject({ stopped: 'aborted', steps: k });

        const rest = network(77);
        const restResult = await nn.fit(rest, { ...options, optimizer, backend, resume: path });
        expect(bits(rest)).toEqual(bits(whole));
        const { trainLoss, trainAccuracy, steps } = wholeResult;
        expect(restResult).toMatchObject({ trainLoss, trainAccuracy, steps });
      }
    });

    it('resumes from the end of an epoch that is also a step to save at', async () => {
      const whole = network();
      await nn.fit(whole, { ...options, backend });
      const path = join(folder, `${backend}-epoch.checkpoint`);
      await nn.fit(network(), { ...options, backend, epochs: 1, checkpoint: { path, everySteps: 7 } });
      const rest = network(77);
      await nn.fit(rest, { ...options, backend, resume: path });
      expect(bits(rest)).toEqual(bits(whole));
    });

    it('stops at a loss that is not finite, names the layer, keeps weights and checkpoint', async () => {
      const model = network();
      const path = join(folder, `${backend}-diverged.checkpoint`);
      await nn.fit(model, { ...options, backend, epochs: 1, checkpoint: { path } });
      const good = bits(model);
      const file = await readFile(path);
      model.tensor('conv2d_2.bias')[2] = Number.POSITIVE_INFINITY;
      model.weightsChanged();
      const run = nn.fit(model, { ...options, backend, checkpoint: { path, everySteps: 1 } });
      await expect(run).rejects.toThrow(/step 0: the loss is not finite.*conv2d_2.*bias.*infinite/);
      await expect(run).rejects.toMatchObject({ code: 'diverged' });
      expect(await readFile(path)).toEqual(file);
      model.tensor('conv2d_2.bias')[2] = new Float32Array(Int32Array.of(good['conv2d_2.bias']![2]!).buffer)[0]!;
      expect(bits(model)).toEqual(good);
    });

    it('stops when the learning rate makes it diverge', async () => {
      const optimizer = nn.sgd({ learningRate: 1e6 });
      const run = nn.fit(network(), { ...options, optimizer, backend, epochs: 50 });
      await expect(run).rejects.toThrow(/the loss is not finite; first bad values: .*lower the learning rate/);
    });

    it('follows a learning-rate function', async () => {
      const rates: number[] = [];
      const learningRate = ({ step, totalSteps }: nn.Progress) => 0.1 * (1 - step / totalSteps);
      await nn.fit(network(), {
        ...options,
        backend,
        epochs: 1,
        optimizer: nn.sgd({ learningRate }),
        onStep: (e) => rates.push(e.learningRate),
      });
      expect(rates).toEqual([0, 1, 2, 3, 4, 5, 6].map((step) => 0.1 * (1 - step / 7)));
    });

    it('saves and loads: same predictions, same normalisation', async () => {
      const model = network();
      await nn.fit(model, { ...options, backend, epochs: 1 });
      const path = join(folder, `${backend}.safetensors`);
      await model.save(path);
      const loaded = await nn.loadModel(path);
      const { images } = bars(9, 4);
      expect(await loaded.predict(images, { backend })).toEqual(await model.predict(images, { backend }));
      expect(loaded.architectureJson()).toBe(model.architectureJson());
    });
  });
}

describe('bad training input', () => {
  const data = options.data;
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;
  it.each<[string, Partial<nn.FitOptions>, RegExp]>([
    ['no data', { data: wrong(undefined) }, /fit: needs a data set/],
    [
      'another image size',
      { data: { ...data, shape: [4, 16, 1] } },
      /bars has images \[4,16,1\], the model takes \[8,8,1\]/,
    ],
    ['too few images', { data: { ...data, images: data.images.subarray(64) } }, /99 images and 100 labels/],
    ['half an image', { data: { ...data, images: data.images.subarray(10) } }, /whole images of 64 values/],
    [
      'a label that is no class',
      { data: { ...data, labels: data.labels.map((l, i) => (i === 17 ? 2 : l)) } },
      /label 2 of image 17 is outside 0 to 1/,
    ],
    [
      'a negative label',
      { data: { ...data, labels: data.labels.map((l, i) => (i === 3 ? -1 : l)) } },
      /label -1 of image 3/,
    ],
    [
      'labels of the wrong type',
      { data: { ...data, labels: wrong(new Float64Array(100)) } },
      /labels must be an Int32Array/,
    ],
    [
      'images of the wrong type',
      { data: { ...data, images: wrong(new Uint16Array(6400)) } },
      /images must be a Uint8Array or Float32Array/,
    ],
    ['no images', { data: { ...data, count: 0, images: new Uint8Array(0), labels: new Int32Array(0) } }, /images/],
    ['a batch of 0', { batchSize: 0 }, /batchSize must be a whole number from 1/],
    ['a fractional batch', { batchSize: 1.5 }, /batchSize must be/],
    ['half an epoch', { epochs: 0.5 }, /epochs must be/],
    ['a negative seed', { seed: -1 }, /seed must be/],
    ['an unknown backend', { backend: wrong('cuda') }, /backend must be 'auto', 'native' or 'typescript', not "cuda"/],
    ['no threads', { threads: 0 }, /threads must be/],
    ['an unknown option', wrong({ learningRate: 1 }), /fit: has no option 'learningRate'/],
    ['no optimizer', { optimizer: wrong('sgd') }, /needs an optimizer/],
    ['unknown numerics', { numerics: wrong('double') }, /numerics must be/],
    [
      'a learning rate that becomes NaN',
      { optimizer: nn.sgd({ learningRate: () => Number.NaN }) },
      /learningRate at step 0 must be/,
    ],
    ['a checkpoint that is not there', { resume: '/nonexistent/x' }, /\/nonexistent\/x/],
    ['an unwritable checkpoint folder', { checkpoint: { path: '/proc/x/y' } }, /\/proc\/x/],
  ])('%s', async (_, change, message) => {
    const run = nn.fit(network(), { ...options, backend: 'typescript', epochs: 1, ...change });
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toBeInstanceOf(nn.LanewiseError);
  });

  it('refuses memory that can change under it', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(6400));
    await expect(nn.fit(network(), { ...options, data: { ...data, images: shared } })).rejects.toThrow(
      /shared with other threads/,
    );
    const detached = data.images.slice();
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    await expect(nn.fit(network(), { ...options, data: { ...data, images: detached } })).rejects.toThrow(
      /transferred away/,
    );
    const resizable = new Uint8Array(new (ArrayBuffer as wrongBuffer)(6400, { maxByteLength: 9000 }));
    await expect(nn.fit(network(), { ...options, data: { ...data, images: resizable } })).rejects.toThrow(
      /can be resized/,
    );
  });

  it('refuses a softmax before the cross-entropy', async () => {
    const model = nn.sequential([nn.flatten(), nn.linear({ units: 2 }), nn.softmax()], { inputShape: [8, 8, 1] });
    await expect(nn.fit(model, options)).rejects.toThrow(/remove the softmax\(\) layer/);
  });

  it('refuses to resume something else', async () => {
    const path = join(folder, 'other.checkpoint');
    await nn.fit(network(), { ...options, backend: 'typescript', epochs: 1, checkpoint: { path } });
    const resume = (change: Partial<nn.FitOptions>, model = network()) =>
      nn.fit(model, { ...options, backend: 'typescript', resume: path, ...change });
    await expect(resume({ seed: 6 })).rejects.toThrow(/seed is 5, this run's is 6/);
    await expect(resume({ batchSize: 8 })).rejects.toThrow(/batch size/);
    await expect(resume({ optimizer: nn.adam() })).rejects.toThrow(/optimizer is sgd/);
    await expect(resume({ data: bars(80) })).rejects.toThrow(/number of training images/);
    const other = nn.sequential([nn.flatten(), nn.linear({ units: 2 })], { inputShape: [8, 8, 1] });
    await expect(resume({}, other)).rejects.toThrow(/network/);
  });
});

type wrongBuffer = new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
