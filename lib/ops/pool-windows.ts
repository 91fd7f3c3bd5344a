// Which pixels the windows of a pooling op hold. Forward walks the windows and, in each, its pixels; the gradients walk
// the pixels and, for each, the windows over it, so that every element is written by one sum in a fixed order.

import type { Attrs } from './op.ts';
import type { poolAttrs } from './window.ts';

export type PoolAttrs = Attrs<typeof poolAttrs>;

/** Called for a pixel within a window, with element offsets of the channels of both. `tap` says which pixel of the window
 * it is, `first` tells the first visit of a group, `oh` and `ow` which window it is. */
export type VisitTap = (pixel: number, window: number, tap: number, first: boolean, oh: number, ow: number) => void;

interface Meeting {
  readonly at: number;
  readonly tap: number;
}

/** One axis: the positions each window holds, and the windows that hold each position, both ascending. */
export class PoolAxis {
  readonly pixels: readonly (readonly Meeting[])[];
  readonly windows: readonly (readonly Meeting[])[];
  /** What the tap along the vertical axis counts for in a pixel's tap: taps along the horizontal one are below it. */
  readonly taps: number;

  private constructor(size: number, taps: number, pixels: readonly (readonly Meeting[])[]) {
    const windows: Meeting[][] = Array.from({ length: size }, () => []);
    pixels.forEach((held, window) => {
      for (const { at, tap } of held) windows[at]!.push({ at: window, tap });
    });
    this.pixels = pixels;
    this.windows = windows;
    this.taps = taps;
  }

  /** `windows` windows of `kernel` taps, `dilation` apart, the first of which begins `pad` before the first position; taps
   * are counted within the window. */
  static sliding(
    size: number,
    windows: number,
    kernel: number,
    stride: number,
    pad: number,
    dilation: number,
  ): PoolAxis {
    const held = Array.from({ length: windows }, (_, window) =>
      Array.from({ length: kernel }, (_, tap) => ({ at: window * stride - pad + tap * dilation, tap })).filter(
        ({ at }) => at >= 0 && at < size,
      ),
    );
    return new PoolAxis(size, kernel, held);
  }

  /** `windows` windows that share `size` positions out as evenly as whole positions allow; the tap is the position. */
  static adaptive(size: number, windows: number): PoolAxis {
    const held = Array.from({ length: windows }, (_, window) => {
      const from = Math.floor((window * size) / windows);
      const length = Math.ceil(((window + 1) * size) / windows) - from;
      return Array.from({ length }, (_, i) => ({ at: from + i, tap: from + i }));
    });
    return new PoolAxis(size, size, held);
  }
}

/** Both axes of the windows of `attrs` over an input of `[inH, inW]` that give `[oh, ow]`. */
export function slidingAxes(
  [inH, inW]: readonly [number, number],
  [oh, ow]: readonly [number, number],
  attrs: PoolAttrs,
): [vertical: PoolAxis, horizontal: PoolAxis] {
  return [
    PoolAxis.sliding(inH, oh, attrs.kernelH, attrs.strideH, attrs.padTop, attrs.dilationH),
    PoolAxis.sliding(inW, ow, attrs.kernelW, attrs.strideW, attrs.padLeft, attrs.dilationW),
  ];
}

/** Both axes of the adaptive windows over an input of `[inH, inW]` that give `[oh, ow]`. */
export const adaptiveAxes = (
  [inH, inW]: readonly [number, number],
  [oh, ow]: readonly [number, number],
): [vertical: PoolAxis, horizontal: PoolAxis] => [PoolAxis.adaptive(inH, oh), PoolAxis.adaptive(inW, ow)];

/** Whether `value` takes the place of the largest so far: a NaN beats every number, and nothing beats a NaN. */
export const beats = (value: number, best: number): boolean => !(value <= best) && !Number.isNaN(best);

/** Every window of `n` images in order and, within it, its pixels in order. */
export function forEachPixel(n: number, c: number, axes: readonly [PoolAxis, PoolAxis], visit: VisitTap): void {
  const [vertical, horizontal] = axes;
  const [height, width] = [vertical.windows.length, horizontal.windows.length];
  for (let image = 0, window = 0; image < n; image++) {
    vertical.pixels.forEach((rows, oh) => {
      horizontal.pixels.forEach((columns, ow) => {
        let first = true;
        for (const row of rows) {
          for (const column of columns) {
            const pixel = ((image * height + row.at) * width + column.at) * c;
            visit(pixel, window, row.tap * horizontal.taps + column.tap, first, oh, ow);
            first = false;
          }
        }
        window += c;
      });
    });
  }
}

/** Every pixel of `n` images in order and, for it, the windows that hold it in order. Pixels in no window are left out. */
export function forEachWindow(n: number, c: number, axes: readonly [PoolAxis, PoolAxis], visit: VisitTap): void {
  const [vertical, horizontal] = axes;
  const [height, width] = [vertical.pixels.length, horizontal.pixels.length];
  for (let image = 0, pixel = 0; image < n; image++) {
    for (const rows of vertical.windows) {
      for (const columns of horizontal.windows) {
        let first = true;
        for (const row of rows) {
          for (const column of columns) {
            const window = ((image * height + row.at) * width + column.at) * c;
            visit(pixel, window, row.tap * horizontal.taps + column.tap, first, row.at, column.at);
            first = false;
          }
        }
        pixel += c;
      }
    }
  }
}
