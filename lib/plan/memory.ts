// Where values lie during a run. The arena is one block of memory in which each has an offset for as long as it is
// needed. Values that are alive at the same time never overlap; a view or an in-place result takes over its input's memory.
// All plans of a store share the arena, so what must outlast a run (inputs written before it, outputs read after it) lies in
// the plan's own kept memory instead.
//
//      offset
//        ^   +---------+          a large early value ...
//        |   |    a    |
//        |   +---------+-----+
//        |   |  b  |    c    |    ... and whatever fits above and below it
//        +---+-----+---------+--> op index

import type { GraphNode, GraphTensor } from '../graph/graph.ts';
import { isPersistent, lastReaders } from '../graph/graph.ts';
import { alignBytes, tensorBytes } from './store-layout.ts';

/** A stretch of memory and the ops between which it is in use, both included. */
export interface Block {
  readonly region: 'arena' | 'kept';
  readonly bytes: number;
  readonly firstOp: number;
  readonly lastOp: number;
  offset: number;
}

export interface RunLayout {
  readonly arenaBytes: number;
  readonly keptBytes: number;
  /** The block of each value, by tensor id. */
  readonly blockOf: ReadonlyMap<number, Block>;
}

interface Group {
  bytes: number;
  first: number;
  last: number;
  kept: boolean;
}

/** Places every non-persistent tensor. `kept` outlast the run; with `reuse` off nothing is overwritten. */
export function layOutRun(
  nodes: readonly GraphNode[],
  tensorCount: number,
  inputs: readonly GraphTensor[],
  kept: ReadonlySet<number>,
  reuse: boolean,
): RunLayout {
  const end = nodes.length;
  const last = lastReaders(nodes, tensorCount);
  const lastUse = (tensor: GraphTensor) => (kept.has(tensor.id) || !reuse ? end : (last[tensor.id] as number));
  const groups = new Map<number, Group>();

  for (const input of inputs) groups.set(input.id, { bytes: tensorBytes(input), first: 0, last: end, kept: true });
  // A view of what lies elsewhere needs no memory. Views join first, so that an in-place op below sees every later reader of the memory it would overwrite.
  nodes.forEach((node, at) => {
    for (const output of node.outputs) {
      const source = node.op.view ? node.inputs[0] : undefined;
      const group = source && groups.get(source.id);
      if (group) {
        group.last = Math.max(group.last, lastUse(output));
        group.kept ||= kept.has(output.id);
        groups.set(output.id, group);
      } else if (!source && !isPersistent(output)) {
        const last = Math.max(at, lastUse(output));
        groups.set(output.id, { bytes: tensorBytes(output), first: at, last, kept: kept.has(output.id) });
      }
    }
  });
  if (reuse) for (const [at, node] of nodes.entries()) mergeInPlace(groups, node, at);

  const blocks = new Map<Group, Block>();
  for (const group of new Set(groups.values())) {
    const { bytes, first: firstOp, last: lastOp } = group;
    blocks.set(group, { region: group.kept ? 'kept' : 'arena', bytes, firstOp, lastOp, offset: 0 });
  }
  const bytesOf = (region: Block['region']) => placeBlocks([...blocks.values()].filter((b) => b.region === region));
  const blockOf = new Map([...groups].map(([id, group]) => [id, blocks.get(group) as Block]));
  return { arenaBytes: bytesOf('arena'), keptBytes: bytesOf('kept'), blockOf };
}

function mergeInPlace(groups: Map<number, Group>, node: GraphNode, at: number): void {
  if (!node.op.inPlace) return;
  const [from, to] = node.op.inPlace;
  const source = groups.get(node.inputs[from]?.id ?? -1);
  const output = node.outputs[to];
  const target = output && groups.get(output.id);
  if (!source || !target || source === target || source.last !== at || source.bytes !== target.bytes) return;
  source.last = target.last;
  source.kept ||= target.kept;
  for (const [id, group] of groups) if (group === target) groups.set(id, source);
}

/** Greedy by size: large blocks first, each at the lowest offset free during its whole life. Returns the peak. */
function placeBlocks(blocks: Block[]): number {
  const placed: Block[] = [];
  let peak = 0;
  for (const block of blocks.toSorted((a, b) => b.bytes - a.bytes || a.firstOp - b.firstOp)) {
    let offset = 0;
    for (const other of placed) {
      if (other.lastOp < block.firstOp || other.firstOp > block.lastOp) continue;
      if (other.offset >= offset + block.bytes) break;
      offset = Math.max(offset, alignBytes(other.offset + other.bytes));
    }
    block.offset = offset;
    peak = Math.max(peak, alignBytes(offset + block.bytes));
    placed.push(block);
    placed.sort((a, b) => a.offset - b.offset);
  }
  return peak;
}
