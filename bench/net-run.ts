// A network ready to be timed: its training step or its prediction on random images, through the session that fit() and
// predict() use.
import type { Backend } from '../lib/backend/backend.ts';
import { OUTPUT } from '../lib/nn/architecture.ts';
import { softmaxCrossEntropy } from '../lib/nn/loss.ts';
import { elementCount } from '../lib/ops/op.ts';
import { sequential } from '../lib/train/build-model.ts';
import { Session } from '../lib/train/session.ts';
import { fillInput, random } from './bench-case.ts';
import { type NetName, nets } from './nets.ts';

/** The loss of a network with one output. */
export const SOLE_LOSS = [{ output: OUTPUT, loss: softmaxCrossEntropy(), weight: 1 }];

export interface NetRun {
  /** Activations and gradients of one run. */
  readonly arenaBytes: number;
  /** Scratch memory of the ops beside the arena. */
  readonly workspaceBytes: number;
  run(): Promise<void>;
}

export const randomImages = (name: NetName, batch: number): Float32Array =>
  fillInput(random(batch, ...nets[name].inputShape), 0) as Float32Array;

export const netModel = (name: NetName) => sequential(nets[name].layers(), { inputShape: nets[name].inputShape });

/** Forward, loss, backward and update, with the copies of a batch in and the loss out; the next batch is copied while a step
 * runs, as fit() does it. */
export function trainingStep(name: NetName, size: number, backend: Backend): NetRun {
  const { optimizer, classes } = nets[name];
  const session = new Session(netModel(name), backend, { losses: SOLE_LOSS, optimizer: optimizer() });
  const labels = Int32Array.from({ length: size }, (_, i) => (i * 7) % classes);
  const batch = { inputs: [randomImages(name, size)], targets: [labels], size };
  const { plan, executable } = session.compiled('train', batch);
  const learningRate = optimizer().learningRate as number;
  let step = 0;
  let next = session.prepare(batch);
  return {
    arenaBytes: plan.arenaBytes,
    workspaceBytes: executable.workspaceBytes,
    async run() {
      const running = next.run({ seed: 1, step: step++, learningRate });
      next = session.prepare(batch);
      const result = await running;
      if (!result) throw new Error(`${name}: the loss is not finite after ${step} steps`);
    },
  };
}

/** The network's outputs for a batch, written to `output`. */
export function prediction(name: NetName, size: number, backend: Backend): NetRun & { readonly output: Float32Array } {
  const model = netModel(name);
  const session = new Session(model, backend, {});
  const images = randomImages(name, size);
  const output = new Float32Array(size * elementCount(model.outputShape));
  const { plan, executable } = session.compiled('predict', { inputs: [images], size });
  return {
    arenaBytes: plan.arenaBytes,
    workspaceBytes: executable.workspaceBytes,
    output,
    run: () => session.predict([images], size, [output]),
  };
}
