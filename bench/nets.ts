// The five networks of the comparison with peers, as plain layers, with the batch and the optimizer they are trained
// with there. bench/peers/torch_peer.py builds the same ones; a test pins their numbers of parameters to PyTorch's.
import { atariDqn } from '../lib/models/atari-dqn.ts';
import { lenet5 as lenet5Layers } from '../lib/models/lenet5.ts';
import { resnet } from '../lib/models/resnet.ts';
import { smallVgg } from '../lib/models/small-vgg.ts';
import { relu } from '../lib/nn/activation.ts';
import { conv2d } from '../lib/nn/conv2d.ts';
import type { Layer } from '../lib/nn/layer.ts';
import { flatten, linear } from '../lib/nn/linear.ts';
import { maxPool2d } from '../lib/nn/pooling.ts';
import { adam } from '../lib/optim/adam.ts';
import type { Optimizer } from '../lib/optim/optimizer.ts';
import { sgd } from '../lib/optim/sgd.ts';

export interface Net {
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  /** Images in a training step. */
  readonly batch: number;
  optimizer(): Optimizer;
  layers(): Layer[];
}

const momentum = () => sgd({ learningRate: 0.01, momentum: 0.9, weightDecay: 5e-4 });
const adaptive = () => adam({ learningRate: 1e-3 });

const lenet5: Net = {
  inputShape: [28, 28, 1],
  classes: 10,
  batch: 64,
  optimizer: momentum,
  layers: () => lenet5Layers(),
};

const mnistCnn: Net = {
  inputShape: [28, 28, 1],
  classes: 10,
  batch: 128,
  optimizer: adaptive,
  layers: () => [
    conv2d({ filters: 32, kernelSize: 3 }),
    relu(),
    conv2d({ filters: 64, kernelSize: 3 }),
    relu(),
    maxPool2d({ size: 2 }),
    flatten(),
    linear({ units: 128 }),
    relu(),
    linear({ units: 10 }),
  ],
};

const cifarVgg: Net = {
  inputShape: [32, 32, 3],
  classes: 10,
  batch: 64,
  optimizer: momentum,
  layers: () => smallVgg(),
};

const resnet18: Net = {
  inputShape: [32, 32, 3],
  classes: 10,
  batch: 32,
  optimizer: momentum,
  layers: () => resnet({ depth: 18, form: 'cifar' }),
};

/** Mnih et al. 2015. Trained here on classes: what a step costs does not depend on the loss of six outputs. */
const dqn: Net = {
  inputShape: [84, 84, 4],
  classes: 6,
  batch: 32,
  optimizer: adaptive,
  layers: () => atariDqn({ classes: 6 }),
};

export const nets = { lenet5, 'mnist-cnn': mnistCnn, 'cifar-vgg': cifarVgg, resnet18, dqn } as const satisfies Readonly<
  Record<string, Net>
>;
export type NetName = keyof typeof nets;
export const netNames = Object.keys(nets) as NetName[];
