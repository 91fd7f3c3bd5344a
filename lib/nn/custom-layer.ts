// Layers of the user's own, made of existing ops and layers, that files can name as they name the built-in ones.

import type { GraphTensor } from '../graph/graph.ts';
import { fail, identifier, onlyKnown, show } from '../options.ts';
import type { Builder } from './builder.ts';
import { type Layer, type LayerOptions, defineLayer as layerOf } from './layer.ts';
import { registerLayer } from './registry.ts';

export interface LayerDefinition<Options extends object> {
  /** Stands in model files; a program that reads them must have defined the layer before. */
  readonly type: string;
  /** Names of the options, which must be JSON or layers; others are refused. Default: none. */
  readonly options?: readonly (keyof Options & string)[];
  /** How many values it is applied to, or how many at least and at most. Default 1. */
  readonly inputs?: number | readonly [least: number, most: number];
  /** Throws where the options are wrong, when a layer is made. */
  check?(options: Options & LayerOptions): void;
  /** Emits the layer for a batch: `inputs` and the result have the batch as their first axis. Called anew for each kind of run. */
  emit(builder: Builder, options: Options & LayerOptions, ...inputs: readonly GraphTensor[]): GraphTensor;
}

type Arguments<Options> =
  Record<never, never> extends Options ? [options?: Options & LayerOptions] : [options: Options & LayerOptions];

/**
 * A layer type of one's own: `const gate = defineLayer({ type: 'gate', emit: (builder, _, x) => builder.apply(multiply(), x,
 * builder.apply(sigmoid(), x)) })`, then `gate()` is a layer like any other. Errors: a type that exists.
 */
export function defineLayer<Options extends object = Record<never, never>>(
  definition: LayerDefinition<Options>,
): (...options: Arguments<Options>) => Layer {
  const { options: names = [], inputs = 1, check, emit } = definition;
  const type = identifier('defineLayer', 'type', definition.type);
  if (typeof emit !== 'function') fail('defineLayer', `${type}: needs emit, the function that emits its ops`);
  const arity = typeof inputs === 'number' ? ([inputs, inputs] as const) : inputs;
  if (!Array.isArray(arity) || !(arity[0] >= 0 && arity[1] >= arity[0]))
    fail('defineLayer', `${type}: inputs must be a number, or the least and the most, not ${show(inputs)}`);
  const make = (options: Options & LayerOptions = {} as Options & LayerOptions): Layer => {
    const owner = options?.name ?? type;
    onlyKnown(owner, options, [...names, 'name']);
    check?.(options);
    return layerOf(type, options, (builder, ...xs) => emit(builder, options, ...xs), arity);
  };
  registerLayer(type, make);
  return make as (...options: Arguments<Options>) => Layer;
}
