// A model as an ONNX file: the ops of its prediction become operators of ONNX, whatever layers they come from.

import { fuse } from '../graph/fuse.ts';
import { type GraphTensor, removeUnused } from '../graph/graph.ts';
import { inputTensor } from '../nn/builder.ts';
import { onnxFromGraph } from '../onnx/export/export-graph.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { writeOnnxFile } from '../onnx/onnx-file.ts';
import { validateOnnx } from '../onnx/validate.ts';
import { encodeOnnx } from '../onnx/write-model.ts';
import { fail, onlyKnown, show } from '../options.ts';
import type { Model } from './model.ts';
import { outputTensor, predictionNetwork } from './network.ts';

export interface ExportOnnxOptions {
  /** Whether batch norms go into the weights of the convolutions before them: fewer nodes, but what was trained apart cannot be
   * told apart any more. Default false. */
  readonly foldBatchNorm?: boolean;
  /** The version of ONNX's operators; 17 is the only one. */
  readonly opset?: 17;
}

/** Of the batches by which sizes that depend on it are found. Not 1: an axis of 1 is repeated, others are not. */
const BATCHES = [2, 3] as const;

/**
 * Writes the model as ONNX has it (opset 17): inputs and outputs of three to five axes with the channels behind the batch,
 * `[batch, c, h, w]`, under the names they have in the model, and a batch of any size. Inputs are raw values: their
 * normalisation is part of the file. Whatever is known before there is an input, such as rearranged weights, is computed.
 *
 * Errors: an op of one's own, and what ONNX has no operators for, by layer and op; a file that cannot be written.
 */
export async function exportOnnx(model: Model, path: string, options: ExportOnnxOptions = {}): Promise<void> {
  await writeOnnxFile(path, onnxModel(model, options));
}

/** The content of the file that `exportOnnx` writes. */
export function onnxBytes(model: Model, options: ExportOnnxOptions = {}): Uint8Array {
  const file = onnxModel(model, options);
  validateOnnx(file, 'exportOnnx');
  return Buffer.concat(encodeOnnx(file));
}

function onnxModel(model: Model, options: ExportOnnxOptions): OnnxModel {
  onlyKnown('exportOnnx', options, ['foldBatchNorm', 'opset']);
  const { foldBatchNorm = false, opset = 17 } = options;
  if (typeof foldBatchNorm !== 'boolean') fail('exportOnnx', 'foldBatchNorm must be true or false');
  if (opset !== 17) fail('exportOnnx', `opset must be 17, not ${show(opset)}`);
  const { architecture } = model;
  const [one, other] = BATCHES.map((size) => {
    const { builder, outputs } = predictionNetwork({ architecture }, { size, dtypes: [] });
    const { graph } = builder;
    const kept = Object.values(outputs);
    removeUnused(graph, kept);
    fuse(graph, kept, { fold: foldBatchNorm });
    return { graph, size, outputs };
  }) as [BatchNetwork, BatchNetwork];
  const given = new Map(one.graph.tensors.map((tensor) => [tensor.name, tensor]));
  return onnxFromGraph({
    one,
    other,
    inputs: architecture.inputs.map(({ name }) => ({ name, tensor: given.get(inputTensor(name)) as GraphTensor })),
    outputs: architecture.outputs.map(({ name }) => ({ name, tensor: one.outputs[outputTensor(name)] as GraphTensor })),
    dataOf: (name) => model.tensor(name),
  });
}

type BatchNetwork = Pick<ReturnType<typeof predictionNetwork>, 'outputs'> & {
  readonly graph: ReturnType<typeof predictionNetwork>['builder']['graph'];
  readonly size: number;
};
