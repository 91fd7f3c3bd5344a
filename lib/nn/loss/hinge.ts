// The multi-class hinge loss: a linear classifier with it is a support vector machine.

import type { GraphTensor } from '../../graph/graph.ts';
import { oneHot, oneHotOf } from '../../ops/one_hot.ts';
import { relu } from '../../ops/relu.ts';
import { onlyKnown, real } from '../../options.ts';
import { checkedClasses } from './cross-entropy.ts';
import { combined, type Loss, mapped, reduced, reducedToOne } from './definition.ts';

export interface HingeOptions {
  /** By how much the score of the label must exceed the others to cost nothing. Default 1. */
  readonly margin?: number;
}

/**
 * Mean over the examples, or all their pixels, of `sum over k != label of max(0, s[k] - s[label] + margin)`. Scores `[n, ...,
 * classes]`, labels class numbers `[n, ...]`. Weston & Watkins 1999, the SVM loss of CS231n; classes times PyTorch's
 * `MultiMarginLoss` with p = 1.
 */
export function hinge(options: HingeOptions = {}): Loss {
  const type = 'hinge';
  onlyKnown(type, options, ['margin']);
  const margin = real(type, 'margin', options.margin ?? 1, 0, 1e6);
  return {
    type,
    config: { margin },
    metric: 'accuracy',
    targets(output) {
      checkedClasses(type, output);
      return { shape: output.shape.slice(0, -1), dtype: 'i32' };
    },
    emit({ graph }, scores, labels) {
      const classes = checkedClasses(type, scores);
      graph.layer = 'loss';
      const [own] = graph.emit(oneHot, [labels], oneHotOf(classes)) as [GraphTensor];
      const last = scores.shape.length - 1;
      const ownScore = reduced(graph, 'sum', combined(graph, 'multiply', scores, own), [last]);
      const excess = mapped(graph, 'affine', combined(graph, 'subtract', scores, ownScore), 1, margin);
      const [costs] = graph.emit(relu, [excess], {}) as [GraphTensor];
      const others = combined(graph, 'multiply', costs, mapped(graph, 'affine', own, -1, 1));
      const rows = scores.shape.slice(0, -1).reduce((product, size) => product * size, 1);
      return mapped(graph, 'affine', reducedToOne(graph, 'sum', others), 1 / rows, 0);
    },
  };
}
