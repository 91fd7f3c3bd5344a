// How good a model is on labelled data.

import type { BackendOptions } from '../backend/backend.ts';
import { selectBackend } from '../backend/select.ts';
import type { Dataset } from '../data/dataset.ts';
import { integer, onlyKnown } from '../options.ts';
import { Feed } from './feed.ts';
import { largest, type Model } from './model.ts';
import { opsOf } from './network.ts';
import { type Objective, outputLosses } from './objective.ts';
import { type OutputResult, Session } from './session.ts';

export interface EvaluateOptions extends BackendOptions {
  /** As in `fit`. Default: softmax cross-entropy. */
  readonly loss?: Objective;
  /** Images per run. Default 64. */
  readonly batchSize?: number;
}

export interface OutputEvaluation {
  /** Mean loss over the data set. */
  readonly loss: number;
  /** Share of images whose largest output is their label. */
  readonly accuracy: number;
  /** `confusion[label][prediction]` counts images. */
  readonly confusion: readonly Uint32Array[];
}

/** With several losses, their weighted sum, and accuracy and confusion of the first output that has one. */
export interface Evaluation extends OutputEvaluation {
  /** Each output that has a loss, where there are several. */
  readonly outputs?: Readonly<Record<string, OutputEvaluation>>;
}

/** Runs `model` over `data` in inference mode and compares with the labels. */
export async function evaluate(model: Model, data: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  onlyKnown('evaluate', options, ['loss', 'batchSize', 'backend', 'threads', 'isa']);
  const batchSize = integer('evaluate', 'batchSize', options.batchSize ?? 64, 1);
  const losses = outputLosses('evaluate', model.architecture, options.loss);
  const feed = new Feed('evaluate', data, model, losses);
  const session = new Session(model, selectBackend(options, opsOf(model, losses)), { losses });
  return (await evaluateIn(session, feed, batchSize)) as Evaluation;
}

/** The same with the weights that `session` holds at the moment; undefined when `signal` was aborted on the way. */
export async function evaluateIn(
  session: Session,
  feed: Feed,
  batchSize: number,
  signal?: AbortSignal,
): Promise<Evaluation | undefined> {
  const tallies = session.losses.map(({ output }) => new Tally(session.outputSize(output)));
  let loss = 0;
  for (let start = 0; start < feed.count; start += batchSize) {
    if (signal?.aborted) return undefined;
    const batch = feed.slice(start, Math.min(start + batchSize, feed.count));
    const outputs = tallies.map(({ classes }) => new Float32Array(batch.size * classes));
    const result = await session.evaluate(batch, outputs);
    loss += result.loss * batch.size;
    for (const [i, tally] of tallies.entries()) {
      tally.add(batch.targets[i] as Int32Array, outputs[i] as Float32Array, result.outputs[i] as OutputResult);
    }
  }
  const found = tallies.map((tally) => tally.evaluation(feed.count));
  const [first] = found as [OutputEvaluation];
  const named = session.losses.map(({ output }, i) => [output, found[i]] as const);
  const outputs = found.length > 1 ? { outputs: Object.fromEntries(named) as Record<string, OutputEvaluation> } : {};
  return { ...first, loss: loss / feed.count, ...outputs };
}

/** What is counted for one output. */
class Tally {
  readonly classes: number;
  readonly #confusion: Uint32Array[];
  #loss = 0;
  #correct = 0;

  constructor(classes: number) {
    this.classes = classes;
    this.#confusion = Array.from({ length: classes }, () => new Uint32Array(classes));
  }

  add(labels: Int32Array, output: Float32Array, { loss, correct }: OutputResult): void {
    this.#loss += loss * labels.length;
    this.#correct += correct;
    labels.forEach((label, i) => {
      (this.#confusion[label] as Uint32Array)[largest(output, i * this.classes, this.classes)]! += 1;
    });
  }

  evaluation(count: number): OutputEvaluation {
    return { loss: this.#loss / count, accuracy: this.#correct / count, confusion: this.#confusion };
  }
}
