// concat: tensors one after the other along an axis.

import { defineOp, type Emitter, elementCount, type TensorSpec } from './op.ts';
import { formatShape, ShapeCheck } from './shape-check.ts';
import { slice, sliceOf } from './slice.ts';
import { f32, tensor } from './tensor-data.ts';

const INPUTS = ['a', 'b', 'c?', 'd?', 'e?', 'f?', 'g?', 'h?'] as const;

/**
 * y = a, then b, then those of c to h that are given, side by side along `axis`.
 *
 * Tensors of one shape but for `axis` -> y, whose size there is the sum of theirs. Semantics: numpy.concatenate. The gradient
 * of each input is a slice. Errors: other sizes that differ; an axis that is none.
 */
export const concat = defineOp({
  name: 'concat',
  inputs: INPUTS,
  outputs: ['y'],
  attrs: { axis: 'i32' },
  infer(inputs, { axis }) {
    const check = new ShapeCheck('concat', INPUTS, inputs);
    const { shape } = check.spec(0);
    check.spec(1);
    check.integers({ axis }, 0, shape.length - 1);
    let size = 0;
    for (const index of INPUTS.keys()) {
      if (!check.has(index)) continue;
      const other = check.spec(index).shape;
      const fits = other.length === shape.length && other.every((s, d) => d === axis || s === shape[d]);
      const name = INPUTS[index]!.replace('?', '');
      if (!fits) check.fail(`${name} is ${formatShape(other)}, it may differ from a only at axis ${axis}`);
      size += other[axis]!;
    }
    return [tensor(shape.with(axis, size))];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy) return [];
    const { axis } = context.attrs;
    let start = 0;
    return context.inputs.map((input, index) => {
      if (!input) return undefined;
      const from = dy.shape.map((_, d) => (d === axis ? start : 0));
      start += input.shape[axis]!;
      return context.needs(index) ? context.emit(slice, [dy], sliceOf(from, input.shape))[0] : undefined;
    });
  },
  run(inputs, outputs, { axis }) {
    const y = f32(outputs[0]);
    const run = elementCount(outputs[0]!.shape.slice(axis));
    let start = 0;
    for (const input of inputs) {
      if (!input) continue;
      const x = f32(input);
      const part = elementCount(input.shape.slice(axis));
      for (let row = 0; row * part < x.length; row++) {
        y.set(x.subarray(row * part, (row + 1) * part), row * run + start);
      }
      start += part;
    }
  },
});

/** Any number of tensors, one or more, side by side along `axis`. */
export function joined<T extends TensorSpec>(emitter: Emitter<T>, tensors: readonly T[], axis: number): T {
  let parts = tensors;
  while (parts.length > 1) {
    const longer: T[] = [];
    for (let i = 0; i < parts.length; i += INPUTS.length) {
      const some = parts.slice(i, i + INPUTS.length);
      longer.push(...(some.length > 1 ? emitter.emit(concat, some, { axis }) : some));
    }
    parts = longer;
  }
  return parts[0] as T;
}
