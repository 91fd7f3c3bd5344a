// Initial values of parameters: drawn from a stream of their own, so they depend on the seed and the parameter's
// position alone.

import { LanewiseError } from '../errors.ts';
import { elementCount } from '../ops/op.ts';
import { normal, uniform } from '../random.ts';

/**
 * How a parameter starts.
 * - `he`: normal with deviation sqrt(2 / fanIn) (He et al. 2015); `heUniform`: uniform within sqrt(6 / fanIn).
 * - `glorot`: normal with deviation sqrt(2 / (fanIn + fanOut)) (Glorot & Bengio 2010); `glorotUniform` likewise.
 * - an object gives it explicitly: a deviation, a limit, one value, or all values in the parameter's order.
 */
export type Initializer =
  | 'he'
  | 'heUniform'
  | 'glorot'
  | 'glorotUniform'
  | 'zeros'
  | 'ones'
  | { readonly normal: number }
  | { readonly uniform: number }
  | { readonly constant: number }
  | { readonly values: ArrayLike<number> };

export interface Fans {
  /** Inputs that reach one output. */
  readonly fanIn: number;
  /** Outputs that one input reaches. */
  readonly fanOut: number;
}

export function initialValues(
  initializer: Initializer,
  shape: readonly number[],
  fans: Fans,
  key: number,
  parameter: string,
): Float32Array {
  const count = elementCount(shape);
  const fill = (value: (i: number) => number) => Float32Array.from({ length: count }, (_, i) => value(i));
  const gaussian = (deviation: number) => fill((i) => deviation * normal(key, i));
  const box = (limit: number) => fill((i) => limit * (2 * uniform(key, i) - 1));
  const { fanIn, fanOut } = fans;
  switch (initializer) {
    case 'he':
      return gaussian(Math.sqrt(2 / fanIn));
    case 'heUniform':
      return box(Math.sqrt(6 / fanIn));
    case 'glorot':
      return gaussian(Math.sqrt(2 / (fanIn + fanOut)));
    case 'glorotUniform':
      return box(Math.sqrt(6 / (fanIn + fanOut)));
    case 'zeros':
      return fill(() => 0);
    case 'ones':
      return fill(() => 1);
  }
  if (typeof initializer === 'object' && initializer !== null) {
    if ('normal' in initializer) return gaussian(finite(initializer.normal, parameter));
    if ('uniform' in initializer) return box(finite(initializer.uniform, parameter));
    if ('constant' in initializer) {
      const constant = finite(initializer.constant, parameter);
      return fill(() => constant);
    }
    if ('values' in initializer) {
      const { values } = initializer;
      if (values?.length === count) return fill((i) => finite(values[i], parameter));
      const got = `${values?.length ?? 'none'}`;
      throw new LanewiseError('option', `${parameter}: needs ${count} initial values for [${shape}], got ${got}`);
    }
  }
  const known = "'he', 'heUniform', 'glorot', 'glorotUniform', 'zeros', 'ones' or an object";
  throw new LanewiseError('option', `${parameter}: unknown initializer ${JSON.stringify(initializer)}; use ${known}`);
}

function finite(value: unknown, parameter: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new LanewiseError('option', `${parameter}: initial values must be finite numbers, got ${String(value)}`);
}
