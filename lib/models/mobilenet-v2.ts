// MobileNetV2 (Sandler et al. 2018): inverted residuals, which are wide inside and narrow between. As torchvision has it:
// 3,504,872 parameters.

import { relu6 } from '../nn/activation.ts';
import { globalAvgPool2d } from '../nn/global-pooling.ts';
import type { Layer } from '../nn/layer.ts';
import { linear } from '../nn/linear.ts';
import { dropout } from '../nn/regularization.ts';
import { residual } from '../nn/residual.ts';
import { convNorm } from './conv-norm.ts';
import { checkedNetwork, type NetworkOptions } from './network-options.ts';

/** The paper's table 2: expansion, channels, blocks, stride of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** For `[h, w, c]`, of which it leaves a 32nd; 1000 classes. */
export function mobilenetV2(options: NetworkOptions = {}): Layer[] {
  const { classes, channels } = checkedNetwork('mobilenetV2', options, 1000);
  let width = channels(32);
  const stem = convNorm(width, 3, { stride: 2, activation: relu6 });
  const block = (expansion: number, outputs: number, stride: number): Layer[] => {
    const wide = expansion * width;
    const body = [
      ...(expansion === 1 ? [] : convNorm(wide, 1, { activation: relu6 })),
      ...convNorm(wide, 3, { stride, groups: wide, activation: relu6 }),
      ...convNorm(outputs, 1),
    ];
    const same = stride === 1 && width === outputs;
    width = outputs;
    return same ? [residual(body)] : body;
  };
  return [
    ...stem,
    ...STAGES.flatMap(([expansion, filters, count, stride]) =>
      Array.from({ length: count }).flatMap((_, i) => block(expansion, channels(filters), i === 0 ? stride : 1)),
    ),
    ...convNorm(channels(1280), 1, { activation: relu6 }),
    globalAvgPool2d(),
    dropout({ rate: 0.2 }),
    linear({ units: classes }),
  ];
}
