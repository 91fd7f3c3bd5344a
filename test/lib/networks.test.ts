// The examples of docs/networks.md run, and stand there as they run.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { datasetFrom } from '../../lib/index.ts';
import { network, train, tune } from './networks-example.ts';

const read = (path: string) => readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
const waves = (count: number, size: number) => Float32Array.from({ length: count * size }, (_, i) => Math.sin(i * 0.7));

it('docs/networks.md has the code that runs here', async () => {
  const blocks = [...(await read('../../docs/networks.md')).matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  const example = (await read('networks-example.ts')).replace("'../../lib/index.ts'", "'lanewise'");
  expect(blocks.join('\n')).toBe(example.slice(example.indexOf('import')));
});

it('a network of two inputs and outputs is trained, saved, and tuned with a new head', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanewise-networks-'));
  try {
    const pictures = {
      images: waves(24, 768),
      shape: [16, 16, 3],
      labels: Array.from({ length: 24 }, (_, i) => i % 3),
    };
    const both = datasetFrom({
      ...{ ...pictures, classes: 3 },
      inputs: { facts: { images: waves(24, 5), shape: [5] } },
      targets: { broken: { labels: Array.from({ length: 24 }, (_, i) => i % 2), classes: ['whole', 'broken'] } },
    });
    const trained = network();
    await train(trained, both);
    const path = join(folder, 'backbone.safetensors');
    await trained.save(path);
    const alone = datasetFrom({ ...pictures, labels: Array.from({ length: 24 }, (_, i) => i % 2), classes: 2 });
    const tuned = await tune(path, alone);
    for (const [name, { data, role }] of tuned.tensors)
      if (role !== 'constant' && !name.startsWith('head')) expect(data, name).toEqual(trained.tensor(name));
    expect(tuned.tensor('picture.scale')).toEqual(trained.tensor('picture.scale'));
    expect(await tuned.predict(alone.images)).toHaveLength(48);
  } finally {
    await rm(folder, { recursive: true });
  }
});
