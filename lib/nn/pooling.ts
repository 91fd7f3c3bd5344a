// Pooling layers: each output pixel summarises a window of the input, channel by channel.

import type { GraphTensor } from '../graph/graph.ts';
import { avgPool2d as avgPool2dOp } from '../ops/avg_pool2d.ts';
import { globalAvgPool2d as globalAvgPool2dOp } from '../ops/global_avg_pool2d.ts';
import { globalMaxPool2d as globalMaxPool2dOp } from '../ops/global_max_pool2d.ts';
import { maxPool2d as maxPool2dOp } from '../ops/max_pool2d.ts';
import { fail, onlyKnown } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import { type Padding2d, paddingSides, type Size2d, size2d } from './window.ts';

export interface Pool2dOptions extends LayerOptions {
  /** Height and width of the window. */
  readonly size: Size2d;
  /** Pixels between neighbouring windows. Default: `size`. */
  readonly stride?: Size2d;
  /** Border around the input. Default `'valid'` (none). */
  readonly padding?: Padding2d;
}

export interface AvgPool2dOptions extends Pool2dOptions {
  /** Whether padding counts as zeros in the mean (PyTorch's `count_include_pad`). Default false. */
  readonly countPadding?: boolean;
}

const OPTIONS = ['size', 'stride', 'padding', 'name'];

function poolGeometry(layer: string, options: Pool2dOptions) {
  const [kernelH, kernelW] = size2d(layer, 'size', options.size, 1);
  const [strideH, strideW] = size2d(layer, 'stride', options.stride ?? options.size, 1);
  const padding = options.padding ?? 'valid';
  return (name: string, x: GraphTensor) => {
    if (x.shape.length !== 4) fail(name, `needs images [n, h, w, c], got [${x.shape}]`);
    const [, h = 1, w = 1] = x.shape;
    const window = { input: [h, w], kernel: [kernelH, kernelW], stride: [strideH, strideW], dilation: [1, 1] } as const;
    return { kernelH, kernelW, strideH, strideW, ...paddingSides(name, padding, window), dilationH: 1, dilationW: 1 };
  };
}

/** Largest value of each window; padding never wins. Output `[n, oh, ow, c]`. */
export function maxPool2d(options: Pool2dOptions): Layer {
  const layer = options?.name ?? 'maxPool2d';
  onlyKnown(layer, options, OPTIONS);
  const geometry = poolGeometry(layer, options);
  return defineLayer('maxPool2d', options, ({ graph }, x) => {
    return graph.emit(maxPool2dOp, [x], geometry(graph.layer, x))[0] as GraphTensor;
  });
}

/** Mean of each window. Output `[n, oh, ow, c]`. */
export function avgPool2d(options: AvgPool2dOptions): Layer {
  const layer = options?.name ?? 'avgPool2d';
  onlyKnown(layer, options, [...OPTIONS, 'countPadding']);
  const geometry = poolGeometry(layer, options);
  const counting = { countPadding: options.countPadding ? 1 : 0, ceilBottom: 0, ceilRight: 0, divisor: 0 };
  return defineLayer('avgPool2d', options, ({ graph }, x) => {
    return graph.emit(avgPool2dOp, [x], { ...geometry(graph.layer, x), ...counting })[0] as GraphTensor;
  });
}

/** Mean over all pixels of each channel: `[n, h, w, c]` to `[n, c]`. */
export function globalAvgPool2d(options: LayerOptions = {}): Layer {
  onlyKnown(options?.name ?? 'globalAvgPool2d', options, ['name']);
  return defineLayer(
    'globalAvgPool2d',
    options,
    ({ graph }, x) => graph.emit(globalAvgPool2dOp, [x], {})[0] as GraphTensor,
  );
}

/** Largest value over all pixels of each channel: `[n, h, w, c]` to `[n, c]`. */
export function globalMaxPool2d(options: LayerOptions = {}): Layer {
  onlyKnown(options?.name ?? 'globalMaxPool2d', options, ['name']);
  return defineLayer(
    'globalMaxPool2d',
    options,
    ({ graph }, x) => graph.emit(globalMaxPool2dOp, [x], {})[0] as GraphTensor,
  );
}
