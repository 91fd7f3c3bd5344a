// The deep Q-network for Atari games (Mnih et al. 2015): from four frames of 84 x 84 to the value of each action.

import { relu } from '../nn/activation.ts';
import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { flatten, linear } from '../nn/linear.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

/** For `[84, 84, 4]`; `classes` is the number of actions, 18 unless a game has fewer. */
export function atariDqn(options: NetworkOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('atariDqn', options, 18);
  return [
    conv2d({ filters: channels(32), kernelSize: 8, stride: 4 }),
    relu(),
    conv2d({ filters: channels(64), kernelSize: 4, stride: 2 }),
    relu(),
    conv2d({ filters: channels(64), kernelSize: 3 }),
    relu(),
    flatten(),
    linear({ units: channels(512) }),
    relu(),
    linear({ units: classes }),
  ];
}
