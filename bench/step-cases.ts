// Whole training steps, one asynchronous call each, and what such a call costs when its ops do nothing worth timing.
import { Graph, type GraphTensor } from '../lib/graph/graph.ts';
import { type RecipeName, recipes } from '../lib/models/index.ts';
import { relu } from '../lib/ops/relu.ts';
import { adam } from '../lib/optim/adam.ts';
import type { Optimizer } from '../lib/optim/optimizer.ts';
import { sgd } from '../lib/optim/sgd.ts';
import { compilePlan } from '../lib/plan/plan.ts';
import { StoreLayout } from '../lib/plan/store-layout.ts';
import { randomBits, streamKey } from '../lib/random.ts';
import { sequential } from '../lib/train/build-model.ts';
import { Session } from '../lib/train/session.ts';
import type { BenchCase } from './bench-case.ts';
import { SOLE_LOSS } from './net-run.ts';

interface StepCaseOptions {
  readonly model: RecipeName;
  readonly optimizer: () => Optimizer;
  readonly batch: number;
  readonly threads: number;
  readonly nativeOnly?: boolean;
}

/** Forward, loss, backward and update on random pixels, with the copies of a batch in and the loss out. */
function stepCase({ model, optimizer, batch: size, threads, nativeOnly = false }: StepCaseOptions): BenchCase {
  return {
    name: `${model} step n${size}`,
    threads,
    nativeOnly,
    async prepare(backend) {
      const { inputShape, layers } = recipes[model];
      const network = sequential(layers(10), { inputShape });
      network.setNormalization(new Array(inputShape[2]).fill(128), new Array(inputShape[2]).fill(64));
      const session = new Session(network, backend, { losses: SOLE_LOSS, optimizer: optimizer() });
      const [h, w, c] = inputShape;
      const key = streamKey(1);
      const images = Uint8Array.from({ length: size * h * w * c }, (_, i) => randomBits(key, i) & 255);
      const batch = { inputs: [images], targets: [Int32Array.from({ length: size }, (_, i) => i % 10)], size };
      const { plan } = session.compiled('train', batch);
      const work = plan.ops.reduce(
        (sum, { cost }) => ({ flops: sum.flops + cost.flops, bytes: sum.bytes + cost.bytes }),
        { flops: 0, bytes: 0 },
      );
      let step = 0;
      return {
        work,
        async run() {
          // A tiny rate: the same weights in effect, however often the step is repeated.
          const result = await session.train(batch, { seed: 1, step: step++, learningRate: 1e-7 });
          if (!result) throw new Error(`${model}: the loss is not finite`);
        },
      };
    },
  };
}

/** As many ops as a LeNet step has, each over 16 floats: the time is the call's, its round trip included. */
const overheadCase: BenchCase = {
  name: 'overhead 30 trivial ops',
  threads: 2,
  async prepare(backend) {
    const graph = new Graph();
    const x = graph.tensor('input', 'x', { shape: [16], dtype: 'f32' });
    let y = x;
    for (let i = 0; i < 30; i++) [y] = graph.emit(relu, [y], {}) as [GraphTensor];
    const layout = new StoreLayout();
    const plan = compilePlan(graph, { outputs: { y }, layout });
    const executable = backend.compile(plan, backend.createStore(layout.bytes));
    return { work: { flops: 0, bytes: 0 }, run: () => executable.run() };
  },
};

const momentum = () => sgd({ learningRate: 0.01, momentum: 0.9 });
const lenet: Omit<StepCaseOptions, 'threads'> = { model: 'lenet5', optimizer: momentum, batch: 64 };
const small: Omit<StepCaseOptions, 'threads'> = { model: 'cnn', optimizer: () => adam(), batch: 128, nativeOnly: true };
const large: Omit<StepCaseOptions, 'threads'> = { model: 'vgg', optimizer: momentum, batch: 64, nativeOnly: true };

export const stepCases: readonly BenchCase[] = [
  overheadCase,
  ...[1, 2].flatMap((threads) => [lenet, small, large].map((options) => stepCase({ ...options, threads }))),
];
