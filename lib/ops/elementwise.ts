// What the ops that map each element to one element share: their shape rules and their cost.

import { type Cost, elementCount, type TensorSpec } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { tensor } from './tensor-data.ts';

/** One f32 input of any shape, one output of the same. */
export function inferSame(op: string, inputs: readonly (TensorSpec | undefined)[]): TensorSpec[] {
  return [tensor(new ShapeCheck(op, ['x'], inputs).spec(0).shape)];
}

/** Two f32 inputs of one shape, one output of the same. */
export function inferPair(
  op: string,
  names: readonly string[],
  inputs: readonly (TensorSpec | undefined)[],
): TensorSpec[] {
  const check = new ShapeCheck(op, names, inputs);
  const { shape } = check.spec(0);
  check.shape(1, shape, `the shape of ${names[0]}`);
  return [tensor(shape)];
}

/** `flops` floating-point operations for each element of the first output. */
export function costPerElement(outputs: readonly TensorSpec[], flops: number): Cost {
  return { flops: flops * elementCount(outputs[0]?.shape ?? []) };
}
