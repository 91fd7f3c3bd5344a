// A whole ONNX graph as one layer, which is what an imported model consists of. Its options are the graph: nodes, known
// numbers, names and shapes of weights; the weights are tensors of the model, in lanewise's layout.

import type { GraphTensor } from '../graph/graph.ts';
import { emitProgram } from '../onnx/emit.ts';
import type { OnnxHost } from '../onnx/node-call.ts';
import { type OnnxProgram, programFromJson, programToJson } from '../onnx/program.ts';
import { elementCount } from '../ops/op.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { slice, sliceOf } from '../ops/slice.ts';
import { fail, onlyKnown, show } from '../options.ts';
import type { Builder } from './builder.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import { concatAll } from './merge.ts';

export interface OnnxOptions extends LayerOptions {
  /** Whether tensors of three to five axes have their channels last, as everywhere in lanewise, or in the file's order. */
  readonly channelsLast: boolean;
}

const PARTS = ['opset', 'inputs', 'outputs', 'nodes', 'constants', 'weights'];
const NO_FANS = { fanIn: 1, fanOut: 1 };

/** `y = graph(x, ...)`: the graph of an ONNX file, which `importOnnx` makes a layer; its other options are the graph as JSON. It
 * emits the ops of the graph's nodes, and is exported as them. No counterpart in PyTorch, which reads no such files. */
export function onnx(options: OnnxOptions & Readonly<Record<string, unknown>>): Layer {
  const layer = options?.name ?? 'onnx';
  onlyKnown(layer, options, ['channelsLast', ...PARTS, 'name']);
  const { channelsLast, name, ...parts } = options;
  if (typeof channelsLast !== 'boolean') fail(layer, `channelsLast must be true or false, not ${show(channelsLast)}`);
  return programLayer(programFromJson(parts), { channelsLast, ...(name === undefined ? {} : { name }) });
}

/** The graph of `program`, whose weights start as zeros: they come with a file. One output is the layer's result; several are
 * flattened and side by side, for `onnxOutput` to take apart. */
function programLayer(program: OnnxProgram, options: OnnxOptions): Layer {
  const { inputs, outputs } = program;
  if (inputs.length === 0 || outputs.length === 0) fail(options.name ?? 'onnx', 'the graph needs inputs and outputs');
  const emit = (builder: Builder, ...xs: readonly GraphTensor[]): GraphTensor => {
    const results = emitProgram(hostOf(builder), program, xs, {
      channelsLast: options.channelsLast,
      onNode: (name, type, input, output) => builder.layers.push({ name, type, depth: 1, inputs: [input], output }),
    });
    if (results.outputs.length === 1) return results.outputs[0] as GraphTensor;
    const flat = results.outputs.map((y) => reshaped(builder, y, [y.shape[0] ?? 1, elementCount(y.shape.slice(1))]));
    return concatAll(builder, flat, 0);
  };
  const arity = [inputs.length, inputs.length] as const;
  return defineLayer('onnx', { ...options, ...programToJson(program) }, emit, arity);
}

export interface OnnxOutputOptions extends LayerOptions {
  /** Place of its first value in what the layer `onnx` gives for an example. */
  readonly start: number;
  /** Sizes of one example. */
  readonly shape: readonly number[];
}

/** `y = x[start ... start + size]` read as `shape`: one of several outputs of the layer `onnx`, which gives them flattened and side
 * by side. No counterpart in PyTorch. */
export function onnxOutput(options: OnnxOutputOptions): Layer {
  const layer = options?.name ?? 'onnxOutput';
  onlyKnown(layer, options, ['start', 'shape', 'name']);
  const { start, shape } = options;
  const isSize = (size: unknown) => Number.isSafeInteger(size) && (size as number) >= 0;
  if (!isSize(start) || !Array.isArray(shape) || shape.length > 5 || !shape.every(isSize)) {
    fail(layer, `start and shape must be sizes, not ${show(start)} and ${show(shape)}`);
  }
  return defineLayer('onnxOutput', options, (builder, x) => {
    const [n = 1] = x.shape;
    const part = builder.graph.emit(slice, [x], sliceOf([0, start], [n, elementCount(shape)]))[0] as GraphTensor;
    return reshaped(builder, part, [n, ...shape]);
  });
}

const reshaped = ({ graph }: Builder, x: GraphTensor, shape: readonly number[]): GraphTensor =>
  graph.emit(reshape, [x], reshapeTo(shape))[0] as GraphTensor;

/** What a graph is emitted into; its tensors belong to the layer that `builder` is at. */
export function hostOf(builder: Builder): OnnxHost {
  return {
    graph: builder.graph,
    mode: builder.mode,
    persist(role, name, shape) {
      if (role === 'parameter') return builder.parameter(name, shape, 'zeros', NO_FANS);
      return role === 'state' ? builder.state(name, shape, 0) : builder.constant(name, shape, 0);
    },
    nextStream: () => builder.nextStream(),
    step: () => builder.step(),
    afterForward: (emit) => builder.afterForward(emit),
  };
}
