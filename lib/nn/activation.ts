// Activation layers: elementwise, shape-preserving.

import type { GraphTensor } from '../graph/graph.ts';
import { leakyRelu as leakyReluOp } from '../ops/leaky_relu.ts';
import type { OpDefinition } from '../ops/op.ts';
import { relu as reluOp } from '../ops/relu.ts';
import { sigmoid as sigmoidOp } from '../ops/sigmoid.ts';
import { softmax as softmaxOp } from '../ops/softmax.ts';
import { tanh as tanhOp } from '../ops/tanh.ts';
import { onlyKnown, real } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

function activation(type: string, op: OpDefinition<Record<never, never>>, options: LayerOptions): Layer {
  onlyKnown(options?.name ?? type, options, ['name']);
  return defineLayer(type, options, ({ graph }, x) => graph.emit(op, [x], {})[0] as GraphTensor);
}

/** `y = max(x, 0)`. */
export const relu = (options: LayerOptions = {}): Layer => activation('relu', reluOp, options);

/** `y = 1 / (1 + exp(-x))`. */
export const sigmoid = (options: LayerOptions = {}): Layer => activation('sigmoid', sigmoidOp, options);

/** `y = tanh(x)`. */
export const tanh = (options: LayerOptions = {}): Layer => activation('tanh', tanhOp, options);

/** `y_k = exp(x_k) / sum of exp(x_j)` over the last axis. The cross-entropy loss takes logits and applies it itself, so a
 * network trained with that loss ends without it. */
export const softmax = (options: LayerOptions = {}): Layer => activation('softmax', softmaxOp, options);

export interface LeakyReluOptions extends LayerOptions {
  /** Slope for negative inputs, above 0. Default 0.01. */
  readonly slope?: number;
}

/** `y = x` for x >= 0, `slope * x` below. */
export function leakyRelu(options: LeakyReluOptions = {}): Layer {
  const layer = options?.name ?? 'leakyRelu';
  onlyKnown(layer, options, ['slope', 'name']);
  const slope = real(layer, 'slope', options.slope ?? 0.01, 1e-6, 1);
  return defineLayer('leakyRelu', options, ({ graph }, x) => graph.emit(leakyReluOp, [x], { slope })[0] as GraphTensor);
}
