// The memory plan of a training step: where each tensor lies in the arena. profile.ts shows the time.

import type { BackendOptions } from '../backend/backend.ts';
import { selectBackend } from '../backend/select.ts';
import { elementCount } from '../ops/op.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { sgd } from '../optim/sgd.ts';
import { integer } from '../options.ts';
import type { Numerics, PlanTensor } from '../plan/plan.ts';
import { tensorBytes } from '../plan/store-layout.ts';
import { randomBits } from '../random.ts';
import type { Model } from './model.ts';
import { opsOf } from './network.ts';
import { type Objective, outputLosses } from './objective.ts';
import { type Batch, Session } from './session.ts';

export interface InspectOptions extends BackendOptions {
  /** Default 64. */
  readonly batchSize?: number;
  /** Default: SGD with momentum. */
  readonly optimizer?: Optimizer;
  /** Default: softmax cross-entropy. */
  readonly loss?: Objective;
  /** Default 'fast'. */
  readonly numerics?: Numerics;
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

/** What a step needs besides weights: a session, and random images with labels. */
export function stepOf(model: Model, options: InspectOptions): { session: Session; batch: Batch } {
  const { optimizer = sgd({ learningRate: 0.01, momentum: 0.9 }), numerics } = options;
  const { architecture, outputShapes } = model;
  const losses = outputLosses('inspect', architecture, options.loss);
  const size = integer('inspect', 'batchSize', options.batchSize ?? 64, 1);
  const session = new Session(model, selectBackend(options, opsOf(model, losses, { optimizer })), {
    losses,
    optimizer,
    numerics,
  });
  const inputs = architecture.inputs.map(({ shape }) =>
    new Uint8Array(size * elementCount(shape)).map((_, i) => randomBits(1, i)),
  );
  const targets = losses.map(({ output, loss }) => {
    const shape = outputShapes.get(output) ?? [];
    const { shape: wanted, dtype } = loss.targets({ shape: [size, ...shape], dtype: 'f32' });
    const count = elementCount(wanted);
    if (dtype === 'f32') return new Float32Array(count).map((_, i) => i % 2);
    return new Int32Array(count).map((_, i) => i % (shape.at(-1) ?? 1));
  });
  return { session, batch: { inputs, targets, size } };
}

/** The memory plan of one training step. */
export function describeArena(model: Model, options: InspectOptions = {}): ArenaReport {
  const { session, batch } = stepOf(model, options);
  const { plan, executable } = session.compiled('train', batch);
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
