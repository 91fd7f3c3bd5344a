// A whole graph from tensors to tensors: what goes in and comes out is in lanewise's order of axes or in the file's.

import type { GraphTensor } from '../graph/graph.ts';
import { interpret, type OnNode } from './interpret.ts';
import { NodeCall, type OnnxHost } from './node-call.ts';
import type { OnnxProgram } from './program.ts';
import { channelsLast, inOrder, Stored, type Value, Weight } from './value.ts';

export interface EmitOptions {
  /** Whether tensors of three to five axes have their channels last, as everywhere in lanewise, or in the file's order. */
  readonly channelsLast: boolean;
  readonly onNode?: OnNode;
}

export interface Emitted {
  readonly outputs: readonly GraphTensor[];
  /** All values of the graph. */
  readonly values: ReadonlyMap<string, Value>;
  /** Weights whose numbers operators have asked for. */
  readonly read: ReadonlySet<string>;
}

/** Emits the ops of a graph; inputs and outputs are in the order of the program's. */
export function emitProgram(
  host: OnnxHost,
  program: OnnxProgram,
  inputs: readonly GraphTensor[],
  options: EmitOptions,
): Emitted {
  const orderOf = (rank: number): number[] =>
    options.channelsLast && rank >= 3 && rank <= 5 ? channelsLast(rank) : inOrder(rank);
  const given = new Map<string, Value>();
  for (const [index, name] of program.inputs.entries()) {
    const { shape } = inputs[index]!;
    const axes = orderOf(shape.length);
    const sizes = axes.map((_, axis) => shape[axes.indexOf(axis)]!);
    given.set(name, new Stored(inputs[index]!, sizes, axes));
  }
  const values = interpret(host, program, given, options.onNode);
  const ends = program.outputs.map((name) => values.get(name));
  const node = { name: '', op: 'Output', inputs: program.outputs, outputs: [], attributes: new Map() };
  const last = new NodeCall(host, node, "the graph's outputs", program.opset, ends);
  const outputs = ends.map((_, index) => last.tensor(index, orderOf(last.shape(index).length)));
  const read = [...values.values()].filter((value) => value instanceof Weight && value.isRead) as Weight[];
  return { outputs, values, read: new Set(read.map(({ name }) => name)) };
}
