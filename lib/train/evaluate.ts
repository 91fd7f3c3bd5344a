// How good a model is on labelled data.

import type { BackendOptions } from '../backend/backend.ts';
import { selectBackend } from '../backend/select.ts';
import type { Dataset } from '../data/dataset.ts';
import { type Loss, softmaxCrossEntropy } from '../nn/loss.ts';
import { integer, onlyKnown } from '../options.ts';
import { checkDataset } from './batch.ts';
import { largest, type Model } from './model.ts';
import { Session } from './session.ts';

export interface EvaluateOptions extends BackendOptions {
  /** Default: softmax cross-entropy. */
  readonly loss?: Loss;
  /** Images per run. Default 64. */
  readonly batchSize?: number;
}

export interface Evaluation {
  /** Mean loss over the data set. */
  readonly loss: number;
  /** Share of images whose largest output is their label. */
  readonly accuracy: number;
  /** `confusion[label][prediction]` counts images. */
  readonly confusion: readonly Uint32Array[];
}

/** Runs `model` over `data` in inference mode and compares with the labels. */
export async function evaluate(model: Model, data: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  onlyKnown('evaluate', options, ['loss', 'batchSize', 'backend', 'threads', 'isa']);
  const { loss = softmaxCrossEntropy(), batchSize = 64 } = options;
  integer('evaluate', 'batchSize', batchSize, 1);
  checkDataset('evaluate', data, model.architecture.inputShape, model.outputShape[0] ?? 0);
  const session = new Session(model, selectBackend(options), { loss });
  return (await evaluateIn(session, data, model.outputShape[0] ?? 0, batchSize)) as Evaluation;
}

/** The same with the weights that `session` holds at the moment; undefined when `signal` was aborted on the way. */
export async function evaluateIn(
  session: Session,
  data: Dataset,
  classes: number,
  batchSize: number,
  signal?: AbortSignal,
): Promise<Evaluation | undefined> {
  const confusion = Array.from({ length: classes }, () => new Uint32Array(classes));
  const imageSize = data.images.length / data.count;
  let loss = 0;
  let correct = 0;
  for (let start = 0; start < data.count; start += batchSize) {
    if (signal?.aborted) return undefined;
    const end = Math.min(start + batchSize, data.count);
    const images = data.images.subarray(start * imageSize, end * imageSize);
    const labels = data.labels.subarray(start, end);
    const output = new Float32Array((end - start) * classes);
    const result = await session.evaluate({ images, labels, size: end - start }, output);
    loss += result.loss * (end - start);
    correct += result.correct;
    labels.forEach((label, i) => {
      (confusion[label] as Uint32Array)[largest(output, i * classes, classes)]! += 1;
    });
  }
  return { loss: loss / data.count, accuracy: correct / data.count, confusion };
}
