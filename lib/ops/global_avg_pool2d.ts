// global_avg_pool2d and its gradient: the mean of each channel of each image.

import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, nhwc, tensor } from './tensor-data.ts';

const { fround } = Math;

/**
 * y[n,c] = the sum of x[n,h,w,c] over h then w, divided by their number.
 *
 * x [n,h,w,c] -> y [n,c]. Semantics: x.mean(dim=(height, width)) of PyTorch.
 */
export const globalAvgPool2d = defineOp({
  name: 'global_avg_pool2d',
  inputs: ['x'],
  outputs: ['y'],
  attrs: {},
  infer(inputs) {
    const [n, , , c] = new ShapeCheck('global_avg_pool2d', ['x'], inputs).dims(0, 4);
    return [tensor([n, c])];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    const [, inH, inW] = nhwc(context.inputs[0]);
    return [context.emit(globalAvgPool2dDx, [dy], { inH, inW })[0]];
  },
  cost: ([x]) => ({ flops: elementCount(x?.shape ?? []) }),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]).fill(0);
    const [n, h, w, c] = nhwc(inputs[0]);
    const image = h * w * c;
    for (let b = 0; b < n; b++) {
      for (let pixel = b * image; pixel < (b + 1) * image; pixel += c) {
        for (let k = 0; k < c; k++) y[b * c + k] = y[b * c + k]! + x[pixel + k]!;
      }
    }
    const count = fround(h * w);
    for (let i = 0; i < y.length; i++) y[i] = y[i]! / count;
  },
});

/**
 * dx[n,h,w,c] = dy[n,c] / (inH * inW).
 *
 * dy [n,c] -> dx [n,inH,inW,c]. Errors: inH or inW below 1.
 */
export const globalAvgPool2dDx = defineOp({
  name: 'global_avg_pool2d_dx',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: { inH: 'i32', inW: 'i32' },
  infer(inputs, { inH, inW }) {
    const check = new ShapeCheck('global_avg_pool2d_dx', ['dy'], inputs);
    const [n, c] = check.dims(0, 2);
    check.integers({ inH, inW }, 1);
    return [tensor([n, inH, inW, c])];
  },
  cost: (_, [dx]) => ({ flops: elementCount(dx?.shape ?? []) }),
  run(inputs, outputs, { inH, inW }) {
    const dy = f32(inputs[0]);
    const dx = f32(outputs[0]);
    const [n, , , c] = nhwc(outputs[0]);
    const count = fround(inH * inW);
    const image = inH * inW * c;
    for (let b = 0; b < n; b++) {
      const share = dy.slice(b * c, (b + 1) * c).map((value) => value / count);
      for (let pixel = b * image; pixel < (b + 1) * image; pixel += c) dx.set(share, pixel);
    }
  },
});
