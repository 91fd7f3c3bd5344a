// Where persistent tensors (parameters, running statistics, optimizer slots, constants) lie in the one store that all
// plans of a session share. Offsets are fixed before the first plan is compiled.

import { BYTES_PER_ELEMENT, elementCount, type TensorSpec } from '../ops/op.ts';

/** Tensors start on cache lines, which is also the widest vector. */
const TENSOR_ALIGNMENT_BYTES = 64;

export const alignBytes = (bytes: number): number => Math.ceil(bytes / TENSOR_ALIGNMENT_BYTES) * TENSOR_ALIGNMENT_BYTES;

export const tensorBytes = (spec: TensorSpec): number => elementCount(spec.shape) * BYTES_PER_ELEMENT[spec.dtype];

export interface StoreEntry extends TensorSpec {
  readonly name: string;
  readonly offset: number;
}

export class StoreLayout {
  readonly entries = new Map<string, StoreEntry>();
  bytes = 0;

  /** The place of `name`, newly assigned when it has none. */
  place(name: string, spec: TensorSpec): StoreEntry {
    const known = this.entries.get(name);
    if (known) {
      if (known.dtype === spec.dtype && known.shape.join() === spec.shape.join()) return known;
      throw new Error(
        `store: ${name} is [${known.shape}] ${known.dtype} and asked for as [${spec.shape}] ${spec.dtype}`,
      );
    }
    const entry = { name, shape: spec.shape, dtype: spec.dtype, offset: this.bytes };
    this.entries.set(name, entry);
    this.bytes += alignBytes(tensorBytes(spec));
    return entry;
  }

  /** The same places, where a name stands for what `other` makes of it, if that has a place. */
  renamed(other: (name: string) => string): StoreLayout {
    const layout = new StoreLayout();
    layout.bytes = this.bytes;
    for (const [name, entry] of this.entries) layout.entries.set(name, this.entries.get(other(name)) ?? entry);
    return layout;
  }
}
