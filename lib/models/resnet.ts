// ResNet (He et al. 2015) as torchvision has it (depth 18: 11,689,512 parameters, depth 50: 25,557,032), and with the stem
// that is usual for CIFAR: one 3x3 convolution in place of a strided 7x7 and pooling.

import { relu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import { globalAvgPool2d } from '../nn/global-pooling.ts';
import type { Layer } from '../nn/layer.ts';
import { linear } from '../nn/linear.ts';
import { batchNorm2d } from '../nn/normalization.ts';
import { maxPool2d } from '../nn/pooling.ts';
import { residual } from '../nn/residual.ts';
import { fail, show } from '../options.ts';
import { convNorm } from './conv-norm.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

/** Blocks of each stage, by the number of layers with weights; from 50 on a block is a bottleneck. */
const BLOCKS = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 6, 3],
  101: [3, 4, 23, 3],
  152: [3, 8, 36, 3],
} as const;
const FILTERS = [64, 128, 256, 512];
/** Outputs of a bottleneck for each of its filters. */
const EXPANSION = 4;

export interface ResnetOptions extends NetworkOptions {
  /** Layers with weights. Default 18. */
  readonly depth?: keyof typeof BLOCKS;
  /** How the network begins, and its classes. Default `'imagenet'`. */
  readonly form?: 'imagenet' | 'cifar';
}

/** Two 3x3 convolutions. */
const basic = (filters: number, stride: number): Layer[] => [
  ...convNorm(filters, 3, { stride, activation: relu }),
  ...convNorm(filters, 3),
];

/** 1x1 down, 3x3, 1x1 up; the 3x3 has the stride, as in torchvision. */
const bottleneck = (filters: number, stride: number): Layer[] => [
  ...convNorm(filters, 1, { activation: relu }),
  ...convNorm(filters, 3, { stride, activation: relu }),
  ...convNorm(EXPANSION * filters, 1),
];

/** For `[h, w, c]`; 1000 classes, or 10 for CIFAR. */
export function resnet(options: ResnetOptions = {}): Layer[] {
  const { depth = 18, form = 'imagenet' } = options;
  const { classes, channels } = checkedNetwork('resnet', options, form === 'cifar' ? 10 : 1000, ['depth', 'form']);
  if (!Object.hasOwn(BLOCKS, depth))
    fail('resnet', `depth must be ${Object.keys(BLOCKS).join(', ')}, not ${show(depth)}`);
  if (form !== 'imagenet' && form !== 'cifar') fail('resnet', `form must be 'imagenet' or 'cifar', not ${show(form)}`);
  const deep = depth >= 50;
  let width = channels(64);
  const block = (filters: number, stride: number): Layer[] => {
    const outputs = deep ? EXPANSION * filters : filters;
    const shortcut = stride > 1 || width !== outputs ? convNorm(outputs, 1, { stride }) : [];
    width = outputs;
    return [residual((deep ? bottleneck : basic)(filters, stride), shortcut), relu()];
  };
  const stem =
    form === 'cifar'
      ? convNorm(width, 3, { activation: relu })
      : [...convNorm(width, 7, { stride: 2, activation: relu }), maxPool2d({ size: 3, stride: 2, padding: 1 })];
  return [
    ...stem,
    ...BLOCKS[depth].flatMap((count, stage) =>
      Array.from({ length: count }).flatMap((_, i) =>
        block(channels(FILTERS[stage] as number), i === 0 && stage > 0 ? 2 : 1),
      ),
    ),
    globalAvgPool2d(),
    linear({ units: classes }),
  ];
}

export interface PreActivationResnetOptions extends NetworkOptions {
  /** Basic blocks of each stage. Default 2, as in ResNet-18. */
  readonly blocks?: readonly number[];
}

/**
 * The CIFAR form with normalisation and activation before each convolution, so that nothing stands on the path of the sums
 * (He et al. 2016). Where a block changes the shape, the shortcut takes the activated values. For `[h, w, c]`; 10 classes.
 */
export function preActivationResnet(options: PreActivationResnetOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('preActivationResnet', options, 10, ['blocks']);
  const { blocks = [2, 2, 2, 2] } = options;
  if (!Array.isArray(blocks) || !blocks.every((count) => Number.isInteger(count) && count >= 1) || blocks.length < 1)
    fail('preActivationResnet', `blocks must be numbers of blocks, one a stage, not ${show(blocks)}`);
  const convolution = (filters: number, kernelSize: number, stride: number): Layer =>
    conv2d({ filters, kernelSize, stride, padding: (kernelSize - 1) / 2, bias: false });
  const active = (): Layer[] => [batchNorm2d(), relu()];
  let width = channels(64);
  const block = (filters: number, stride: number): Layer[] => {
    const body = [convolution(filters, 3, stride), ...active(), convolution(filters, 3, 1)];
    if (stride === 1 && width === filters) return [residual([...active(), ...body])];
    width = filters;
    return [...active(), residual(body, [convolution(filters, 1, stride)])];
  };
  return [
    convolution(width, 3, 1),
    ...blocks.flatMap((count: number, stage: number) =>
      Array.from({ length: count }).flatMap((_, i) => block(channels(64 * 2 ** stage), i === 0 && stage > 0 ? 2 : 1)),
    ),
    ...active(),
    globalAvgPool2d(),
    linear({ units: classes }),
  ];
}
