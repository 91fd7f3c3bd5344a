// A layer is a small immutable description that can emit ops into a graph. It owns no data and never loops over any.

import { LanewiseError } from '../errors.ts';
import type { GraphTensor } from '../graph/graph.ts';
import type { Builder } from './builder.ts';

/** A layer as JSON: its type, name and options, as it stands in a model file. */
export interface LayerConfig {
  readonly type: string;
  readonly name?: string;
  readonly [option: string]: unknown;
}

export interface Layer {
  readonly type: string;
  readonly name?: string | undefined;
  readonly config: LayerConfig;
  emit(builder: Builder, x: GraphTensor): GraphTensor;
}

/** Options every layer takes. */
export interface LayerOptions {
  /** Name in summaries, errors and model files; default: the type and a number. */
  readonly name?: string;
}

/** Options that say how training starts; a loaded model has its weights, so they are not stored with it. */
const TRANSIENT_OPTIONS = ['weightInit', 'depthwiseInit', 'pointwiseInit', 'biasInit', 'slopeInit'];

export function defineLayer<Options extends LayerOptions>(
  type: string,
  options: Options,
  emit: (builder: Builder, x: GraphTensor) => GraphTensor,
): Layer {
  const { name } = options;
  if (name !== undefined && !/^[A-Za-z_][\w-]*$/.test(name)) {
    throw new LanewiseError(
      'option',
      `${type}: name '${name}' must be letters, digits, _ or -, not starting with a digit`,
    );
  }
  const stored = Object.entries(options).filter(
    ([key, value]) => value !== undefined && !TRANSIENT_OPTIONS.includes(key),
  );
  return { type, name, config: { type, ...Object.fromEntries(stored) }, emit };
}
