// What a model's layers are in PyTorch: modules with parameters and buffers, their names there, and how the values of each
// stand there. Channels come last here and first there, so every weight is the same array with its axes in another order.

import type { Architecture } from '../nn/architecture.ts';
import type { LayerRecord } from '../nn/builder.ts';
import { forPositions, stridesOf } from '../ops/axes.ts';
import { elementCount } from '../ops/op.ts';
import { predictionNetwork } from '../train/network.ts';

/** A parameter or buffer of a module. */
export interface ModuleTensor {
  /** Name in the model. */
  readonly name: string;
  /** Name in the module. */
  readonly key: string;
  /** Sizes of the model's tensor, an axis of flattened features taken apart. */
  readonly view: readonly number[];
  /** Axis `a` of PyTorch's tensor is axis `axes[a]` of `view`, before neighbouring ones are flattened into `shape`. */
  readonly axes: readonly number[];
  readonly shape: readonly number[];
}

export interface Module {
  /** The layer, with the part of it where a layer is several modules. */
  readonly layer: string;
  readonly tensors: readonly ModuleTensor[];
}

const KEYS: Readonly<Record<string, string>> = {
  weight: 'weight',
  bias: 'bias',
  gamma: 'weight',
  beta: 'bias',
  runningMean: 'running_mean',
  runningVariance: 'running_var',
  slope: 'weight',
};

/** Of a separable convolution, which is two modules in PyTorch: the part, and the name in it. */
const PARTS: Readonly<Record<string, readonly [part: string, key: string]>> = {
  depthwise: ['depthwise', 'weight'],
  pointwise: ['pointwise', 'weight'],
  bias: ['pointwise', 'bias'],
};

/** The modules of a network in the order of its layers. */
export function modulesOf(architecture: Architecture): Module[] {
  const { builder } = predictionNetwork({ architecture }, { size: 1, dtypes: [] });
  const features = flattenedFeatures(builder.layers);
  const types = new Map(builder.layers.map(({ name, type }) => [name, type]));
  const modules = new Map<string, ModuleTensor[]>();
  for (const { name, layer, role, shape } of builder.persistent.values()) {
    if (role === 'constant') continue;
    const own = name.slice(layer.length + 1);
    const type = types.get(layer) ?? '';
    const [part, key] = (type === 'separableConv2d' && PARTS[own]) || ['', KEYS[own] ?? own];
    const module = part ? `${layer}.${part}` : layer;
    const tensors = modules.get(module) ?? [];
    tensors.push({ name, key, ...layoutOf(type, own, shape, features.get(layer)) });
    modules.set(module, tensors);
  }
  return [...modules].map(([layer, tensors]) => ({ layer, tensors }));
}

/** Weights have their last two axes first in PyTorch: [..., in, out] there is [out, in, ...], and what is normalised, such as
 * [h, w, c], has its channels first. Flattened features come in the order of [c, h, w]. */
function layoutOf(type: string, own: string, shape: readonly number[], features: readonly number[] | undefined) {
  const rank = shape.length;
  if (type === 'linear' && own === 'weight' && features) {
    const view = [...features, shape[1] as number];
    return { view, axes: weightAxes(view.length), shape: [shape[1] as number, shape[0] as number] };
  }
  if (rank === 1) {
    if (!features || type === 'linear' || elementCount(features) !== shape[0]) return { view: shape, axes: [0], shape };
    return { view: features, axes: channelsFirst(features.length), shape };
  }
  const axes = own === 'gamma' || own === 'beta' ? channelsFirst(rank) : weightAxes(rank);
  return { view: shape, axes, shape: axes.map((axis) => shape[axis] as number) };
}

const channelsFirst = (rank: number): number[] => [rank - 1, ...Array(rank - 1).keys()];
const weightAxes = (rank: number): number[] => [rank - 1, ...channelsFirst(rank - 1)];

/** Layers whose outputs are not their inputs' features one by one, though they have their shape. */
const MIXING = new Set(['linear', 'residual', 'branches']);

/** For each layer that takes features which were flattened before it: the sizes that they had. */
function flattenedFeatures(layers: readonly LayerRecord[]): ReadonlyMap<string, readonly number[]> {
  const sizes = new Map<number, readonly number[]>();
  const found = new Map<string, readonly number[]>();
  for (const { name, type, inputs, output } of layers.toSorted((a, b) => a.output.id - b.output.id)) {
    const [input, ...more] = inputs;
    if (!input || more.length > 0) continue;
    const known = sizes.get(input.id);
    if (known) found.set(name, known);
    if (output.shape.length !== 2 || MIXING.has(type)) continue;
    const flattened = input.shape.length > 2 && (type === 'flatten' || type === 'reshape');
    const same = input.shape.join() === output.shape.join();
    const from = flattened ? input.shape.slice(1) : same ? known : undefined;
    if (from) sizes.set(output.id, from);
  }
  return found;
}

/** The model's values in PyTorch's order. */
export function toTorch(tensor: ModuleTensor, values: Float32Array): Float32Array {
  const moved = new Float32Array(values.length);
  forPlaces(tensor, (torch, own) => {
    moved[torch] = values[own] as number;
  });
  return moved;
}

/** PyTorch's values in the model's order. */
export function fromTorch(tensor: ModuleTensor, values: ArrayLike<number>): Float32Array {
  const moved = new Float32Array(values.length);
  forPlaces(tensor, (torch, own) => {
    moved[own] = values[torch] as number;
  });
  return moved;
}

/** visit(index in PyTorch's tensor, index in the model's), in PyTorch's order. */
function forPlaces({ view, axes }: ModuleTensor, visit: (torch: number, own: number) => void): void {
  const strides = stridesOf(view);
  forPositions(
    axes.map((axis) => view[axis] as number),
    axes.map((axis) => strides[axis] as number),
    0,
    visit,
  );
}
