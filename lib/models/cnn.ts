// A small modern network for 28 x 28 images: three 3x3 convolutions with batch normalisation, dropout before the fully
// connected layers. Fashion-MNIST: 92.9 % after 10 epochs.

import { relu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { flatten, linear } from '../nn/linear.ts';
import { batchNorm2d } from '../nn/normalization.ts';
import { maxPool2d } from '../nn/pooling.ts';
import { dropout } from '../nn/regularization.ts';
import type { Recipe } from './recipe.ts';

const block = (filters: number): Layer[] => [
  // Batch normalisation subtracts the mean, so a bias before it would do nothing.
  conv2d({ filters, kernelSize: 3, padding: 'same', bias: false }),
  batchNorm2d(),
  relu(),
];

export const cnnRecipe: Recipe = {
  description: 'three 3x3 convolutions with batch normalisation and dropout',
  inputShape: [28, 28, 1],
  layers: (classes) => [
    ...block(32),
    maxPool2d({ size: 2 }),
    ...block(64),
    maxPool2d({ size: 2 }),
    ...block(128),
    flatten(),
    dropout({ rate: 0.4 }),
    linear({ units: 128 }),
    relu(),
    dropout({ rate: 0.4 }),
    linear({ units: classes }),
  ],
  epochs: 10,
  batchSize: 64,
  labelSmoothing: 0,
  optimizer: 'sgd',
  optimizers: {
    sgd: { learningRate: 0.02, weightDecay: 1e-3 },
    adam: { learningRate: 0.002, weightDecay: 0 },
    adamw: { learningRate: 0.002, weightDecay: 0.05 },
  },
};
