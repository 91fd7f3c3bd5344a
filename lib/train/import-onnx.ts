// An ONNX file as a model of lanewise: read, reduced to what leads to the wanted output, tried out, and given its weights.

import { LanewiseError } from '../errors.ts';
import { quoteName } from '../io/file-error.ts';
import { Builder } from '../nn/builder.ts';
import { onnx } from '../nn/onnx.ts';
import { type Emitted, emitProgram } from '../onnx/emit.ts';
import type { OnnxModel, OnnxValue } from '../onnx/model.ts';
import { readOnnxBytes, readOnnxFile } from '../onnx/onnx-file.ts';
import { type OnnxProgram, programFromOnnx, programToJson } from '../onnx/program.ts';
import { channelsLast, inOrder, Known } from '../onnx/value.ts';
import { onlyKnown, sizes } from '../options.ts';
import { Model } from './model.ts';

export interface ImportOnnxOptions {
  /** Sizes of one input as lanewise has them, `[height, width, channels]`, where the file leaves some open. */
  readonly inputShape?: readonly number[];
  /** Any value of the graph to be the model's output, such as the features before a head that is to be replaced. Default: the
   * graph's own output. */
  readonly output?: string;
  /** Whether inputs and outputs of three to five axes (the batch is one) have their channels last, as everywhere in lanewise,
   * and not behind the batch as in the file. Default true. */
  readonly channelsLast?: boolean;
}

/**
 * Reads an ONNX model (a path, or the bytes of a file) as a model that predicts, trains and is saved like any other. Weights
 * keep the names of the file and are laid out anew; batch norms are trained as PyTorch's are. Supported are the operators
 * that convolutional networks are made of, opsets 7 to 28, in float32.
 */
export async function importOnnx(source: string | Uint8Array, options: ImportOnnxOptions = {}): Promise<Model> {
  onlyKnown('importOnnx', options, ['inputShape', 'output', 'channelsLast']);
  const name = typeof source === 'string' ? source : 'the ONNX model';
  const file = typeof source === 'string' ? await readOnnxFile(source) : readOnnxBytes(source, name);
  try {
    return modelFromOnnx(file, options);
  } catch (error) {
    if (!(error instanceof LanewiseError) || error.code === 'option') throw error;
    throw new LanewiseError('file', `${name}: ${error.message}`, { cause: error });
  }
}

function refuse(reason: string): never {
  throw new LanewiseError('file', reason);
}

function modelFromOnnx(file: OnnxModel, options: ImportOnnxOptions): Model {
  const isLast = options.channelsLast ?? true;
  const program = programFromOnnx(file, [outputOf(file, options.output)]);
  const [name, ...others] = program.inputs;
  if (name === undefined) return refuse('the output depends on no input');
  if (others.length > 0) refuse(`several inputs are not supported: ${program.inputs.map(quoteName).join(', ')}`);
  const input = file.graph.inputs.find((value) => value.name === name) as OnnxValue;
  const inputShape = inputShapeOf(input, isLast, options.inputShape);
  const [one, two] = [emitFor(program, inputShape, isLast, 1), emitAgain(program, inputShape, isLast)];
  compare(one, two);
  const architecture = { inputShape, layers: [onnx(layerOptions(program, one.emitted, isLast))] };
  const model = new Model(architecture, 0);
  for (const { name: tensor, initial } of one.builder.persistent.values()) model.tensor(tensor).set(initial(0));
  return model;
}

function outputOf({ graph }: OnnxModel, wanted: string | undefined): string {
  const outputs = graph.outputs.map(({ name }) => name);
  const values = new Set(graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== '')));
  if (wanted !== undefined) {
    if (typeof wanted === 'string' && values.has(wanted)) return wanted;
    throw new LanewiseError('option', `importOnnx: output must be a value of the graph; ${quoteName(String(wanted))} is none`);
  }
  const [only, ...more] = outputs;
  if (only !== undefined && more.length === 0) return only;
  return refuse(`has ${outputs.length} outputs; choose one with the option output: ${outputs.map(quoteName).join(', ')}`);
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
    return refuse(`${title} is [${shape?.map((size) => size ?? '?')}], which leaves sizes open; give them as inputShape`);
  }
  const result = sizes('importOnnx', 'inputShape', given, 4);
  if (result.length !== rank - 1 || own.some((size, i) => typeof size === 'number' && size !== result[i])) {
    const found = own.map((size) => size ?? '?');
    throw new LanewiseError('option', `importOnnx: inputShape is [${result}], the file has [${found}]`);
  }
  return result;
}

interface Trial {
  readonly builder: Builder;
  readonly emitted: Emitted;
}

function emitFor(program: OnnxProgram, inputShape: readonly number[], isLast: boolean, batch: number): Trial {
  const builder = new Builder('inference');
  const x = builder.graph.tensor('input', 'images', { shape: [batch, ...inputShape], dtype: 'f32' });
  return { builder, emitted: emitProgram(builder, program, [x], { channelsLast: isLast }) };
}

const ONE_BATCH = 'the model is made for a batch of one size; export it with a batch axis that is open';

function emitAgain(program: OnnxProgram, inputShape: readonly number[], isLast: boolean): Trial {
  try {
    return emitFor(program, inputShape, isLast, 2);
  } catch (error) {
    return refuse(`${ONE_BATCH} (with two inputs, ${(error as Error).message})`);
  }
}

/** A graph that bends the batch into something else would train on nonsense. */
function compare(one: Trial, two: Trial): void {
  const [before, after] = [one, two].map(({ emitted }) => emitted.outputs[0]!.shape) as [number[], number[]];
  if (before[0] !== 1 || after[0] !== 2) refuse(`${ONE_BATCH} (its output is [${before}] for one input and [${after}] for two)`);
  const other = [...two.builder.persistent.values()].find(({ name, shape, role, initial }) => {
    const same = one.builder.persistent.get(name);
    if (same?.shape.join() !== shape.join()) return true;
    return role === 'constant' && same.initial(0).some((value, i) => !Object.is(value, initial(0)[i]));
  });
  if (other) refuse(`${ONE_BATCH} (the constant ${quoteName(other.name)} depends on it)`);
}

/** The program as options of the layer: numbers that operators asked for are written down, weights only named. */
function layerOptions(program: OnnxProgram, { read, stored }: Emitted, isLast: boolean) {
  const constants = new Map(program.constants);
  for (const name of read) {
    const { shape, data = [] } = program.weights.get(name)!;
    constants.set(name, new Known('F32', shape, Array.from(data)));
  }
  const weights = new Map([...program.weights].filter(([name]) => stored.has(name)));
  // A model file is read from JSON, and so is this.
  const json = JSON.stringify(programToJson({ ...program, constants, weights }));
  return { ...(JSON.parse(json) as Record<string, unknown>), channelsLast: isLast };
}
