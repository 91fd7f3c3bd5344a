// What a tensor of lanewise's graph is in the file: numbers that are known, or the output of a node. The file may have its
// axes in another order; a value is asked for in the order that an operator needs, and transposed at most once for each.

import type { GraphTensor } from '../../graph/graph.ts';
import type { TypedArray } from '../../ops/op.ts';
import { inOrder, rearranged } from '../value.ts';
import type { FileGraph } from './file-graph.ts';

/** The order in which files have tensors of three to five axes: axis i of the file is `order[i]` here. */
export const channelsFirst = (rank: number): number[] =>
  rank >= 3 && rank <= 5 ? [0, rank - 1, ...inOrder(rank).slice(1, -1)] : inOrder(rank);

/** What an exporter gives for an output: a name in the file, or how to make it once something reads it. */
export interface Placed {
  readonly order: readonly number[];
  readonly name: string | (() => string);
}

export class FileValue {
  readonly tensor: GraphTensor;
  /** Of the form that is made first; axis i of the file is axis `order[i]` of the tensor. */
  readonly order: readonly number[];
  /** Numbers that do not depend on the inputs. */
  readonly data: TypedArray | undefined;
  readonly #file: FileGraph;
  readonly #make: string | (() => string) | undefined;
  readonly #forms = new Map<string, string>();

  constructor(file: FileGraph, tensor: GraphTensor, from: Placed | TypedArray) {
    this.#file = file;
    this.tensor = tensor;
    const isPlaced = 'order' in from;
    this.order = isPlaced ? from.order : inOrder(tensor.shape.length);
    this.data = isPlaced ? undefined : from;
    this.#make = isPlaced ? from.name : undefined;
  }

  /** The value with its axes in `order`. */
  as(order: readonly number[]): string {
    return this.derived(`order ${order}`, () => {
      const { shape, layer, name } = this.tensor;
      if (this.data) {
        const sizes = order.map((axis) => shape[axis]!);
        return this.known(name, sizes, rearranged(this.data, shape, order));
      }
      if (order.join() === this.order.join()) return typeof this.#make === 'function' ? this.#make() : this.#make!;
      const perm = order.map((axis) => this.order.indexOf(axis));
      return this.#file.node('Transpose', layer, [this.as(this.order)], { perm })[0]!;
    });
  }

  /** Numbers as the file has them: positions are 64-bit integers there. */
  known(name: string, shape: readonly number[], data: Float32Array): string {
    if (this.tensor.dtype !== 'f32') return this.#file.integers(Array.from(data), shape);
    const isWeight = this.tensor.role !== 'constant';
    return this.#file[isWeight ? 'weight' : 'constant'](name, shape, data);
  }

  /** What `make` gives, made once for `key`. */
  derived(key: string, make: () => string): string {
    const known = this.#forms.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#forms.set(key, made);
    return made;
  }
}
