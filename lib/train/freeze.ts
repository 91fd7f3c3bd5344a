// Which tensors of a model are meant by names of layers, names of tensors, or a function.

import { LanewiseError } from '../errors.ts';
import { show } from '../options.ts';
import type { Model, ModelTensor } from './model.ts';

/** The name of a layer or of a tensor, or a function that picks tensors. */
export type FrozenChoice = string | ((name: string, tensor: ModelTensor) => boolean);

/** Names of the parameters and running statistics that `choices` pick, all without any. */
export function tensorsToFreeze(caller: string, model: Model, choices: readonly FrozenChoice[]): string[] {
  const tensors = [...model.tensors].filter(([, { role }]) => role !== 'constant');
  if (choices.length === 0) return tensors.map(([name]) => name);
  const picked = new Set<string>();
  for (const choice of choices) {
    const found = tensors.filter(pickedBy(caller, model, choice));
    if (found.length === 0 && typeof choice === 'string' && !model.layers.some(({ name }) => name === choice)) {
      const known = [...new Set(model.layers.map(({ name }) => name))].join(', ');
      throw new LanewiseError('option', `${caller}: there is no layer or tensor ${choice} (the layers are ${known})`);
    }
    for (const [name] of found) picked.add(name);
  }
  return [...picked];
}

function pickedBy(caller: string, model: Model, choice: FrozenChoice) {
  if (typeof choice === 'function') return ([name, tensor]: [string, ModelTensor]) => Boolean(choice(name, tensor));
  if (typeof choice !== 'string')
    throw new LanewiseError('option', `${caller}: takes names and functions, not ${show(choice)}`);
  const inside = new Set(layersWithin(model, choice));
  return ([name, { layer }]: [string, ModelTensor]) => name === choice || inside.has(layer);
}

/** The layer `name` and the layers within it. */
function layersWithin({ layers }: Model, name: string): string[] {
  const at = layers.findIndex((layer) => layer.name === name);
  if (at < 0) return [];
  const depth = layers[at]?.depth ?? 0;
  const end = layers.findIndex((layer, i) => i > at && layer.depth <= depth);
  return layers.slice(at, end < 0 ? undefined : end).map((layer) => layer.name);
}
