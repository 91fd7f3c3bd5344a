// What a network costs, layer by layer, as data; `report/` prints it.

import { isPersistent } from '../graph/graph.ts';
import type { Architecture, InputSpec } from '../nn/architecture.ts';
import { elementCount } from '../ops/op.ts';
import { predictionNetwork } from './network.ts';

export interface LayerSummary {
  readonly name: string;
  readonly type: string;
  /** How many layers contain this one. */
  readonly depth: number;
  /** Output for one example: channels last. */
  readonly outputShape: readonly number[];
  readonly parameters: number;
  /** Floating-point operations for one image; a multiply-add counts as two. */
  readonly flops: number;
  /** Memory of the output for one image. */
  readonly activationBytes: number;
  /** Parameters of a fully connected layer with the same input and output; undefined for layers without weights. */
  readonly denseParameters: number | undefined;
  /** The inputs and layers it takes values of; undefined inside of another layer. */
  readonly from: readonly string[] | undefined;
}

export interface ModelSummary {
  readonly inputs: readonly InputSpec[];
  /** The layers or inputs that give the outputs, by name. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  readonly flops: number;
  readonly activationBytes: number;
}

export function summarize(architecture: Architecture): ModelSummary {
  const { builder } = predictionNetwork({ architecture }, { size: 1, dtypes: [] });
  const ownNames = builder.layers.filter(({ depth }) => depth === 0).map(({ name }) => name);
  const valueNames = [...architecture.inputs.map(({ name }) => name), ...ownNames];
  let node = 0;
  const flops = new Map<string, number>();
  for (const { op, inputs, outputs, attrs, layer } of builder.graph.nodes) {
    flops.set(layer, (flops.get(layer) ?? 0) + (op.cost?.(inputs, outputs, attrs).flops ?? 0));
  }
  // A parameter counts where it is read first: with a layer, or with one of the nodes that a layer consists of.
  const rows = new Set(builder.layers.map(({ name }) => name));
  const readers = new Map<string, string>();
  for (const { inputs, layer } of builder.graph.nodes.filter((node) => rows.has(node.layer))) {
    for (const tensor of inputs) if (tensor && !readers.has(tensor.name)) readers.set(tensor.name, layer);
  }
  const layers = builder.layers.map(({ name, type, depth, inputs, output }): LayerSummary => {
    const parameters = [...builder.persistent.values()]
      .filter((tensor) => (readers.get(tensor.name) ?? tensor.layer) === name && tensor.role === 'parameter')
      .reduce((sum, tensor) => sum + elementCount(tensor.shape), 0);
    const outputs = elementCount(output.shape);
    const weighted = builder.graph.nodes.some(
      (node) => node.layer === name && node.inputs.some((t) => t && isPersistent(t) && t.shape.length > 1),
    );
    return {
      name,
      type,
      depth,
      outputShape: output.shape.slice(1),
      parameters,
      flops: flops.get(name) ?? 0,
      activationBytes: 4 * outputs,
      denseParameters: weighted ? inputs.reduce((sum, { shape }) => sum + elementCount(shape), 1) * outputs : undefined,
      from: depth === 0 ? architecture.nodes[node++]?.from.map((value) => valueNames[value] as string) : undefined,
    };
  });
  const total = (key: 'parameters' | 'flops' | 'activationBytes') => layers.reduce((sum, layer) => sum + layer[key], 0);
  return {
    inputs: architecture.inputs,
    outputs: Object.fromEntries(architecture.outputs.map(({ name, from }) => [name, valueNames[from] as string])),
    layers,
    parameters: total('parameters'),
    flops: total('flops'),
    activationBytes: total('activationBytes'),
  };
}
