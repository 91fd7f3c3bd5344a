// Layers that drop values at random in training and do nothing in inference.

import type { GraphTensor } from '../graph/graph.ts';
import { binary } from '../ops/binary.ts';
import { binaryAttrs } from '../ops/binary-functions.ts';
import { dropout as dropoutOp } from '../ops/dropout.ts';
import { fill } from '../ops/fill.ts';
import { elementCount } from '../ops/op.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { fail, onlyKnown, real } from '../options.ts';
import type { Builder } from './builder.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

export interface DropoutOptions extends LayerOptions {
  /** Share of values set to zero in training, from 0 to below 1. Default 0.5 (0.1 in `stochasticDepth`). */
  readonly rate?: number;
}

/** `y = x * m / (1 - rate)` in training, m being 0 with probability `rate`, else 1, for each value (Srivastava et al. 2014,
 * inverted form); `y = x` in inference. The pattern depends on seed, layer and step alone. PyTorch's `Dropout`. */
export function dropout(options: DropoutOptions = {}): Layer {
  const rate = rateOf('dropout', options, 0.5);
  return defineLayer('dropout', options, (builder, x) => {
    const stream = builder.nextStream();
    if (builder.mode === 'inference' || rate === 0) return x;
    return builder.graph.emit(dropoutOp, [x, builder.step()], { rate, stream })[0] as GraphTensor;
  });
}

function rateOf(type: string, options: DropoutOptions, otherwise: number): number {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, ['rate', 'name']);
  return real(layer, 'rate', options.rate ?? otherwise, 0, 0.999);
}

/** x times dropout of ones of the shape `mask`, which is repeated where its sizes are 1. */
function dropTogether(builder: Builder, x: GraphTensor, rate: number, mask: readonly number[]): GraphTensor {
  const { graph } = builder;
  const stream = builder.nextStream();
  if (builder.mode === 'inference' || rate === 0) return x;
  const [ones] = graph.emit(fill, [], { value: 1, count: elementCount(mask) }) as [GraphTensor];
  const [shaped] = graph.emit(reshape, [ones], reshapeTo(mask)) as [GraphTensor];
  const [kept] = graph.emit(dropoutOp, [shaped, builder.step()], { rate, stream }) as [GraphTensor];
  return graph.emit(binary, [x, kept], binaryAttrs('multiply'))[0] as GraphTensor;
}

function spatialDropout(type: string, rank: number, inputs: string, options: DropoutOptions): Layer {
  const rate = rateOf(type, options, 0.5);
  return defineLayer(type, options, (builder, x) => {
    const [n = 1, ...sizes] = x.shape;
    if (sizes.length !== rank + 1) fail(builder.graph.layer, `needs ${inputs}, got [${x.shape}]`);
    return dropTogether(builder, x, rate, [n, ...Array<number>(rank).fill(1), sizes.at(-1) as number]);
  });
}

/** `spatialDropout2d` for sequences `[n, w, c]`; torch.nn.Dropout1d. */
export const spatialDropout1d = (options: DropoutOptions = {}): Layer =>
  spatialDropout('spatialDropout1d', 1, 'sequences [n, w, c]', options);

/** As `dropout`, with all pixels of a channel of an example dropped together (Tompson et al. 2015): neighbouring pixels know too
 * much of each other for single ones to be missed. Images `[n, h, w, c]`; torch.nn.Dropout2d. */
export const spatialDropout2d = (options: DropoutOptions = {}): Layer =>
  spatialDropout('spatialDropout2d', 2, 'images [n, h, w, c]', options);

/** `spatialDropout2d` for volumes `[n, d, h, w, c]`; torch.nn.Dropout3d. */
export const spatialDropout3d = (options: DropoutOptions = {}): Layer =>
  spatialDropout('spatialDropout3d', 3, 'volumes [n, d, h, w, c]', options);

/** As `dropout`, with whole examples dropped: at the end of a body of `residual` it skips the body for an example (Huang et al.
 * 2016). Any shape; torchvision.ops.StochasticDepth in mode 'row'. Default rate 0.1. */
export function stochasticDepth(options: DropoutOptions = {}): Layer {
  const rate = rateOf('stochasticDepth', options, 0.1);
  return defineLayer('stochasticDepth', options, (builder, x) =>
    dropTogether(builder, x, rate, [x.shape[0] ?? 1, ...x.shape.slice(1).map(() => 1)]),
  );
}
