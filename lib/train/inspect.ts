// A look inside a training step: where each tensor lies in the arena, and what each op costs when it runs.

import type { BackendOptions } from '../backend/backend.ts';
import { selectBackend } from '../backend/select.ts';
import { type Loss, softmaxCrossEntropy } from '../nn/loss.ts';
import { elementCount } from '../ops/op.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { sgd } from '../optim/sgd.ts';
import { integer } from '../options.ts';
import type { PlanTensor } from '../plan/plan.ts';
import { tensorBytes } from '../plan/store-layout.ts';
import { randomBits } from '../random.ts';
import type { Model } from './model.ts';
import { Session } from './session.ts';

export interface InspectOptions extends BackendOptions {
  /** Default 64. */
  readonly batchSize?: number;
  /** Default: SGD with momentum. */
  readonly optimizer?: Optimizer;
  /** Default: softmax cross-entropy. */
  readonly loss?: Loss;
  /** Steps to take the median over. Default 5. */
  readonly steps?: number;
}

export interface ArenaTensor {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  /** The ops between which the memory is this tensor's. */
  readonly firstOp: number;
  readonly lastOp: number;
}

export interface ArenaReport {
  /** Peak memory of activations and gradients together. */
  readonly arenaBytes: number;
  /** What they would take if nothing were reused. */
  readonly withoutReuseBytes: number;
  /** Parameters, running statistics and optimizer slots. */
  readonly storeBytes: number;
  readonly workspaceBytes: number;
  readonly ops: readonly string[];
  readonly tensors: readonly ArenaTensor[];
}

export interface OpProfile {
  readonly op: string;
  readonly layer: string;
  readonly outputShape: readonly number[];
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
}

function trainingPlan(model: Model, options: InspectOptions) {
  const { optimizer = sgd({ learningRate: 0.01, momentum: 0.9 }), loss = softmaxCrossEntropy() } = options;
  const size = integer('inspect', 'batchSize', options.batchSize ?? 64, 1);
  const session = new Session(model, selectBackend(options), { loss, optimizer });
  const images = new Uint8Array(size * elementCount(model.architecture.inputShape)).map((_, i) => randomBits(1, i));
  const classes = model.outputShape[0] ?? 1;
  const batch = { images, labels: new Int32Array(size).map((_, i) => i % classes), size };
  return { session, batch, ...session.compiled('train', batch) };
}

/** The memory plan of one training step. */
export function describeArena(model: Model, options: InspectOptions = {}): ArenaReport {
  const { plan, executable } = trainingPlan(model, options);
  const tensors = plan.tensors.filter((tensor) => tensor.region === 'arena').map(arenaTensor);
  return {
    arenaBytes: plan.arenaBytes,
    withoutReuseBytes: tensors.reduce((sum, tensor) => sum + tensor.bytes, 0),
    storeBytes: plan.storeBytes,
    workspaceBytes: executable.workspaceBytes,
    ops: plan.ops.map(({ op, layer }) => `${layer} ${op.name}`),
    tensors,
  };
}

const arenaTensor = (tensor: PlanTensor): ArenaTensor => {
  const { name, offset, firstOp, lastOp } = tensor;
  return { name, offset, bytes: tensorBytes(tensor), firstOp, lastOp };
};

/** Time, arithmetic and traffic of each op of a training step on random data (median over `steps`). The model's weights are
 * not changed. */
export async function profileStep(model: Model, options: InspectOptions = {}): Promise<OpProfile[]> {
  const { session, batch, plan, executable } = trainingPlan(model, options);
  const runs: Float64Array[] = [];
  const steps = integer('inspect', 'steps', options.steps ?? 5, 1);
  for (let step = 0; step <= steps; step++) {
    await session.train(batch, { seed: 0, step, learningRate: 0 });
    if (step > 0) runs.push(executable.profile()); // The first run touches its memory for the first time.
  }
  return plan.ops.map(({ op, layer, outputs, inputs, cost }, i) => {
    const times = runs.map((run) => run[i] as number).sort((a, b) => a - b);
    const shown = plan.tensors[outputs[0] ?? (inputs[0] as number)];
    const milliseconds = (times[times.length >> 1] as number) / 1e6;
    return { op: op.name, layer, outputShape: shown?.shape ?? [], milliseconds, flops: cost.flops, bytes: cost.bytes };
  });
}
