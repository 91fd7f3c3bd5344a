// A graph is the list of ops a network lowers to, in execution order, with the tensors between them. Layers emit the
// forward ops, `differentiate` appends the backward ones, optimizers append their steps, and `plan/` makes it static.

import type { AttrSchema, Attrs, Emitter, OpDefinition, TensorSpec } from '../ops/op.ts';

/** Where a tensor's memory lives. `input` is written by the caller before each run; `parameter` (trained), `state`
 * (running statistics, optimizer slots) and `constant` persist between runs; `value` is computed anew in each. */
export type TensorRole = 'input' | 'parameter' | 'state' | 'constant' | 'value';

export interface GraphTensor extends TensorSpec {
  readonly id: number;
  readonly role: TensorRole;
  /** Unique among persistent tensors and inputs; descriptive for values. */
  readonly name: string;
  /** The layer that made it, for summaries, profiles and errors. */
  readonly layer: string;
}

export interface GraphNode {
  readonly op: OpDefinition;
  readonly inputs: readonly (GraphTensor | undefined)[];
  readonly outputs: readonly GraphTensor[];
  readonly attrs: Attrs;
  readonly layer: string;
}

export const isPersistent = (tensor: GraphTensor): boolean =>
  tensor.role === 'parameter' || tensor.role === 'state' || tensor.role === 'constant';

/** Whether running `nodes` writes to what persists. */
export const changesStore = (nodes: readonly GraphNode[]): boolean =>
  nodes.some(({ op }) => (op.mutates?.length ?? 0) > 0);

/** `nodes` in two parts, each in its order: those that give the same in every run while what persists is not written, and
 * the others. */
export function splitConstant(nodes: readonly GraphNode[]): [constant: GraphNode[], others: GraphNode[]] {
  if (changesStore(nodes)) return [[], [...nodes]];
  const results = new Set<number>();
  const constant: GraphNode[] = [];
  const others: GraphNode[] = [];
  for (const node of nodes) {
    const fixed = node.inputs.every((tensor) => !tensor || isPersistent(tensor) || results.has(tensor.id));
    const same = fixed && node.inputs.length > 0 && node.outputs.length > 0;
    // A view runs no code, so it does not matter where it stands.
    (same && !node.op.view ? constant : others).push(node);
    if (same) for (const output of node.outputs) results.add(output.id);
  }
  return [constant, others];
}

export class Graph implements Emitter<GraphTensor> {
  nodes: GraphNode[] = [];
  readonly tensors: GraphTensor[] = [];
  /** The layer that ops emitted from here on belong to. */
  layer = '';

  tensor(role: TensorRole, name: string, spec: TensorSpec): GraphTensor {
    const tensor = {
      id: this.tensors.length,
      role,
      name,
      layer: this.layer,
      shape: [...spec.shape],
      dtype: spec.dtype,
    };
    this.tensors.push(tensor);
    return tensor;
  }

  emit<S extends AttrSchema>(
    op: OpDefinition<S>,
    inputs: readonly (GraphTensor | undefined)[],
    attrs: Attrs<S>,
  ): readonly GraphTensor[] {
    const rounded = roundAttrs(op, attrs);
    const outputs = op
      .infer(inputs, rounded)
      .map((spec, i) => this.tensor('value', `${this.layer}.${op.name}.${op.outputs[i]}`, spec));
    const definition = op as unknown as OpDefinition;
    this.nodes.push({ op: definition, inputs, outputs, attrs: rounded, layer: this.layer });
    return outputs;
  }
}

/** Float attributes cross to C++ as fp32, so both backends must compute with the fp32 value. */
function roundAttrs<S extends AttrSchema>(op: OpDefinition<S>, attrs: Attrs<S>): Attrs<S> {
  const rounded: Record<string, number> = {};
  for (const [name, kind] of Object.entries(op.attrs)) {
    const value = attrs[name];
    if (typeof value !== 'number' || Number.isNaN(value))
      throw new TypeError(`${op.name}: attribute ${name} is missing`);
    rounded[name] = kind === 'f32' ? Math.fround(value) : value;
  }
  return rounded as Attrs<S>;
}

/** How often each tensor is read, by its id. `kept` are read by the caller after the run, which counts as without end. */
export function readerCounts(nodes: readonly GraphNode[], kept: readonly GraphTensor[]): ReadonlyMap<number, number> {
  const counts = new Map(kept.map(({ id }) => [id, Number.POSITIVE_INFINITY]));
  for (const { inputs } of nodes) {
    for (const input of inputs) if (input) counts.set(input.id, (counts.get(input.id) ?? 0) + 1);
  }
  return counts;
}

/** Position of the last node that reads each tensor, -1 where none does. */
export function lastReaders(nodes: readonly GraphNode[], tensorCount: number): Int32Array {
  const last = new Int32Array(tensorCount).fill(-1);
  nodes.forEach((node, i) => {
    for (const input of node.inputs) if (input) last[input.id] = i;
  });
  return last;
}

/** Moves each node that changes persistent tensors up to right behind the last other node that touches any of its tensors,
 * but not past a guard: so a weight's gradient needs its memory only until its update, and is still in cache then. */
export function changeEarly(graph: Graph): void {
  const changes = ({ op }: GraphNode) => (op.mutates?.length ?? 0) > 0;
  const lastTouch = new Map<number, number>();
  const order = new Map<GraphNode, number>();
  let guard = -1;
  graph.nodes.forEach((node, at) => {
    order.set(node, at);
    if (node.op.guard) guard = at;
    if (changes(node)) return;
    for (const tensor of [...node.inputs, ...node.outputs]) if (tensor) lastTouch.set(tensor.id, at);
  });
  graph.nodes.forEach((node, at) => {
    if (!changes(node) || at < guard) return;
    const touched = node.inputs.map((tensor) => (tensor && lastTouch.get(tensor.id)) ?? -1);
    const place = Math.min(at, Math.max(guard, ...touched) + 0.5);
    order.set(node, place);
    for (const index of node.op.mutates ?? []) lastTouch.set(node.inputs[index]?.id ?? -1, place);
  });
  graph.nodes.sort((a, b) => (order.get(a) as number) - (order.get(b) as number));
}

/** Removes nodes that neither change persistent tensors, guard the run, nor lead to one of `kept`. */
export function removeUnused(graph: Graph, kept: readonly GraphTensor[]): void {
  const needed = new Set(kept.map((tensor) => tensor.id));
  const alive: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    const acts = node.op.guard === true || (node.op.mutates?.length ?? 0) > 0;
    if (!acts && !node.outputs.some((output) => needed.has(output.id))) continue;
    for (const input of node.inputs) if (input) needed.add(input.id);
    alive.push(node);
  }
  graph.nodes = alive.reverse();
}
