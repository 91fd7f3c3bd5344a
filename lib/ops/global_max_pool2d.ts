// global_max_pool2d and its gradient: the largest value of each channel of each image, and where it was.

import { defineOp, elementCount } from './op.ts';
import { beats } from './pool-windows.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, i32, nhwc, tensor } from './tensor-data.ts';
import { LARGEST_AREA } from './window.ts';

/**
 * y[n,c] = the largest x[n,h,w,c] over h, w; index = h * W + w of the first one.
 *
 * x [n,h,w,c] -> y [n,c], index i32 [n,c]. NaN as in max_pool2d. Semantics: torch.nn.AdaptiveMaxPool2d(1).
 */
export const globalMaxPool2d = defineOp({
  name: 'global_max_pool2d',
  inputs: ['x'],
  outputs: ['y', 'index'],
  attrs: {},
  infer(inputs) {
    const check = new ShapeCheck('global_max_pool2d', ['x'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    check.integers({ 'height * width': h * w }, 1, LARGEST_AREA);
    return [tensor([n, c]), tensor([n, c], 'i32')];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    const [, inH, inW] = nhwc(context.inputs[0]);
    return [context.emit(globalMaxPool2dDx, [dy, context.outputs[1]], { inH, inW })[0]];
  },
  cost: ([x]) => ({ flops: elementCount(x?.shape ?? []) }),
  run(inputs, outputs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const index = i32(outputs[1]);
    const [n, h, w, c] = nhwc(inputs[0]);
    for (let b = 0, pixel = 0; b < n; b++) {
      for (let position = 0; position < h * w; position++, pixel += c) {
        for (let k = 0; k < c; k++) {
          const value = x[pixel + k]!;
          if (position === 0 || beats(value, y[b * c + k]!)) {
            y[b * c + k] = value;
            index[b * c + k] = position;
          }
        }
      }
    }
  },
});

/**
 * dx[n,h,w,c] = dy[n,c] where h * inW + w is index[n,c], 0 elsewhere.
 *
 * dy [n,c], index i32 [n,c] -> dx [n,inH,inW,c]. Errors: index not shaped as dy; inH or inW below 1.
 */
export const globalMaxPool2dDx = defineOp({
  name: 'global_max_pool2d_dx',
  inputs: ['dy', 'index'],
  outputs: ['dx'],
  attrs: { inH: 'i32', inW: 'i32' },
  scatters: true,
  infer(inputs, { inH, inW }) {
    const check = new ShapeCheck('global_max_pool2d_dx', ['dy', 'index'], inputs);
    const [n, c] = check.dims(0, 2);
    check.shape(1, [n, c], 'the shape of dy', 'i32');
    check.integers({ inH, inW }, 1);
    return [tensor([n, inH, inW, c])];
  },
  cost: ([dy]) => ({ flops: elementCount(dy?.shape ?? []) }),
  run(inputs, outputs, { inH, inW }) {
    const dy = f32(inputs[0]);
    const index = i32(inputs[1]);
    const dx = f32(outputs[0]).fill(0);
    const c = inputs[0]!.shape[1]!;
    for (let i = 0; i < dy.length; i++) {
      const image = Math.floor(i / c);
      dx[(image * inH * inW + index[i]!) * c + (i % c)] = dy[i]!;
    }
  },
});
