// A plan is a graph made static: an ordered list of ops over tensors with fixed addresses. Both backends execute it as
// it stands; nothing is decided at run time.

import { fuse } from '../graph/fuse.ts';
import { type Graph, type GraphTensor, isPersistent, removeUnused } from '../graph/graph.ts';
import type { Attrs, Cost, OpDefinition, TensorSpec } from '../ops/op.ts';
import { layOutArena } from './memory.ts';
import { type StoreLayout, tensorBytes } from './store-layout.ts';

/** `fast` may pick other algorithms within a stated error bound; `exact` keeps the reference's order everywhere. */
export type Numerics = 'fast' | 'exact';

export interface PlanTensor extends TensorSpec {
  readonly name: string;
  readonly layer: string;
  readonly region: 'store' | 'arena';
  /** Byte offset in its region. */
  readonly offset: number;
  /** For arena tensors: the ops between which their memory is theirs. */
  readonly firstOp: number;
  readonly lastOp: number;
}

export interface PlanOp {
  readonly op: OpDefinition;
  /** Indices into `tensors`, -1 for an absent optional input. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly attrs: Attrs;
  readonly layer: string;
  readonly cost: Required<Cost>;
}

export interface Plan {
  readonly numerics: Numerics;
  readonly tensors: readonly PlanTensor[];
  readonly ops: readonly PlanOp[];
  readonly arenaBytes: number;
  readonly storeBytes: number;
  /** Tensor index of each input and each named output. */
  readonly inputs: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, number>>;
}

export interface PlanOptions {
  /** Tensors to read after a run, by the name they are read under. */
  readonly outputs: Readonly<Record<string, GraphTensor>>;
  readonly layout: StoreLayout;
  readonly numerics?: Numerics;
  /** Keep every value until the end of the run, to look at them all (no arena reuse, no fusion). */
  readonly keepAll?: boolean;
}

/** Compiles `graph`; the graph's node list is replaced by the optimised one. */
export function compilePlan(graph: Graph, options: PlanOptions): Plan {
  const { layout, numerics = 'fast', keepAll = false } = options;
  const kept = Object.values(options.outputs);
  removeUnused(graph, kept);
  if (!keepAll) fuse(graph, kept);

  const used = usedTensors(graph);
  for (const tensor of kept) used.add(tensor);
  const inputs = [...used].filter((tensor) => tensor.role === 'input');
  const keptIds = new Set(kept.map((tensor) => tensor.id));
  const arena = layOutArena(graph.nodes, graph.tensors.length, inputs, keptIds, !keepAll);

  const indexOf = new Map<number, number>();
  const tensors = [...used].map((tensor, index): PlanTensor => {
    indexOf.set(tensor.id, index);
    const { name, layer, shape, dtype } = tensor;
    const base = { name, layer, shape, dtype };
    if (isPersistent(tensor)) {
      const { offset } = layout.place(name, tensor);
      return { ...base, region: 'store', offset, firstOp: 0, lastOp: graph.nodes.length };
    }
    const block = arena.blockOf.get(tensor.id);
    if (!block) throw new Error(`plan: ${name} has no memory`);
    return { ...base, region: 'arena', offset: block.offset, firstOp: block.firstOp, lastOp: block.lastOp };
  });

  const index = (tensor: GraphTensor | undefined) => (tensor ? (indexOf.get(tensor.id) as number) : -1);
  const ops = graph.nodes.map((node): PlanOp => {
    const cost = node.op.cost?.(node.inputs, node.outputs, node.attrs);
    const touched = [...node.inputs, ...node.outputs].reduce((sum, t) => sum + (t ? tensorBytes(t) : 0), 0);
    return {
      op: node.op,
      inputs: node.inputs.map(index),
      outputs: node.outputs.map(index),
      attrs: node.attrs,
      layer: node.layer,
      cost: { flops: cost?.flops ?? 0, bytes: cost?.bytes ?? touched },
    };
  });

  return {
    numerics,
    tensors,
    ops: ops.filter((planOp) => !planOp.op.view),
    arenaBytes: arena.bytes,
    storeBytes: layout.bytes,
    inputs: Object.fromEntries(inputs.map((tensor) => [tensor.name, index(tensor)])),
    outputs: Object.fromEntries(Object.entries(options.outputs).map(([name, tensor]) => [name, index(tensor)])),
  };
}

function usedTensors(graph: Graph): Set<GraphTensor> {
  const used = new Set<GraphTensor>();
  for (const node of graph.nodes) {
    for (const tensor of [...node.inputs, ...node.outputs]) if (tensor) used.add(tensor);
  }
  return used;
}
