// VGG (Simonyan & Zisserman 2015): 3x3 convolutions of equal width, then half the size. As torchvision has it (depth 16:
// 138,357,544 parameters on 224 x 224 images), and in the form that is usual for CIFAR.

import { relu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { flatten, linear } from '../nn/linear.ts';
import { batchNorm2d } from '../nn/normalization.ts';
import { maxPool2d } from '../nn/pooling.ts';
import { dropout } from '../nn/regularization.ts';
import { fail, show } from '../options.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

/** Convolutions of each stage, by the number of layers with weights. */
const STAGES = { 11: [1, 1, 2, 2, 2], 13: [2, 2, 2, 2, 2], 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4] } as const;
const FILTERS = [64, 128, 256, 512, 512];

export interface VggOptions extends NetworkOptions {
  /** Layers with weights. Default 16. */
  readonly depth?: keyof typeof STAGES;
  /** `'imagenet'`: two fully connected layers of 4096 units with dropout before the last; `'cifar'`: the last one alone, and
   * batch norm. Default `'imagenet'`. */
  readonly form?: 'imagenet' | 'cifar';
  /** Default: for CIFAR. */
  readonly batchNorm?: boolean;
}

/** For `[h, w, c]` of 32 x 32 or more; 1000 classes, or 10 for CIFAR. */
export function vgg(options: VggOptions = {}): Layer[] {
  const { depth = 16, form = 'imagenet', batchNorm = form === 'cifar' } = options;
  const { classes, channels } = checkedNetwork('vgg', options, form === 'cifar' ? 10 : 1000, [
    'depth',
    'form',
    'batchNorm',
  ]);
  if (!Object.hasOwn(STAGES, depth)) fail('vgg', `depth must be ${Object.keys(STAGES).join(', ')}, not ${show(depth)}`);
  if (form !== 'imagenet' && form !== 'cifar') fail('vgg', `form must be 'imagenet' or 'cifar', not ${show(form)}`);
  const convolution = (filters: number): Layer[] => [
    conv2d({ filters: channels(filters), kernelSize: 3, padding: 1 }),
    ...(batchNorm ? [batchNorm2d()] : []),
    relu(),
  ];
  const hidden = (): Layer[] => [linear({ units: channels(4096) }), relu(), dropout()];
  return [
    ...STAGES[depth].flatMap((count, stage) => [
      ...Array.from({ length: count }).flatMap(() => convolution(FILTERS[stage] as number)),
      maxPool2d({ size: 2 }),
    ]),
    flatten(),
    ...(form === 'imagenet' ? [...hidden(), ...hidden()] : []),
    linear({ units: classes }),
  ];
}
