// Tiny YOLOv2 (Redmon & Farhadi 2017): a fully convolutional detector. Each of its output pixels says for each of several
// anchors where an object is, whether there is one, and what. 15,861,773 trained values for the 20 classes of VOC.

import { leakyRelu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { maxPool2d } from '../nn/pooling.ts';
import { integer } from '../options.ts';
import { convNorm } from './conv-norm.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

export interface TinyYoloOptions extends NetworkOptions {
  /** Shapes of boxes for each output pixel. Default 5. */
  readonly anchors?: number;
}

/** x, y, width and height of a box, and how sure it is. */
const BOX = 5;

/** For `[h, w, c]`, such as 416 x 416; gives `[h / 32, w / 32, anchors * (5 + classes)]` without any activation. 20 classes. */
export function tinyYolo(options: TinyYoloOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('tinyYolo', options, 20, ['anchors']);
  const anchors = integer('tinyYolo', 'anchors', options.anchors ?? 5, 1);
  const convolution = (filters: number): Layer[] =>
    convNorm(channels(filters), 3, { activation: () => leakyRelu({ slope: 0.1 }) });
  return [
    ...[16, 32, 64, 128, 256].flatMap((filters) => [...convolution(filters), maxPool2d({ size: 2 })]),
    ...convolution(512),
    maxPool2d({ size: 2, stride: 1, padding: 'same' }),
    ...convolution(1024),
    ...convolution(1024),
    conv2d({ filters: anchors * (BOX + classes), kernelSize: 1 }),
  ];
}
