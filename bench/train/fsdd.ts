// `npm run bench:fsdd -- --data DIR`: a one-dimensional network learns spoken digits from raw waveforms (recordings 5 to 49 of
// each speaker and digit) and is tested on recordings 0 to 4, the official split. Prints one JSON object.

import { join } from 'node:path';
import * as lw from '../../lib/index.ts';
import { readFlags, runProgram } from '../command-line.ts';
import { sourceOptions, trainingResult } from './options.ts';
import { readTarGz } from './tar.ts';
import { readWav } from './wav.ts';

const NAME = 'bench:fsdd';
/** About a second at 8 kHz; longer recordings are cut. */
const LENGTH = 8192;
const FIRST_TRAINING = 5;
const EPOCHS = 20;

interface Recording {
  readonly digit: number;
  readonly index: number;
  readonly samples: Float32Array;
}

await runProgram(NAME, async (args) => {
  const { data, seed = 1, threads } = readFlags(NAME, sourceOptions, args);
  const files = await readTarGz(join(data, 'fsdd-recordings.tar.gz'));
  const recordings = [...files].flatMap(([path, content]): Recording[] => {
    const [, digit, index] = /(\d)_[a-z]+_(\d+)\.wav$/.exec(path) ?? [];
    if (digit === undefined) return [];
    return [{ digit: Number(digit), index: Number(index), samples: readWav(content, path) }];
  });
  const train = waveforms(recordings.filter(({ index }) => index >= FIRST_TRAINING));
  const test = waveforms(
    recordings.filter(({ index }) => index < FIRST_TRAINING),
    train,
  );

  const model = lw.sequential(lw.models.audioCnn(), { inputShape: [LENGTH, 1], seed });
  const optimizer = lw.adamw({ learningRate: lw.oneCycle(0.006), weightDecay: 0.02 });
  const augment = [lw.randomCrop({ padding: [0, 800] })];
  const backend = threads ? { threads } : {};
  const result = await lw.fit(model, {
    data: train,
    augment,
    optimizer,
    epochs: EPOCHS,
    batchSize: 32,
    seed,
    ...backend,
  });
  const { accuracy } = await lw.evaluate(model, test, backend);
  console.log(
    JSON.stringify({
      ...trainingResult('fsdd', model, result, seed),
      recordings: { train: train.count, test: test.count },
      testAccuracy: accuracy,
    }),
  );
});

/** Each recording at the same loudness, then silence. */
function waveforms(recordings: readonly Recording[], like?: lw.Dataset): lw.Dataset {
  const images = new Float32Array(recordings.length * LENGTH);
  for (const [i, { samples }] of recordings.entries()) {
    const heard = samples.subarray(0, LENGTH);
    const loudness = Math.sqrt(heard.reduce((sum, sample) => sum + sample * sample, 0) / heard.length);
    images.set(
      heard.map((sample) => sample / (loudness + 1e-6)),
      i * LENGTH,
    );
  }
  const labels = recordings.map(({ digit }) => digit);
  const statistics = like && { mean: like.mean, std: like.std };
  return lw.datasetFrom({ name: 'fsdd', images, labels, shape: [LENGTH, 1], classes: 10, ...statistics });
}
