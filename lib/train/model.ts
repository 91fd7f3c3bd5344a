// A model: an architecture and its weights. The weights live here, in JavaScript; a session copies them to its backend
// and back, so a model is always whole, whatever happens to a run.

import { LanewiseError } from '../errors.ts';
import { saveModel } from '../io/model-file.ts';
import { type Architecture, outputLayer } from '../nn/architecture.ts';
import { describeArchitecture } from '../nn/architecture-file.ts';
import type { LayerRecord, PersistentSpec } from '../nn/builder.ts';
import type { Layer } from '../nn/layer.ts';
import { Value } from '../nn/value.ts';
import type { Inputs } from './batch.ts';
import { type FrozenChoice, tensorsToFreeze } from './freeze.ts';
import { predictionNetwork } from './network.ts';
import { type PredictOptions, Predictor } from './predict.ts';
import { type ModelSummary, summarize } from './summary.ts';
import { copyLayers, type GivenTensors, givenTensor, refuseStray } from './transfer.ts';

export interface ModelTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly role: PersistentSpec['role'];
  /** The layer or input it belongs to. */
  readonly layer: string;
}

export class Model {
  readonly architecture: Architecture;
  /** Parameters, running statistics and constants by name, such as `conv2d_1.weight`. */
  readonly tensors: ReadonlyMap<string, ModelTensor>;
  /** What the layers became, those within others included, in order. */
  readonly layers: readonly Pick<LayerRecord, 'name' | 'type' | 'depth'>[];
  /** The name under which each layer has its tensors. */
  readonly layerNames: ReadonlyMap<Layer, string>;
  /** For each layer, by name, the names of those within it, in order. */
  readonly namesInside: ReadonlyMap<string, readonly string[]>;
  /** For one example, by name. */
  readonly outputShapes: ReadonlyMap<string, readonly number[]>;
  readonly #frozen = new Set<string>();
  readonly #predictor = new Predictor(this);
  #values: readonly Value[];
  readonly #shapes: readonly (readonly number[])[];

  /** `dataOf` gives the values of each tensor; `values` are those the architecture was made of, where it was. */
  constructor(architecture: Architecture, dataOf: (spec: PersistentSpec) => Float32Array, values?: readonly Value[]) {
    const { builder } = predictionNetwork({ architecture }, { size: 1, dtypes: [] });
    const tensors = new Map<string, ModelTensor>();
    for (const spec of builder.persistent.values()) {
      const { name, shape, role, layer } = spec;
      tensors.set(name, { shape, role, layer, data: dataOf(spec) });
    }
    this.architecture = architecture;
    this.tensors = tensors;
    this.layers = builder.layers.map(({ name, type, depth }) => ({ name, type, depth }));
    this.layerNames = builder.layerNames;
    this.namesInside = builder.namesInside;
    const nodes = builder.layers.filter(({ depth }) => depth === 0);
    this.#shapes = [
      ...architecture.inputs.map(({ shape }) => shape),
      ...nodes.map(({ output }) => output.shape.slice(1)),
    ];
    this.outputShapes = new Map(architecture.outputs.map(({ name, from }) => [name, this.#shapes[from] ?? []]));
    this.#values = values ?? [];
  }

  /** Shape of one example of the first input. */
  get inputShape(): readonly number[] {
    return this.architecture.inputs[0]?.shape ?? [];
  }

  /** Shape of the first output for one example. */
  get outputShape(): readonly number[] {
    return this.outputShapes.values().next().value ?? [];
  }

  /** Number of trained values, frozen ones included. */
  get parameterCount(): number {
    let count = 0;
    for (const { role, data } of this.tensors.values()) if (role === 'parameter') count += data.length;
    return count;
  }

  /** Fixes how raw values of an input, the first if none is named, are normalised: `(x - mean) / std` per channel. It is
   * saved with the model. */
  setNormalization(mean: readonly number[], std: readonly number[], input = this.architecture.inputs[0]?.name): void {
    const scale = this.tensor(`${input}.scale`);
    const shift = this.tensor(`${input}.shift`);
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
    this.#predictor.forget();
  }

  /** Names of the tensors that training leaves as they are. */
  get frozen(): ReadonlySet<string> {
    return this.#frozen;
  }

  /**
   * Leaves parameters and running statistics as they are in training: those of the named layers and of the layers within
   * them, single ones by their name (`conv2d_1.weight`), or what a function of name and tensor picks; all without arguments.
   * No gradient is computed for them. A batch norm whose running statistics are frozen normalises with these, as in prediction.
   */
  freeze(...choices: readonly FrozenChoice[]): void {
    for (const name of tensorsToFreeze('freeze', this, choices)) this.#frozen.add(name);
  }

  /** Lets training change again what `freeze` would freeze. */
  unfreeze(...choices: readonly FrozenChoice[]): void {
    for (const name of tensorsToFreeze('unfreeze', this, choices)) this.#frozen.delete(name);
  }

  /** The inputs as symbolic values, to build another network on parts of this one. */
  get inputs(): readonly Value[] {
    return this.#allValues().slice(0, this.architecture.inputs.length);
  }

  /** What a layer gives, by the layer's name, as a symbolic value: a place to cut the network at. */
  value(layer: string): Value {
    const nodes = this.layers.filter(({ depth }) => depth === 0);
    const at = nodes.findIndex(({ name }) => name === layer);
    if (at >= 0) return this.#allValues()[this.architecture.inputs.length + at] as Value;
    const inside = this.layers.some(({ name }) => name === layer) ? ', it is inside another one' : '';
    const known = nodes.map(({ name }) => name).join(', ');
    throw new LanewiseError('option', `value: ${layer} is no layer of the network's own${inside} (it has ${known})`);
  }

  #allValues(): readonly Value[] {
    if (this.#values.length > 0) return this.#values;
    const { inputs, nodes } = this.architecture;
    const values: Value[] = [];
    for (const shape of this.#shapes) {
      const node = nodes[values.length - inputs.length];
      const source = node
        ? { layer: node.layer, inputs: node.from.map((from) => values[from] as Value) }
        : { name: inputs[values.length]?.name };
      values.push(new Value(shape, source));
    }
    this.#values = values;
    return values;
  }

  /** Copies the weights of all layers that both models consist of (the same layer objects), whatever their names, and the
   * normalisation of inputs of the same name and channels. Returns the names of the tensors copied. */
  copyWeights(source: Model): string[] {
    const copied = copyLayers(source, this);
    this.weightsChanged();
    return copied;
  }

  /** Per layer: output volume, parameters, FLOPs, activation bytes, and what a fully connected layer would need. */
  summary(): ModelSummary {
    return summarize(this.architecture);
  }

  /**
   * Runs the network on any number of examples, one after the other in each input, in inference mode: an array for a network
   * with one input, arrays by the inputs' names for one with several. Returns the output, row after row: logits for a network
   * that ends with `linear`. With several outputs see `predictAll`.
   */
  async predict(inputs: Inputs, options: PredictOptions = {}): Promise<Float32Array> {
    const { outputs } = this.architecture;
    if (outputs.length > 1) {
      const names = outputs.map(({ name }) => name).join(', ');
      throw new LanewiseError('state', `predict: the model has the outputs ${names}; predictAll gives them by name`);
    }
    return (await this.#predictor.run('predict', inputs, options))[outputs[0]?.name as string] as Float32Array;
  }

  /** The same for networks with any number of outputs, by name. */
  predictAll(inputs: Inputs, options: PredictOptions = {}): Promise<Record<string, Float32Array>> {
    return this.#predictor.run('predictAll', inputs, options);
  }

  /** The index of the largest value that the output has for each example. */
  async predictClasses(inputs: Inputs, options: PredictOptions = {}): Promise<Int32Array> {
    const output = await this.predict(inputs, options);
    const classes = this.outputShape.reduce((product, size) => product * size, 1);
    return Int32Array.from({ length: output.length / classes }, (_, i) => largest(output, i * classes, classes));
  }

  /** The layer that gives the output `name`, the first if none is named. */
  outputLayer(name = this.architecture.outputs[0]?.name ?? ''): Layer | undefined {
    return outputLayer(this.architecture, name);
  }

  /** Writes architecture, weights and what is frozen to a safetensors file, atomically. */
  async save(path: string): Promise<void> {
    // Copies: training may write the weights while the file is being written.
    const tensors = new Map([...this.tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
    await saveModel(path, { architecture: this.architectureJson(), tensors });
  }

  /** The architecture as it stands in files. */
  architectureJson(): string {
    const frozen = this.#frozen.size > 0 ? { frozen: [...this.#frozen].sort() } : {};
    return JSON.stringify({ ...describeArchitecture(this.architecture), ...frozen });
  }

  /** Replaces all weights. Names and shapes must be the model's own; `source` names the file in errors. */
  assign(tensors: GivenTensors, source: string): void {
    const given = [...this.tensors].map(([name, { shape }]) => givenTensor(tensors, { name, shape }, source));
    refuseStray(tensors, this.tensors, source);
    for (const [i, { data }] of [...this.tensors.values()].entries()) data.set(given[i] as ArrayLike<number>);
    this.weightsChanged();
  }
}

export function largest(values: ArrayLike<number>, start: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k++) if ((values[start + k] as number) > (values[start + best] as number)) best = k;
  return best;
}
