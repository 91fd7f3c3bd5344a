// The Dice loss: overlap of predicted and true regions, for segmentation where classes differ much in size.

import type { GraphTensor } from '../../graph/graph.ts';
import { oneHot, oneHotOf } from '../../ops/one_hot.ts';
import type { TensorSpec } from '../../ops/op.ts';
import { sigmoid } from '../../ops/sigmoid.ts';
import { softmax } from '../../ops/softmax.ts';
import { fail, onlyKnown, real, show } from '../../options.ts';
import { combined, type Loss, mapped, reduced, reducedToOne } from './definition.ts';

export interface DiceOptions {
  /** What turns logits into shares. `'softmax'`: each pixel belongs to one class, targets are class numbers `[n, ...]`;
   * `'sigmoid'`: regions may overlap, targets are numbers from 0 to 1, shaped as the output. Default `'sigmoid'`. */
  readonly activation?: 'sigmoid' | 'softmax';
  /** Added to numerator and denominator, so that a region that neither has costs nothing. Default 1. */
  readonly smooth?: number;
  /** Take the regions of the whole batch as one instead of image by image. Default false. */
  readonly batch?: boolean;
}

/**
 * Mean over images and classes of `1 - (2 sum(p * t) + smooth) / (sum(p) + sum(t) + smooth)`, sums over the pixels of an image; p
 * the sigmoid or softmax of the logits `[n, ..., classes]`, t the targets. Milletari et al. 2016, without squares. No
 * counterpart in PyTorch.
 */
export function dice(options: DiceOptions = {}): Loss {
  const type = 'dice';
  onlyKnown(type, options, ['activation', 'smooth', 'batch']);
  const { activation = 'sigmoid', batch = false } = options;
  if (activation !== 'sigmoid' && activation !== 'softmax') {
    fail(type, `activation must be 'sigmoid' or 'softmax', not ${show(activation)}`);
  }
  if (typeof batch !== 'boolean') fail(type, `batch must be true or false, not ${show(batch)}`);
  const smooth = real(type, 'smooth', options.smooth ?? 1, 0, 1e6);
  const checked = ({ shape }: TensorSpec) => {
    if (shape.length < 3) fail(type, `needs logits of pixels [n, ..., classes], the network gives [${shape}]`);
  };
  return {
    type,
    config: { activation, smooth, batch },
    metric: activation === 'softmax' ? 'accuracy' : 'none',
    targets(output) {
      checked(output);
      if (activation === 'sigmoid') return { shape: output.shape, dtype: 'f32' };
      return { shape: output.shape.slice(0, -1), dtype: 'i32' };
    },
    emit({ graph }, logits, targets) {
      checked(logits);
      graph.layer = 'loss';
      const classes = oneHotOf(logits.shape.at(-1) as number);
      const [shares] = graph.emit(activation === 'softmax' ? softmax : sigmoid, [logits], {}) as [GraphTensor];
      const regions = activation === 'softmax' ? (graph.emit(oneHot, [targets], classes)[0] as GraphTensor) : targets;
      const axes = [...logits.shape.keys()].slice(batch ? 0 : 1, -1);
      const sum = (x: GraphTensor) => reduced(graph, 'sum', x, axes);
      const both = sum(combined(graph, 'multiply', shares, regions));
      const either = combined(graph, 'add', sum(shares), sum(regions));
      const overlap = combined(
        graph,
        'divide',
        mapped(graph, 'affine', both, 2, smooth),
        mapped(graph, 'affine', either, 1, smooth),
      );
      return mapped(graph, 'affine', reducedToOne(graph, 'mean', overlap), -1, 1);
    },
  };
}
