// Training: the public `fit`, its options, events and result. The loop itself is in trainer.ts.

import type { BackendOptions } from '../backend/backend.ts';
import type { Augmentation } from '../data/augment.ts';
import type { Dataset } from '../data/dataset.ts';
import { LanewiseError } from '../errors.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { ClipOptions } from '../optim/update.ts';
import type { Numerics } from '../plan/plan.ts';
import type { Evaluation } from './evaluate.ts';
import type { Model } from './model.ts';
import type { Objective } from './objective.ts';
import { trainingEvents } from './trainer.ts';

export interface FitOptions extends BackendOptions {
  readonly data: Dataset;
  /** Evaluated after each epoch. */
  readonly validation?: Dataset;
  /** Changes of the training images, drawn anew for each image and epoch, such as `[randomFlip(), randomCrop({ padding: 4 })]`. */
  readonly augment?: readonly Augmentation[];
  /** Of the only output, or of outputs by name, with weights where they differ: `{ digit: softmaxCrossEntropy(), parity: { loss:
   * softmaxCrossEntropy(), weight: 0.3 } }`. The sum is trained on. Default: softmax cross-entropy. */
  readonly loss?: Objective;
  readonly optimizer: Optimizer;
  /** Limits of the gradients, applied before each step. */
  readonly clip?: ClipOptions;
  /** Batches for each step, whose gradients are averaged: a batch of `accumulate * batchSize` in the memory of one (batch norm
   * sees each by itself). `StepEvent`s come for each batch. Default 1. */
  readonly accumulate?: number;
  /** Keeps an exponential moving average of the weights, `average = decay * average + (1 - decay) * w` after each step.
   * Validation and the finished model use it; checkpoints hold both. */
  readonly averageDecay?: number;
  /** Passes over the data. Default 1. */
  readonly epochs?: number;
  /** Images per step; the last, smaller batch of an epoch is trained on as well. Default 64. */
  readonly batchSize?: number;
  /** Seed of shuffling, augmentation and dropout. Default 0. */
  readonly seed?: number;
  /** `'exact'` keeps every kernel in the reference's order, so that both backends give the same bits. Default `'fast'`. */
  readonly numerics?: Numerics;
  /** Stops between steps when aborted; the run then ends with `stopped: 'aborted'` and, if asked for, a checkpoint. */
  readonly signal?: AbortSignal;
  readonly onStep?: (event: StepEvent) => void;
  readonly onEpoch?: (event: EpochEvent) => void;
  /** Where to write checkpoints: after every epoch, every `everySteps` steps if given, and when aborted. */
  readonly checkpoint?: { readonly path: string; readonly everySteps?: number };
  /** A checkpoint to continue from; everything else must be as it was when the checkpoint was written. */
  readonly resume?: string;
}

export interface StepEvent {
  readonly type: 'step';
  /** Steps done so far, from 1. */
  readonly step: number;
  readonly totalSteps: number;
  /** Epoch of this step, from 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Mean loss of this batch; of several losses their weighted sum. */
  readonly loss: number;
  /** Share of this batch's labels that the first output with a loss hit, before the update; absent where the loss knows no hits. */
  readonly accuracy?: number;
  /** Each output that has a loss, where there are several. */
  readonly outputs?: Readonly<Record<string, { readonly loss: number; readonly accuracy?: number }>>;
  readonly learningRate: number;
  readonly batchSize: number;
  /** Over the recent steps of this run. */
  readonly imagesPerSecond: number;
}

export interface EpochEvent {
  readonly type: 'epoch';
  /** Epochs done so far, from 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  /** Means over the epoch's images, each measured before its update. */
  readonly trainLoss: number;
  readonly trainAccuracy?: number;
  readonly validation?: Evaluation;
  readonly imagesPerSecond: number;
  /** Duration of the epoch's training in this run, without validation. */
  readonly seconds: number;
}

export type TrainingEvent = StepEvent | EpochEvent;

export interface TrainingResult {
  readonly stopped: 'completed' | 'aborted';
  /** Steps and whole epochs done, those before a resume included. */
  readonly steps: number;
  readonly epochs: number;
  /** Of the last epoch, as far as it went. */
  readonly trainLoss: number;
  readonly trainAccuracy?: number;
  /** After the last whole epoch. */
  readonly validation?: Evaluation;
  /** Training speed of this run, without validation. */
  readonly imagesPerSecond: number;
  readonly seconds: number;
  readonly backend: 'native' | 'typescript';
  readonly isa: string;
  readonly threads: number;
  /** The checkpoint written last. */
  readonly checkpoint?: string;
}

/** A training run: await it for the result, or iterate over it for the events. It starts at once; an iterator must be taken
 * in the same turn. Leaving the iteration early stops the training. */
export class TrainingRun implements PromiseLike<TrainingResult>, AsyncIterable<TrainingEvent> {
  readonly #events: AsyncGenerator<TrainingEvent, TrainingResult>;
  #iterated = false;
  readonly result: Promise<TrainingResult>;

  constructor(model: Model, options: FitOptions) {
    let settle: (result: Promise<TrainingResult>) => void = () => {};
    this.result = new Promise((resolve) => {
      settle = resolve;
    });
    this.#events = reported(trainingEvents(model, options), options, settle);
    queueMicrotask(() => {
      if (!this.#iterated) void drain(this.#events);
    });
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is awaited like a promise
  then<A = TrainingResult, B = never>(
    onfulfilled?: ((value: TrainingResult) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result.then(onfulfilled, onrejected);
  }

  [Symbol.asyncIterator](): AsyncIterator<TrainingEvent> {
    if (this.#iterated)
      throw new LanewiseError('state', 'fit: a training run can be iterated once, in the turn it was started');
    this.#iterated = true;
    this.result.catch(() => {}); // The iterator reports the error; awaiting the result as well is optional.
    return this.#events;
  }
}

async function* reported(
  events: AsyncGenerator<TrainingEvent, TrainingResult>,
  { onStep, onEpoch }: FitOptions,
  settle: (result: Promise<TrainingResult>) => void,
): AsyncGenerator<TrainingEvent, TrainingResult> {
  let finished = false;
  try {
    while (true) {
      const { done, value } = await events.next();
      if (done) {
        finished = true;
        settle(Promise.resolve(value));
        return value;
      }
      if (value.type === 'step') onStep?.(value);
      else onEpoch?.(value);
      yield value;
    }
  } catch (error) {
    finished = true;
    const rejected = Promise.reject(error);
    rejected.catch(() => {});
    settle(rejected);
    throw error;
  } finally {
    if (!finished) {
      await events.return(undefined as never);
      settle(Promise.reject(new LanewiseError('state', 'fit: the iteration was left before training ended')));
    }
  }
}

async function drain(events: AsyncGenerator<TrainingEvent, TrainingResult>): Promise<void> {
  try {
    while (!(await events.next()).done);
  } catch {
    // The run's promise carries the error.
  }
}

/**
 * Trains `model` on `options.data` and leaves the new weights in it. The first training of a fresh model also fixes its input
 * normalisation from the data set. The event loop stays free; the same seed gives the same bits for any number of threads.
 *
 * Rejects with a LanewiseError: bad options, data that does not fit, or a loss that is no longer finite (the error names the
 * first layer that went bad; weights and checkpoints stay those of the last good step).
 */
export function fit(model: Model, options: FitOptions): TrainingRun {
  return new TrainingRun(model, options);
}
