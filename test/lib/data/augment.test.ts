// Augmentation: what each one does to pixels, that it depends on seed, epoch and image alone, and what it refuses.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Augmenter } from '../../../lib/data/augmenter.ts';
import { gatherBatch } from '../../../lib/data/gather-batch.ts';
import * as lw from '../../../lib/index.ts';

const HEIGHT = 3;
const WIDTH = 4;

/** Images whose two channels hold 10 y + x + 1 and that plus 100. */
function numbered(count = 1, mean = [7.4, 8.6]): lw.Dataset {
  const size = HEIGHT * WIDTH * 2;
  const images = Uint8Array.from({ length: count * size }, (_, i) => {
    const pixel = (i % size) >> 1;
    return 10 * Math.floor(pixel / WIDTH) + (pixel % WIDTH) + 1 + 100 * (i & 1);
  });
  return lw.datasetFrom({
    images,
    labels: new Int32Array(count),
    shape: [HEIGHT, WIDTH, 2],
    classes: 2,
    mean,
    std: [1, 1],
  });
}

function shown(augmentations: readonly lw.Augmentation[], key: number, data = numbered()): number[][] {
  const target = new Uint8Array(HEIGHT * WIDTH * 2 + 1).fill(255);
  new Augmenter('test', data, augmentations).write(0, key, target, 1);
  expect(target[0]).toBe(255);
  const pixels = target.subarray(1);
  for (let i = 0; i < pixels.length; i += 2) {
    const [first, second] = pixels.subarray(i, i + 2) as unknown as [number, number];
    if (first !== 0 && first !== 7) expect(second).toBe(first + 100);
    else expect(second).toBe(first === 0 ? 0 : 9);
  }
  return rowsOf(pixels.filter((_, i) => i % 2 === 0));
}

const rowsOf = (values: Uint8Array) =>
  Array.from({ length: HEIGHT }, (_, y) => [...values.subarray(y * WIDTH, (y + 1) * WIDTH)]);

const original = [
  [1, 2, 3, 4],
  [11, 12, 13, 14],
  [21, 22, 23, 24],
];
const keys = Array.from({ length: 400 }, (_, key) => key);
const distinct = (results: readonly number[][][]) => new Set(results.map((rows) => JSON.stringify(rows)));

describe('randomFlip', () => {
  it('mirrors the columns or the rows', () => {
    expect(shown([lw.randomFlip({ probability: 0 })], 1)).toEqual(original);
    expect(shown([lw.randomFlip({ probability: 1 })], 1)).toEqual(original.map((row) => row.toReversed()));
    expect(shown([lw.randomFlip({ probability: 1, direction: 'vertical' })], 1)).toEqual(original.toReversed());
  });

  it('does so with its probability', () => {
    const flipped = (probability: number) =>
      keys.filter((key) => shown([lw.randomFlip({ probability })], key)[0]?.[0] === 4);
    expect(flipped(0.5).length / keys.length).toBeCloseTo(0.5, 1);
    expect(flipped(0.2).length / keys.length).toBeCloseTo(0.2, 1);
  });
});

describe('randomCrop', () => {
  const shift = (rows: readonly number[][], dy: number, dx: number, outside: (y: number, x: number) => number) =>
    rows.map((row, y) => row.map((_, x) => rows[y + dy]?.[x + dx] ?? outside(y + dy, x + dx)));
  const clamp = (at: number, size: number) => Math.min(Math.max(at, 0), size - 1);
  const mirror = (at: number, size: number) => (at < 0 ? -at : at >= size ? 2 * size - 2 - at : at);

  it.each([
    ['zero', () => 0],
    ['mean', () => 7],
    ['replicate', (y: number, x: number) => original[clamp(y, HEIGHT)]?.[clamp(x, WIDTH)] as number],
    ['reflect', (y: number, x: number) => original[mirror(y, HEIGHT)]?.[mirror(x, WIDTH)] as number],
  ] as const)('shifts by every distance up to the padding: %s', (border, outside) => {
    const expected = [-2, -1, 0, 1, 2].flatMap((dy) => [-1, 0, 1].map((dx) => shift(original, dy, dx, outside)));
    const seen = distinct(keys.map((key) => shown([lw.randomCrop({ padding: [2, 1], border })], key)));
    expect([...seen].sort()).toEqual([...distinct(expected)].sort());
  });

  it('adds black by default, and composes with flips in order', () => {
    const seen = distinct(keys.map((key) => shown([lw.randomCrop({ padding: [0, 1] })], key)));
    expect(seen).toEqual(distinct([-1, 0, 1].map((dx) => shift(original, 0, dx, () => 0))));
    for (const key of keys.slice(0, 20)) {
      const turn = lw.randomFlip({ probability: 1 });
      const once = shown([lw.randomCrop({ padding: 1 })], key);
      expect(shown([lw.randomCrop({ padding: 1 }), turn], key)).toEqual(once.map((row) => row.toReversed()));
      expect(shown([lw.randomCrop({ padding: 1 }), turn, turn], key)).toEqual(once);
    }
  });
});

describe('cutout', () => {
  it('hides a square around each pixel, cut off at the edges, behind the mean', () => {
    const expected = original.flatMap((row, cy) =>
      row.map((_, cx) =>
        original.map((values, y) =>
          values.map((value, x) => (y >= cy - 1 && y <= cy && x >= cx - 1 && x <= cx ? 7 : value)),
        ),
      ),
    );
    expect(distinct(keys.map((key) => shown([lw.cutout({ size: 2 })], key)))).toEqual(distinct(expected));
  });
});

describe('gathering augmented batches', () => {
  const augmentations = [lw.randomFlip(), lw.randomCrop({ padding: 2, border: 'reflect' }), lw.cutout({ size: 2 })];
  const data = numbered(40);
  const size = HEIGHT * WIDTH * 2;
  const gather = (order: readonly number[], key: number, source = data) => {
    const images = source.images instanceof Uint8Array ? new Uint8Array(40 * size) : new Float32Array(40 * size);
    const augmentation = { augmenter: new Augmenter('test', source, augmentations), key };
    gatherBatch(source, Uint32Array.from(order), 0, order.length, images, new Int32Array(40), augmentation);
    return order.map((_, i) => [...images.subarray(i * size, (i + 1) * size)].join());
  };

  it('shows an image alike wherever it stands in a batch, and otherwise under another key', () => {
    const order = keys.slice(0, 40);
    const forward = gather(order, 5);
    expect(gather(order.toReversed(), 5).toReversed()).toEqual(forward);
    expect(new Set(forward).size).toBeGreaterThan(30);
    const other = gather(order, 6);
    expect(other.filter((image, i) => image === forward[i]).length).toBeLessThan(8);
  });

  it('shifts sequences like images of one row', () => {
    const sequence = lw.datasetFrom({ images: Uint8Array.of(1, 2, 3), labels: [0], shape: [3, 1], classes: 1 });
    const augmenter = new Augmenter('test', sequence, [lw.randomCrop({ padding: [0, 1] })]);
    const target = new Uint8Array(3);
    const seen = keys.map((key) => {
      augmenter.write(0, key, target, 0);
      return target.join();
    });
    expect([...new Set(seen)].sort()).toEqual(['0,1,2', '1,2,3', '2,3,0']);
    const features = lw.datasetFrom({ images: Uint8Array.of(1, 2, 3), labels: [0], shape: [3], classes: 1 });
    expect(() => new Augmenter('fit', features, [lw.randomFlip()])).toThrow(/fit: augments .* has examples \[3\]/);
  });

  it('gives floats what it gives bytes, with the mean as it is', () => {
    const floats = { ...data, images: Float32Array.from(data.images), mean: [7, 9] };
    const bytes = { ...data, mean: [7, 9] };
    expect(gather([3, 1, 2], 5, floats)).toEqual(gather([3, 1, 2], 5, bytes));
  });
});

describe('fit with augmentation', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanewise-augment-'));
  afterAll(() => rm(folder, { recursive: true }));
  const images = Uint8Array.from({ length: 40 * 64 }, (_, i) => (i * 7919) % 251);
  const labels = Int32Array.from({ length: 40 }, (_, i) => i % 2);
  const data = lw.datasetFrom({ images, labels, shape: [8, 8, 1], classes: 2 });
  const optimizer = lw.sgd({ learningRate: 0.05 });
  const options = { data, optimizer, batchSize: 16, epochs: 2, seed: 4, backend: 'typescript' } as const;
  const augment = [lw.randomFlip(), lw.randomCrop({ padding: 1 })];
  const network = () => lw.sequential([lw.flatten(), lw.linear({ units: 2 })], { inputShape: [8, 8, 1], seed: 1 });
  const trained = async (more: Partial<lw.FitOptions>) => {
    const model = network();
    await lw.fit(model, { ...options, ...more });
    return [...model.tensor('linear_1.weight')];
  };

  it('goes on with the same images after a resume, within an epoch and after one', async () => {
    const whole = await trained({ augment });
    expect(await trained({ augment })).toEqual(whole);
    expect(await trained({})).not.toEqual(whole);
    expect(await trained({ augment: [] })).toEqual(await trained({}));
    for (const step of [2, 3, 5]) {
      const path = join(folder, 'checkpoint');
      const controller = new AbortController();
      const onStep = (event: lw.StepEvent) => event.step === step && controller.abort();
      await trained({ augment, checkpoint: { path }, signal: controller.signal, onStep });
      expect(await trained({ augment, resume: path })).toEqual(whole);
    }
  });

  it('refuses to resume with another augmentation', async () => {
    const path = join(folder, 'other');
    await trained({ augment, epochs: 1, checkpoint: { path } });
    await expect(trained({ resume: path })).rejects.toThrow(
      /augmentation is \[\{"type":"randomFlip".*this run's is \[\];/,
    );
    const wider = [lw.randomFlip(), lw.randomCrop({ padding: 2 })];
    await expect(trained({ augment: wider, resume: path })).rejects.toThrow(/augmentation/);
  });

  it.each<[string, unknown, RegExp]>([
    ['no list', lw.randomFlip(), /fit: augment must be a list/],
    ['a name', ['flip'], /fit: augment must be a list/],
    [
      'a border wider than the image',
      [lw.randomCrop({ padding: 9 })],
      /padding \[9, 9\] must be at most the image, \[8, 8\]/,
    ],
    ['a mirror as wide', [lw.randomCrop({ padding: 8, border: 'reflect' })], /must be smaller than the image/],
    ['a huge square', [lw.cutout({ size: 17 })], /cutout: size 17 is too large for images \[8, 8\]/],
  ])('refuses %s', async (_, wrong, message) => {
    await expect(trained({ augment: wrong as lw.Augmentation[] })).rejects.toThrow(message);
  });
});

describe('wrong options', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the point is to pass what the types forbid
  const wrong = (value: unknown): any => value;
  it.each<[string, () => unknown, RegExp]>([
    [
      'a probability above 1',
      () => lw.randomFlip({ probability: 1.1 }),
      /randomFlip: probability must be a number from 0/,
    ],
    ['a direction', () => lw.randomFlip(wrong({ direction: 'both' })), /randomFlip: direction must be .* not 'both'/],
    ['a stray option', () => lw.randomFlip(wrong({ vertical: true })), /randomFlip: has no option 'vertical'/],
    ['no padding', () => lw.randomCrop(wrong({})), /randomCrop: padding must be a number of pixels or/],
    ['half a pixel', () => lw.randomCrop({ padding: 1.5 }), /randomCrop: padding must be a whole number from 0/],
    ['three sides', () => lw.randomCrop(wrong({ padding: [1, 2, 3] })), /randomCrop: padding must be/],
    ['a border', () => lw.randomCrop(wrong({ padding: 1, border: 'edge' })), /border must be .* not 'edge'/],
    ['an inherited border', () => lw.randomCrop(wrong({ padding: 1, border: 'toString' })), /border must be/],
    ['no size', () => lw.cutout(wrong({})), /cutout: size must be a whole number from 1/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});
