// Models made: from layers in a row, from symbolic values, or from a file.

import { LanewiseError } from '../errors.ts';
import { loadModelFile } from '../io/model-file.ts';
import { architectureOf, chain, OUTPUT } from '../nn/architecture.ts';
import { readArchitecture } from '../nn/architecture-file.ts';
import { isLayer, type Layer } from '../nn/layer.ts';
import { MAX_INPUT_RANK, Value } from '../nn/value.ts';
import { identifier, onlyKnown, sizes } from '../options.ts';
import { Model } from './model.ts';
import { type GivenTensors, givenTensor, refuseStray } from './transfer.ts';

export interface SequentialOptions {
  /** Sizes of one input, channels last: images `[h, w, c]`, audio `[w, c]`, volumes `[d, h, w, c]`, features `[f]`. */
  readonly inputShape: readonly number[];
  /** Seed of the initial weights. Default 0. */
  readonly seed?: number;
}

/** A network whose layers follow one another. Shapes are checked at once; every layer is named in errors. */
export function sequential(layers: readonly Layer[], options: SequentialOptions): Model {
  onlyKnown('sequential', options, ['inputShape', 'seed']);
  const inputShape = sizes('sequential', 'inputShape', options.inputShape, MAX_INPUT_RANK);
  if (!Array.isArray(layers) || layers.length === 0 || !layers.every(isLayer))
    throw new LanewiseError('option', 'sequential: needs a list of layers');
  const seed = seedOf('sequential', options.seed);
  return new Model(chain(layers, inputShape), ({ initial }) => initial(seed));
}

export interface ModelOptions {
  /** What `input` gave, one or several. */
  readonly inputs: Value | readonly Value[];
  /** One value, called `output`, or values by name. */
  readonly outputs: Value | Readonly<Record<string, Value>>;
  /** Seed of the initial weights. Default 0. */
  readonly seed?: number;
}

/**
 * The network between symbolic values: `const x = input({ shape: [32, 32, 3] }); model({ inputs: x, outputs: linear({ units:
 * 10 })(flatten()(x)) })`. A layer that was applied several times shares its parameters. Errors: inputs that lead to no output,
 * outputs that need other inputs.
 */
export function model(options: ModelOptions): Model {
  onlyKnown('model', options, ['inputs', 'outputs', 'seed']);
  const { inputs, outputs } = options;
  const seed = seedOf('model', options.seed);
  const list = Array.isArray(inputs) ? inputs : [inputs];
  const { architecture, values } = architectureOf(list as readonly Value[], namedOutputs(outputs));
  return new Model(architecture, ({ initial }) => initial(seed), values);
}

function namedOutputs(outputs: ModelOptions['outputs']): ReadonlyMap<string, Value> {
  if (outputs instanceof Value) return new Map([[OUTPUT, outputs]]);
  if (typeof outputs !== 'object' || outputs === null || Array.isArray(outputs) || Object.keys(outputs).length === 0)
    throw new LanewiseError('option', 'model: outputs must be a value, or values by name such as { digit, parity }');
  for (const name of Object.keys(outputs)) identifier('model', 'output', name);
  return new Map(Object.entries(outputs));
}

export function seedOf(caller: string, seed: unknown = 0): number {
  if (typeof seed === 'number' && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31) return seed;
  throw new LanewiseError(
    'option',
    `${caller}: seed must be a whole number from 0 to ${2 ** 31 - 1}, not ${String(seed)}`,
  );
}

/** Reads a model written by `model.save`. */
export async function loadModel(path: string): Promise<Model> {
  const { architecture, tensors } = await loadModelFile(path);
  const loaded = modelFromFile(architecture, tensors, path);
  refuseStray(tensors, loaded.tensors, path);
  return loaded;
}

/** The model that `json`, which is not trusted, describes, with the weights in `tensors`: nothing is allocated that they do
 * not fill. */
function modelFromFile(json: string, tensors: GivenTensors, path: string): Model {
  try {
    const { frozen = [], ...described } = Object(JSON.parse(json)) as Record<string, unknown>;
    const loaded = new Model(readArchitecture(described), (spec) =>
      Float32Array.from(givenTensor(tensors, spec, path)),
    );
    if (!Array.isArray(frozen) || !frozen.every((name) => loaded.tensors.has(name)))
      throw new LanewiseError('file', 'what is frozen must be names of tensors');
    if (frozen.length > 0) loaded.freeze(...frozen);
    return loaded;
  } catch (error) {
    if (error instanceof LanewiseError && error.message.startsWith(`${path}: tensor`)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new LanewiseError('file', `${path}: the architecture in its metadata cannot be used: ${reason}`, {
      cause: error,
    });
  }
}
