// Sizes and padding of windows (convolution and pooling) over one to three axes, as users write them and as ops take them.

import { fail, integer, show } from '../options.ts';

/** A size along the one axis of a signal. */
export type Size1d = number;

/** A size in both spatial directions, or `[height, width]`. */
export type Size2d = number | readonly [height: number, width: number];

/** A size in all three spatial directions, or `[depth, height, width]`. */
export type Size3d = number | readonly [depth: number, height: number, width: number];

/** `same` keeps ceil(size / stride) outputs (TensorFlow's rule: the odd element goes to the end), `valid` pads nothing; a
 * number pads both ends. */
export type Padding1d = 'same' | 'valid' | Size1d | { readonly left: number; readonly right: number };

/** `same` keeps ceil(size / stride) outputs (TensorFlow's rule: the odd element goes to the bottom and right), `valid`
 * pads nothing; a number pads all sides, a pair `[height, width]` both sides of each direction. */
export type Padding2d =
  | 'same'
  | 'valid'
  | Size2d
  | { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };

/** As `Padding2d`, with a front and a back. */
export type Padding3d =
  | 'same'
  | 'valid'
  | Size3d
  | {
      readonly front: number;
      readonly back: number;
      readonly top: number;
      readonly bottom: number;
      readonly left: number;
      readonly right: number;
    };

/** What an axis and its two ends are called, from the last axis on backwards. */
const AXES = [
  { size: 'width', ends: ['left', 'right'] },
  { size: 'height', ends: ['top', 'bottom'] },
  { size: 'depth', ends: ['front', 'back'] },
] as const;
const axesOf = (rank: number) => AXES.slice(0, rank).toReversed();

/** One number for each of `rank` axes, given as a number or as a list of them. */
export function spatialSizes(layer: string, option: string, value: unknown, rank: number, min: number): number[] {
  if (!Array.isArray(value)) return Array<number>(rank).fill(integer(layer, option, value, min));
  if (value.length !== rank) {
    const names = axesOf(rank).map(({ size }) => size);
    fail(layer, `${option} must be a number or [${names.join(', ')}], not ${show(value)}`);
  }
  return value.map((size, axis) => integer(layer, `${option}[${axis}]`, size, min));
}

export function size2d(layer: string, option: string, value: unknown, min: number): [number, number] {
  return spatialSizes(layer, option, value, 2, min) as [number, number];
}

/** A window: one number for each axis. */
export interface SpatialWindow {
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/** How much is added before and after each axis. */
export interface SpatialPadding {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The option `padding` of a layer in numbers. */
export function spatialPadding(layer: string, padding: unknown, window: SpatialWindow): SpatialPadding {
  const rank = window.input.length;
  if (padding === 'same') return sameSides(window);
  if (padding === 'valid') return { before: window.input.map(() => 0), after: window.input.map(() => 0) };
  const axes = axesOf(rank);
  const numbers = ['a number', 'numbers', 'numbers'][rank - 1];
  if (typeof padding === 'string') {
    const sides = ['two ends', 'four sides', 'six sides'][rank - 1];
    fail(layer, `padding must be 'same', 'valid', ${numbers} or ${sides}, not '${padding}'`);
  }
  if (typeof padding === 'object' && padding !== null && !Array.isArray(padding)) {
    const given = padding as Readonly<Record<string, unknown>>;
    const side = (name: string) => integer(layer, `padding.${name}`, given[name], 0);
    const stray = Object.keys(given).find((key) => !axes.some(({ ends }) => ends.some((end) => end === key)));
    if (stray) fail(layer, `padding has no side '${stray}' (it has ${axes.flatMap(({ ends }) => ends).join(', ')})`);
    return { before: axes.map(({ ends }) => side(ends[0])), after: axes.map(({ ends }) => side(ends[1])) };
  }
  const both = spatialSizes(layer, 'padding', padding, rank, 0);
  return { before: both, after: both };
}

function sameSides({ input, kernel, stride, dilation }: SpatialWindow): SpatialPadding {
  const total = input.map((size, axis) => {
    const outputs = Math.ceil(size / stride[axis]!);
    const reach = (outputs - 1) * stride[axis]! + (kernel[axis]! - 1) * dilation[axis]! + 1;
    return Math.max(reach - size, 0);
  });
  return { before: total.map((sum) => Math.floor(sum / 2)), after: total.map((sum) => Math.ceil(sum / 2)) };
}
