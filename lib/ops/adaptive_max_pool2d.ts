// adaptive_max_pool2d and its gradient.

import { defineOp, elementCount } from './op.ts';
import { adaptiveAxes, beats, forEachPixel, forEachWindow } from './pool-windows.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, i32, nhwc, tensor } from './tensor-data.ts';
import { LARGEST_AREA } from './window.ts';

/**
 * y[n,oh,ow,c] = the largest x[n,h,w,c] over floor(oh*H/outH) <= h < ceil((oh+1)*H/outH) and the like for w;
 * index = h*W + w of the first such element.
 *
 * x [n,H,W,c] -> y [n,outH,outW,c], index i32 [n,outH,outW,c]. NaN as in max_pool2d. Semantics:
 * torch.nn.functional.adaptive_max_pool2d. Errors: outH or outW below 1; an image of more than 2^24 pixels.
 */
export const adaptiveMaxPool2d = defineOp({
  name: 'adaptive_max_pool2d',
  inputs: ['x'],
  outputs: ['y', 'index'],
  attrs: { outH: 'i32', outW: 'i32' },
  infer(inputs, { outH, outW }) {
    const check = new ShapeCheck('adaptive_max_pool2d', ['x'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    check.integers({ outH, outW }, 1);
    check.integers({ 'height * width': h * w }, 1, LARGEST_AREA);
    return [tensor([n, outH, outW, c]), tensor([n, outH, outW, c], 'i32')];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    const [, inH, inW] = nhwc(context.inputs[0]);
    return [context.emit(adaptiveMaxPool2dDx, [dy, context.outputs[1]], { inH, inW })[0]];
  },
  cost: ([x]) => ({ flops: elementCount(x?.shape ?? []) }),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const index = i32(outputs[1]);
    const [n, h, w, c] = nhwc(inputs[0]);
    const [, oh, ow] = nhwc(outputs[0]);
    forEachPixel(n, c, adaptiveAxes([h, w], [oh, ow]), (pixel, window, position, first) => {
      for (let k = 0; k < c; k++) {
        const value = x[pixel + k]!;
        if (first || beats(value, y[window + k]!)) {
          y[window + k] = value;
          index[window + k] = position;
        }
      }
    });
  },
});

/**
 * dx[n,h,w,c] = sum over the windows that hold (h,w) and whose maximum was there of dy, oh then ow ascending.
 *
 * dy [n,oh,ow,c], index i32 [n,oh,ow,c] (from adaptive_max_pool2d) -> dx [n,inH,inW,c]. Errors: index not shaped as dy;
 * inH or inW below 1, or more than 2^24 pixels.
 */
export const adaptiveMaxPool2dDx = defineOp({
  name: 'adaptive_max_pool2d_dx',
  inputs: ['dy', 'index'],
  outputs: ['dx'],
  attrs: { inH: 'i32', inW: 'i32' },
  scatters: true,
  infer(inputs, { inH, inW }) {
    const check = new ShapeCheck('adaptive_max_pool2d_dx', ['dy', 'index'], inputs);
    const [n, oh, ow, c] = check.dims(0, 4);
    check.shape(1, [n, oh, ow, c], 'the shape of dy', 'i32');
    check.integers({ inH, inW }, 1);
    check.integers({ 'inH * inW': inH * inW }, 1, LARGEST_AREA);
    return [tensor([n, inH, inW, c])];
  },
  cost: ([dy]) => ({ flops: elementCount(dy?.shape ?? []) }),
  run(inputs, outputs, { inH, inW }) {
    const dy = f32(inputs[0]);
    const index = i32(inputs[1]);
    const dx = f32(outputs[0]).fill(0);
    const [n, oh, ow, c] = nhwc(inputs[0]);
    forEachWindow(n, c, adaptiveAxes([inH, inW], [oh, ow]), (pixel, window, position) => {
      for (let k = 0; k < c; k++) {
        if (index[window + k] === position) dx[pixel + k] = dx[pixel + k]! + dy[window + k]!;
      }
    });
  },
});
