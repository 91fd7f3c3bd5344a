// `npm run bench:membrane -- --data DIR`: a small U-Net learns the cell borders of the ISBI 2012 membrane images (slices 0 to
// 23) from random crops and is tested on whole ones (24 to 29). Prints one JSON object.

import { join } from 'node:path';
import * as lw from '../../lib/index.ts';
import { randomBits, streamKey } from '../../lib/random.ts';
import { readFlags, runProgram } from '../command-line.ts';
import { sourceOptions, trainingResult } from './options.ts';
import { readGreyPng } from './png.ts';
import { readTarGz } from './tar.ts';

const NAME = 'bench:membrane';
const SLICES = 30;
const FIRST_TEST = 24;
const SIDE = 512;
const CROP = 128;
const STEPS = 300;
const BATCH = 4;

await runProgram(NAME, async (args) => {
  const { data, seed = 1, threads } = readFlags(NAME, sourceOptions, args);
  const files = await readTarGz(join(data, 'membrane-train.tar.gz'));
  const pixels = (folder: string, slice: number): Uint8Array => {
    const path = `membrane/${folder}/${slice}.png`;
    const image = readGreyPng(files.get(path) ?? new Uint8Array(0), path);
    if (image.height !== SIDE || image.width !== SIDE) throw new Error(`${path} is not ${SIDE} x ${SIDE}`);
    return image.pixels;
  };
  const slices = Array.from({ length: SLICES }, (_, slice) => ({
    image: pixels('image', slice),
    /** 1 is a cell, 0 a membrane. */
    cells: pixels('label', slice).map((value) => (value > 127 ? 1 : 0)),
  }));

  const train = crops(slices.slice(0, FIRST_TEST), STEPS * BATCH, seed);
  const layers = () => lw.models.unet({ width: 0.25, depth: 2, classes: 2 });
  const model = lw.sequential(layers(), { inputShape: [CROP, CROP, 1], seed });
  const optimizer = lw.adamw({ learningRate: lw.oneCycle(0.004), weightDecay: 0.01 });
  const result = await lw.fit(model, { data: train, optimizer, batchSize: BATCH, seed, ...(threads && { threads }) });

  // The same weights on maps of another size.
  const whole = lw.sequential(layers(), { inputShape: [SIDE, SIDE, 1] });
  for (const [name, { data: values }] of model.tensors) whole.tensor(name).set(values);
  whole.weightsChanged();
  const tested = slices.slice(FIRST_TEST);
  const test = lw.datasetFrom({
    images: Buffer.concat(tested.map(({ image }) => image)),
    labels: Int32Array.from(Buffer.concat(tested.map(({ cells }) => cells))),
    labelShape: [SIDE, SIDE],
    shape: [SIDE, SIDE, 1],
    classes: ['membrane', 'cell'],
    mean: train.mean,
    std: train.std,
  });
  const { accuracy, confusion = [] } = await lw.evaluate(whole, test, { batchSize: 1, ...(threads && { threads }) });
  const [[membrane = 0, missed = 0] = [], [holes = 0, cell = 0] = []] = confusion;
  console.log(
    JSON.stringify({
      ...trainingResult('membrane', model, result, seed),
      pixelAccuracy: accuracy,
      iou: { cell: cell / (cell + holes + missed), membrane: membrane / (membrane + holes + missed) },
    }),
  );
});

/** `count` squares from anywhere in `slices`, mirrored and turned at random, with the classes of their pixels. */
function crops(
  slices: readonly { readonly image: Uint8Array; readonly cells: Uint8Array }[],
  count: number,
  seed: number,
): lw.Dataset {
  const images = new Uint8Array(count * CROP * CROP);
  const labels = new Int32Array(images.length);
  for (let i = 0; i < count; i++) {
    const key = streamKey(seed, i);
    const draw = (index: number, below: number) => Math.floor((randomBits(key, index) / 2 ** 32) * below);
    const { image, cells } = slices[draw(0, slices.length)] as (typeof slices)[number];
    const [top, left] = [draw(1, SIDE - CROP + 1), draw(2, SIDE - CROP + 1)];
    const [down, across, turned] = [draw(3, 2), draw(4, 2), draw(5, 2)];
    for (let y = 0; y < CROP; y++) {
      for (let x = 0; x < CROP; x++) {
        const [v, u] = turned ? [x, y] : [y, x];
        const from = (top + (down ? CROP - 1 - v : v)) * SIDE + left + (across ? CROP - 1 - u : u);
        const to = (i * CROP + y) * CROP + x;
        images[to] = image[from] as number;
        labels[to] = cells[from] as number;
      }
    }
  }
  const classes = ['membrane', 'cell'];
  return lw.datasetFrom({
    name: 'membrane',
    images,
    labels,
    labelShape: [CROP, CROP],
    shape: [CROP, CROP, 1],
    classes,
  });
}
