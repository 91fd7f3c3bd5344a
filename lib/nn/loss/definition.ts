// What a loss is: what training makes small. It takes an output of the network and what that is compared with, and gives
// one number.

import type { Graph, GraphTensor } from '../../graph/graph.ts';
import { binary, reduce } from '../../ops/binary.ts';
import { type BinaryName, binaryAttrs } from '../../ops/binary-functions.ts';
import type { TensorSpec } from '../../ops/op.ts';
import { type ReduceName, reduceAttrs } from '../../ops/reduction-order.ts';
import { reshape, reshapeTo } from '../../ops/reshape.ts';
import { unary } from '../../ops/unary.ts';
import { type UnaryName, unaryAttrs } from '../../ops/unary-functions.ts';
import type { Builder } from '../builder.ts';

export interface Loss {
  readonly type: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** `'accuracy'` when targets are class numbers and the largest value of the output's last axis is the answer. */
  readonly metric: 'accuracy' | 'none';
  /** Class number that does not count, where there is one. */
  readonly ignoreIndex?: number;
  /** Shape and element type of what an output is compared with, batch included: i32 for class numbers, f32 for numbers.
   * Throws when the output has no shape for this loss. */
  targets(output: TensorSpec): TensorSpec;
  /** The mean loss of the batch, shape [1]. */
  emit(builder: Builder, output: GraphTensor, targets: GraphTensor): GraphTensor;
}

/** A function of each element of x. */
export const mapped = (graph: Graph, name: UnaryName, x: GraphTensor, alpha = 0, beta = 0): GraphTensor =>
  graph.emit(unary, [x], unaryAttrs(name, alpha, beta))[0] as GraphTensor;

/** A function of a and b, broadcast. */
export const combined = (graph: Graph, name: BinaryName, a: GraphTensor, b: GraphTensor): GraphTensor =>
  graph.emit(binary, [a, b], binaryAttrs(name))[0] as GraphTensor;

/** Over `axes`, which keep size 1. */
export const reduced = (graph: Graph, name: ReduceName, x: GraphTensor, axes: readonly number[]): GraphTensor =>
  graph.emit(reduce, [x], reduceAttrs(name, axes))[0] as GraphTensor;

/** Over all elements, added up in doubles and rounded once: shape [1]. */
export function reducedToOne(graph: Graph, name: ReduceName, x: GraphTensor): GraphTensor {
  const all = reduced(graph, name, x, [...x.shape.keys()]);
  return all.shape.length === 1 ? all : (graph.emit(reshape, [all], reshapeTo([1]))[0] as GraphTensor);
}
