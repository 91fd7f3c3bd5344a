// The loops of conv2d and its two gradients.

import type { ActivationAttrs } from './activation.ts';
import type { Attrs } from './op.ts';
import type { convAttrs } from './window.ts';

export interface ConvSizes {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly oh: number;
  readonly ow: number;
  readonly o: number;
}

type ConvAttrs = Attrs<typeof convAttrs>;

export function convForward(
  _x: Float32Array,
  _w: Float32Array,
  _b: Float32Array | undefined,
  _y: Float32Array,
  _sizes: ConvSizes,
  _attrs: ConvAttrs & ActivationAttrs,
): void {
  throw new Error('conv2d: run follows');
}
export function convInputGradient(
  _dy: Float32Array,
  _w: Float32Array,
  _dx: Float32Array,
  _sizes: ConvSizes,
  _attrs: ConvAttrs,
): void {
  throw new Error('conv2d_dx: run follows');
}
export function convWeightGradient(
  _x: Float32Array,
  _dy: Float32Array,
  _dw: Float32Array,
  _sizes: ConvSizes,
  _attrs: ConvAttrs,
): void {
  throw new Error('conv2d_dw: run follows');
}
