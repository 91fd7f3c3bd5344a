// Where a sliding window (a convolution's kernel, a pooling window) lies on its input. Output position o reads the
// input positions o * stride - padBefore + tap * dilation for every tap; positions outside the input are padding.

import type { AttrSchema } from './op.ts';
import type { ShapeCheck } from './shape-check.ts';

export const poolAttrs = {
  kernelH: 'i32',
  kernelW: 'i32',
  strideH: 'i32',
  strideW: 'i32',
  padTop: 'i32',
  padLeft: 'i32',
  padBottom: 'i32',
  padRight: 'i32',
  dilationH: 'i32',
  dilationW: 'i32',
} as const satisfies AttrSchema;

export const convAttrs = {
  strideH: 'i32',
  strideW: 'i32',
  padTop: 'i32',
  padLeft: 'i32',
  padBottom: 'i32',
  padRight: 'i32',
  dilationH: 'i32',
  dilationW: 'i32',
  groups: 'i32',
} as const satisfies AttrSchema;

export interface WindowAttrs {
  readonly strideH: number;
  readonly strideW: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly padBottom: number;
  readonly padRight: number;
  readonly dilationH?: number;
  readonly dilationW?: number;
}

/** Largest stride, padding or dilation accepted, so that no position overflows 32 bits on the other side. */
const LARGEST = 2 ** 16;

/** Most pixels a pooling window may hold: their numbers are exact in fp32. */
export const LARGEST_AREA = 2 ** 24;

/** Output height and width of a window of `[kernelH, kernelW]` over `[inH, inW]`; fails when it fits nowhere. */
export function windowOutput(
  check: ShapeCheck,
  [inH, inW]: readonly [number, number],
  [kernelH, kernelW]: readonly [number, number],
  attrs: WindowAttrs,
): [oh: number, ow: number] {
  const { strideH, strideW, padTop, padLeft, padBottom, padRight, dilationH = 1, dilationW = 1 } = attrs;
  check.integers({ strideH, strideW, dilationH, dilationW }, 1, LARGEST);
  check.integers({ padTop, padLeft, padBottom, padRight }, 0, LARGEST);
  const reachH = (kernelH - 1) * dilationH + 1;
  const reachW = (kernelW - 1) * dilationW + 1;
  const paddedH = inH + padTop + padBottom;
  const paddedW = inW + padLeft + padRight;
  if (reachH > paddedH || reachW > paddedW) {
    check.fail(
      `the kernel covers ${reachH}x${reachW} pixels, the padded input has only ${paddedH}x${paddedW}; ` +
        'use a smaller kernel or more padding',
    );
  }
  return [Math.floor((paddedH - reachH) / strideH) + 1, Math.floor((paddedW - reachW) / strideW) + 1];
}

/** As `windowOutput`, for pooling: every window must also hold at least one pixel. */
export function poolOutput(
  check: ShapeCheck,
  input: readonly [number, number],
  attrs: WindowAttrs & { readonly kernelH: number; readonly kernelW: number },
): [oh: number, ow: number] {
  const { kernelH, kernelW, padTop, padLeft, padBottom, padRight, dilationH = 1, dilationW = 1 } = attrs;
  check.integers({ kernelH, kernelW }, 1, LARGEST);
  check.integers({ 'kernelH * kernelW': kernelH * kernelW }, 1, LARGEST_AREA);
  const output = windowOutput(check, input, [kernelH, kernelW], attrs);
  const reachH = (kernelH - 1) * dilationH + 1;
  const reachW = (kernelW - 1) * dilationW + 1;
  if (Math.max(padTop, padBottom) >= reachH || Math.max(padLeft, padRight) >= reachW) {
    check.fail(
      `padding ${padTop},${padLeft},${padBottom},${padRight} (top, left, bottom, right) must be smaller than the ` +
        `dilated reach of the kernel, ${reachH}x${reachW}, or a window would hold nothing but padding`,
    );
  }
  const [oh, ow] = output;
  if (
    stepsOver(input[0], oh, attrs.strideH, padTop, dilationH) ||
    stepsOver(input[1], ow, attrs.strideW, padLeft, dilationW)
  ) {
    check.fail(
      `a window that begins in the padding ${padTop},${padLeft} (top, left) steps over all of the ${input.join('x')} ` +
        `pixels with dilation ${dilationH}x${dilationW}; use less of either`,
    );
  }
  return output;
}

/** Whether some window of an axis has one tap before the input and the next one behind it. */
function stepsOver(size: number, windows: number, stride: number, pad: number, dilation: number): boolean {
  if (size >= dilation) return false;
  for (let window = 0, start = -pad; window < windows && start < 0; window++, start += stride) {
    if (((start % dilation) + dilation) % dilation >= size) return true;
  }
  return false;
}
