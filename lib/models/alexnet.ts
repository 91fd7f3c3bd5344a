// AlexNet (Krizhevsky et al. 2012) on one device (Krizhevsky 2014), as torchvision has it: 61,100,840 parameters on 224 x 224
// images.

import { relu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { flatten, linear } from '../nn/linear.ts';
import { maxPool2d } from '../nn/pooling.ts';
import { dropout } from '../nn/regularization.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

/** For `[h, w, c]` of 63 x 63 or more; 1000 classes. */
export function alexnet(options: NetworkOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('alexnet', options, 1000);
  const pool = () => maxPool2d({ size: 3, stride: 2 });
  const units = channels(4096);
  return [
    conv2d({ filters: channels(64), kernelSize: 11, stride: 4, padding: 2 }),
    relu(),
    pool(),
    conv2d({ filters: channels(192), kernelSize: 5, padding: 2 }),
    relu(),
    pool(),
    ...[384, 256, 256].flatMap((filters) => [
      conv2d({ filters: channels(filters), kernelSize: 3, padding: 1 }),
      relu(),
    ]),
    pool(),
    flatten(),
    dropout(),
    linear({ units }),
    relu(),
    dropout(),
    linear({ units }),
    relu(),
    linear({ units: classes }),
  ];
}
