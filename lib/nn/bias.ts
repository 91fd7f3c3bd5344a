// A bias as a layer of its own.

import type { GraphTensor } from '../graph/graph.ts';
import { biasAdd } from '../ops/bias_add.ts';
import { onlyKnown } from '../options.ts';
import type { Initializer } from './initializer.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

export interface BiasOptions extends LayerOptions {
  /** Default `'zeros'`. */
  readonly biasInit?: Initializer;
}

/**
 * `y[..., c] = x[..., c] + b[c]`, b being trained (ONNX Add). Any shape; after `flatten` every position has a bias of its own. No
 * counterpart in PyTorch.
 */
export function bias(options: BiasOptions = {}): Layer {
  onlyKnown(options?.name ?? 'bias', options, ['biasInit', 'name']);
  const { biasInit = 'zeros' } = options;
  return defineLayer('bias', options, (builder, x) => {
    const c = x.shape.at(-1) as number;
    const b = builder.parameter('bias', [c], biasInit, { fanIn: 1, fanOut: 1 });
    return builder.graph.emit(biasAdd, [x, b], {})[0] as GraphTensor;
  });
}
