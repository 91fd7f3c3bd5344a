// Data sets by name, and the real files where they are at hand.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../lib/data/open-dataset.ts';

const DATA = resolve(import.meta.dirname, '../../../../shared/data');

describe('openDataset', () => {
  it('draws digits', async () => {
    const { train, test } = await openDataset('digits', { trainCount: 30, testCount: 10, seed: 3 });
    expect([train.count, test.count]).toEqual([30, 10]);
  });

  it.each(['', 'digit', 'mnist', 'mnist:', 'cifar10:', 'imagenet:/x', ':x'])('refuses %j', async (source) => {
    await expect(openDataset(source)).rejects.toThrow(/data must be 'digits', 'mnist:FOLDER' or 'cifar10:FOLDER'/);
  });

  it('passes on what is wrong with a folder', async () => {
    await expect(openDataset('mnist:/nowhere')).rejects.toThrow(/^\/nowhere: cannot be listed/);
    await expect(openDataset('cifar10:/nowhere')).rejects.toThrow(/^\/nowhere: has no training batch/);
  });
});

/** Runs where the real files are, else is skipped with the reason in its name. */
function real(folder: string, title: string, run: () => Promise<void>): void {
  const path = resolve(DATA, folder);
  if (existsSync(path)) it(title, run);
  else it.skip(`${title} (skipped: no real data at ${path})`, run);
}

describe('real files', () => {
  real('mnist', 'MNIST', async () => {
    const { train, test } = await openDataset(`mnist:${DATA}/mnist`);
    expect([train.count, test.count, train.shape, train.classes.length]).toEqual([60000, 10000, [28, 28, 1], 10]);
    expect([...train.labels.subarray(0, 5), ...test.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9, 7, 2, 1, 0, 4]);
    // The figures everyone normalises MNIST with: 0.1307 and 0.3081 of 255.
    expect(train.mean[0]! / 255).toBeCloseTo(0.1307, 4);
    expect(train.std[0]! / 255).toBeCloseTo(0.3081, 4);
  });

  real('fashion-mnist', 'Fashion-MNIST', async () => {
    const { train } = await openDataset(`mnist:${DATA}/fashion-mnist`, { trainCount: 1000, testCount: 1000 });
    expect(train.count).toBe(1000);
    expect(train.mean[0]! / 255).toBeCloseTo(0.286, 4);
    expect(train.std[0]! / 255).toBeCloseTo(0.353, 4);
    await expect(openDataset(`mnist:${DATA}/fashion-mnist`, { testCount: 10_001 })).rejects.toThrow(
      /testCount must be a whole number from 1 to 10000, the number of images, not 10001/,
    );
  });

  real('cifar-10-batches-bin', 'CIFAR-10', async () => {
    const { train, test } = await openDataset(`cifar10:${DATA}/cifar-10-batches-bin`);
    expect(train.count % 10000).toBe(0);
    expect(test.count).toBe(10000);
    expect([train.shape, train.classes[3]]).toEqual([[32, 32, 3], 'cat']);
    expect([...test.labels.subarray(0, 5)]).toEqual([3, 8, 8, 0, 6]);
    // Near the whole training set's 0.4914, 0.4822, 0.4465 with any of its batches.
    for (const [channel, mean] of [0.4914, 0.4822, 0.4465].entries()) {
      expect(train.mean[channel]! / 255).toBeCloseTo(mean, 2);
    }
  });
});
