// EfficientNet-B0 (Tan & Le 2019): inverted residuals whose channels are weighted by squeeze-and-excitation (Hu et al. 2018).
// As torchvision has it: 5,288,548 parameters.

import { sigmoid, silu } from '../nn/activation.ts';
import { branches } from '../nn/branches.ts';
import { globalAvgPool2d } from '../nn/global-pooling.ts';
import type { Layer } from '../nn/layer.ts';
import { linear } from '../nn/linear.ts';
import { dropout, stochasticDepth } from '../nn/regularization.ts';
import { residual } from '../nn/residual.ts';
import { integer } from '../options.ts';
import { convNorm } from './conv-norm.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

/** The paper's table 1: expansion, kernel, channels, blocks, stride of the first. */
const STAGES = [
  [1, 3, 16, 1, 1],
  [6, 3, 24, 2, 2],
  [6, 5, 40, 2, 2],
  [6, 3, 80, 3, 2],
  [6, 5, 112, 3, 1],
  [6, 5, 192, 4, 2],
  [6, 3, 320, 1, 1],
] as const;
const SQUEEZE = 4;
/** Share of the examples for which the last block is left out; it grows from 0 in the first. */
const DROPPED = 0.2;
const BLOCKS = STAGES.reduce((sum, [, , , count]) => sum + count, 0);

export interface SqueezeExcitationOptions {
  /** Channels of the input, which are those of the output. */
  readonly channels: number;
  /** Units between the two fully connected layers. */
  readonly squeezed: number;
}

/** `y = x * sigmoid(linear(silu(linear(mean of x over its pixels))))`, one factor for each channel. */
export function squeezeExcitation({ channels, squeezed }: SqueezeExcitationOptions): Layer {
  integer('squeezeExcitation', 'channels', channels, 1);
  integer('squeezeExcitation', 'squeezed', squeezed, 1);
  const factors = [globalAvgPool2d(), linear({ units: squeezed }), silu(), linear({ units: channels }), sigmoid()];
  return branches([[], factors], { join: 'multiply' });
}

/** For `[h, w, c]`, of which it leaves a 32nd; 1000 classes. */
export function efficientnetB0(options: NetworkOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('efficientnetB0', options, 1000);
  let width = channels(32);
  let index = 0;
  const stem = convNorm(width, 3, { stride: 2, activation: silu });
  const block = (expansion: number, kernelSize: number, outputs: number, stride: number): Layer[] => {
    const wide = expansion * width;
    const body = [
      ...(expansion === 1 ? [] : convNorm(wide, 1, { activation: silu })),
      ...convNorm(wide, kernelSize, { stride, groups: wide, activation: silu }),
      squeezeExcitation({ channels: wide, squeezed: Math.max(1, Math.floor(width / SQUEEZE)) }),
      ...convNorm(outputs, 1),
    ];
    const same = stride === 1 && width === outputs;
    width = outputs;
    const rate = (DROPPED * index++) / BLOCKS;
    return same ? [residual([...body, stochasticDepth({ rate })])] : body;
  };
  return [
    ...stem,
    ...STAGES.flatMap(([expansion, kernelSize, filters, count, stride]) =>
      Array.from({ length: count }).flatMap((_, i) =>
        block(expansion, kernelSize, channels(filters), i === 0 ? stride : 1),
      ),
    ),
    ...convNorm(channels(1280), 1, { activation: silu }),
    globalAvgPool2d(),
    dropout({ rate: 0.2 }),
    linear({ units: classes }),
  ];
}
