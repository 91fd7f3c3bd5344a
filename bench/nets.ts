// The five networks of the comparison with peers, as plain layers, with the batch and the optimizer they are trained
// with there. bench/peers/torch_peer.py builds the same ones; a test pins their numbers of parameters to PyTorch's.
import { relu } from '../lib/nn/activation.ts';
import { conv2d } from '../lib/nn/conv2d.ts';
import { globalAvgPool2d } from '../lib/nn/global-pooling.ts';
import type { Layer } from '../lib/nn/layer.ts';
import { flatten, linear } from '../lib/nn/linear.ts';
import { batchNorm2d } from '../lib/nn/normalization.ts';
import { maxPool2d } from '../lib/nn/pooling.ts';
import { residual } from '../lib/nn/residual.ts';
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

/** A 3x3 convolution that keeps the size, or halves it with stride 2, and its normalisation. */
const normalized3x3 = (filters: number, stride = 1): Layer[] => [
  conv2d({ filters, kernelSize: 3, stride, padding: 1, bias: false }),
  batchNorm2d(),
];

const lenet5: Net = {
  inputShape: [28, 28, 1],
  classes: 10,
  batch: 64,
  optimizer: momentum,
  layers: () => [
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
    linear({ units: 10 }),
  ],
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
  layers: () => [
    ...[64, 128, 256].flatMap((filters) => [
      ...[1, 2].flatMap(() => [...normalized3x3(filters), relu()]),
      maxPool2d({ size: 2 }),
    ]),
    flatten(),
    linear({ units: 256 }),
    relu(),
    linear({ units: 10 }),
  ],
};

/** He et al.'s basic block; where it halves the size, the shortcut is a strided 1x1 convolution. */
function basicBlock(filters: number, stride: number): Layer[] {
  const shortcut =
    stride === 1 ? [] : [conv2d({ filters, kernelSize: 1, stride, padding: 0, bias: false }), batchNorm2d()];
  return [residual([...normalized3x3(filters, stride), relu(), ...normalized3x3(filters)], shortcut), relu()];
}

const resnet18: Net = {
  inputShape: [32, 32, 3],
  classes: 10,
  batch: 32,
  optimizer: momentum,
  layers: () => [
    ...normalized3x3(64),
    relu(),
    ...[64, 128, 256, 512].flatMap((filters) => [
      ...basicBlock(filters, filters === 64 ? 1 : 2),
      ...basicBlock(filters, 1),
    ]),
    globalAvgPool2d(),
    linear({ units: 10 }),
  ],
};

/** Mnih et al. 2015. Trained here on classes: what a step costs does not depend on the loss of six outputs. */
const dqn: Net = {
  inputShape: [84, 84, 4],
  classes: 6,
  batch: 32,
  optimizer: adaptive,
  layers: () => [
    conv2d({ filters: 32, kernelSize: 8, stride: 4 }),
    relu(),
    conv2d({ filters: 64, kernelSize: 4, stride: 2 }),
    relu(),
    conv2d({ filters: 64, kernelSize: 3 }),
    relu(),
    flatten(),
    linear({ units: 512 }),
    relu(),
    linear({ units: 6 }),
  ],
};

export const nets = { lenet5, 'mnist-cnn': mnistCnn, 'cifar-vgg': cifarVgg, resnet18, dqn } as const satisfies Readonly<
  Record<string, Net>
>;
export type NetName = keyof typeof nets;
export const netNames = Object.keys(nets) as NetName[];
