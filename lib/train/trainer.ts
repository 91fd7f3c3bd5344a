// The training loop: shuffles, feeds the session one batch a step, reports, evaluates, writes checkpoints. All state that
// a resumed run needs is in `TrainingState`, so that resuming is the same code as going on.

import { selectBackend } from '../backend/select.ts';
import { Augmenter } from '../data/augmenter.ts';
import { LanewiseError } from '../errors.ts';
import { learningRateAt } from '../optim/optimizer.ts';
import { integer, onlyKnown, real } from '../options.ts';
import type { Numerics } from '../plan/plan.ts';
import { permutation, streamKey } from '../random.ts';
import { seedOf } from './build-model.ts';
import { divergedError } from './diverged.ts';
import { type Evaluation, evaluateIn } from './evaluate.ts';
import { Feed } from './feed.ts';
import type { EpochEvent, FitOptions, TrainingEvent, TrainingResult } from './fit.ts';
import type { Model } from './model.ts';
import { opsOf } from './network.ts';
import { type OutputLoss, outputLosses } from './objective.ts';
import { newTrainingState, resumeFrom, saveCheckpoint, type TrainingState } from './resume.ts';
import { type BatchResult, type Hits, type OutputResult, Session } from './session.ts';

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
const MORE_OPTIONS = [
  'clip',
  'accumulate',
  'averageDecay',
  'onEpoch',
  'checkpoint',
  'resume',
  'backend',
  'threads',
  'isa',
];

/** Options with their defaults, checked. */
export interface TrainingSetup extends FitOptions {
  readonly losses: readonly OutputLoss[];
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly numerics: Numerics;
  readonly augment: NonNullable<FitOptions['augment']>;
  /** Absent when nothing is augmented. */
  readonly augmenter: Augmenter | undefined;
  readonly feed: Feed;
  readonly validationFeed: Feed | undefined;
  readonly accumulate: number;
  readonly totalSteps: number;
}

function checkedSetup(model: Model, options: FitOptions): TrainingSetup {
  onlyKnown('fit', options, [...OPTIONS, ...MORE_OPTIONS]);
  const { data, validation, optimizer, numerics = 'fast', checkpoint } = options;
  if (typeof optimizer?.emitStep !== 'function')
    throw new LanewiseError('option', 'fit: needs an optimizer, such as adam()');
  if (numerics !== 'fast' && numerics !== 'exact') {
    throw new LanewiseError('option', `fit: numerics must be 'fast' or 'exact', not ${JSON.stringify(numerics)}`);
  }
  const losses = outputLosses('fit', model.architecture, options.loss);
  const feed = new Feed('fit', data, model, losses);
  const validationFeed = validation && new Feed('fit', validation, model, losses);
  const augment = options.augment ?? [];
  const augmenter = Array.isArray(augment) && augment.length === 0 ? undefined : new Augmenter('fit', data, augment);
  if (augmenter && (feed.targets[0]?.labelShape ?? []).length > 1) {
    throw new LanewiseError('option', 'fit: augment changes images alone, labels of pixels would no longer fit them');
  }
  const epochs = integer('fit', 'epochs', options.epochs ?? 1, 1);
  const batchSize = Math.min(integer('fit', 'batchSize', options.batchSize ?? 64, 1), data.count);
  if (checkpoint?.everySteps !== undefined) integer('fit', 'checkpoint.everySteps', checkpoint.everySteps, 1);
  const accumulate = integer('fit', 'accumulate', options.accumulate ?? 1, 1);
  const { clip, averageDecay } = options;
  if (clip !== undefined) {
    onlyKnown('fit: clip', clip, ['norm', 'value']);
    for (const [name, limit] of Object.entries(clip)) real('fit', `clip.${name}`, limit, 1e-30, 1e30);
  }
  if (averageDecay !== undefined) real('fit', 'averageDecay', averageDecay, 0, 0.9999999);
  const totalSteps = epochs * Math.ceil(Math.ceil(data.count / batchSize) / accumulate);
  return {
    ...options,
    accumulate,
    losses,
    epochs,
    batchSize,
    numerics,
    seed: seedOf('fit', options.seed),
    augment,
    augmenter,
    feed,
    validationFeed,
    totalSteps,
  };
}

/** Runs the training that `options` describes, yielding an event after each step and each epoch. */
export async function* trainingEvents(
  model: Model,
  options: FitOptions,
): AsyncGenerator<TrainingEvent, TrainingResult> {
  const setup = checkedSetup(model, options);
  normalizeLike(model, setup.feed);
  const session = new Session(model, selectBackend(options, opsOf(model, setup.losses, setup)), setup);
  const state = setup.resume ? await resumeFrom(setup.resume, model, session, setup) : newTrainingState();
  try {
    return yield* runEpochs(model, setup, session, state);
  } finally {
    session.download();
  }
}

/** Inputs that have never been trained on take their normalisation from the data. */
function normalizeLike(model: Model, feed: Feed): void {
  for (const [i, { name }] of model.architecture.inputs.entries()) {
    const [scale, shift] = [model.tensor(`${name}.scale`), model.tensor(`${name}.shift`)];
    const data = feed.inputs[i];
    if (data && scale.every((s) => s === 1) && shift.every((s) => s === 0))
      model.setNormalization(data.mean, data.std, name);
  }
}

async function* runEpochs(
  model: Model,
  setup: TrainingSetup,
  session: Session,
  state: TrainingState,
): AsyncGenerator<TrainingEvent, TrainingResult> {
  const {
    feed,
    validationFeed,
    epochs,
    batchSize,
    seed,
    signal,
    checkpoint,
    totalSteps,
    optimizer,
    augmenter,
    accumulate,
  } = setup;
  const { count } = feed;
  const totals = { images: 0, seconds: 0 };
  let evaluation: Evaluation | undefined;
  let savedAt = -1;
  const save = async () => {
    if (!checkpoint || savedAt === state.position + state.epoch * count) return;
    await saveCheckpoint(checkpoint.path, model, session, setup, state);
    savedAt = state.position + state.epoch * count;
  };

  while (state.epoch < epochs && !signal?.aborted) {
    const order = permutation(streamKey(seed, STREAM_SHUFFLE, state.epoch), count);
    const augmentation = augmenter && { augmenter, key: streamKey(seed, STREAM_AUGMENT, state.epoch) };
    const gather = (position: number) =>
      feed.gather(order, position, Math.min(batchSize, count - position), augmentation);
    /** The batch at `position`, ready to run. */
    const prepare = (position: number) => {
      const batch = gather(position);
      // Batches before the last of an epoch are whole, so the position says how many of this step there were.
      const accumulated = Math.round(position / batchSize) % accumulate;
      const end = position + batch.size;
      const completes = accumulated + 1 === accumulate || end === count;
      return { ...session.prepare(batch, completes), size: batch.size, end, accumulated, completes };
    };
    const clock = { images: 0, seconds: 0 };
    let start = performance.now();
    let next = prepare(state.position);
    while (state.position < count && !signal?.aborted) {
      const { run, size, end, accumulated, completes } = next;
      const learningRate = learningRateAt(optimizer, { ...state, totalSteps, epochs });
      const context = { seed, step: state.step, learningRate, accumulated };
      const running = run(context);
      let result: BatchResult | undefined;
      try {
        // Put together while this one runs.
        if (end < count) next = prepare(end);
      } finally {
        result = await running;
      }
      if (!result) throw await divergedError(model, session, gather(state.position), context);
      if (completes) state.step++;
      state.position = end;
      state.lossSum += result.loss * size;
      const hits = result.outputs[0]?.hits;
      state.correct += hits?.correct ?? 0;
      state.labels += hits?.of ?? 0;
      clock.images += size;
      clock.seconds += (performance.now() - start) / 1000;
      yield {
        type: 'step',
        step: state.step,
        totalSteps,
        epoch: state.epoch + 1,
        epochs,
        loss: result.loss,
        ...accuracyOf(hits),
        ...perOutput(setup.losses, result.outputs),
        learningRate,
        batchSize: size,
        imagesPerSecond: clock.images / clock.seconds,
      };
      const due = completes && checkpoint?.everySteps && state.step % checkpoint.everySteps === 0;
      if (due && state.position < count) await save(); // The end of an epoch saves anyway.
      start = performance.now();
    }
    totals.images += clock.images;
    totals.seconds += clock.seconds;
    if (state.position < count) break;

    const event = finishEpoch(state, count);
    await save(); // Before the evaluation, which may take long: nothing that is trained may be lost.
    const evaluated = validationFeed && (await evaluateIn(session, validationFeed, batchSize, signal));
    if (evaluated) evaluation = evaluated;
    const speed = { imagesPerSecond: clock.images / clock.seconds, seconds: clock.seconds };
    yield { ...event, epochs, ...speed, ...(evaluated && { validation: evaluated }) } satisfies EpochEvent;
  }

  const stopped = state.epoch < epochs ? 'aborted' : 'completed';
  if (stopped === 'aborted') await save();
  else if (validationFeed) evaluation ??= await evaluateIn(session, validationFeed, batchSize, signal);
  const { backend } = session;
  return {
    stopped,
    steps: state.step,
    epochs: state.epoch,
    trainLoss: state.position > 0 ? state.lossSum / state.position : state.lastLoss,
    ...trainAccuracy(
      state.position > 0 ? accuracyOf({ correct: state.correct, of: state.labels }).accuracy : state.lastAccuracy,
    ),
    ...(evaluation && { validation: evaluation }),
    imagesPerSecond: totals.seconds > 0 ? totals.images / totals.seconds : 0,
    seconds: totals.seconds,
    backend: backend.name,
    isa: backend.isa,
    threads: backend.threads,
    ...(checkpoint && { checkpoint: checkpoint.path }),
  };
}

/** The share of hits, where there is something to hit. */
const accuracyOf = (hits: Hits | undefined): { accuracy?: number } =>
  hits && hits.of > 0 ? { accuracy: hits.correct / hits.of } : {};

const trainAccuracy = (accuracy: number | undefined) => (accuracy === undefined ? {} : { trainAccuracy: accuracy });

/** Loss and accuracy of each output, where several have a loss. */
function perOutput(losses: readonly OutputLoss[], results: readonly OutputResult[]) {
  if (losses.length === 1) return {};
  const entries = results.map(({ loss, hits }, i) => [losses[i]?.output, { loss, ...accuracyOf(hits) }] as const);
  return { outputs: Object.fromEntries(entries) };
}

/** Closes the epoch in `state` and reports it. */
function finishEpoch(state: TrainingState, count: number) {
  state.lastLoss = state.lossSum / count;
  state.lastAccuracy = accuracyOf({ correct: state.correct, of: state.labels }).accuracy;
  state.epochLosses.push(state.lastLoss);
  state.epoch++;
  state.position = 0;
  state.lossSum = 0;
  state.correct = 0;
  state.labels = 0;
  const { epoch, step, lastLoss, lastAccuracy } = state;
  return { type: 'epoch' as const, epoch, step, trainLoss: lastLoss, ...trainAccuracy(lastAccuracy) };
}
