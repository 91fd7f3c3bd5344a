// Inputs that are no images: features, audio and volumes, from the data set to the model file and back.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../../lib/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanewise-shape-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Twelve examples in two classes, told apart by the sign of the last channel. */
function signs(shape: readonly number[]): nn.Dataset {
  const size = shape.reduce((product, side) => product * side, 1);
  const labels = Array.from({ length: 12 }, (_, i) => i % 2);
  const images = Float32Array.from({ length: 12 * size }, (_, i) => {
    const isLast = (i + 1) % (shape.at(-1) ?? 1) === 0;
    return isLast ? 5 + 2 * (Math.floor(i / size) % 2) + (i % 3) / 10 : i % 7;
  });
  return nn.datasetFrom({ images, labels, shape, classes: 2 });
}

describe.each([
  ['features', [5]],
  ['audio', [9, 2]],
  ['images', [3, 4, 2]],
  ['volumes', [3, 3, 2, 3]],
])('%s', (_, shape) => {
  const model = () => nn.sequential([nn.relu(), nn.flatten(), nn.linear({ units: 2 })], { inputShape: shape, seed: 1 });

  it('are normalised per channel, learned, and predicted alike after loading', async () => {
    const data = signs(shape);
    expect(data.mean).toHaveLength(shape.at(-1) as number);
    const trained = model();
    const result = await nn.fit(trained, { data, epochs: 60, optimizer: nn.adam({ learningRate: 0.05 }) });
    expect(result.trainAccuracy).toBe(1);
    expect([...trained.tensor('input.scale')]).toEqual(data.std.map((s) => Math.fround(1 / s)));
    const path = join(folder, `${shape.length}.safetensors`);
    await trained.save(path);
    const loaded = await nn.loadModel(path);
    expect(loaded.inputShape).toEqual(shape);
    expect(await loaded.predict(data.images)).toEqual(await trained.predict(data.images));
    expect(nn.formatSummary(loaded.summary())).toContain(shape.join(' x '));
  });

  it('of another shape are refused', async () => {
    const data = signs([2, ...shape.slice(1)]);
    await expect(nn.evaluate(model(), data)).rejects.toThrow(
      `images has images [${[2, ...shape.slice(1)]}], the model takes [${shape}]`,
    );
  });
});
