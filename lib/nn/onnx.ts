// A whole ONNX graph as one layer, which is what an imported model consists of. Its options are the graph: nodes, known
// numbers, names and shapes of weights; the weights are tensors of the model under the names that the file gave them.

import type { GraphTensor } from '../graph/graph.ts';
import { emitProgram } from '../onnx/emit.ts';
import { type OnnxProgram, programFromJson, programToJson } from '../onnx/program.ts';
import { fail, onlyKnown, show } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

export interface OnnxOptions extends LayerOptions {
  /** Whether tensors of three to five axes have their channels last, as everywhere in lanewise, or in the file's order. */
  readonly channelsLast: boolean;
}

const PARTS = ['opset', 'inputs', 'outputs', 'nodes', 'constants', 'weights'];

/** The layer that the architecture of a model file describes; its weights are assigned later. */
export function onnx(options: OnnxOptions & Readonly<Record<string, unknown>>): Layer {
  const layer = options?.name ?? 'onnx';
  onlyKnown(layer, options, ['channelsLast', ...PARTS, 'name']);
  const { channelsLast, name, ...parts } = options;
  if (typeof channelsLast !== 'boolean') fail(layer, `channelsLast must be true or false, not ${show(channelsLast)}`);
  return onnxLayer(programFromJson(parts), { channelsLast, ...(name === undefined ? {} : { name }) });
}

/** The graph of `program`. Its tensors have the names of the file, with the layer's own before them if it was given one. */
export function onnxLayer(program: OnnxProgram, options: OnnxOptions): Layer {
  const { name, channelsLast } = options;
  if (program.inputs.length !== 1 || program.outputs.length !== 1) {
    fail(name ?? 'onnx', 'needs a graph with one input and one output');
  }
  const prefix = name === undefined ? '' : `${name}.`;
  return defineLayer('onnx', { ...options, ...programToJson(program) }, (builder, x) => {
    const { graph, mode, layers } = builder;
    const { outputs } = emitProgram(
      {
        graph,
        mode,
        persist: (role, tensor, shape, initial) => builder.persist(role, `${prefix}${tensor}`, shape, initial),
        nextStream: () => builder.nextStream(),
        step: () => builder.step(),
        afterForward: (emit) => builder.afterForward(emit),
      },
      program,
      [x],
      {
        channelsLast,
        onNode: (node, type, input, output) => layers.push({ name: `${prefix}${node}`, type, depth: 1, input, output }),
      },
    );
    return outputs[0] as GraphTensor;
  });
}
