// Training state to and from checkpoints. A run resumed from a checkpoint equals the uninterrupted one bit for bit, because
// everything that influences a step is either here or derived from the seed and the step number.

import { LanewiseError } from '../errors.ts';
import { readCheckpoint, writeCheckpoint } from '../io/checkpoint.ts';
import { elementCount } from '../ops/op.ts';
import type { Numerics } from '../plan/plan.ts';
import type { Model } from './model.ts';
import type { Session } from './session.ts';
import type { TrainingSetup } from './trainer.ts';

export interface TrainingState {
  /** Steps done. */
  step: number;
  /** Whole epochs done. */
  epoch: number;
  /** Images used of the current epoch. */
  position: number;
  /** Sums over the current epoch so far. */
  lossSum: number;
  correct: number;
  labels: number;
  /** Means of the last whole epoch; no accuracy where the loss has none. */
  lastLoss: number;
  lastAccuracy: number | undefined;
  /** Mean loss of each whole epoch. */
  epochLosses: number[];
}

/** The part of the state that the checkpoint format does not know by name. */
interface History
  extends Pick<TrainingState, 'lossSum' | 'correct' | 'labels' | 'lastLoss' | 'lastAccuracy' | 'epochLosses'> {
  readonly imageCount: number;
  readonly numerics: Numerics;
  readonly augmentation: string;
}

export const newTrainingState = (): TrainingState => ({
  step: 0,
  epoch: 0,
  position: 0,
  lossSum: 0,
  correct: 0,
  labels: 0,
  lastLoss: 0,
  lastAccuracy: undefined,
  epochLosses: [],
});

/** Writes everything `resumeFrom` needs, atomically. */
export async function saveCheckpoint(
  path: string,
  model: Model,
  session: Session,
  setup: TrainingSetup,
  state: TrainingState,
): Promise<void> {
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, { shape }] of session.persistent) {
    const data = new Float32Array(elementCount(shape));
    session.read(name, data);
    tensors.set(name, { shape, data });
  }
  const { lossSum, correct, labels, lastLoss, lastAccuracy, epochLosses, step, epoch, position } = state;
  const { data, seed, batchSize, numerics } = setup;
  const run = { imageCount: data.count, numerics, augmentation: augmentationJson(setup) };
  const history: History = { lossSum, correct, labels, lastLoss, lastAccuracy, epochLosses, ...run };
  await writeCheckpoint(path, {
    architecture: model.architectureJson(),
    optimizer: optimizerJson(setup),
    tensors,
    seed,
    step,
    epoch,
    position,
    batchSize,
    history: JSON.stringify(history),
  });
}

/** Puts weights and optimizer slots of the checkpoint into `model` and `session` and returns where training stood. */
export async function resumeFrom(
  path: string,
  model: Model,
  session: Session,
  setup: TrainingSetup,
): Promise<TrainingState> {
  const checkpoint = await readCheckpoint(path);
  const history = JSON.parse(checkpoint.history) as History;
  same(path, 'network', checkpoint.architecture, model.architectureJson());
  same(path, 'seed', checkpoint.seed, setup.seed);
  same(path, 'batch size', checkpoint.batchSize, setup.batchSize);
  same(path, 'number of training images', history.imageCount, setup.data.count);
  same(path, 'numerics', history.numerics, setup.numerics);
  same(path, 'augmentation', history.augmentation, augmentationJson(setup));
  const stored = JSON.parse(checkpoint.optimizer) as { type: string; accumulate?: number; averageDecay?: number };
  same(path, 'optimizer', stored.type, setup.optimizer.type);
  same(path, 'accumulate', stored.accumulate ?? 1, setup.accumulate);
  same(path, 'averageDecay', stored.averageDecay ?? 0, setup.averageDecay ?? 0);

  const weights = new Map([...checkpoint.tensors].filter(([name]) => model.tensors.has(name)));
  model.assign(weights, path);
  for (const [name, { shape }] of session.persistent) {
    const tensor = checkpoint.tensors.get(name);
    if (tensor?.shape.join() !== shape.join()) {
      throw new LanewiseError('file', `${path}: tensor ${name} [${shape}] is missing or has another shape`);
    }
    session.write(name, tensor.data as Float32Array);
  }
  const { step, epoch, position } = checkpoint;
  const { lossSum, correct, labels, lastLoss, lastAccuracy, epochLosses } = history;
  if (
    ![lossSum, correct, labels, lastLoss, lastAccuracy ?? 0, ...(epochLosses ?? [NaN])].every(Number.isFinite) ||
    position >= setup.data.count
  ) {
    throw new LanewiseError('file', `${path}: its training history cannot be used; resume from another checkpoint`);
  }
  return { step, epoch, position, lossSum, correct, labels, lastLoss, lastAccuracy, epochLosses };
}

function optimizerJson({ optimizer, losses, clip, accumulate, averageDecay }: TrainingSetup): string {
  const described = losses.map(({ output, loss, weight }) => ({ output, weight, type: loss.type, ...loss.config }));
  const update = { clip, ...(accumulate > 1 && { accumulate }), averageDecay };
  return JSON.stringify({ type: optimizer.type, ...optimizer.config, ...update, losses: described });
}

const augmentationJson = ({ augment }: TrainingSetup): string =>
  JSON.stringify(augment.map(({ type, config }) => ({ type, ...config })));

function same(path: string, what: string, then: string | number, now: string | number): void {
  if (then === now) return;
  throw new LanewiseError(
    'file',
    `${path}: the checkpoint's ${what} is ${then}, this run's is ${now}; they must be equal to resume`,
  );
}
