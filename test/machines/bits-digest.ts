// Prints digests of what the native kernels compute, one line per op (all conformance cases) and per trained network, for
// comparing machines: the lines of x64 and of emulated arm64 must be the same. On one machine every instruction set and
// number of threads must agree, with --brief (emulators are slow) every instruction set with one number of threads; with
// --reference so must the TypeScript backend.
// Compiled with tsconfig.programs.json, since it runs where the test runner does not.
import { createHash, type Hash } from 'node:crypto';
import {
  adamw,
  avgPool2d,
  batchNorm2d,
  conv2d,
  digits,
  dropout,
  type FitOptions,
  fit,
  flatten,
  globalAvgPool2d,
  type Layer,
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
} from '../../lib/index.ts';
import { opTable } from '../../lib/ops/index.ts';
import type { TypedArray } from '../../lib/ops/op.ts';
import { allCases } from '../ops/cases/index.ts';
import { isaLevels, nativeMissing, prepareNative, runReference } from '../ops/implementations.ts';

const THREADS = [1, 3];
const brief = process.argv.includes('--brief');
/** Every instruction set with every number of threads, or with its turn of them. */
const runs = isaLevels.flatMap((isa, i) =>
  THREADS.filter((_, turn) => !brief || turn === i % THREADS.length).map((threads) => ({ isa, threads })),
);
const withReference = process.argv.includes('--reference');

/** Adds the values: all NaNs count as one, and so do both zeros. */
function update(hash: Hash, data: TypedArray): void {
  const values =
    data instanceof Float32Array ? data.map((value) => (Number.isNaN(value) ? Number.NaN : value + 0)) : data;
  hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Compares the digests of one thing and prints the one they share. */
class Comparison {
  readonly #digests = new Map<string, string[]>();

  add(hash: Hash, run: string): void {
    const digest = hash.digest('hex').slice(0, 24);
    this.#digests.set(digest, [...(this.#digests.get(digest) ?? []), run]);
  }

  get digest(): string | undefined {
    return this.#digests.keys().next().value;
  }

  print(name: string): void {
    const agree = this.#digests.size === 1;
    if (!agree) process.exitCode = 1;
    for (const [digest, runs] of this.#digests)
      console.log(`${name}: ${digest}${agree ? '' : ` (${runs.join(', ')})`}`);
  }
}

async function digestOp(name: string): Promise<void> {
  const cases = allCases.filter(({ op }) => op.name === name);
  const comparison = new Comparison();
  for (const { isa, threads } of runs) {
    const hash = createHash('sha256');
    for (const opCase of cases) {
      const { results } = await prepareNative(opCase, isa, threads)('random');
      for (const { data } of results) update(hash, data);
    }
    comparison.add(hash, `${isa}, ${threads} threads`);
  }
  if (withReference) {
    const hash = createHash('sha256');
    for (const { data } of cases.flatMap((opCase) => runReference(opCase, 'random').results)) update(hash, data);
    comparison.add(hash, 'reference');
  }
  comparison.print(name);
}

interface Training {
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly options: Omit<FitOptions, 'data'>;
  /** What fast numerics change: the order of a sum, on both backends, or the algorithm of some convolutions, in native code. */
  readonly fastDiffers?: 'order' | 'algorithm';
}

const trainings: readonly Training[] = [
  {
    name: 'lenet5, sgd',
    layers: [
      ...[conv2d({ filters: 6, kernelSize: 5, padding: 2 }), relu(), maxPool2d({ size: 2 })],
      ...[conv2d({ filters: 16, kernelSize: 5 }), relu(), maxPool2d({ size: 2 })],
      ...[flatten(), linear({ units: 120 }), relu(), linear({ units: 84 }), relu(), linear({ units: 10 })],
    ],
    options: { optimizer: sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 1e-4 }) },
    fastDiffers: 'order', // relu's gradient before that of pooling
  },
  {
    name: 'other layers, adamw',
    layers: [
      ...[conv2d({ filters: 18, kernelSize: 3, padding: 'same' }), batchNorm2d(), leakyRelu({ slope: 0.1 })],
      avgPool2d({ size: 2 }),
      residual(
        [conv2d({ filters: 36, kernelSize: 3, stride: 2, padding: 1, groups: 18 }), batchNorm2d(), tanh()],
        [conv2d({ filters: 36, kernelSize: 1, stride: 2, bias: false })],
      ),
      ...[conv2d({ filters: 33, kernelSize: 3, dilation: 2 }), sigmoid(), dropout({ rate: 0.25 })],
      ...[globalAvgPool2d(), linear({ units: 10 })],
    ],
    options: { optimizer: adamw({ learningRate: 0.01 }), loss: softmaxCrossEntropy({ labelSmoothing: 0.1 }) },
    fastDiffers: 'algorithm', // the dilated one
  },
  {
    name: 'wide 3x3, sgd',
    layers: [
      ...[conv2d({ filters: 32, kernelSize: 3, stride: 2, padding: 1 }), relu()],
      ...[conv2d({ filters: 40, kernelSize: 3, padding: 'same' }), relu()],
      ...[conv2d({ filters: 33, kernelSize: 3, padding: [0, 2] }), globalAvgPool2d(), linear({ units: 10 })],
    ],
    options: { optimizer: sgd({ learningRate: 0.05 }), epochs: 1 },
    fastDiffers: 'algorithm',
  },
];

async function digestTraining({ name, layers, options, fastDiffers }: Training): Promise<void> {
  // Two whole batches and one of five images.
  const { train } = digits({ trainCount: 21, testCount: 1 });
  const trained = async (backend: Pick<FitOptions, 'backend' | 'isa' | 'threads' | 'numerics'>) => {
    const hash = createHash('sha256');
    const model = sequential(layers, { inputShape: [28, 28, 1], seed: 7 });
    const onStep: FitOptions['onStep'] = ({ loss }) => update(hash, Float32Array.of(loss));
    await fit(model, { epochs: 2, ...options, ...backend, data: train, batchSize: 8, seed: 3, onStep });
    for (const { data } of model.tensors.values()) update(hash, data);
    return hash;
  };
  const digests = new Set<string | undefined>();
  for (const numerics of ['exact', 'fast'] as const) {
    const comparison = new Comparison();
    for (const { isa, threads } of runs) {
      comparison.add(await trained({ backend: 'native', isa, threads, numerics }), `${isa}, ${threads} threads`);
    }
    // The reference knows no other algorithms.
    if (withReference && (numerics === 'exact' || fastDiffers !== 'algorithm'))
      comparison.add(await trained({ backend: 'typescript', numerics }), 'reference');
    comparison.print(`${name}, ${numerics}`);
    digests.add(comparison.digest);
  }
  if (digests.size !== (fastDiffers === undefined ? 1 : 2))
    throw new Error(`${name}: which algorithms fast numerics take has changed`);
}

if (nativeMissing) throw new Error(nativeMissing);
const started = performance.now();
for (const op of opTable) if (!op.view) await digestOp(op.name);
for (const training of trainings) await digestTraining(training);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.error(`${process.arch}, Node ${process.version}: ${isaLevels.join(', ')} in ${seconds} s`);
