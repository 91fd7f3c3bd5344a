// Views (reshapes) out of the way of fusion, which looks at who reads whom. It changes no bits.

import { type Graph, type GraphNode, type GraphTensor, readerCounts } from './graph.ts';

/**
 * Lets a view of a view show the first one's source, leaves out views of the same shape and those that nothing reads, and puts
 * an activation before the view that it follows, next to what it may be absorbed by. `kept` are tensors the caller reads.
 */
export function simplifyViews(graph: Graph, kept: readonly GraphTensor[]): void {
  const keptIds = new Set(kept.map(({ id }) => id));
  /** The node of each view, reading the tensor whose memory it shows. */
  const views = new Map<number, GraphNode>();
  /** For each view of the same shape what it shows. */
  const equal = new Map<number, GraphTensor>();
  const given = graph.nodes;
  graph.nodes = [];
  for (const node of given) {
    const inputs = node.inputs.map((tensor) => tensor && (equal.get(tensor.id) ?? tensor));
    const [input, output] = [inputs[0], node.outputs[0]];
    const view = input && views.get(input.id);
    const source = view?.inputs[0] ?? input;
    if (node.op.view && source && output) {
      const flat = { ...node, inputs: [source] };
      if (!keptIds.has(output.id) && String(source.shape) === String(output.shape)) equal.set(output.id, source);
      else graph.nodes.push(flat);
      views.set(output.id, flat);
    } else if (node.op.absorbAsActivation && view && source && output) {
      graph.layer = node.layer;
      const [activated] = graph.emit(node.op, [source], node.attrs) as [GraphTensor];
      const moved = { ...view, inputs: [activated], outputs: [output], layer: node.layer };
      graph.nodes.push(moved);
      views.set(output.id, moved);
    } else {
      graph.nodes.push({ ...node, inputs });
    }
  }
  removeUnread(graph, keptIds);
}

/** Puts an affine map of channels (`foldInto`) before the view that it follows, where nothing else reads that and the channels
 * stay, next to the weights that it may go into. Other roundings follow only where it does. */
export function mapBeforeViews(graph: Graph, kept: readonly GraphTensor[]): void {
  const readers = readerCounts(graph.nodes, kept);
  const views = new Map<number, GraphNode>();
  const given = graph.nodes;
  graph.nodes = [];
  for (const node of given) {
    const [x, ...rest] = node.inputs;
    const view = x && views.get(x.id);
    const source = view?.inputs[0];
    if (node.op.foldInto && x && source && source.shape.at(-1) === x.shape.at(-1) && readers.get(x.id) === 1) {
      graph.layer = node.layer;
      const [mapped] = graph.emit(node.op, [source, ...rest], node.attrs) as [GraphTensor];
      graph.nodes.push({ ...view, inputs: [mapped], outputs: node.outputs, layer: node.layer });
    } else {
      graph.nodes.push(node);
    }
    if (node.op.view) for (const { id } of node.outputs) views.set(id, node);
  }
  removeUnread(graph, new Set(kept.map(({ id }) => id)));
}

function removeUnread(graph: Graph, kept: ReadonlySet<number>): void {
  const read = new Set(kept);
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (node.op.view && !node.outputs.some(({ id }) => read.has(id))) continue;
    for (const tensor of node.inputs) if (tensor) read.add(tensor.id);
    nodes.push(node);
  }
  graph.nodes = nodes.reverse();
}
