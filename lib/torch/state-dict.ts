// PyTorch's state dicts: the weights of a model as torch.nn modules hold them, read from and written to safetensors files.

import { LanewiseError } from '../errors.ts';
import { writeFileAtomically } from '../io/atomic-file.ts';
import { encodeSafetensors, readSafetensors } from '../io/safetensors.ts';
import type { SafetensorsTensor } from '../io/safetensors-dtype.ts';
import { fail, onlyKnown, show } from '../options.ts';
import type { Model } from '../train/model.ts';
import { BATCHES_KEY, groupByModule, type ModuleNames, matchModules, tensorName } from './match.ts';
import { fromTorch, type ModuleTensor, modulesOf, toTorch } from './modules.ts';

/** A tensor in PyTorch's order of axes: convolution weights [out, in, ...], linear weights [out, in]. */
export interface StateTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

export interface StateDictOptions {
  /** The module of each layer, `{ conv2d_1: 'features.0' }`. A separable convolution is two modules, `separableConv2d_1.depthwise`
   * and `separableConv2d_1.pointwise`. */
  readonly names?: ModuleNames;
}

/**
 * Loads a state dict, from a safetensors file (`safetensors.torch.save_file(module.state_dict(), path)`) or from tensors in
 * memory, into the model with the same layers. Convolution and linear weights change their order of axes, those of a linear
 * layer after `flatten` also the order of its inputs; batch norm's statistics come along. Modules are matched with layers
 *
 * - by `names`, where they are given: only these layers are loaded, whatever else the state dict has;
 * - else by equal names, as `saveStateDict` writes them;
 * - else in order, each kind of module for itself (convolutions, linear layers, norms, ...): layers as they stand in the
 *   model, modules as their paths are numbered. Shapes are compared, but two modules of one shape that stand in another
 *   order cannot be told apart: give `names` then.
 *
 * Returns the names that were used, for `saveStateDict`. F32, F16, BF16 and F64 are read. Nothing is loaded when an error is
 * thrown: a module that is missing or left over, a tensor of another shape (which names the layer) or type.
 */
export async function loadStateDict(
  model: Model,
  source: string | ReadonlyMap<string, StateTensor>,
  options: StateDictOptions = {},
): Promise<Record<string, string>> {
  onlyKnown('loadStateDict', options, ['names']);
  const names = checkedNames('loadStateDict', options.names);
  if (typeof source !== 'string' && !(source instanceof Map)) {
    fail('loadStateDict', 'needs the path of a safetensors file, or a Map of tensors');
  }
  const file = typeof source === 'string' ? source : 'the state dict';
  const tensors: ReadonlyMap<string, StateTensor | SafetensorsTensor> =
    typeof source === 'string' ? (await readSafetensors(source)).tensors : source;
  const state = groupByModule([...tensors].map(([name, { shape }]) => [name, shape]));
  const pairs = matchModules(modulesOf(model.architecture), state, names, file);
  const loaded = new Map<string, Float32Array>();
  for (const [{ layer, tensors: own }, module] of pairs) {
    for (const tensor of own) {
      const name = tensorName(module, tensor.key);
      loaded.set(tensor.name, convert(tensor, tensors.get(name), { name, layer, file }));
    }
    const keys = new Set([...own.map(({ key }) => key), BATCHES_KEY]);
    const stray = [...(state.get(module)?.keys() ?? [])].find((key) => !keys.has(key));
    if (stray !== undefined) {
      throw new LanewiseError('file', `${file}: layer ${layer} has nothing for tensor ${tensorName(module, stray)}`);
    }
  }
  for (const [name, values] of loaded) model.tensor(name).set(values);
  model.weightsChanged();
  return Object.fromEntries(pairs.map(([{ layer }, module]) => [layer, module]));
}

/** The model's parameters and running statistics as PyTorch holds them, under `names` or else the layers' own. */
export function stateDict(model: Model, options: StateDictOptions = {}): Map<string, StateTensor> {
  onlyKnown('stateDict', options, ['names']);
  const names = checkedNames('stateDict', options.names) ?? {};
  const modules = modulesOf(model.architecture);
  const stray = Object.keys(names).find((layer) => !modules.some((module) => module.layer === layer));
  if (stray !== undefined) fail('stateDict', `names has the layer ${stray}, which has no weights`);
  const state = new Map<string, StateTensor>();
  for (const { layer, tensors } of modules) {
    for (const tensor of tensors) {
      const name = tensorName(Object.hasOwn(names, layer) ? (names[layer] as string) : layer, tensor.key);
      if (state.has(name)) fail('stateDict', `two layers would write the tensor ${name}`);
      state.set(name, { shape: tensor.shape, data: toTorch(tensor, model.tensor(tensor.name)) });
    }
  }
  return state;
}

/**
 * Writes the model's `stateDict` as a safetensors file, which `module.load_state_dict(safetensors.torch.load_file(path))`
 * takes when `names` are those of the module; batch norms get a `num_batches_tracked` of 0.
 */
export async function saveStateDict(model: Model, path: string, options: StateDictOptions = {}): Promise<void> {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, { shape, data }] of stateDict(model, options)) {
    tensors.set(name, { dtype: 'F32', shape, data: data as Float32Array });
    const dot = name.lastIndexOf('.');
    if (name.slice(dot + 1) !== 'running_mean') continue;
    const counter = { dtype: 'I64', shape: [], data: new BigInt64Array(1) } as const;
    tensors.set(name.slice(0, dot + 1) + BATCHES_KEY, counter);
  }
  await writeFileAtomically(path, encodeSafetensors(tensors, { format: 'pt' }));
}

function checkedNames(caller: string, names: unknown): ModuleNames | undefined {
  if (names === undefined) return undefined;
  const isRecord = typeof names === 'object' && names !== null && !Array.isArray(names);
  if (isRecord && Object.values(names).every((name) => typeof name === 'string')) return names as ModuleNames;
  return fail(caller, `names must be an object from layers to modules, not ${show(names)}`);
}

interface Place {
  readonly name: string;
  readonly layer: string;
  readonly file: string;
}

/** The values of `given` for the model, after every check. */
function convert(
  tensor: ModuleTensor,
  given: StateTensor | SafetensorsTensor | undefined,
  { name, layer, file }: Place,
): Float32Array {
  const refuse = (reason: string): never => {
    throw new LanewiseError('file', `${file}: tensor ${name}, for layer ${layer}, ${reason}`);
  };
  if (!given) return refuse('is missing');
  const { shape, data } = given;
  if (shape.join() !== tensor.shape.join()) {
    return refuse(
      `is [${shape}], the layer needs [${tensor.shape}]; if modules and layers are in another order, give names`,
    );
  }
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    const type = 'dtype' in given ? given.dtype : data.constructor.name;
    return refuse(`has the type ${type}; weights are F32, F16, BF16 or F64`);
  }
  if (data.length !== tensor.shape.reduce((product, size) => product * size, 1)) {
    return refuse(`has ${data.length} values for its shape [${shape}]`);
  }
  const values = fromTorch(tensor, data);
  const infinite = (list: ArrayLike<number>) =>
    Array.prototype.filter.call(list, (v: number) => Math.abs(v) === Infinity);
  if (data instanceof Float64Array && infinite(values).length > infinite(data).length) {
    return refuse('has values beyond the range of F32');
  }
  return values;
}
