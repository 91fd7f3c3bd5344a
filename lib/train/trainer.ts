// The training loop: shuffles, feeds the session one batch a step, reports, evaluates, writes checkpoints. All state that
// a resumed run needs is in `TrainingState`, so that resuming is the same code as going on.

import { selectBackend } from '../backend/select.ts';
import { Augmenter } from '../data/augmenter.ts';
import type { Dataset } from '../data/dataset.ts';
import { gatherBatch } from '../data/gather-batch.ts';
import { LanewiseError } from '../errors.ts';
import { softmaxCrossEntropy } from '../nn/loss.ts';
import { learningRateAt } from '../optim/optimizer.ts';
import { integer, onlyKnown } from '../options.ts';
import type { Numerics } from '../plan/plan.ts';
import { permutation, streamKey } from '../random.ts';
import { checkDataset } from './batch.ts';
import { divergedError } from './diverged.ts';
import { type Evaluation, evaluateIn } from './evaluate.ts';
import type { EpochEvent, FitOptions, TrainingEvent, TrainingResult } from './fit.ts';
import { type Model, seedOf } from './model.ts';
import { INPUT_SCALE, INPUT_SHIFT } from './network.ts';
import { newTrainingState, resumeFrom, saveCheckpoint, type TrainingState } from './resume.ts';
import { type Batch, Session } from './session.ts';

const STREAM_SHUFFLE = 0x5f1e;
const STREAM_AUGMENT = 0xa063;

const OPTIONS = [
  'data',
  'validation',
  'augment',
  'loss',
  'optimizer',
  'epochs',
  'batchSize',
  'seed',
  'numerics',
  'signal',
  'onStep',
];
const MORE_OPTIONS = ['onEpoch', 'checkpoint', 'resume', 'backend', 'threads', 'isa'];

/** Options with their defaults, checked. */
export interface TrainingSetup extends FitOptions {
  readonly loss: NonNullable<FitOptions['loss']>;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly numerics: Numerics;
  readonly augment: NonNullable<FitOptions['augment']>;
  /** Absent when nothing is augmented. */
  readonly augmenter: Augmenter | undefined;
  readonly classes: number;
  readonly totalSteps: number;
}

function checkedSetup(model: Model, options: FitOptions): TrainingSetup {
  onlyKnown('fit', options, [...OPTIONS, ...MORE_OPTIONS]);
  const { data, validation, optimizer, numerics = 'fast', checkpoint, loss = softmaxCrossEntropy() } = options;
  const { inputShape, layers } = model.architecture;
  const classes = model.outputShape[0] ?? 0;
  if (typeof optimizer?.emitStep !== 'function')
    throw new LanewiseError('option', 'fit: needs an optimizer, such as adam()');
  if (numerics !== 'fast' && numerics !== 'exact') {
    throw new LanewiseError('option', `fit: numerics must be 'fast' or 'exact', not ${JSON.stringify(numerics)}`);
  }
  if (layers.at(-1)?.type === 'softmax' && loss.type === 'softmaxCrossEntropy') {
    throw new LanewiseError('option', 'fit: softmaxCrossEntropy takes logits; remove the softmax() layer at the end');
  }
  checkDataset('fit', data, inputShape, classes);
  if (validation) checkDataset('fit', validation, inputShape, classes);
  const augment = options.augment ?? [];
  const augmenter = Array.isArray(augment) && augment.length === 0 ? undefined : new Augmenter('fit', data, augment);
  const epochs = integer('fit', 'epochs', options.epochs ?? 1, 1);
  const batchSize = Math.min(integer('fit', 'batchSize', options.batchSize ?? 64, 1), data.count);
  if (checkpoint?.everySteps !== undefined) integer('fit', 'checkpoint.everySteps', checkpoint.everySteps, 1);
  const totalSteps = epochs * Math.ceil(data.count / batchSize);
  return {
    ...options,
    loss,
    epochs,
    batchSize,
    numerics,
    seed: seedOf('fit', options.seed),
    augment,
    augmenter,
    classes,
    totalSteps,
  };
}

/** Runs the training that `options` describes, yielding an event after each step and each epoch. */
export async function* trainingEvents(
  model: Model,
  options: FitOptions,
): AsyncGenerator<TrainingEvent, TrainingResult> {
  const setup = checkedSetup(model, options);
  normalizeLike(model, setup.data);
  const session = new Session(model, selectBackend(options), { ...setup });
  const state = setup.resume ? await resumeFrom(setup.resume, model, session, setup) : newTrainingState();
  try {
    return yield* runEpochs(model, setup, session, state);
  } finally {
    session.download();
  }
}

/** A model that has never been trained takes its input normalisation from the data. */
function normalizeLike(model: Model, data: Dataset): void {
  const fresh = model.tensor(INPUT_SCALE).every((s) => s === 1) && model.tensor(INPUT_SHIFT).every((s) => s === 0);
  if (fresh) model.setNormalization(data.mean, data.std);
}

async function* runEpochs(
  model: Model,
  setup: TrainingSetup,
  session: Session,
  state: TrainingState,
): AsyncGenerator<TrainingEvent, TrainingResult> {
  const { data, validation, epochs, batchSize, seed, signal, checkpoint, classes, totalSteps, optimizer } = setup;
  const { augmenter } = setup;
  const imageSize = data.images.length / data.count;
  const images =
    data.images instanceof Uint8Array ? new Uint8Array(batchSize * imageSize) : new Float32Array(batchSize * imageSize);
  const labels = new Int32Array(batchSize);
  const totals = { images: 0, seconds: 0 };
  let evaluation: Evaluation | undefined;
  let savedAt = -1;
  const save = async () => {
    if (!checkpoint || savedAt === state.step) return;
    await saveCheckpoint(checkpoint.path, model, session, setup, state);
    savedAt = state.step;
  };

  while (state.epoch < epochs && !signal?.aborted) {
    const order = permutation(streamKey(seed, STREAM_SHUFFLE, state.epoch), data.count);
    const augmentation = augmenter && { augmenter, key: streamKey(seed, STREAM_AUGMENT, state.epoch) };
    const clock = { images: 0, seconds: 0 };
    while (state.position < data.count && !signal?.aborted) {
      const start = performance.now();
      const size = Math.min(batchSize, data.count - state.position);
      gatherBatch(data, order, state.position, size, images, labels, augmentation);
      const batch: Batch = { images: images.subarray(0, size * imageSize), labels: labels.subarray(0, size), size };
      const learningRate = learningRateAt(optimizer, { step: state.step, epoch: state.epoch, totalSteps });
      const context = { seed, step: state.step, learningRate };
      const result = await session.train(batch, context);
      if (!result) throw await divergedError(model, session, batch, context);
      state.step++;
      state.position += size;
      state.lossSum += result.loss * size;
      state.correct += result.correct;
      clock.images += size;
      clock.seconds += (performance.now() - start) / 1000;
      yield {
        type: 'step',
        step: state.step,
        totalSteps,
        epoch: state.epoch + 1,
        epochs,
        loss: result.loss,
        accuracy: result.correct / size,
        learningRate,
        batchSize: size,
        imagesPerSecond: clock.images / clock.seconds,
      };
      const due = checkpoint?.everySteps && state.step % checkpoint.everySteps === 0;
      if (due && state.position < data.count) await save(); // The end of an epoch saves anyway.
    }
    totals.images += clock.images;
    totals.seconds += clock.seconds;
    if (state.position < data.count) break;

    const event = finishEpoch(state, data.count);
    await save(); // Before the evaluation, which may take long: nothing that is trained may be lost.
    const evaluated = validation && (await evaluateIn(session, validation, classes, batchSize, signal));
    if (evaluated) evaluation = evaluated;
    const speed = { imagesPerSecond: clock.images / clock.seconds, seconds: clock.seconds };
    yield { ...event, epochs, ...speed, ...(evaluated && { validation: evaluated }) } satisfies EpochEvent;
  }

  const stopped = state.epoch < epochs ? 'aborted' : 'completed';
  if (stopped === 'aborted') await save();
  else if (validation) evaluation ??= await evaluateIn(session, validation, classes, batchSize, signal);
  const { backend } = session;
  return {
    stopped,
    steps: state.step,
    epochs: state.epoch,
    trainLoss: state.position > 0 ? state.lossSum / state.position : state.lastLoss,
    trainAccuracy: state.position > 0 ? state.correct / state.position : state.lastAccuracy,
    ...(evaluation && { validation: evaluation }),
    imagesPerSecond: totals.seconds > 0 ? totals.images / totals.seconds : 0,
    seconds: totals.seconds,
    backend: backend.name,
    isa: backend.isa,
    threads: backend.threads,
    ...(checkpoint && { checkpoint: checkpoint.path }),
  };
}

/** Closes the epoch in `state` and reports it. */
function finishEpoch(state: TrainingState, count: number) {
  state.lastLoss = state.lossSum / count;
  state.lastAccuracy = state.correct / count;
  state.epoch++;
  state.position = 0;
  state.lossSum = 0;
  state.correct = 0;
  const { epoch, step, lastLoss, lastAccuracy } = state;
  return { type: 'epoch' as const, epoch, step, trainLoss: lastLoss, trainAccuracy: lastAccuracy };
}
