// Losses of probabilities: softmax cross-entropy over classes, binary cross-entropy for each number.

import type { Graph, GraphTensor } from '../../graph/graph.ts';
import { logSoftmax } from '../../ops/log_softmax.ts';
import type { TensorSpec } from '../../ops/op.ts';
import { crossEntropyAttrs, softmaxCrossEntropy as softmaxCrossEntropyOp } from '../../ops/softmax_cross_entropy.ts';
import { fail, onlyKnown, real, show } from '../../options.ts';
import type { Builder } from '../builder.ts';
import { combined, type Loss, mapped, reducedToOne } from './definition.ts';

const LARGEST_WEIGHT = 1e6;

export interface SoftmaxCrossEntropyOptions {
  /** Share of the target spread evenly over all classes (Szegedy et al. 2016), from 0 to below 1. Default 0. */
  readonly labelSmoothing?: number;
  /** What each class counts, one number of at least 0 for each. Default: all 1. */
  readonly classWeights?: readonly number[];
  /** Label of examples or pixels that do not count. Default: none. */
  readonly ignoreIndex?: number;
  /** `'classes'`: targets are class numbers; `'probabilities'`: a number for each class. Default `'classes'`. */
  readonly targets?: 'classes' | 'probabilities';
}

/** Logits of classes in the last axis, for each example or each of its pixels. */
export function checkedClasses(loss: string, { shape }: TensorSpec): number {
  if (shape.length >= 2) return shape.at(-1) as number;
  return fail(loss, `needs logits [n, ..., classes], the network gives [${shape}]; end it with linear() or conv2d()`);
}

/** Numbers from 0 to a limit, one for each class. */
function checkedWeights(loss: string, option: string, weights: readonly number[]): readonly number[] {
  if (!Array.isArray(weights) || weights.length === 0)
    fail(loss, `${option} must be a list of numbers, not ${show(weights)}`);
  return weights.map((weight) => real(loss, option, weight, 0, LARGEST_WEIGHT));
}

/** `weights` as a tensor that meets the last axis of the output. */
function weightTensor(loss: string, option: string, builder: Builder, weights: readonly number[], classes: number) {
  if (weights.length !== classes) {
    fail(loss, `${option} has ${weights.length} numbers, the network gives ${classes} classes`);
  }
  return builder.literal(option, Float32Array.from(weights));
}

/**
 * Mean over the examples, or over all their pixels, of `-log softmax(logits)[label]`. Logits `[n, classes]` or
 * `[n, ..., classes]`, labels `[n]` or `[n, ...]`. With `classWeights` w the mean is `sum(w[label] * loss) / sum(w[label])`; what
 * has the label `ignoreIndex` is in neither sum, and where nothing counts the loss is NaN. With `targets: 'probabilities'` t,
 * shaped as the logits, it is the mean of `-sum(w * t * log softmax(logits))`, not divided by weights. `labelSmoothing` s turns t
 * into `(1 - s) * t + s / classes`. Semantics of PyTorch's `CrossEntropyLoss`, classes last.
 */
export function softmaxCrossEntropy(options: SoftmaxCrossEntropyOptions = {}): Loss {
  const type = 'softmaxCrossEntropy';
  onlyKnown(type, options, ['labelSmoothing', 'classWeights', 'ignoreIndex', 'targets']);
  const { ignoreIndex, targets = 'classes' } = options;
  const labelSmoothing = real(type, 'labelSmoothing', options.labelSmoothing ?? 0, 0, 1);
  if (labelSmoothing === 1) fail(type, 'labelSmoothing must be below 1: nothing would be left of the labels');
  const weights = options.classWeights && checkedWeights(type, 'classWeights', options.classWeights);
  if (targets !== 'classes' && targets !== 'probabilities') {
    fail(type, `targets must be 'classes' or 'probabilities', not ${show(targets)}`);
  }
  if (ignoreIndex !== undefined) {
    if (targets !== 'classes') fail(type, 'ignoreIndex is a class number; probabilities have none');
    if (!Number.isInteger(ignoreIndex) || Math.abs(ignoreIndex) > 2 ** 31 - 1) {
      fail(type, `ignoreIndex must be a whole number, not ${show(ignoreIndex)}`);
    }
  }
  const soft = targets === 'probabilities';
  const given = { ...(weights && { classWeights: weights }), ...(ignoreIndex !== undefined && { ignoreIndex }) };
  return {
    type,
    config: { labelSmoothing, ...given, ...(soft && { targets }) },
    metric: soft ? 'none' : 'accuracy',
    ...(ignoreIndex !== undefined && { ignoreIndex }),
    targets(output) {
      checkedClasses(type, output);
      return soft ? { shape: output.shape, dtype: 'f32' } : { shape: output.shape.slice(0, -1), dtype: 'i32' };
    },
    emit(builder, output, target) {
      const { graph } = builder;
      const classes = checkedClasses(type, output);
      graph.layer = 'loss';
      const w = weights && weightTensor(type, 'classWeights', builder, weights, classes);
      if (soft) return emitSoft(graph, output, target, w, labelSmoothing);
      // Nothing has this label unless the option is given: the data set is checked.
      const attrs = crossEntropyAttrs(labelSmoothing, ignoreIndex ?? -(2 ** 31));
      return graph.emit(softmaxCrossEntropyOp, [output, target, w], attrs)[0] as GraphTensor;
    },
  };
}

function emitSoft(
  graph: Graph,
  logits: GraphTensor,
  targets: GraphTensor,
  weights: GraphTensor | undefined,
  smoothing: number,
): GraphTensor {
  const classes = logits.shape.at(-1) as number;
  const rows = logits.shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const smoothed = smoothing === 0 ? targets : mapped(graph, 'affine', targets, 1 - smoothing, smoothing / classes);
  const weighted = weights ? combined(graph, 'multiply', smoothed, weights) : smoothed;
  const [logs] = graph.emit(logSoftmax, [logits], {}) as [GraphTensor];
  const sum = reducedToOne(graph, 'sum', combined(graph, 'multiply', logs, weighted));
  return mapped(graph, 'affine', sum, -1 / rows, 0);
}

export interface BinaryCrossEntropyOptions {
  /** What positive targets count: a number, or one for each value of the output's last axis. Default 1. */
  readonly positiveWeight?: number | readonly number[];
}

/** Far beyond where `ln(1 + e^x)` is x in fp32. */
const STRAIGHT = 88;

/**
 * Mean over all elements of `-(p * y * log sigmoid(x) + (1 - y) * log(1 - sigmoid(x)))`, p being `positiveWeight`. Logits x of any
 * shape; targets y numbers from 0 to 1 of the same shape. Semantics of PyTorch's `BCEWithLogitsLoss`.
 */
export function binaryCrossEntropy(options: BinaryCrossEntropyOptions = {}): Loss {
  const type = 'binaryCrossEntropy';
  onlyKnown(type, options, ['positiveWeight']);
  const { positiveWeight = 1 } = options;
  const weight =
    typeof positiveWeight === 'number'
      ? real(type, 'positiveWeight', positiveWeight, 0, LARGEST_WEIGHT)
      : checkedWeights(type, 'positiveWeight', positiveWeight);
  return {
    type,
    config: { positiveWeight: weight },
    metric: 'none',
    targets: ({ shape }) => ({ shape, dtype: 'f32' }),
    emit(builder, x, y) {
      const { graph } = builder;
      graph.layer = 'loss';
      // Both logarithms as softplus, neither of which cancels.
      const negative = combined(
        graph,
        'multiply',
        mapped(graph, 'softplus', x, 1, STRAIGHT),
        mapped(graph, 'affine', y, -1, 1),
      );
      const share =
        typeof weight === 'number'
          ? mapped(graph, 'affine', y, weight, 0)
          : combined(
              graph,
              'multiply',
              y,
              weightTensor(type, 'positiveWeight', builder, weight, x.shape.at(-1) as number),
            );
      const positive = combined(
        graph,
        'multiply',
        mapped(graph, 'softplus', mapped(graph, 'negate', x), 1, STRAIGHT),
        share,
      );
      return reducedToOne(graph, 'mean', combined(graph, 'add', negative, positive));
    },
  };
}
