// How good a model is on labelled data.

import type { BackendOptions } from '../backend/backend.ts';
import { selectBackend } from '../backend/select.ts';
import type { Dataset, Labels } from '../data/dataset.ts';
import type { Loss } from '../nn/loss.ts';
import { elementCount } from '../ops/op.ts';
import { integer, onlyKnown } from '../options.ts';
import { Feed } from './feed.ts';
import { largest, type Model } from './model.ts';
import { opsOf } from './network.ts';
import { type Objective, outputLosses } from './objective.ts';
import { type Batch, type OutputResult, Session } from './session.ts';

export interface EvaluateOptions extends BackendOptions {
  /** As in `fit`. Default: softmax cross-entropy. */
  readonly loss?: Objective;
  /** Images per run. Default 64. */
  readonly batchSize?: number;
}

export interface OutputEvaluation {
  /** Mean loss over the data set. */
  readonly loss: number;
  /** Share of labels (of images, or of their pixels) at which the output is largest; absent where the loss knows no such. */
  readonly accuracy?: number;
  /** `confusion[label][prediction]` counts labels; absent as well. */
  readonly confusion?: readonly Uint32Array[];
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
  const tallies = session.losses.map(({ output, loss }) => new Tally(session.outputShape(output), loss));
  let loss = 0;
  for (let start = 0; start < feed.count; start += batchSize) {
    if (signal?.aborted) return undefined;
    const batch = feed.slice(start, Math.min(start + batchSize, feed.count));
    const outputs = tallies.map((tally) => tally.memory(batch.size));
    const result = await session.evaluate(batch, outputs);
    loss += result.loss * batch.size;
    for (const [i, tally] of tallies.entries()) {
      tally.add(batch, batch.targets[i] as Labels, outputs[i], result.outputs[i] as OutputResult);
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
  readonly #size: number;
  readonly #classes: number;
  readonly #ignored: number | undefined;
  /** Absent where the loss has no accuracy. */
  readonly #confusion: readonly Uint32Array[] | undefined;
  #loss = 0;
  #correct = 0;
  #labels = 0;

  constructor(shape: readonly number[], { metric, ignoreIndex }: Loss) {
    const classes = shape.at(-1) ?? 1;
    this.#size = elementCount(shape);
    this.#classes = classes;
    this.#ignored = ignoreIndex;
    if (metric === 'accuracy') this.#confusion = Array.from({ length: classes }, () => new Uint32Array(classes));
  }

  /** Where a batch's output goes, if it is of interest. */
  memory(size: number): Float32Array | undefined {
    return this.#confusion && new Float32Array(size * this.#size);
  }

  add({ size }: Batch, labels: Labels, output: Float32Array | undefined, { loss, hits }: OutputResult): void {
    this.#loss += loss * size;
    if (!output || !hits) return;
    this.#correct += hits.correct;
    this.#labels += hits.of;
    labels.forEach((label, i) => {
      if (label === this.#ignored) return;
      const predicted = largest(output, i * this.#classes, this.#classes);
      (this.#confusion?.[label] as Uint32Array)[predicted]! += 1;
    });
  }

  evaluation(count: number): OutputEvaluation {
    const loss = this.#loss / count;
    if (!this.#confusion) return { loss };
    return { loss, accuracy: this.#correct / this.#labels, confusion: this.#confusion };
  }
}
