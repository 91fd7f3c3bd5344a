// Training on labels that are not one class an image: numbers, probabilities, a class for each pixel; and what is said about
// labels that do not fit.

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as nn from '../../lib/index.ts';
import { streamKey, uniform } from '../../lib/random.ts';
import { nativeMissing } from '../ops/implementations.ts';

const draw = (count: number, key: number) => Float32Array.from({ length: count }, (_, i) => uniform(key, i) - 0.5);

/** y = two linear functions of five features. */
function regression(count = 64) {
  const images = draw(count * 5, streamKey(3));
  const labels = new Float32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const x = images.subarray(i * 5, i * 5 + 5);
    labels.set([3 * x[0]! - x[1]!, 0.5 + x[4]!], i * 2);
  }
  return nn.datasetFrom({ images, labels, shape: [5], labelShape: [2] });
}

/** Pixels that are bright belong to class 1; those of the first column are not labelled. */
function segmentation(count = 24) {
  const images = new Uint8Array(count * 48).map((_, i) => uniform(streamKey(5), i) * 256);
  const labels = Int32Array.from(images, (value, i) => (i % 8 === 0 ? -1 : Number(value > 127)));
  return nn.datasetFrom({ images, labels, shape: [6, 8, 1], labelShape: [6, 8], classes: 2, ignoreIndex: -1 });
}

const line = () => nn.sequential([nn.linear({ units: 2 })], { inputShape: [5], seed: 1 });
const perPixel = () => {
  const conv = { kernelSize: 1, padding: 'same' } as const;
  return nn.sequential([nn.conv2d({ filters: 8, ...conv }), nn.relu(), nn.conv2d({ filters: 2, ...conv })], {
    inputShape: [6, 8, 1],
    seed: 1,
  });
};
const optimizer = nn.adam({ learningRate: 0.05 });

describe('numbers as labels', () => {
  it('fits a line, without any accuracy', async () => {
    const data = regression();
    const events: nn.TrainingEvent[] = [];
    const loss = nn.meanSquaredError();
    const run = nn.fit(line(), { data, validation: data, loss, optimizer, epochs: 60, batchSize: 16 });
    for await (const event of run) events.push(event);
    const result = await run;
    expect(result.trainLoss).toBeLessThan(1e-3);
    expect(result.validation).toEqual({ loss: expect.any(Number) });
    for (const event of [...events, result])
      expect(Object.keys(event).filter((key) => /ccuracy/.test(key))).toEqual([]);
  });

  it('resumes bit for bit', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'lanewise-')), 'checkpoint');
    const options = { data: regression(), loss: nn.huber(), optimizer, epochs: 4, batchSize: 24 };
    const [whole, half] = [line(), line()];
    const wholeResult = await nn.fit(whole, options);
    await nn.fit(half, { ...options, epochs: 2, checkpoint: { path } });
    const rest = await nn.fit(half, { ...options, resume: path });
    expect(rest.trainLoss).toBe(wholeResult.trainLoss);
    expect(half.tensor('linear_1.weight')).toEqual(whole.tensor('linear_1.weight'));
  });

  it.skipIf(nativeMissing)('gives the same bits on both backends with every such loss', async () => {
    const data = regression(40);
    const shares = { ...data, labels: data.labels.map((x) => Number(x > 0)) };
    const losses = [
      nn.withPenalty(nn.meanSquaredError(), { l1: 0.01, l2: 0.02 }),
      nn.smoothL1({ beta: 0.5 }),
      nn.binaryCrossEntropy({ positiveWeight: [1, 2] }),
      nn.softmaxCrossEntropy({ targets: 'probabilities', classWeights: [0.5, 2] }),
    ];
    for (const loss of losses) {
      const weights = [];
      for (const backend of ['native', 'typescript'] as const) {
        const model = line();
        await nn.fit(model, { data: shares, loss, optimizer, epochs: 2, batchSize: 16, numerics: 'exact', backend });
        weights.push(model.tensor('linear_1.weight').slice());
      }
      expect(weights[0], loss.type).toEqual(weights[1]);
    }
  });
});

describe('a class for each pixel', () => {
  it('learns from the pixels that are labelled, and counts those alone', async () => {
    const data = segmentation();
    const loss = nn.softmaxCrossEntropy({ ignoreIndex: -1, classWeights: [1, 1.5] });
    const model = perPixel();
    const result = await nn.fit(model, { data, validation: data, loss, optimizer, epochs: 40, batchSize: 10 });
    expect(result.trainAccuracy).toBeGreaterThan(0.97);
    const { accuracy, confusion = [] } = await nn.evaluate(model, data, { loss, batchSize: 7 });
    expect(accuracy).toBe(result.validation?.accuracy);
    const [[hits0 = 0, misses0 = 0] = [], [misses1 = 0, hits1 = 0] = []] = confusion;
    expect(hits0 + misses0 + misses1 + hits1).toBe(24 * 42);
    expect((hits0 + hits1) / (24 * 42)).toBe(accuracy);
  });

  it('takes a Dice loss, and the SVM loss', async () => {
    const { labels, ...rest } = segmentation();
    const data = { ...rest, labels: labels.map((label) => Math.max(label, 0)) };
    for (const loss of [nn.dice({ activation: 'softmax' }), nn.hinge()]) {
      const before = await nn.evaluate(perPixel(), data, { loss });
      const result = await nn.fit(perPixel(), { data, loss, optimizer, epochs: 10, batchSize: 10 });
      expect(result.trainLoss, loss.type).toBeLessThan(0.8 * before.loss);
    }
  });
});

describe('labels that do not fit', () => {
  const fit = (model: nn.Model, data: nn.Dataset, loss: nn.Loss, more: object = {}) =>
    nn.fit(model, { data, loss, optimizer, ...more }).result;
  it.each<[string, () => Promise<unknown>]>([
    [
      'fit: images: labels must be a Float32Array, which meanSquaredError compares [6,8,2] with',
      () => fit(perPixel(), segmentation(), nn.meanSquaredError()),
    ],
    [
      'fit: images: labels must be an Int32Array, which hinge compares [2] with',
      () => fit(line(), regression(), nn.hinge()),
    ],
    [
      'fit: images: labels of an example are [2], huber compares the output [3] with [3]',
      () => fit(nn.sequential([nn.linear({ units: 3 })], { inputShape: [5] }), regression(), nn.huber()),
    ],
    [
      "fit: images: label -1 of image 0 is outside 0 to 1, the network's classes",
      () => fit(perPixel(), segmentation(), nn.softmaxCrossEntropy()),
    ],
    [
      'fit: images: label NaN of image 3 is no finite number',
      () => {
        const data = regression();
        data.labels[7] = Number.NaN;
        return fit(line(), data, nn.softmaxCrossEntropy({ targets: 'probabilities' }));
      },
    ],
    [
      'fit: augment changes images alone, labels of pixels would no longer fit them',
      () =>
        fit(perPixel(), segmentation(), nn.softmaxCrossEntropy({ ignoreIndex: -1 }), {
          augment: [nn.randomFlip()],
        }),
    ],
  ])('%s', async (message, run) => {
    await expect(run()).rejects.toThrow(message);
  });

  it.each<[string, () => unknown]>([
    [
      'images: there are 2 images, 6 labels each, but 11 labels',
      () =>
        nn.datasetFrom({
          images: new Uint8Array(12),
          labels: new Int32Array(11),
          shape: [6],
          labelShape: [6],
          classes: 2,
        }),
    ],
    [
      'images: labels[1] is Infinity, which is no finite number',
      () => nn.datasetFrom({ images: new Uint8Array(2), labels: Float32Array.of(0, Infinity), shape: [1] }),
    ],
    [
      'images: labels[1] is 2; with 2 classes',
      () => nn.datasetFrom({ images: new Uint8Array(2), labels: [-1, 2], shape: [1], classes: 2, ignoreIndex: -1 }),
    ],
    [
      'images: classes must be a list of names or a number',
      () => nn.datasetFrom({ images: new Uint8Array(2), labels: [0, 1], shape: [1] }),
    ],
    [
      'images: labelShape must be 1 to 4 whole numbers',
      () => nn.datasetFrom({ images: new Uint8Array(2), labels: [0, 1], shape: [1], classes: 2, labelShape: [0] }),
    ],
  ])('%s', (message, make) => {
    expect(make).toThrow(message);
  });
});
