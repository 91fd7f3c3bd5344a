// Reverse-mode differentiation: walks the nodes backwards and asks each op for its gradient, as other ops. Nothing is
// emitted for tensors that no parameter leads to.

import { add } from '../ops/add.ts';
import { fill } from '../ops/fill.ts';
import type { Graph, GraphTensor } from './graph.ts';

/** Appends the backward ops of `loss` (shape [1]) and returns the gradient of each parameter that influences it. */
export function differentiate(graph: Graph, loss: GraphTensor): Map<GraphTensor, GraphTensor> {
  const forward = [...graph.nodes];
  const dependent = new Set(graph.tensors.filter((t) => t.role === 'parameter').map((t) => t.id));
  for (const node of forward) {
    if (!node.op.gradient || !node.inputs.some((input) => input && dependent.has(input.id))) continue;
    for (const output of node.outputs) dependent.add(output.id);
  }

  const gradients = new Map<number, GraphTensor>();
  graph.layer = 'loss';
  gradients.set(loss.id, graph.emit(fill, [], { value: 1, count: 1 })[0] as GraphTensor);

  for (const node of forward.reverse()) {
    const { gradient } = node.op;
    const outputGradients = node.outputs.map((output) => gradients.get(output.id));
    if (!gradient || outputGradients.every((g) => g === undefined)) continue;
    const needs = (index: number) => dependent.has(node.inputs[index]?.id ?? -1);
    if (!node.inputs.some((_, i) => needs(i))) continue;
    graph.layer = node.layer;
    const inputGradients = gradient<GraphTensor>({
      inputs: node.inputs,
      outputs: node.outputs,
      outputGradients,
      attrs: node.attrs,
      needs,
      emit: (op, inputs, attrs) => graph.emit(op, inputs, attrs),
    });
    inputGradients.forEach((g, i) => {
      const input = node.inputs[i];
      if (!g || !input || !needs(i)) return;
      const sum = gradients.get(input.id);
      const total = sum ? graph.emit(add, [sum, g], { activation: 0, slope: 0 })[0] : g;
      gradients.set(input.id, total as GraphTensor);
    });
  }

  const result = new Map<GraphTensor, GraphTensor>();
  for (const tensor of graph.tensors) {
    const g = tensor.role === 'parameter' ? gradients.get(tensor.id) : undefined;
    if (g) result.set(tensor, g);
  }
  return result;
}
