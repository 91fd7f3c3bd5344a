// Whole training steps, one asynchronous call each, and what such a call costs when its ops do nothing worth timing.
import { Graph, type GraphTensor } from '../lib/graph/graph.ts';
import { cnn, lenet5, vgg } from '../lib/models.ts';
import { softmaxCrossEntropy } from '../lib/nn/loss.ts';
import { relu } from '../lib/ops/relu.ts';
import { adam } from '../lib/optim/adam.ts';
import type { Optimizer } from '../lib/optim/optimizer.ts';
import { sgd } from '../lib/optim/sgd.ts';
import { compilePlan } from '../lib/plan/plan.ts';
import { StoreLayout } from '../lib/plan/store-layout.ts';
import { randomBits, streamKey } from '../lib/random.ts';
import type { Model } from '../lib/train/model.ts';
import { Session } from '../lib/train/session.ts';
import type { BenchCase } from './bench-case.ts';

interface StepCaseOptions {
  readonly name: string;
  readonly model: () => Model;
  readonly optimizer: () => Optimizer;
  readonly batch: number;
  readonly threads: number;
  readonly nativeOnly?: boolean;
}

/** Forward, loss, backward and update on random pixels, with the copies of a batch in and the loss out. */
function stepCase({ name, model, optimizer, batch: size, threads, nativeOnly = false }: StepCaseOptions): BenchCase {
  return {
    name: `${name} step n${size}`,
    threads,
    nativeOnly,
    async prepare(backend) {
      const network = model();
      const session = new Session(network, backend, { loss: softmaxCrossEntropy(), optimizer: optimizer() });
      const [h, w, c] = network.architecture.inputShape;
      const key = streamKey(1);
      const images = Uint8Array.from({ length: size * h * w * c }, (_, i) => randomBits(key, i) & 255);
      const batch = { images, labels: Int32Array.from({ length: size }, (_, i) => i % 10), size };
      network.setNormalization(new Array(c).fill(128), new Array(c).fill(64));
      for (const [tensor, { data }] of network.tensors) session.write(tensor, data);
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
          if (!result) throw new Error(`${name}: the loss is not finite`);
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
const lenet = { name: 'lenet5', model: () => lenet5(), optimizer: momentum, batch: 64 };
const small = { name: 'cnn', model: () => cnn(), optimizer: () => adam(), batch: 128, nativeOnly: true };
const large = { name: 'vgg', model: () => vgg(), optimizer: momentum, batch: 64, nativeOnly: true };

export const stepCases: readonly BenchCase[] = [
  overheadCase,
  ...[1, 2].flatMap((threads) => [lenet, small, large].map((options) => stepCase({ ...options, threads }))),
];
