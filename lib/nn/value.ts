// Symbolic values: what layers are applied to when a network is written as a graph. A value knows its shape and where it
// comes from, and holds no numbers.

import { LanewiseError } from '../errors.ts';
import { identifier, onlyKnown, sizes } from '../options.ts';
import { Builder } from './builder.ts';
import type { Layer } from './layer.ts';

/** Volumes with their channels. */
export const MAX_INPUT_RANK = 4;

/** Where values come from: a layer applied to others, or, without a layer, the caller. */
interface Source {
  readonly layer?: Layer;
  readonly inputs?: readonly Value[];
  /** Of an input. */
  readonly name?: string | undefined;
}

let created = 0;

export class Value {
  /** Sizes for one example, channels last. */
  readonly shape: readonly number[];
  readonly source: Source;
  /** Values are made in an order of computation. */
  readonly order = created++;

  constructor(shape: readonly number[], source: Source) {
    this.shape = shape;
    this.source = source;
  }
}

export interface InputOptions {
  /** Sizes of one example, channels last: images `[h, w, c]`, audio `[w, c]`, volumes `[d, h, w, c]`, features `[f]`. */
  readonly shape: readonly number[];
  /** By which data are given to the model. Default: `input`, or `input_1`, `input_2`, ... where there are several. */
  readonly name?: string;
}

/** An input of a network: give it to layers, and to `model`. */
export function input(options: InputOptions): Value {
  onlyKnown('input', options, ['shape', 'name']);
  const { name } = options;
  if (name !== undefined) identifier('input', 'name', name);
  return new Value(sizes('input', 'shape', options.shape, MAX_INPUT_RANK), { name });
}

/** `layer` applied to `inputs`. Shapes are checked at once. */
export function applyLayer(layer: Layer, inputs: readonly Value[]): Value {
  const owner = layer.name ?? layer.type;
  const stray = inputs.find((input) => !(input instanceof Value));
  if (stray !== undefined) {
    const got = typeof stray === 'function' ? 'a layer' : typeof stray;
    throw new LanewiseError('option', `${owner}: is applied to values, which input() and layers give, not to ${got}`);
  }
  const builder = new Builder('inference');
  const tensors = inputs.map(({ shape }) => builder.graph.tensor('value', 'x', { shape: [1, ...shape], dtype: 'f32' }));
  return new Value(builder.applyAs(owner, layer, tensors).shape.slice(1), { layer, inputs });
}
