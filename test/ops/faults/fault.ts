// A fault: inputs or attributes that an op must refuse, and the sentence it must say. The lists beside this file are
// checked by infer.test.ts.

import type { Attrs, OpDefinition, TensorSpec } from '../../../lib/ops/op.ts';

/** A plain shape means f32. */
export type Given = readonly number[] | TensorSpec | undefined;

export type Fault = readonly [op: OpDefinition, inputs: readonly Given[], attrs: Attrs, message: string];

export const i32 = (...shape: number[]): TensorSpec => ({ shape, dtype: 'i32' });
export const u8 = (...shape: number[]): TensorSpec => ({ shape, dtype: 'u8' });

export const SIDES = { strideH: 1, strideW: 1, padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 };
export const NONE = { activation: 0, slope: 0 };
