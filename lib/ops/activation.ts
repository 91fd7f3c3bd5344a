// The activation a producer (conv2d, linear, batch_norm2d, add) applies to its result while it is at hand, described
// by two attributes: `activation` (0 none, 1 relu, 2 leaky_relu) and `slope`.

import { checkSlope, leakyReluDx } from './leaky_relu.ts';
import type { AttrSchema, Emitter, TensorSpec } from './op.ts';
import { reluDx } from './relu.ts';
import type { ShapeCheck } from './shape-check.ts';

/** The attributes, last in the schema of every op with an epilogue. */
export const activationAttrs = { activation: 'i32', slope: 'f32' } as const satisfies AttrSchema;

export interface ActivationAttrs {
  readonly activation: number;
  readonly slope: number;
}

export function checkActivation(check: ShapeCheck, attrs: ActivationAttrs): void {
  check.integers({ activation: attrs.activation }, 0, 2);
  if (attrs.activation === 2) checkSlope(check, attrs.slope);
}

/** `values` through the activation, in place. */
export function applyActivation(values: Float32Array, attrs: ActivationAttrs): void {
  if (attrs.activation === 0) return;
  const factor = attrs.activation === 1 ? 0 : Math.fround(attrs.slope);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < 0) values[i] = factor === 0 ? 0 : value * factor;
  }
}

/** `dx` = `dy` through the gradient of the activation, from its result `y`. `dx` may be `dy`. */
export function applyActivationGradient(
  dy: Float32Array,
  y: Float32Array,
  dx: Float32Array,
  { activation, slope }: ActivationAttrs,
): void {
  const factor = Math.fround(slope);
  if (activation === 1) for (let i = 0; i < dx.length; i++) dx[i] = y[i]! <= 0 ? 0 : dy[i]!;
  else for (let i = 0; i < dx.length; i++) dx[i] = y[i]! < 0 ? dy[i]! * factor : dy[i]!;
}

/** `y[row, c] = act(y[row, c] + b[c])` in place: what ends a convolution or linear. */
export function addBiasAndActivate(
  y: Float32Array,
  columns: number,
  b: Float32Array | undefined,
  attrs: ActivationAttrs,
): void {
  if (b) {
    for (let start = 0; start < y.length; start += columns) {
      for (let c = 0; c < columns; c++) y[start + c] = y[start + c]! + b[c]!;
    }
  }
  applyActivation(y, attrs);
}

/** Gradient before the activation, from the gradient `dy` after it and the producer's output `y`. */
export function activationGradient<T extends TensorSpec>(
  emitter: Emitter<T>,
  dy: T,
  y: T | undefined,
  { activation, slope }: ActivationAttrs,
): T | undefined {
  if (activation === 0) return dy;
  return activation === 1 ? emitter.emit(reluDx, [dy, y], {})[0] : emitter.emit(leakyReluDx, [dy, y], { slope })[0];
}
