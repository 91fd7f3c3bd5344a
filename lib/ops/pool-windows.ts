// Which pixels the windows of a pooling op hold. Forward walks the windows and, in each, its pixels; the gradients walk
// the pixels and, for each, the windows over it, so that every element is written by one sum in a fixed order.

import type { Attrs } from './op.ts';
import type { poolAttrs } from './window.ts';

export type PoolAttrs = Attrs<typeof poolAttrs>;

/** Called for a pixel within a window, with element offsets of the channels of both. `tap` is the pixel's position in
 * the window (row * kernelW + column), `first` tells the first visit of a group, `pixels` how many the window holds. */
export type VisitTap = (pixel: number, window: number, tap: number, first: boolean, pixels: number) => void;

interface Axis {
  readonly size: number;
  readonly windows: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
}

const firstPixel = ({ stride, pad }: Axis, window: number): number => Math.max(0, window * stride - pad);
const endPixel = ({ size, kernel, stride, pad }: Axis, window: number): number =>
  Math.min(size, window * stride - pad + kernel);
const firstWindow = ({ kernel, stride, pad }: Axis, pixel: number): number =>
  Math.max(0, Math.ceil((pixel + pad - kernel + 1) / stride));
const endWindow = ({ windows, stride, pad }: Axis, pixel: number): number =>
  Math.min(windows, Math.floor((pixel + pad) / stride) + 1);

/** Whether `value` takes the place of the largest so far: a NaN beats every number, and nothing beats a NaN. */
export const beats = (value: number, best: number): boolean => !(value <= best) && !Number.isNaN(best);

export class PoolWindows {
  readonly #n: number;
  readonly #channels: number;
  readonly #vertical: Axis;
  readonly #horizontal: Axis;

  /** Of input `[n, h, w, c]` and output `[n, oh, ow, c]`. */
  constructor(input: readonly number[], output: readonly number[], attrs: PoolAttrs) {
    const [n = 0, h = 0, w = 0, c = 0] = input;
    const [, oh = 0, ow = 0] = output;
    this.#n = n;
    this.#channels = c;
    this.#vertical = { size: h, windows: oh, kernel: attrs.kernelH, stride: attrs.strideH, pad: attrs.padTop };
    this.#horizontal = { size: w, windows: ow, kernel: attrs.kernelW, stride: attrs.strideW, pad: attrs.padLeft };
  }

  #pixels(oh: number, ow: number): number {
    const rows = endPixel(this.#vertical, oh) - firstPixel(this.#vertical, oh);
    return rows * (endPixel(this.#horizontal, ow) - firstPixel(this.#horizontal, ow));
  }

  /** Every window in order and, within it, its pixels in order. */
  forEachPixel(visit: VisitTap): void {
    const [vertical, horizontal, c] = [this.#vertical, this.#horizontal, this.#channels];
    for (let n = 0, window = 0; n < this.#n; n++) {
      for (let oh = 0; oh < vertical.windows; oh++) {
        const [top, bottom] = [firstPixel(vertical, oh), endPixel(vertical, oh)];
        for (let ow = 0; ow < horizontal.windows; ow++, window += c) {
          const [left, right] = [firstPixel(horizontal, ow), endPixel(horizontal, ow)];
          const pixels = (bottom - top) * (right - left);
          const origin = (oh * vertical.stride - vertical.pad) * horizontal.kernel;
          for (let ih = top; ih < bottom; ih++) {
            for (let iw = left; iw < right; iw++) {
              const tap = ih * horizontal.kernel - origin + iw - (ow * horizontal.stride - horizontal.pad);
              const pixel = ((n * vertical.size + ih) * horizontal.size + iw) * c;
              visit(pixel, window, tap, ih === top && iw === left, pixels);
            }
          }
        }
      }
    }
  }

  /** Every pixel in order and, for it, the windows that hold it in order. Pixels in no window are not visited. */
  forEachWindow(visit: VisitTap): void {
    const [vertical, horizontal, c] = [this.#vertical, this.#horizontal, this.#channels];
    for (let n = 0, pixel = 0; n < this.#n; n++) {
      for (let ih = 0; ih < vertical.size; ih++) {
        const [top, bottom] = [firstWindow(vertical, ih), endWindow(vertical, ih)];
        for (let iw = 0; iw < horizontal.size; iw++, pixel += c) {
          const [left, right] = [firstWindow(horizontal, iw), endWindow(horizontal, iw)];
          for (let oh = top; oh < bottom; oh++) {
            const row = ih - (oh * vertical.stride - vertical.pad);
            for (let ow = left; ow < right; ow++) {
              const tap = row * horizontal.kernel + iw - (ow * horizontal.stride - horizontal.pad);
              const window = ((n * vertical.windows + oh) * horizontal.windows + ow) * c;
              visit(pixel, window, tap, oh === top && ow === left, this.#pixels(oh, ow));
            }
          }
        }
      }
    }
  }
}
