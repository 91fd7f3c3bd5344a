// Sizes and padding of windows (convolution and pooling), as users write them and as ops take them.

import { fail, integer, show } from '../options.ts';

/** A size in both spatial directions, or `[height, width]`. */
export type Size2d = number | readonly [height: number, width: number];

/** `same` keeps ceil(size / stride) outputs (TensorFlow's rule: the odd element goes to the bottom and right), `valid`
 * pads nothing; a number pads all sides, a pair `[height, width]` both sides of each direction. */
export type Padding2d =
  | 'same'
  | 'valid'
  | Size2d
  | { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };

export function size2d(layer: string, option: string, value: unknown, min: number): [number, number] {
  if (!Array.isArray(value)) {
    const size = integer(layer, option, value, min);
    return [size, size];
  }
  if (value.length !== 2) fail(layer, `${option} must be a number or [height, width], not ${show(value)}`);
  return [integer(layer, `${option}[0]`, value[0], min), integer(layer, `${option}[1]`, value[1], min)];
}

/** The window's steps and the resulting sides of padding, in op attributes. */
export interface Sides {
  readonly padTop: number;
  readonly padLeft: number;
  readonly padBottom: number;
  readonly padRight: number;
}

interface Window {
  readonly input: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
}

export function paddingSides(layer: string, padding: Padding2d, window: Window): Sides {
  if (padding === 'valid') return { padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 };
  if (padding === 'same') {
    const [top, bottom] = sameSides(window, 0);
    const [left, right] = sameSides(window, 1);
    return { padTop: top, padLeft: left, padBottom: bottom, padRight: right };
  }
  if (typeof padding === 'string')
    fail(layer, `padding must be 'same', 'valid', numbers or four sides, not '${padding}'`);
  if (typeof padding === 'object' && padding !== null && 'top' in padding) {
    const side = (name: 'top' | 'bottom' | 'left' | 'right') => integer(layer, `padding.${name}`, padding[name], 0);
    return { padTop: side('top'), padLeft: side('left'), padBottom: side('bottom'), padRight: side('right') };
  }
  const [h, w] = size2d(layer, 'padding', padding, 0);
  return { padTop: h, padLeft: w, padBottom: h, padRight: w };
}

function sameSides({ input, kernel, stride, dilation }: Window, axis: 0 | 1): [number, number] {
  const outputs = Math.ceil(input[axis] / stride[axis]);
  const reach = (outputs - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
  const total = Math.max(reach - input[axis], 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
