// DenseNet-BC (Huang et al. 2016): every layer sees the outputs of all before it in its block. As torchvision has it
// (121 layers: 7,978,856 parameters).

import { relu } from '../nn/activation.ts';
import { branches } from '../nn/branches.ts';
import { conv2d } from '../nn/conv2d.ts';
import { globalAvgPool2d } from '../nn/global-pooling.ts';
import type { Layer } from '../nn/layer.ts';
import { linear } from '../nn/linear.ts';
import { batchNorm2d } from '../nn/normalization.ts';
import { avgPool2d, maxPool2d } from '../nn/pooling.ts';
import { integer } from '../options.ts';
import { convNorm } from './conv-norm.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

/** Channels of the 1x1 convolution, for each one that a layer adds. */
const BOTTLENECK = 4;

export interface DenseBlockOptions {
  readonly layers: number;
  /** Channels that each layer adds. */
  readonly growth: number;
}

/** `layers` times `x = concat(x, f(x))`, f being normalised and activated 1x1 and 3x3 convolutions. */
export function denseBlock({ layers, growth }: DenseBlockOptions): Layer[] {
  integer('denseBlock', 'layers', layers, 1);
  integer('denseBlock', 'growth', growth, 1);
  const convolution = (filters: number, kernelSize: number): Layer[] => [
    batchNorm2d(),
    relu(),
    conv2d({ filters, kernelSize, padding: (kernelSize - 1) / 2, bias: false }),
  ];
  return Array.from({ length: layers }, () =>
    branches([[], [...convolution(BOTTLENECK * growth, 1), ...convolution(growth, 3)]]),
  );
}

/** DenseNet-121. For `[h, w, c]`, of which it leaves a 32nd; 1000 classes. */
export function densenet121(options: NetworkOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('densenet121', options, 1000);
  const growth = channels(32);
  let width = channels(64);
  const blocks = [6, 12, 24, 16].flatMap((layers, i): Layer[] => {
    const block = denseBlock({ layers, growth });
    width += layers * growth;
    if (i === 3) return block;
    width = Math.max(width >> 1, 1);
    const transition = conv2d({ filters: width, kernelSize: 1, bias: false });
    return [...block, batchNorm2d(), relu(), transition, avgPool2d({ size: 2 })];
  });
  return [
    ...convNorm(channels(64), 7, { stride: 2, activation: relu }),
    maxPool2d({ size: 3, stride: 2, padding: 1 }),
    ...blocks,
    batchNorm2d(),
    relu(),
    globalAvgPool2d(),
    linear({ units: classes }),
  ];
}
