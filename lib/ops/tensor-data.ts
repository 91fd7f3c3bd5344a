// Typed access to the memory `run` receives. `infer` has checked presence and element types before; these only tell
// the compiler, and stop a plan that lies.

import type { TensorSpec, TensorView } from './op.ts';

export function f32(view: TensorView | undefined): Float32Array {
  if (!(view?.data instanceof Float32Array)) throw new Error('run: expected an f32 tensor');
  return view.data;
}

export function i32(view: TensorView | undefined): Int32Array {
  if (!(view?.data instanceof Int32Array)) throw new Error('run: expected an i32 tensor');
  return view.data;
}

/** Sizes `[n, h, w, c]` of a tensor with four dimensions. */
export function nhwc(spec: TensorSpec | undefined): [n: number, h: number, w: number, c: number] {
  if (spec?.shape.length !== 4) throw new Error('expected a tensor [n, h, w, c]');
  return [...spec.shape] as [number, number, number, number];
}

/** A tensor seen as rows of its last axis. */
export function rowsOf(spec: TensorSpec | undefined): { rows: number; columns: number } {
  const columns = spec?.shape.at(-1);
  if (!spec || columns === undefined) throw new Error('expected a tensor with at least one dimension');
  return { rows: spec.shape.slice(0, -1).reduce((product, size) => product * size, 1), columns };
}

export const tensor = (shape: readonly number[], dtype: TensorSpec['dtype'] = 'f32'): TensorSpec => ({ shape, dtype });
