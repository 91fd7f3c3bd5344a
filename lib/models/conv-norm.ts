// The block that networks since 2015 are made of: a convolution, its normalisation, an activation.

import { conv2d } from '../nn/conv2d.ts';
import type { Layer } from '../nn/layer.ts';
import { batchNorm2d } from '../nn/normalization.ts';

interface ConvNormOptions {
  readonly stride?: number;
  readonly groups?: number;
  /** Default: none. */
  readonly activation?: () => Layer;
}

/** A square convolution that keeps the size, or halves it with stride 2, and has no bias: batch norm would subtract it. */
export function convNorm(filters: number, kernelSize: number, options: ConvNormOptions = {}): Layer[] {
  const { stride = 1, groups = 1, activation } = options;
  return [
    conv2d({ filters, kernelSize, stride, padding: (kernelSize - 1) / 2, groups, bias: false }),
    batchNorm2d(),
    ...(activation ? [activation()] : []),
  ];
}
