// @ts-check
// Trains two small networks, one LeNet-5 and one of all the other layers, on every instruction set this machine has,
// with 1, 2 and 3 threads and on the TypeScript backend, and prints one digest of every loss and weight. All runs must
// agree bit for bit, and so must machines: continuous integration compares the lines of x64 with those of arm64.
import { createHash } from 'node:crypto';
import { loadNative } from '../dist/backend/native-loader.js';
import {
  adamw,
  avgPool2d,
  batchNorm2d,
  conv2d,
  digits,
  dropout,
  fit,
  flatten,
  globalAvgPool2d,
  leakyRelu,
  linear,
  maxPool2d,
  relu,
  residual,
  sequential,
  sgd,
  sigmoid,
  softmaxCrossEntropy,
  tanh,
} from '../dist/index.js';

const { train } = digits({ trainCount: 85, testCount: 10 });
const batchSize = 16; // five whole batches and one of five images
/** @type {{ inputShape: [number, number, number], seed: number }} */
const options = { inputShape: [28, 28, 1], seed: 7 };

/** @type {Record<string, { model: () => import('../dist/index.js').Model, fit: object }>} */
const networks = {
  'lenet5 sgd': {
    model: () =>
      sequential(
        [
          ...[conv2d({ filters: 6, kernelSize: 5, padding: 2 }), relu(), maxPool2d({ size: 2 })],
          ...[conv2d({ filters: 16, kernelSize: 5 }), relu(), maxPool2d({ size: 2 })],
          ...[flatten(), linear({ units: 120 }), relu(), linear({ units: 84 }), relu(), linear({ units: 10 })],
        ],
        options,
      ),
    fit: { optimizer: sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 1e-4 }) },
  },
  'every layer adamw': {
    model: () =>
      sequential(
        [
          ...[conv2d({ filters: 18, kernelSize: 3, padding: 'same' }), batchNorm2d(), leakyRelu({ slope: 0.1 })],
          avgPool2d({ size: 2 }),
          residual(
            [conv2d({ filters: 36, kernelSize: 3, stride: 2, padding: 1, groups: 18 }), batchNorm2d(), tanh()],
            [conv2d({ filters: 36, kernelSize: 1, stride: 2, bias: false })],
          ),
          ...[conv2d({ filters: 33, kernelSize: 3, dilation: 2 }), sigmoid(), dropout({ rate: 0.25 })],
          ...[globalAvgPool2d(), linear({ units: 10 })],
        ],
        options,
      ),
    fit: { optimizer: adamw({ learningRate: 0.01 }), loss: softmaxCrossEntropy({ labelSmoothing: 0.1 }) },
  },
};

/** @param {string} name @param {'fast' | 'exact'} numerics @param {object} backend */
async function digestOf(name, numerics, backend) {
  const network = networks[name];
  if (!network) throw new Error(name);
  const model = network.model();
  const hash = createHash('sha256');
  /** @type {any} */
  const fitOptions = { ...network.fit, data: train, batchSize, seed: 3, numerics, ...backend };
  await fit(model, {
    ...fitOptions,
    onStep: (/** @type {{ loss: number }} */ { loss }) => hash.update(Float32Array.of(loss)),
  });
  for (const [tensor, { data }] of model.tensors) hash.update(tensor).update(data);
  return hash.digest('hex').slice(0, 24);
}

const { binding, attempts } = loadNative();
if (!binding) {
  console.error(
    `bits-digest: no native addon loads\n${attempts.map(({ path, error }) => `${path}: ${error}`).join('\n')}`,
  );
  process.exit(1);
}
const levels = binding.info().isaLevels;
console.error(`bits-digest: ${process.arch}, ${levels.join(', ')}, threads 1, 2, 3, and typescript`);

let failed = false;
for (const name of Object.keys(networks)) {
  for (const numerics of /** @type {const} */ (['exact', 'fast'])) {
    /** @type {Map<string, string[]>} */
    const seen = new Map();
    const note = (/** @type {string} */ digest, /** @type {string} */ run) =>
      seen.set(digest, [...(seen.get(digest) ?? []), run]);
    // The reference has one order of arithmetic only, the exact one.
    if (numerics === 'exact') note(await digestOf(name, numerics, { backend: 'typescript' }), 'typescript');
    for (const isa of levels) {
      for (const threads of [1, 2, 3]) {
        note(await digestOf(name, numerics, { backend: 'native', isa, threads }), `${isa} ${threads}`);
      }
    }
    failed ||= seen.size > 1;
    for (const [digest, runs] of seen)
      console.log(`${name} ${numerics} ${digest}${seen.size > 1 ? ` (${runs.join(', ')})` : ''}`);
  }
}
if (failed) console.error('bits-digest: runs that must agree bit for bit do not');
process.exitCode = failed ? 1 : 0;
