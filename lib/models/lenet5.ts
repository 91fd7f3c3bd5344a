// LeNet-5 (LeCun et al. 1998) as it is built today: ReLU and max pooling, 61,706 parameters on 28 x 28 images.
// MNIST: 99.1 % after 10 epochs.

import { relu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { flatten, linear } from '../nn/linear.ts';
import { maxPool2d } from '../nn/pooling.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';
import type { Recipe } from './recipe.ts';

/** For `[h, w, c]` of 12 x 12 or more; 10 classes. */
export function lenet5(options: NetworkOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('lenet5', options, 10);
  return [
    conv2d({ filters: channels(6), kernelSize: 5, padding: 2 }),
    relu(),
    maxPool2d({ size: 2 }),
    conv2d({ filters: channels(16), kernelSize: 5 }),
    relu(),
    maxPool2d({ size: 2 }),
    flatten(),
    linear({ units: channels(120) }),
    relu(),
    linear({ units: channels(84) }),
    relu(),
    linear({ units: classes }),
  ];
}

export const lenet5Recipe: Recipe = {
  description: 'LeNet-5: two convolutions, three fully connected layers',
  inputShape: [28, 28, 1],
  layers: (classes) => lenet5({ classes }),
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
