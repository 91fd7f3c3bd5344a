// A plan is a graph made static: an ordered list of ops over tensors with fixed addresses. Both backends execute it as
// it stands; nothing is decided at run time.

import { fuse } from '../graph/fuse.ts';
import {
  type Graph,
  type GraphNode,
  type GraphTensor,
  isPersistent,
  removeUnused,
  splitConstant,
} from '../graph/graph.ts';
import { maskEarly } from '../graph/mask-early.ts';
import type { Attrs, Cost, OpDefinition, TensorSpec } from '../ops/op.ts';
import { layOutRun } from './memory.ts';
import { alignBytes, type StoreLayout, tensorBytes } from './store-layout.ts';

/** `fast` may pick other algorithms within a stated error bound; `exact` keeps the reference's order everywhere. */
export type Numerics = 'fast' | 'exact';

export interface PlanTensor extends TensorSpec {
  readonly name: string;
  readonly layer: string;
  /** `store` outlives the plan, `kept` is the plan's own, the `arena` is anybody's as soon as a run ends. */
  readonly region: 'store' | 'kept' | 'arena';
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
  /** So many of `ops`, the first, give the same until something writes to the store: they need not run each time. */
  readonly constantOps: number;
  readonly arenaBytes: number;
  readonly keptBytes: number;
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
  if (!keepAll) {
    const fast = numerics === 'fast';
    if (fast) maskEarly(graph, kept);
    fuse(graph, kept, { fold: fast });
  }
  const [constant, nodes] = splitConstant(graph.nodes);
  graph.nodes = [...constant, ...nodes];

  const used = usedTensors(graph);
  for (const tensor of kept) used.add(tensor);
  const inputs = [...used].filter((tensor) => tensor.role === 'input');
  const keptIds = new Set(kept.map((tensor) => tensor.id));
  const layoutOfRun = layOutRun(nodes, graph.tensors.length, inputs, keptIds, !keepAll);
  const constantOffsets = new Map<number, number>();
  let { keptBytes } = layoutOfRun;
  for (const output of constant.flatMap((node) => node.outputs)) {
    constantOffsets.set(output.id, keptBytes);
    keptBytes += alignBytes(tensorBytes(output));
  }

  const roots = viewRoots(graph.nodes);
  const indexOf = new Map<number, number>();
  const tensors = [...used].map((tensor, index): PlanTensor => {
    indexOf.set(tensor.id, index);
    const { name, layer, shape, dtype } = tensor;
    const base = { name, layer, shape, dtype };
    const root = roots.get(tensor.id) ?? tensor;
    if (isPersistent(root)) {
      const { offset } = layout.place(root.name, root);
      return { ...base, region: 'store', offset, firstOp: 0, lastOp: nodes.length };
    }
    const offset = constantOffsets.get(root.id);
    if (offset !== undefined) return { ...base, region: 'kept', offset, firstOp: 0, lastOp: nodes.length };
    const block = layoutOfRun.blockOf.get(tensor.id);
    if (!block) throw new Error(`plan: ${name} has no memory`);
    const { region, firstOp, lastOp } = block;
    return { ...base, region, offset: block.offset, firstOp, lastOp };
  });

  const index = (tensor: GraphTensor | undefined) => (tensor ? (indexOf.get(tensor.id) as number) : -1);
  const planOp = (node: GraphNode): PlanOp => {
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
  };

  return {
    numerics,
    tensors,
    ops: graph.nodes.filter((node) => !node.op.view).map(planOp),
    constantOps: constant.length,
    arenaBytes: layoutOfRun.arenaBytes,
    keptBytes,
    storeBytes: layout.bytes,
    inputs: Object.fromEntries(inputs.map((tensor) => [tensor.name, index(tensor)])),
    outputs: Object.fromEntries(Object.entries(options.outputs).map(([name, tensor]) => [name, index(tensor)])),
  };
}

/** The tensor whose memory each view shows, by the view's id. */
function viewRoots(nodes: readonly GraphNode[]): ReadonlyMap<number, GraphTensor> {
  const roots = new Map<number, GraphTensor>();
  for (const { op, inputs, outputs } of nodes) {
    const [source, view] = [inputs[0], outputs[0]];
    if (op.view && source && view) roots.set(view.id, roots.get(source.id) ?? source);
  }
  return roots;
}

function usedTensors(graph: Graph): Set<GraphTensor> {
  const used = new Set<GraphTensor>();
  for (const node of graph.nodes) {
    for (const tensor of [...node.inputs, ...node.outputs]) if (tensor) used.add(tensor);
  }
  return used;
}
