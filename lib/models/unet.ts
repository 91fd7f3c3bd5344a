// U-Net (Ronneberger et al. 2015) for the segmentation of images: down to coarse maps and up again, each level joined with what
// it was on the way down. With padding, so that the output has the size of the input, and batch norm.

import { relu } from '../nn/activation.ts';
import { branches } from '../nn/branches.ts';
import { convTranspose2d } from '../nn/conv-transpose.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { maxPool2d } from '../nn/pooling.ts';
import { integer } from '../options.ts';
import { convNorm } from './conv-norm.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

export interface UnetOptions extends NetworkOptions {
  /** How often the size is halved. Default 4. */
  readonly depth?: number;
}

/** For `[h, w, c]` with sides that can be halved `depth` times; gives logits `[h, w, classes]`. 2 classes; 64 channels at the
 * first level and twice as many at each below. */
export function unet(options: UnetOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('unet', options, 2, ['depth']);
  const depth = integer('unet', 'depth', options.depth ?? 4, 1);
  const block = (filters: number): Layer[] => [1, 2].flatMap(() => convNorm(filters, 3, { activation: relu }));
  const level = (at: number): Layer[] => {
    const filters = channels(64 * 2 ** at);
    if (at === depth) return block(filters);
    const below = [maxPool2d({ size: 2 }), ...level(at + 1), convTranspose2d({ filters, kernelSize: 2, stride: 2 })];
    return [...block(filters), branches([[], below]), ...block(filters)];
  };
  return [...level(0), conv2d({ filters: classes, kernelSize: 1 })];
}
