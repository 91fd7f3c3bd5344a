// Losses: what training makes small. A loss takes the network's output and the labels and gives one number.

import type { GraphTensor } from '../graph/graph.ts';
import { softmaxCrossEntropy as softmaxCrossEntropyOp } from '../ops/softmax_cross_entropy.ts';
import { fail, onlyKnown, real } from '../options.ts';
import type { Builder } from './builder.ts';

export interface Loss {
  readonly type: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The mean loss of the batch, shape [1]. */
  emit(builder: Builder, output: GraphTensor, labels: GraphTensor): GraphTensor;
}

export interface SoftmaxCrossEntropyOptions {
  /** Share of the target spread evenly over all classes (Szegedy et al. 2016), from 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * Mean over the batch of `-log softmax(logits)[label]`. Logits `[n, classes]`; labels whole numbers. Semantics of PyTorch's
 * `CrossEntropyLoss`.
 */
export function softmaxCrossEntropy(options: SoftmaxCrossEntropyOptions = {}): Loss {
  onlyKnown('softmaxCrossEntropy', options, ['labelSmoothing']);
  const labelSmoothing = real('softmaxCrossEntropy', 'labelSmoothing', options.labelSmoothing ?? 0, 0, 1);
  return {
    type: 'softmaxCrossEntropy',
    config: { labelSmoothing },
    emit({ graph }, output, labels) {
      if (output.shape.length !== 2) {
        fail(
          'softmaxCrossEntropy',
          `needs logits [n, classes], the network gives [${output.shape}]; end it with linear()`,
        );
      }
      graph.layer = 'loss';
      return graph.emit(softmaxCrossEntropyOp, [output, labels], { labelSmoothing })[0] as GraphTensor;
    },
  };
}
