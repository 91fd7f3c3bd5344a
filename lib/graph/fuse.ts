// Fusion: a bias or an activation rides on its producer's last step, so the value is never written and read again.
// It changes no bits: the fused epilogue does the same operations in the same order.

import type { Graph, GraphNode, GraphTensor } from './graph.ts';

/** Merges bias additions and activations into the producers that declare an `epilogue`, where nothing else reads the
 * value in between. `kept` are tensors the caller reads after the run. */
export function fuse(graph: Graph, kept: readonly GraphTensor[]): void {
  const readers = new Map<number, number>();
  for (const tensor of kept) readers.set(tensor.id, Number.POSITIVE_INFINITY);
  for (const node of graph.nodes) {
    for (const input of node.inputs) if (input) readers.set(input.id, (readers.get(input.id) ?? 0) + 1);
  }

  const nodes: GraphNode[] = [];
  const producerOf = new Map<number, number>();
  for (const node of graph.nodes) {
    const source = node.inputs[0];
    const at = source && readers.get(source.id) === 1 ? producerOf.get(source.id) : undefined;
    const fused = at === undefined ? undefined : absorb(nodes[at] as GraphNode, node);
    if (fused && at !== undefined) nodes[at] = fused;
    else nodes.push(node);
    const output = node.outputs[0];
    if (output) producerOf.set(output.id, fused && at !== undefined ? at : nodes.length - 1);
  }
  graph.nodes = nodes;
}

function absorb(producer: GraphNode, node: GraphNode): GraphNode | undefined {
  const { epilogue } = producer.op;
  if (!epilogue || producer.attrs['activation'] !== 0) return undefined;
  const outputs = [node.outputs[0] as GraphTensor, ...producer.outputs.slice(1)];
  if (node.op.absorbAsBias && epilogue.bias !== undefined && !producer.inputs[epilogue.bias]) {
    const inputs = [...producer.inputs];
    inputs[epilogue.bias] = node.inputs[1];
    return { ...producer, inputs, outputs };
  }
  const activation = node.op.absorbAsActivation;
  if (!activation) return undefined;
  const attrs = { ...producer.attrs, activation: activation.code, slope: activation.slope(node.attrs) };
  return { ...producer, attrs, outputs };
}
