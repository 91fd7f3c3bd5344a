// Values that no input leads to: constants, and parameters that are no layer's weights. They are one example for the whole
// batch; layers that join them with other values repeat them.

import type { GraphTensor } from '../graph/graph.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { onlyKnown, sizes } from '../options.ts';
import type { Builder } from './builder.ts';
import type { Initializer } from './initializer.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import type { Value } from './value.ts';

/** Axes of one example. */
const MAX_AXES = 5;

export interface ConstantOptions extends LayerOptions {
  /** Sizes without a batch. */
  readonly shape: readonly number[];
  /** One value for all elements, or each in row-major order; they are stored with the model. Default 0. */
  readonly values?: number | ArrayLike<number>;
}

export interface ParameterOptions extends LayerOptions {
  /** Sizes without a batch. */
  readonly shape: readonly number[];
  /** How it starts, both fans being the number of elements in the last axis. Default `'zeros'`. */
  readonly init?: Initializer;
}

/** `y = values`: a constant of any shape as a symbolic value; torch.nn.Module.register_buffer. */
export const constant = (options: ConstantOptions): Value => constantLayer(options)();

/** `y = value`, a trained tensor of any shape as a symbolic value (torch.nn.Parameter): a position embedding, a learned scale.
 * No node in ONNX: an initializer. */
export const parameter = (options: ParameterOptions): Value => parameterLayer(options)();

/** What `constant` applies to nothing. */
export function constantLayer(options: ConstantOptions): Layer {
  const layer = options?.name ?? 'constant';
  onlyKnown(layer, options, ['shape', 'values', 'name']);
  const shape = sizes(layer, 'shape', options.shape, MAX_AXES);
  const emit = (builder: Builder) => asExample(builder, builder.constant('value', shape, options.values ?? 0));
  return defineLayer('constant', options, emit, [0, 0]);
}

/** What `parameter` applies to nothing. */
export function parameterLayer(options: ParameterOptions): Layer {
  const layer = options?.name ?? 'parameter';
  onlyKnown(layer, options, ['shape', 'init', 'name']);
  const shape = sizes(layer, 'shape', options.shape, MAX_AXES);
  const fan = shape.at(-1) as number;
  const { init = 'zeros' } = options;
  const emit = (builder: Builder) =>
    asExample(builder, builder.parameter('value', shape, init, { fanIn: fan, fanOut: fan }));
  return defineLayer('parameter', options, emit, [0, 0]);
}

const asExample = ({ graph }: Builder, tensor: GraphTensor): GraphTensor =>
  graph.emit(reshape, [tensor], reshapeTo([1, ...tensor.shape]))[0] as GraphTensor;
