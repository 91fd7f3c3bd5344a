// Layers that drop values at random in training and do nothing in inference.

import type { GraphTensor } from '../graph/graph.ts';
import { dropout as dropoutOp } from '../ops/dropout.ts';
import { onlyKnown, real } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

export interface DropoutOptions extends LayerOptions {
  /** Share of values set to zero in training, from 0 to below 1. Default 0.5. */
  readonly rate?: number;
}

/** In training each value is zeroed with probability `rate` and the others are scaled by `1 / (1 - rate)` (Srivastava et
 * al. 2014, inverted form); in inference nothing happens. The pattern depends on seed, layer and step alone. */
export function dropout(options: DropoutOptions = {}): Layer {
  const layer = options?.name ?? 'dropout';
  onlyKnown(layer, options, ['rate', 'name']);
  const rate = real(layer, 'rate', options.rate ?? 0.5, 0, 0.999);
  return defineLayer('dropout', options, (builder, x) => {
    const stream = builder.nextStream();
    if (builder.mode === 'inference' || rate === 0) return x;
    return builder.graph.emit(dropoutOp, [x, builder.step()], { rate, stream })[0] as GraphTensor;
  });
}
