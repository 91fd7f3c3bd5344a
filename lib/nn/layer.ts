// A layer is a small immutable description that can emit ops into a graph. It owns no data and never loops over any. It is
// a function too: called with symbolic values it gives a new one, which is how networks with branches are written.

import type { GraphTensor } from '../graph/graph.ts';
import { identifier } from '../options.ts';
import type { Builder } from './builder.ts';
import { applyLayer, type Value } from './value.ts';

/** A layer as JSON: its type, name and options, as it stands in a model file. */
export interface LayerConfig {
  readonly type: string;
  readonly name?: string;
  readonly [option: string]: unknown;
}

export interface Layer {
  /** The layer's value for these, one or a list. Applied twice, a layer shares its parameters. */
  (...inputs: readonly (Value | readonly Value[])[]): Value;
  readonly type: string;
  readonly name: string | undefined;
  /** As they were given, layers within them as layers. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly config: LayerConfig;
  /** How many inputs it takes, at least and at most. */
  readonly arity: readonly [least: number, most: number];
  /** Emits the ops of the layer for a batch; `inputs` and the result have the batch as their first axis. */
  emit(builder: Builder, ...inputs: readonly GraphTensor[]): GraphTensor;
}

/** Options every layer takes. */
export interface LayerOptions {
  /** Name in summaries, errors and model files; default: the type and a number. */
  readonly name?: string;
}

/** Options that say how training starts; a loaded model has its weights, so they are not stored with it. */
const TRANSIENT_OPTIONS = ['weightInit', 'depthwiseInit', 'pointwiseInit', 'biasInit', 'slopeInit', 'values', 'init'];

export function defineLayer<Options extends LayerOptions>(
  type: string,
  options: Options,
  emit: Layer['emit'],
  arity: Layer['arity'] = [1, 1],
): Layer {
  const { name } = options;
  if (name !== undefined) identifier(type, 'name', name);
  const layer = (...inputs: readonly (Value | readonly Value[])[]) => applyLayer(layer as Layer, inputs.flat());
  const fields = { type, name, options, arity, emit };
  for (const [key, value] of Object.entries(fields)) Object.defineProperty(layer, key, { value, enumerable: true });
  const config = { get: () => describeLayer(layer as Layer, ({ config }) => config), enumerable: true };
  return Object.defineProperty(layer, 'config', config) as Layer;
}

export const isLayer = (value: unknown): value is Layer =>
  typeof value === 'function' && 'emit' in value && typeof value.emit === 'function';

/** `layer` as JSON; `nested` says what stands for a layer within its options. */
export function describeLayer(layer: Layer, nested: (layer: Layer) => unknown): LayerConfig {
  const describe = (value: unknown): unknown => {
    if (isLayer(value)) return nested(value);
    if (Array.isArray(value)) return value.map(describe);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, option]) => [key, describe(option)]));
  };
  const stored = Object.entries(layer.options).filter(
    ([key, value]) => value !== undefined && !TRANSIENT_OPTIONS.includes(key),
  );
  return { type: layer.type, ...Object.fromEntries(stored.map(([key, value]) => [key, describe(value)])) };
}
