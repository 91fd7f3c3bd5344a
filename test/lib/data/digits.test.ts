// The drawn digits: the same on every machine, as many as asked for, and neither trivial nor hopeless to learn.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digits } from '../../../lib/data/digits.ts';

const hash = (bytes: ArrayBufferView): string =>
  createHash('sha256')
    .update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    .digest('hex')
    .slice(0, 16);

describe('digits', () => {
  const { train, test } = digits({ trainCount: 3000, testCount: 1000, seed: 1 });

  it('has the shape, the classes and the counts of a data set', () => {
    expect(train).toMatchObject({ name: 'digits', shape: [28, 28, 1], count: 3000 });
    expect(train.classes).toEqual([...'0123456789']);
    expect(train.images.length).toBe(3000 * 784);
    expect(train.labels.length).toBe(3000);
    expect(test.count).toBe(1000);
    expect([test.mean, test.std]).toEqual([train.mean, train.std]);
  });

  it('gives the bits it has always given', () => {
    expect([hash(train.images), hash(train.labels), hash(test.images)]).toMatchInlineSnapshot(`
      [
        "e18845cd234e452b",
        "ba5186b14c808432",
        "e5015ecd9f0deb91",
      ]
    `);
  });

  it('begins with the same images whatever the count, and differs by seed and split', () => {
    const shorter = digits({ trainCount: 50, testCount: 20, seed: 1 });
    expect(shorter.train.images).toEqual(train.images.subarray(0, 50 * 784));
    expect(shorter.train.labels).toEqual(train.labels.subarray(0, 50));
    expect(hash(digits({ trainCount: 50, testCount: 20, seed: 2 }).train.images)).not.toBe(hash(shorter.train.images));
    expect(hash(test.images.subarray(0, 50 * 784))).not.toBe(hash(shorter.train.images));
  });

  it('is balanced and never the same image twice', () => {
    const counts = new Int32Array(10);
    for (const label of train.labels) counts[label]!++;
    expect([...counts]).toEqual(new Array(10).fill(300));
    const seen = new Set<string>();
    for (let i = 0; i < 3000; i++) seen.add(hash(train.images.subarray(i * 784, (i + 1) * 784)));
    expect(seen.size).toBe(3000);
  });

  it('shows ink on paper in every image, most of it inside the frame', () => {
    for (let i = 0; i < 500; i++) {
      const image = train.images.subarray(i * 784, (i + 1) * 784);
      const ink = Array.from(image).filter((pixel) => pixel > 120).length;
      expect(ink, `image ${i}`).toBeGreaterThan(15);
      expect(ink, `image ${i}`).toBeLessThan(400);
    }
  });

  it('is beyond a linear classifier', () => {
    const accuracy = linearAccuracy(train, test);
    expect(accuracy).toBeGreaterThan(0.4);
    expect(accuracy).toBeLessThan(0.9);
  });

  it.each([
    [{ trainCount: 0 }, /trainCount must be a whole number from 1 to/],
    [{ trainCount: 1.5 }, /not 1.5/],
    [{ testCount: Number.NaN }, /testCount .* not NaN/],
    [{ testCount: -3 }, /not -3/],
    [{ trainCount: 1e12 }, /trainCount/],
    [{ seed: -1 }, /seed must be a whole number/],
    [{ seed: 2 ** 40 }, /seed/],
  ])('refuses %j', (options, message) => {
    expect(() => digits(options)).toThrow(message);
  });
});

/** Softmax regression by plain gradient descent. */
function linearAccuracy(train: ReturnType<typeof digits>['train'], test: ReturnType<typeof digits>['test']): number {
  const size = 784;
  const weights = new Float64Array(10 * (size + 1));
  const scores = new Float64Array(10);
  const evaluate = (images: Uint8Array | Float32Array, i: number): void => {
    for (let k = 0; k < 10; k++) {
      let sum = weights[k * (size + 1) + size]!;
      for (let p = 0; p < size; p++) sum += weights[k * (size + 1) + p]! * (images[i * size + p]! / 255);
      scores[k] = sum;
    }
  };
  for (let epoch = 0; epoch < 8; epoch++) {
    for (let i = 0; i < train.count; i++) {
      evaluate(train.images, i);
      const highest = Math.max(...scores);
      const exponents = scores.map((score) => Math.exp(score - highest));
      const total = exponents.reduce((sum, value) => sum + value, 0);
      for (let k = 0; k < 10; k++) {
        const step = 0.02 * (exponents[k]! / total - (k === train.labels[i] ? 1 : 0));
        for (let p = 0; p < size; p++) weights[k * (size + 1) + p]! -= step * (train.images[i * size + p]! / 255);
        weights[k * (size + 1) + size]! -= step;
      }
    }
  }
  let correct = 0;
  for (let i = 0; i < test.count; i++) {
    evaluate(test.images, i);
    if (scores.indexOf(Math.max(...scores)) === test.labels[i]) correct++;
  }
  return correct / test.count;
}
