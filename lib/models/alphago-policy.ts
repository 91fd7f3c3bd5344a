// The policy network of AlphaGo (Silver et al. 2016): thirteen convolutions that keep the 19 x 19 points of the board, then a
// logit for each point with a bias of its own. 3,882,793 parameters with 192 filters and 48 planes of features.

import { relu } from '../nn/activation.ts';
import { bias } from '../nn/bias.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { flatten } from '../nn/linear.ts';
import { integer } from '../options.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

export interface AlphagoPolicyOptions extends Pick<NetworkOptions, 'width'> {
  /** Convolutions of 3x3. Default 11. */
  readonly depth?: number;
}

/** For `[19, 19, 48]`, or a board of any size and any planes; gives a logit for each point, row by row. */
export function alphagoPolicy(options: AlphagoPolicyOptions = {}): Layer[] {
  const { channels } = checkedNetwork('alphagoPolicy', options, 1, ['depth']);
  const depth = integer('alphagoPolicy', 'depth', options.depth ?? 11, 0);
  const filters = channels(192);
  return [
    conv2d({ filters, kernelSize: 5, padding: 2 }),
    relu(),
    ...Array.from({ length: depth }).flatMap(() => [conv2d({ filters, kernelSize: 3, padding: 1 }), relu()]),
    conv2d({ filters: 1, kernelSize: 1, bias: false }),
    flatten(),
    bias(),
  ];
}
