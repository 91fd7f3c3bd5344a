// Fusion: a bias, a sum, an activation or an activation's gradient rides on its producer's last step, so the value is never
// written and read again. It changes no bits: the fused epilogue does the same operations in the same order. Folding, where
// it is asked for, does change them: an affine map goes into the weights before it.

import type { EpilogueActivation } from '../ops/op.ts';
import { changesStore, type Graph, type GraphNode, type GraphTensor, isPersistent, readerCounts } from './graph.ts';
import { simplifyViews } from './views.ts';

/** Merges what ops offer to be absorbed (`absorbAs...`) into the producers that declare an `epilogue`, where nothing else
 * reads the value in between. `kept` are tensors the caller reads after the run. With `fold`, what has `foldInto` goes into
 * constant weights. */
export function fuse(graph: Graph, kept: readonly GraphTensor[], { fold = false } = {}): void {
  simplifyViews(graph, kept);
  const readers = readerCounts(graph.nodes, kept);
  const given = graph.nodes;
  const fixed = persistentTensors(given);
  const folds = fold && !changesStore(given);
  graph.nodes = []; // What folding emits: it reads only what persists, so it can go before everything else.
  const nodes: GraphNode[] = [];
  const positions = new Map<number, number>();
  const positionOf = (tensor: GraphTensor | undefined) => (tensor && positions.get(tensor.id)) ?? -1;
  for (const node of given) {
    // A term of a sum may be absorbed by the producer of the other; the later one has both at hand.
    const [first, second] = node.inputs;
    const swapped = node.op.absorbAsSum === true && positionOf(second) > positionOf(first);
    const [source, operand] = swapped ? [second, first] : [first, second];
    const at = positionOf(source);
    const producer = nodes[at];
    const alone = source && producer?.outputs[0] === source && readers.get(source.id) === 1;
    const merge = () =>
      absorb(producer!, node, operand) ?? (folds ? foldNode(graph, producer!, node, fixed) : undefined);
    const fused = alone && positionOf(operand) < at ? merge() : undefined;
    if (fused) nodes[at] = fused;
    else nodes.push(node);
    for (const output of node.outputs) positions.set(output.id, fused ? at : nodes.length - 1);
  }
  graph.nodes.push(...nodes);
}

function absorb(producer: GraphNode, node: GraphNode, operand: GraphTensor | undefined): GraphNode | undefined {
  const { epilogue } = producer.op;
  if (!epilogue || producer.attrs['activation'] !== 0) return undefined;
  const outputs = [node.outputs[0] as GraphTensor, ...producer.outputs.slice(1)];
  const activate = ({ code, slope }: EpilogueActivation) => ({
    ...producer.attrs,
    activation: code,
    slope: slope(node.attrs),
  });
  const { absorbAsBias, absorbAsSum, absorbAsActivation, absorbAsGate } = node.op;
  if (
    absorbAsBias &&
    isFree(producer, epilogue.bias) &&
    (epilogue.sum === undefined || isFree(producer, epilogue.sum))
  ) {
    return { ...producer, inputs: withInput(producer, epilogue.bias, operand), outputs };
  }
  if (absorbAsSum && node.attrs['activation'] === 0 && isFree(producer, epilogue.sum)) {
    return { ...producer, inputs: withInput(producer, epilogue.sum, operand), outputs };
  }
  if (absorbAsActivation) return { ...producer, attrs: activate(absorbAsActivation), outputs };
  if (absorbAsGate && isFree(producer, epilogue.gate)) {
    const inputs = withInput(producer, epilogue.gate, operand);
    return { ...producer, inputs, attrs: activate(absorbAsGate), outputs };
  }
  return undefined;
}

/** `producer` with the affine map `node` in its weights and bias, all of which must persist. */
function foldNode(
  graph: Graph,
  producer: GraphNode,
  node: GraphNode,
  fixed: (tensor: GraphTensor) => boolean,
): GraphNode | undefined {
  const { linearIn, epilogue } = producer.op;
  if (!linearIn || !node.op.foldInto || producer.attrs['activation'] !== 0) return undefined;
  const [weights, bias] = [producer.inputs[linearIn.weights], producer.inputs[linearIn.bias]];
  const sum = epilogue?.sum === undefined ? undefined : producer.inputs[epilogue.sum];
  const constants = [bias, ...node.inputs.slice(1)].every((tensor) => !tensor || fixed(tensor));
  if (sum || !weights || !fixed(weights) || !constants) return undefined;
  graph.layer = node.layer;
  const [w, b] = node.op.foldInto<GraphTensor>(graph, weights, bias, node.inputs, node.attrs);
  const inputs = [...producer.inputs];
  inputs[linearIn.weights] = w;
  inputs[linearIn.bias] = b;
  const { activation = 0, slope = 0 } = node.attrs;
  return { ...producer, inputs, outputs: node.outputs, attrs: { ...producer.attrs, activation, slope } };
}

/** Whether a tensor persists, or is a view of one that does. */
function persistentTensors(nodes: readonly GraphNode[]): (tensor: GraphTensor) => boolean {
  const views = new Set<number>();
  const persists = (tensor: GraphTensor) => isPersistent(tensor) || views.has(tensor.id);
  for (const { op, inputs, outputs } of nodes) {
    if (op.view && inputs[0] && persists(inputs[0])) views.add(outputs[0]?.id ?? -1);
  }
  return persists;
}

const isFree = (node: GraphNode, index: number | undefined): index is number =>
  index !== undefined && node.inputs[index] === undefined;

function withInput(node: GraphNode, index: number, tensor: GraphTensor | undefined): (GraphTensor | undefined)[] {
  const inputs = [...node.inputs];
  inputs[index] = tensor;
  return inputs;
}
