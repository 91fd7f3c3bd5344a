// A data set that a small network learns in a few steps, for the tests of training.

import { loadNative } from '../../lib/backend/native-loader.ts';
import * as nn from '../../lib/index.ts';
import { randomBits } from '../../lib/random.ts';

export const backends = [
  { backend: 'typescript' as const, skip: false },
  { backend: 'native' as const, skip: !loadNative().binding },
];

/** Bars: class 0 horizontal, class 1 vertical, on noise. */
export function bars(count: number, seed = 1): nn.Dataset {
  const size = 8;
  const images = Uint8Array.from({ length: count * size * size }, (_, i) => randomBits(seed, i) >>> 26);
  const labels = Int32Array.from({ length: count }, (_, n) => n % 2);
  for (let n = 0; n < count; n++) {
    const at = randomBits(seed + 1, n) % size;
    for (let k = 0; k < size; k++) images[n * size * size + (n % 2 === 0 ? at * size + k : k * size + at)] = 220;
  }
  const statistics = { mean: [50], std: [60] };
  return { name: 'bars', shape: [size, size, 1], count, images, labels, classes: ['row', 'column'], ...statistics };
}

export const network = (seed = 3) =>
  nn.sequential(
    [
      nn.conv2d({ filters: 6, kernelSize: 3, padding: 'same', bias: false }),
      nn.batchNorm2d(),
      nn.relu(),
      nn.residual([nn.conv2d({ filters: 6, kernelSize: 3, padding: 1 }), nn.leakyRelu()]),
      nn.maxPool2d({ size: 2 }),
      nn.flatten(),
      nn.dropout({ rate: 0.1 }),
      nn.linear({ units: 2 }),
    ],
    { inputShape: [8, 8, 1], seed },
  );

export const options = {
  data: bars(100),
  epochs: 2,
  batchSize: 16,
  seed: 5,
  optimizer: nn.sgd({ learningRate: 0.05, momentum: 0.9 }),
};
export const bits = (model: nn.Model) =>
  Object.fromEntries([...model.tensors].map(([name, { data }]) => [name, [...new Int32Array(data.buffer.slice(0))]]));
