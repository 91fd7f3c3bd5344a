// A convolutional network for raw audio after M5 (Dai et al. 2016): a long first filter with a large stride in the place of a
// spectrogram, then convolutions of 3 over ever fewer, ever wider positions. Spoken digits: bench/train/fsdd.ts.

import { relu } from '../nn/activation.ts';
import { conv1d } from '../nn/conv2d.ts';
import { globalAvgPool1d } from '../nn/global-pooling.ts';
import type { Layer } from '../nn/layer.ts';
import { linear } from '../nn/linear.ts';
import { batchNorm1d } from '../nn/normalization.ts';
import { maxPool1d } from '../nn/pooling.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

/** For `[w, c]` of about a second at 8 kHz; 10 classes. */
export function audioCnn(options: NetworkOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('audioCnn', options, 10);
  const stage = (filters: number, kernelSize: number, stride: number): Layer[] => [
    conv1d({ filters: channels(filters), kernelSize, stride, padding: 'same', bias: false }),
    batchNorm1d(),
    relu(),
    maxPool1d({ size: 4 }),
  ];
  return [
    ...stage(32, 64, 4),
    ...stage(32, 3, 1),
    ...stage(64, 3, 1),
    ...stage(128, 3, 1),
    globalAvgPool1d(),
    linear({ units: classes }),
  ];
}
