// Losses of numbers, means over all elements of a function of the difference between output and target.

import type { Graph, GraphTensor } from '../../graph/graph.ts';
import { elementCount } from '../../ops/op.ts';
import { onlyKnown, real } from '../../options.ts';
import { combined, type Loss, mapped, reducedToOne } from './definition.ts';

/** Where a parabola may end. */
const SMALLEST = 1e-6;
const LARGEST = 1e6;

function ofDifference(
  type: string,
  config: Loss['config'],
  emit: (graph: Graph, difference: GraphTensor) => GraphTensor,
): Loss {
  return {
    type,
    config,
    metric: 'none',
    targets: ({ shape }) => ({ shape, dtype: 'f32' }),
    emit({ graph }, output, targets) {
      graph.layer = 'loss';
      return emit(graph, combined(graph, 'subtract', output, targets));
    },
  };
}

const meanAbsolute = (graph: Graph, difference: GraphTensor) =>
  reducedToOne(graph, 'mean', mapped(graph, 'abs', difference));

/** Mean of `(output - target)^2` over all elements. Targets: numbers, shaped as the output. PyTorch's `MSELoss`. */
export function meanSquaredError(options: Record<string, never> = {}): Loss {
  onlyKnown('meanSquaredError', options, []);
  return ofDifference('meanSquaredError', {}, (graph, difference) => {
    const sum = reducedToOne(graph, 'sum_squares', difference);
    return mapped(graph, 'affine', sum, 1 / elementCount(difference.shape), 0);
  });
}

/** Mean of `|output - target|` over all elements, with gradient 0 where they are equal. Targets: numbers, shaped as the
 * output. PyTorch's `L1Loss`. */
export function meanAbsoluteError(options: Record<string, never> = {}): Loss {
  onlyKnown('meanAbsoluteError', options, []);
  return ofDifference('meanAbsoluteError', {}, meanAbsolute);
}

/** Mean of `d^2 / 2` where `|d| <= delta`, else `delta * (|d| - delta / 2)`, d being output - target (Huber 1964). Targets:
 * numbers, shaped as the output. PyTorch's `HuberLoss`. */
export function huber(options: { /** Default 1. */ readonly delta?: number } = {}): Loss {
  onlyKnown('huber', options, ['delta']);
  const delta = real('huber', 'delta', options.delta ?? 1, SMALLEST, LARGEST);
  return ofDifference('huber', { delta }, (graph, difference) =>
    reducedToOne(graph, 'mean', mapped(graph, 'huber', difference, delta)),
  );
}

/** `huber` with delta = beta, divided by beta: the mean of `d^2 / (2 beta)` where `|d| < beta`, else `|d| - beta / 2`
 * (Girshick 2015). Targets: numbers, shaped as the output. PyTorch's `SmoothL1Loss`. */
export function smoothL1(options: { /** Default 1. */ readonly beta?: number } = {}): Loss {
  onlyKnown('smoothL1', options, ['beta']);
  const beta = real('smoothL1', 'beta', options.beta ?? 1, SMALLEST, LARGEST);
  return ofDifference('smoothL1', { beta }, (graph, difference) => {
    const mean = reducedToOne(graph, 'mean', mapped(graph, 'huber', difference, beta));
    return mapped(graph, 'affine', mean, 1 / beta, 0);
  });
}
