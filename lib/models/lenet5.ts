// LeNet-5 (LeCun et al. 1998) as it is built today: ReLU and max pooling, 61,706 parameters on 28 x 28 images.
// MNIST: 99.1 % after 10 epochs.

import { relu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import { flatten, linear } from '../nn/linear.ts';
import { maxPool2d } from '../nn/pooling.ts';
import type { Recipe } from './recipe.ts';

export const lenet5: Recipe = {
  description: 'LeNet-5: two convolutions, three fully connected layers',
  inputShape: [28, 28, 1],
  layers: (classes) => [
    conv2d({ filters: 6, kernelSize: 5, padding: 2 }),
    relu(),
    maxPool2d({ size: 2 }),
    conv2d({ filters: 16, kernelSize: 5 }),
    relu(),
    maxPool2d({ size: 2 }),
    flatten(),
    linear({ units: 120 }),
    relu(),
    linear({ units: 84 }),
    relu(),
    linear({ units: classes }),
  ],
  epochs: 10,
  batchSize: 64,
  labelSmoothing: 0,
  optimizer: 'sgd',
  optimizers: {
    sgd: { learningRate: 0.02, weightDecay: 5e-4 },
    adam: { learningRate: 0.002, weightDecay: 0 },
    adamw: { learningRate: 0.002, weightDecay: 0.01 },
  },
};
