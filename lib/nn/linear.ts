// The fully connected layer, and the flattening that goes before it.

import type { GraphTensor } from '../graph/graph.ts';
import { biasAdd } from '../ops/bias_add.ts';
import { linear as linearOp } from '../ops/linear.ts';
import { elementCount } from '../ops/op.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { fail, integer, onlyKnown } from '../options.ts';
import type { Initializer } from './initializer.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

export interface LinearOptions extends LayerOptions {
  /** Number of outputs. */
  readonly units: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Default `'he'`. */
  readonly weightInit?: Initializer;
  /** Default `'zeros'`. */
  readonly biasInit?: Initializer;
}

/**
 * `y[n,o] = b[o] + sum over i of x[n,i] * w[i,o]`. Input `[n, features]`, weights `[features, units]`.
 * Semantics of PyTorch's `Linear`, whose weights are transposed.
 */
export function linear(options: LinearOptions): Layer {
  const layer = options?.name ?? 'linear';
  onlyKnown(layer, options, ['units', 'bias', 'weightInit', 'biasInit', 'name']);
  const units = integer(layer, 'units', options.units, 1);
  const { bias = true, weightInit = 'he', biasInit = 'zeros' } = options;

  return defineLayer('linear', options, (builder, x) => {
    const [, features = 0] = x.shape;
    if (x.shape.length !== 2) {
      fail(builder.graph.layer, `needs [n, features], got [${x.shape}]; put flatten() or globalAvgPool2d() before it`);
    }
    const fans = { fanIn: features, fanOut: units };
    const weight = builder.parameter('weight', [features, units], weightInit, fans);
    const attrs = { activation: 0, slope: 0 };
    const [y] = builder.graph.emit(linearOp, [x, weight, undefined], attrs) as [GraphTensor];
    if (!bias) return y;
    const b = builder.parameter('bias', [units], biasInit, fans);
    return builder.graph.emit(biasAdd, [y, b], {})[0] as GraphTensor;
  });
}

/** `y[n, (i*w + j)*c + k] = x[n,i,j,k]`: all axes but the first as one, `[n, h, w, c]` read as `[n, h*w*c]`; costs nothing.
 * PyTorch's `Flatten` in NHWC order. */
export function flatten(options: LayerOptions = {}): Layer {
  onlyKnown(options?.name ?? 'flatten', options, ['name']);
  return defineLayer('flatten', options, ({ graph }, x) => {
    const [n = 1, ...rest] = x.shape;
    return graph.emit(reshape, [x], reshapeTo([n, elementCount(rest)]))[0] as GraphTensor;
  });
}
