// avg_pool2d and its gradient.

import { type AttrSchema, type Attrs, defineOp, elementCount } from './op.ts';
import { forEachPixel, forEachWindow, type PoolAxis, slidingAxes } from './pool-windows.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, nhwc, tensor } from './tensor-data.ts';
import { LARGEST_AREA, poolAttrs, poolOutput } from './window.ts';

const { fround } = Math;

const forwardAttrs = {
  ...poolAttrs,
  countPadding: 'i32',
  ceilBottom: 'i32',
  ceilRight: 'i32',
  divisor: 'i32',
} as const satisfies AttrSchema;
const gradientAttrs = { ...forwardAttrs, inH: 'i32', inW: 'i32' } as const satisfies AttrSchema;

type AvgAttrs = Attrs<typeof forwardAttrs>;

function checkCounting(check: ShapeCheck, attrs: AvgAttrs): void {
  const { countPadding, ceilBottom, ceilRight, divisor, padBottom, padRight } = attrs;
  check.integers({ countPadding }, 0, 1);
  check.integers({ divisor }, 0, LARGEST_AREA);
  check.integers({ ceilBottom }, 0, padBottom);
  check.integers({ ceilRight }, 0, padRight);
}

/** What the sum over window (oh, ow) of an input of `[inH, inW]` is divided by. */
function divisorOf(
  [vertical, horizontal]: readonly [PoolAxis, PoolAxis],
  [inH, inW]: readonly [number, number],
  attrs: AvgAttrs,
): (oh: number, ow: number) => number {
  const { countPadding, divisor, kernelH, kernelW, strideH, strideW, padTop, padLeft, dilationH, dilationW } = attrs;
  if (divisor > 0) return () => fround(divisor);
  if (!countPadding) {
    return (oh, ow) => fround(vertical.pixels[oh]!.length * horizontal.pixels[ow]!.length);
  }
  const endH = inH + attrs.padBottom - attrs.ceilBottom;
  const endW = inW + attrs.padRight - attrs.ceilRight;
  /** Taps from `start` on that lie before `end`. */
  const counted = (start: number, kernel: number, dilation: number, end: number) =>
    Math.min(kernel, Math.ceil((end - start) / dilation));
  return (oh, ow) =>
    fround(
      counted(oh * strideH - padTop, kernelH, dilationH, endH) *
        counted(ow * strideW - padLeft, kernelW, dilationW, endW),
    );
}

/**
 * y[n,oh,ow,c] = the sum of the window's elements that lie within x, divided by `divisor`, or, where that is 0, by their
 * number; with countPadding=1 elements of the padding are in this number, except for the last ceilBottom rows and
 * ceilRight columns of it. The windows are those of max_pool2d.
 *
 * x [n,h,w,c] -> y [n,oh,ow,c]. Semantics: torch.nn.functional.avg_pool2d with count_include_pad = countPadding and
 * divisor_override = divisor, and ONNX AveragePool, where ceil mode has added ceilBottom and ceilRight to the padding.
 * divisor = 1 gives the plain sum. Errors: those of max_pool2d; ceilBottom or ceilRight larger than the padding.
 */
export const avgPool2d = defineOp({
  name: 'avg_pool2d',
  inputs: ['x'],
  outputs: ['y'],
  attrs: forwardAttrs,
  infer(inputs, attrs) {
    const check = new ShapeCheck('avg_pool2d', ['x'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    const output = poolOutput(check, [h, w], attrs);
    checkCounting(check, attrs);
    return [tensor([n, ...output, c])];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    const [, inH, inW] = nhwc(context.inputs[0]);
    return [context.emit(avgPool2dDx, [dy], { ...context.attrs, inH, inW })[0]];
  },
  cost: (_, [y], { kernelH, kernelW }) => ({ flops: elementCount(y?.shape ?? []) * (kernelH * kernelW + 1) }),
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]).fill(0);
    const [n, h, w, c] = nhwc(inputs[0]);
    const [, oh, ow] = nhwc(outputs[0]);
    const axes = slidingAxes([h, w], [oh, ow], attrs);
    forEachPixel(n, c, axes, (pixel, window) => {
      for (let k = 0; k < c; k++) y[window + k] = y[window + k]! + x[pixel + k]!;
    });
    const divisor = divisorOf(axes, [h, w], attrs);
    for (let window = 0; window < n * oh * ow; window++) {
      const count = divisor(Math.floor(window / ow) % oh, window % ow);
      for (let k = window * c; k < (window + 1) * c; k++) y[k] = y[k]! / count;
    }
  },
});

/**
 * dx[n,ih,iw,c] = sum over the windows that hold (ih,iw) of dy / divisor, oh then ow ascending, with the divisor of
 * avg_pool2d.
 *
 * dy [n,oh,ow,c] -> dx [n,inH,inW,c]. Errors: dy not shaped as the output of avg_pool2d for an input of inH x inW.
 */
export const avgPool2dDx = defineOp({
  name: 'avg_pool2d_dx',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: gradientAttrs,
  infer(inputs, attrs) {
    const check = new ShapeCheck('avg_pool2d_dx', ['dy'], inputs);
    const { inH, inW } = attrs;
    const [n, , , c] = check.dims(0, 4);
    check.integers({ inH, inW }, 1);
    const shape = [n, ...poolOutput(check, [inH, inW], attrs), c];
    checkCounting(check, attrs);
    check.shape(0, shape, `the output of avg_pool2d on ${inH}x${inW} pixels`);
    return [tensor([n, inH, inW, c])];
  },
  cost: ([dy], _, { kernelH, kernelW }) => ({ flops: 2 * elementCount(dy?.shape ?? []) * kernelH * kernelW }),
  run(inputs, outputs, attrs) {
    const dy = f32(inputs[0]);
    const dx = f32(outputs[0]).fill(0);
    const { inH, inW } = attrs;
    const [n, oh, ow, c] = nhwc(inputs[0]);
    const axes = slidingAxes([inH, inW], [oh, ow], attrs);
    const divisor = divisorOf(axes, [inH, inW], attrs);
    forEachWindow(n, c, axes, (pixel, window, _tap, _first, row, column) => {
      const count = divisor(row, column);
      for (let k = 0; k < c; k++) dx[pixel + k] = dx[pixel + k]! + fround(dy[window + k]! / count);
    });
  },
});
