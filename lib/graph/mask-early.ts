// The gradient of an activation before that of the max pooling behind it, so at the pooled size. A maximum of y is a value
// of y, so the place that a gradient goes to and the window that it comes from have the same y. A sum over all places, as a
// bias has, then runs over the windows: the same terms in another order, and zeros less.

import { elementCount } from '../ops/op.ts';
import { type Graph, type GraphNode, type GraphTensor, readerCounts } from './graph.ts';

/** Swaps each op that `scalesGradient` with the one before it that `scatters` to the maxima of the same tensor, where nothing
 * else reads the value in between and the windows are fewer than the places. `kept` are tensors the caller reads after the run. */
export function maskEarly(graph: Graph, kept: readonly GraphTensor[]): void {
  const readers = readerCounts(graph.nodes, kept);
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
  const producerOf = (tensor: GraphTensor | undefined) => tensor && producers.get(tensor.id);

  const gone = new Set<GraphNode>();
  graph.nodes = graph.nodes.flatMap((node) => {
    const [spread, y] = node.inputs;
    const scatter = producerOf(spread);
    if (!node.op.scalesGradient || !scatter?.op.scatters || readers.get(spread?.id ?? -1) !== 1) return [node];
    const [dy, index] = scatter.inputs as readonly [GraphTensor, GraphTensor];
    const pooling = producerOf(index);
    const [dx, ...sums] = node.outputs as readonly [GraphTensor, ...GraphTensor[]];
    if (pooling?.inputs[0] !== y || elementCount(dy.shape) >= elementCount(dx.shape)) return [node];
    gone.add(scatter);
    const masked = graph.tensor('value', `${dx.name} at the maxima`, dy);
    return [
      { ...node, inputs: [dy, pooling?.outputs[0]], outputs: [masked, ...sums] },
      { ...scatter, inputs: [masked, index], outputs: [dx] },
    ];
  });
  graph.nodes = graph.nodes.filter((node) => !gone.has(node));
}
