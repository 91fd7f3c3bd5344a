// adaptive_avg_pool2d and its gradient.

import { defineOp, elementCount } from './op.ts';
import { adaptiveAxes, forEachPixel, forEachWindow } from './pool-windows.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, nhwc, tensor } from './tensor-data.ts';

const { fround } = Math;

/**
 * y[n,oh,ow,c] = the mean of x[n,h,w,c] over floor(oh*H/outH) <= h < ceil((oh+1)*H/outH) and the like for w.
 *
 * x [n,H,W,c] -> y [n,outH,outW,c]; windows overlap where the sizes do not divide. Semantics:
 * torch.nn.functional.adaptive_avg_pool2d. Errors: outH or outW below 1.
 */
export const adaptiveAvgPool2d = defineOp({
  name: 'adaptive_avg_pool2d',
  inputs: ['x'],
  outputs: ['y'],
  attrs: { outH: 'i32', outW: 'i32' },
  infer(inputs, { outH, outW }) {
    const check = new ShapeCheck('adaptive_avg_pool2d', ['x'], inputs);
    const [n, , , c] = check.dims(0, 4);
    check.integers({ outH, outW }, 1);
    return [tensor([n, outH, outW, c])];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    const [, inH, inW] = nhwc(context.inputs[0]);
    return [context.emit(adaptiveAvgPool2dDx, [dy], { inH, inW })[0]];
  },
  cost: ([x]) => ({ flops: elementCount(x?.shape ?? []) }),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]).fill(0);
    const [n, h, w, c] = nhwc(inputs[0]);
    const [, oh, ow] = nhwc(outputs[0]);
    const axes = adaptiveAxes([h, w], [oh, ow]);
    forEachPixel(n, c, axes, (pixel, window) => {
      for (let k = 0; k < c; k++) y[window + k] = y[window + k]! + x[pixel + k]!;
    });
    for (let window = 0; window < n * oh * ow; window++) {
      const count = pixelsOf(axes, Math.floor(window / ow) % oh, window % ow);
      for (let k = window * c; k < (window + 1) * c; k++) y[k] = y[k]! / count;
    }
  },
});

const pixelsOf = ([vertical, horizontal]: ReturnType<typeof adaptiveAxes>, oh: number, ow: number): number =>
  fround(vertical.pixels[oh]!.length * horizontal.pixels[ow]!.length);

/**
 * dx[n,h,w,c] = sum over the windows that hold (h,w) of dy / (number of pixels in the window), oh then ow ascending.
 *
 * dy [n,oh,ow,c] -> dx [n,inH,inW,c]. Errors: inH or inW below 1.
 */
export const adaptiveAvgPool2dDx = defineOp({
  name: 'adaptive_avg_pool2d_dx',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: { inH: 'i32', inW: 'i32' },
  infer(inputs, { inH, inW }) {
    const check = new ShapeCheck('adaptive_avg_pool2d_dx', ['dy'], inputs);
    const [n, , , c] = check.dims(0, 4);
    check.integers({ inH, inW }, 1);
    return [tensor([n, inH, inW, c])];
  },
  cost: (_, [dx]) => ({ flops: 2 * elementCount(dx?.shape ?? []) }),
  run(inputs, outputs, { inH, inW }) {
    const dy = f32(inputs[0]);
    const dx = f32(outputs[0]).fill(0);
    const [n, oh, ow, c] = nhwc(inputs[0]);
    const axes = adaptiveAxes([inH, inW], [oh, ow]);
    forEachWindow(n, c, axes, (pixel, window, _tap, _first, row, column) => {
      const count = pixelsOf(axes, row, column);
      for (let k = 0; k < c; k++) dx[pixel + k] = dx[pixel + k]! + fround(dy[window + k]! / count);
    });
  },
});
