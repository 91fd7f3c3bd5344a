// A model: an architecture and its weights. The weights live here, in JavaScript; a session copies them to its backend
// and back, so a model is always whole, whatever happens to a run.

import type { BackendOptions } from '../backend/backend.ts';
import { selectBackend } from '../backend/select.ts';
import { LanewiseError } from '../errors.ts';
import { loadModelFile, saveModel } from '../io/model-file.ts';
import type { PersistentSpec } from '../nn/builder.ts';
import type { Layer } from '../nn/layer.ts';
import { layersFromConfig } from '../nn/registry.ts';
import { elementCount } from '../ops/op.ts';
import { integer, onlyKnown, sizes } from '../options.ts';
import { checkedImages } from './batch.ts';
import { type Architecture, INPUT_SCALE, INPUT_SHIFT, predictionNetwork } from './network.ts';
import { Session } from './session.ts';
import { type ModelSummary, summarize } from './summary.ts';

/** Raw input values, channels last: pixels as bytes, or floats in the same unit. */
export type Images = Uint8Array | Float32Array;

export interface PredictOptions extends BackendOptions {
  /** Images per run. Default 64. */
  readonly batchSize?: number;
}

export interface ModelTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly role: PersistentSpec['role'];
}

export interface ModelOptions {
  /** Sizes of one input, channels last: images `[h, w, c]`, audio `[w, c]`, volumes `[d, h, w, c]`, features `[f]`. */
  readonly inputShape: readonly number[];
  /** Seed of the initial weights. Default 0. */
  readonly seed?: number;
}

const PREDICT_BATCH = 64;
/** Volumes with their channels. */
const MAX_INPUT_RANK = 4;

export class Model {
  readonly architecture: Architecture;
  /** Parameters, running statistics and input constants by name, such as `conv2d_1.weight`. */
  readonly tensors: ReadonlyMap<string, ModelTensor>;
  /** Shape of the output for one input. */
  readonly outputShape: readonly number[];
  #inference: { session: Session; key: string } | undefined;

  constructor(architecture: Architecture, seed: number) {
    const { builder, outputs } = predictionNetwork(architecture, { size: 1, dtype: 'f32' });
    const tensors = new Map<string, ModelTensor>();
    for (const { name, shape, role, initial } of builder.persistent.values()) {
      tensors.set(name, { shape, role, data: initial(seed) });
    }
    this.architecture = architecture;
    this.tensors = tensors;
    this.outputShape = outputs['output']?.shape.slice(1) ?? [];
  }

  /** Number of trained values. */
  get parameterCount(): number {
    let count = 0;
    for (const { role, data } of this.tensors.values()) if (role === 'parameter') count += data.length;
    return count;
  }

  /** Fixes how raw input is normalised: `(x - mean) / std` per channel. It is saved with the model. */
  setNormalization(mean: readonly number[], std: readonly number[]): void {
    const scale = this.tensor(INPUT_SCALE);
    const shift = this.tensor(INPUT_SHIFT);
    const channels = scale.length;
    if (
      mean.length !== channels ||
      std.length !== channels ||
      !std.every((s) => s > 0) ||
      !mean.every(Number.isFinite)
    ) {
      throw new LanewiseError(
        'option',
        `normalization: needs ${channels} means and as many deviations above 0, one a channel`,
      );
    }
    for (let c = 0; c < channels; c++) {
      scale[c] = 1 / (std[c] as number);
      shift[c] = -(mean[c] as number) / (std[c] as number);
    }
    this.weightsChanged();
  }

  /** The values of a tensor, shared: writing to them changes the model (call `weightsChanged` after it). */
  tensor(name: string): Float32Array {
    const tensor = this.tensors.get(name);
    if (!tensor)
      throw new LanewiseError('option', `model: no tensor ${name} (it has ${[...this.tensors.keys()].join(', ')})`);
    return tensor.data;
  }

  /** Must follow any change of weights from outside, so that predictions use them. */
  weightsChanged(): void {
    this.#inference = undefined;
  }

  /** Per layer: output volume, parameters, FLOPs, activation bytes, and what a fully connected layer would need. */
  summary(): ModelSummary {
    return summarize(this.architecture);
  }

  /**
   * Runs the network on `images` (any number of them, one after the other) in inference mode. Returns the last layer's output, row after
   * row: logits for a network that ends with `linear`.
   */
  async predict(images: Images, options: PredictOptions = {}): Promise<Float32Array> {
    onlyKnown('predict', options, ['batchSize', 'backend', 'threads', 'isa']);
    const count = checkedImages('predict', images, this.architecture.inputShape);
    const batchSize = integer('predict', 'batchSize', options.batchSize ?? PREDICT_BATCH, 1);
    const session = this.#inferenceSession(options);
    const outputSize = elementCount(this.outputShape);
    const result = new Float32Array(count * outputSize);
    const imageSize = images.length / count;
    for (let start = 0; start < count; start += batchSize) {
      const end = Math.min(start + batchSize, count);
      const output = result.subarray(start * outputSize, end * outputSize);
      await session.predict(images.subarray(start * imageSize, end * imageSize), end - start, output);
    }
    return result;
  }

  /** The index of the largest output of each image. */
  async predictClasses(images: Images, options: PredictOptions = {}): Promise<Int32Array> {
    const output = await this.predict(images, options);
    const classes = elementCount(this.outputShape);
    return Int32Array.from({ length: output.length / classes }, (_, i) => largest(output, i * classes, classes));
  }

  /** Writes architecture and weights to a safetensors file, atomically. */
  async save(path: string): Promise<void> {
    // Copies: training may write the weights while the file is being written.
    const tensors = new Map([...this.tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
    await saveModel(path, { architecture: this.architectureJson(), tensors });
  }

  /** The architecture as it stands in files. */
  architectureJson(): string {
    const { inputShape, layers } = this.architecture;
    return JSON.stringify({ inputShape, layers: layers.map((layer) => layer.config) });
  }

  /** Replaces all weights. Names and shapes must be the model's own; `source` names the file in errors. */
  assign(
    tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>,
    source: string,
  ): void {
    for (const [name, { shape }] of this.tensors) {
      const given = tensors.get(name);
      if (!given) throw new LanewiseError('file', `${source}: tensor ${name} is missing`);
      if (given.shape.join() !== shape.join()) {
        throw new LanewiseError('file', `${source}: tensor ${name} is [${given.shape}], the model needs [${shape}]`);
      }
    }
    const stray = [...tensors.keys()].find((name) => !this.tensors.has(name));
    if (stray !== undefined) throw new LanewiseError('file', `${source}: the model has no tensor ${stray}`);
    for (const [name, { data }] of this.tensors) data.set(tensors.get(name)?.data as ArrayLike<number>);
    this.weightsChanged();
  }

  #inferenceSession(options: BackendOptions): Session {
    const key = JSON.stringify([options.backend, options.threads, options.isa]);
    if (this.#inference?.key !== key) {
      this.#inference = { key, session: new Session(this, selectBackend(options), {}) };
    }
    return this.#inference.session;
  }
}

/** A network whose layers follow one another. Shapes are checked at once; every layer is named in errors. */
export function sequential(layers: readonly Layer[], options: ModelOptions): Model {
  onlyKnown('sequential', options, ['inputShape', 'seed']);
  const inputShape = sizes('sequential', 'inputShape', options.inputShape, MAX_INPUT_RANK);
  if (!Array.isArray(layers) || layers.length === 0)
    throw new LanewiseError('option', 'sequential: needs a list of layers');
  return new Model({ inputShape, layers: [...layers] }, seedOf('sequential', options.seed));
}

export function seedOf(caller: string, seed: unknown = 0): number {
  if (typeof seed === 'number' && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31) return seed;
  throw new LanewiseError(
    'option',
    `${caller}: seed must be a whole number from 0 to ${2 ** 31 - 1}, not ${String(seed)}`,
  );
}

/** The model that `architecture` (JSON from a file named `source`) describes, with fresh weights. */
function modelFromJson(architecture: string, source: string): Model {
  try {
    const { inputShape, layers } = JSON.parse(architecture);
    return sequential(layersFromConfig(layers), { inputShape });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LanewiseError('file', `${source}: the architecture in its metadata cannot be used: ${reason}`, {
      cause: error,
    });
  }
}

/** Reads a model written by `model.save`. */
export async function loadModel(path: string): Promise<Model> {
  const { architecture, tensors } = await loadModelFile(path);
  const model = modelFromJson(architecture, path);
  model.assign(tensors, path);
  return model;
}

export function largest(values: ArrayLike<number>, start: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k++) if ((values[start + k] as number) > (values[start + best] as number)) best = k;
  return best;
}
