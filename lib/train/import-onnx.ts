// An ONNX file as a model of lanewise: read, reduced to what leads to the wanted outputs, tried out, and given its weights.

import { LanewiseError } from '../errors.ts';
import type { GraphTensor } from '../graph/graph.ts';
import { quoteName } from '../io/file-error.ts';
import { type Architecture, INPUT, type InputSpec, OUTPUT } from '../nn/architecture.ts';
import { Builder } from '../nn/builder.ts';
import { hostOf, onnx, onnxOutput } from '../nn/onnx.ts';
import { type Emitted, emitProgram } from '../onnx/emit.ts';
import type { OnnxModel, OnnxValue } from '../onnx/model.ts';
import { readOnnxBytes, readOnnxFile } from '../onnx/onnx-file.ts';
import { openBatch } from '../onnx/open-batch.ts';
import { type OnnxProgram, programFromOnnx, programToJson } from '../onnx/program.ts';
import { channelsLast, inOrder, Known } from '../onnx/value.ts';
import { elementCount } from '../ops/op.ts';
import { identifier, onlyKnown, sizes } from '../options.ts';
import { Model } from './model.ts';

export interface ImportOnnxOptions {
  /** Sizes of one example as lanewise has them, `[height, width, channels]`, where the file leaves some open; of a graph with
   * several inputs by their names. */
  readonly inputShape?: readonly number[] | Readonly<Record<string, readonly number[]>>;
  /** Values of the graph to be the model's outputs, by the names of the file: features before a head that is to be replaced,
   * or some of several outputs. Default: the graph's own outputs. */
  readonly outputs?: readonly string[];
  /** Whether inputs and outputs of three to five axes (the batch is one) have their channels last, as everywhere in lanewise,
   * and not behind the batch as in the file. Default true. */
  readonly channelsLast?: boolean;
  /** Of the layer that the graph becomes, and with which the names of its tensors begin. Default `'onnx'`. */
  readonly name?: string;
}

/**
 * Reads an ONNX model (a path, or the bytes of a file) as a model that predicts, trains and is saved like any other. Weights
 * are laid out anew and keep their names, behind that of the layer; batch norms are trained as PyTorch's are. Supported are the
 * operators that convolutional networks are made of, opsets 7 to 28, in float32.
 *
 * Errors name the byte or the node: broken files, operators and attributes that are not supported, batches of a fixed size.
 */
export async function importOnnx(source: string | Uint8Array, options: ImportOnnxOptions = {}): Promise<Model> {
  onlyKnown('importOnnx', options, ['inputShape', 'outputs', 'channelsLast', 'name']);
  const isLast = options.channelsLast ?? true;
  if (typeof isLast !== 'boolean') fail('channelsLast must be true or false');
  identifier('importOnnx', 'name', options.name ?? 'onnx');
  const title = typeof source === 'string' ? source : 'the ONNX model';
  const file = typeof source === 'string' ? await readOnnxFile(source) : readOnnxBytes(source, title);
  try {
    return modelFromOnnx(file, { ...options, channelsLast: isLast });
  } catch (error) {
    if (!(error instanceof LanewiseError) || error.message.startsWith('importOnnx: ')) throw error;
    throw new LanewiseError('file', `${title}: ${error.message}`, { cause: error });
  }
}

function fail(message: string): never {
  throw new LanewiseError('option', `importOnnx: ${message}`);
}

function refuse(reason: string): never {
  throw new LanewiseError('file', reason);
}

type Options = ImportOnnxOptions & { readonly channelsLast: boolean };

function modelFromOnnx(file: OnnxModel, options: Options): Model {
  const given = programFromOnnx(file, outputNames(file, options.outputs));
  if (given.inputs.length === 0) refuse('the outputs depend on no input');
  const inputs = inputSpecs(file, given, options);
  const size = fixedBatch(file, given);
  const program =
    size === undefined ? given : openBatch(given, size, emitFor(given, inputs, options, size).emitted.values);
  const one = emitFor(program, inputs, options, 1);
  compare(one, emitForTwo(program, inputs, options));
  const architecture = architectureOf(program, inputs, one.emitted, options);
  return new Model(architecture, ({ name, initial }) => {
    const values = one.values.get(name);
    // The scale and shift of inputs are none of the graph's.
    return values ? values() : initial(0);
  });
}

function outputNames({ graph }: OnnxModel, wanted: readonly string[] | undefined): string[] {
  if (wanted === undefined) return graph.outputs.map(({ name }) => name);
  if (!Array.isArray(wanted) || wanted.length === 0) fail('outputs must be a list of names');
  const values = new Set(graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== '')));
  const stray = wanted.find((name) => !values.has(name));
  if (stray !== undefined) fail(`outputs must be values of the graph; ${quoteName(String(stray))} is none`);
  return [...new Set(wanted)];
}

/** Names of the file as lanewise writes names: other characters become `_`. */
function ownNames(names: readonly string[], only: string): string[] {
  if (names.length === 1) return [only];
  const own = names.map((name) => name.replace(/[^\w-]/g, '_').replace(/^[^A-Za-z_]/, '_$&'));
  return own.map((name, i) => (own.indexOf(name) === i && name !== '' ? name : `${only}_${i + 1}`));
}

function inputSpecs({ graph }: OnnxModel, program: OnnxProgram, options: Options): InputSpec[] {
  const { inputShape } = options;
  const own = ownNames(program.inputs, INPUT);
  const isOne = Array.isArray(inputShape);
  if (isOne && own.length > 1) fail(`inputShape must be an object by name: ${own.join(', ')}`);
  const shapes = (isOne ? { [own[0]!]: inputShape } : (inputShape ?? {})) as Readonly<
    Record<string, readonly number[]>
  >;
  const stray = Object.keys(shapes).find((name) => !own.includes(name));
  if (stray !== undefined) fail(`inputShape names ${quoteName(stray)}; the inputs are ${own.join(', ')}`);
  return program.inputs.map((name, i) => {
    const value = graph.inputs.find((input) => input.name === name) as OnnxValue;
    return { name: own[i]!, shape: inputShapeOf(value, options.channelsLast, shapes[own[i]!]) };
  });
}

/** In lanewise's order, without the batch. */
function inputShapeOf({ name, type }: OnnxValue, isLast: boolean, given: readonly number[] | undefined): number[] {
  const title = `the input ${quoteName(name)}`;
  if (type?.dtype !== 'F32') refuse(`${title} is ${type?.dtype}; only F32 is supported`);
  const shape = type?.shape;
  const rank = shape?.length ?? (given ? given.length + 1 : refuse(`${title} has no shape; give it as inputShape`));
  if (rank < 2 || rank > 5) refuse(`${title} has ${rank} axes; 2 to 5 are supported, the first being the batch`);
  const axes = isLast && rank >= 3 ? channelsLast(rank) : inOrder(rank);
  const own = axes.slice(1).map((axis) => shape?.[axis]);
  if (given === undefined) {
    if (own.every((size) => typeof size === 'number' && size > 0)) return own as number[];
    return refuse(
      `${title} is [${shape?.map((size) => size ?? '?')}], which leaves sizes open; give them as inputShape`,
    );
  }
  const result = sizes('importOnnx', 'inputShape', given, 4);
  if (result.length !== rank - 1 || own.some((size, i) => typeof size === 'number' && size !== result[i])) {
    fail(`inputShape is [${result}], the file has [${own.map((size) => size ?? '?')}]`);
  }
  return result;
}

/** The size of the batch that the file is made for, if it is. */
function fixedBatch({ graph }: OnnxModel, { inputs }: OnnxProgram): number | undefined {
  const sizes = graph.inputs.filter(({ name }) => inputs.includes(name)).map(({ type }) => type?.shape?.[0]);
  const [size] = sizes;
  return typeof size === 'number' && size > 0 && sizes.every((other) => other === size) ? size : undefined;
}

interface Trial {
  readonly emitted: Emitted;
  /** The first values of the graph's tensors, by their names in the model. */
  readonly values: ReadonlyMap<string, () => Float32Array>;
  readonly tensors: readonly GraphTensor[];
}

function emitFor(program: OnnxProgram, inputs: readonly InputSpec[], options: Options, batch: number): Trial {
  const builder = new Builder('inference');
  const { graph } = builder;
  const xs = inputs.map(({ name, shape }) => graph.tensor('input', name, { shape: [batch, ...shape], dtype: 'f32' }));
  const values = new Map<string, () => Float32Array>();
  const prefix = options.name ?? 'onnx';
  const host = hostOf(builder);
  const persist: typeof host.persist = (role, ownName, shape, initial) => {
    const name = `${prefix}.${ownName}`;
    values.set(name, initial);
    return graph.tensor(role, name, { shape, dtype: 'f32' });
  };
  const emitted = emitProgram({ ...host, persist }, program, xs, { channelsLast: options.channelsLast });
  return { emitted, values, tensors: graph.tensors.filter(({ role }) => role !== 'value' && role !== 'input') };
}

const ONE_BATCH = 'the model is made for a batch of one size; export it with a batch axis that is open';

function emitForTwo(program: OnnxProgram, inputs: readonly InputSpec[], options: Options): Trial {
  try {
    return emitFor(program, inputs, options, 2);
  } catch (error) {
    return refuse(`${ONE_BATCH} (with two examples, ${(error as Error).message})`);
  }
}

/** A graph that bends the batch into something else would train on nonsense. */
function compare(one: Trial, two: Trial): void {
  for (const [i, { shape }] of one.emitted.outputs.entries()) {
    const other = two.emitted.outputs[i]!.shape;
    if (shape[0] === 1 && other[0] === 2 && shape.slice(1).join() === other.slice(1).join()) continue;
    refuse(`${ONE_BATCH} (an output is [${shape}] for one example and [${other}] for two)`);
  }
  for (const [i, { name, role, shape }] of two.tensors.entries()) {
    const same = one.tensors[i];
    const fits = same?.name === name && same.role === role && same.shape.join() === shape.join();
    const [before, after] = [one, two].map(({ values }) => (role === 'constant' ? values.get(name)?.() : undefined));
    if (!fits || before?.some((value, at) => !Object.is(value, after?.[at])))
      refuse(`${ONE_BATCH} (the tensor ${quoteName(name)} depends on it)`);
  }
}

function architectureOf(
  program: OnnxProgram,
  inputs: readonly InputSpec[],
  emitted: Emitted,
  { name = 'onnx', channelsLast: isLast }: Options,
): Architecture {
  const layer = onnx({ ...describe(program, emitted), channelsLast: isLast, name });
  const graph = { layer, from: inputs.map((_, i) => i) };
  const at = inputs.length;
  const names = ownNames(program.outputs, OUTPUT);
  if (names.length === 1) return { inputs, nodes: [graph], outputs: [{ name: names[0]!, from: at }] };
  let start = 0;
  const nodes = emitted.outputs.map(({ shape: [, ...shape] }) => {
    const part = onnxOutput({ start, shape });
    start += elementCount(shape);
    return { layer: part, from: [at] };
  });
  return { inputs, nodes: [graph, ...nodes], outputs: names.map((output, i) => ({ name: output, from: at + 1 + i })) };
}

/** The program as options of the layer: numbers that operators asked for are written down, weights only named. */
function describe(program: OnnxProgram, { read }: Emitted): Record<string, unknown> {
  const constants = new Map(program.constants);
  for (const name of read) {
    const { shape, data = [] } = program.weights.get(name)!;
    constants.set(name, new Known('F32', shape, Array.from(data)));
  }
  // A model file is read from JSON, and so is this.
  return JSON.parse(JSON.stringify(programToJson({ ...program, constants }))) as Record<string, unknown>;
}
