// Weights from elsewhere: from a file's tensors, which must be the model's own, or from a model that shares layers.

import { LanewiseError } from '../errors.ts';
import type { Model } from './model.ts';

export type GivenTensors = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>;

/** The values of tensor `name` of `source`, a file, which must have its shape. */
export function givenTensor(
  tensors: GivenTensors,
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
  source: string,
): ArrayLike<number> {
  const given = tensors.get(name);
  if (!given) throw new LanewiseError('file', `${source}: tensor ${name} is missing`);
  if (given.shape.join() === shape.join()) return given.data;
  throw new LanewiseError('file', `${source}: tensor ${name} is [${given.shape}], the model needs [${shape}]`);
}

export function refuseStray(tensors: GivenTensors, known: ReadonlyMap<string, unknown>, source: string): void {
  const stray = [...tensors.keys()].find((name) => !known.has(name));
  if (stray !== undefined) throw new LanewiseError('file', `${source}: the model has no tensor ${stray}`);
}

/** Copies the tensors of the layers that both models have, and of inputs of one name and shape; returns the names in `to`. */
export function copyLayers(from: Model, to: Model): string[] {
  const names = new Map<string, string>();
  const pair = (name: string, source: string): void => {
    names.set(name, source);
    const inside = from.namesInside.get(source) ?? [];
    to.namesInside.get(name)?.forEach((inner, i) => {
      if (inside[i] !== undefined) pair(inner, inside[i]);
    });
  };
  for (const [layer, name] of to.layerNames) {
    const source = from.layerNames.get(layer);
    if (source !== undefined) pair(name, source);
  }
  if (names.size === 0) {
    const fix = "build one on the other's layers or values";
    throw new LanewiseError('option', `copyWeights: the models have no layer in common; ${fix}`);
  }
  for (const { name } of to.architecture.inputs) {
    if (from.architecture.inputs.some((input) => input.name === name)) names.set(name, name);
  }
  const copied: string[] = [];
  for (const [name, { layer, shape, data }] of to.tensors) {
    const source = from.tensors.get(`${names.get(layer)}${name.slice(layer.length)}`);
    if (source?.shape.join() !== shape.join()) continue;
    data.set(source.data);
    copied.push(name);
  }
  return copied;
}
