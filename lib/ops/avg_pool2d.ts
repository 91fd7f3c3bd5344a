// avg_pool2d and its gradient.

import { type AttrSchema, defineOp, elementCount } from './op.ts';
import { PoolWindows } from './pool-windows.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, nhwc, tensor } from './tensor-data.ts';
import { poolAttrs, poolOutput } from './window.ts';

const { fround } = Math;

const forwardAttrs = { ...poolAttrs, countPadding: 'i32' } as const satisfies AttrSchema;
const gradientAttrs = { ...forwardAttrs, inH: 'i32', inW: 'i32' } as const satisfies AttrSchema;

/**
 * y[n,oh,ow,c] = the sum of the window's elements that lie within x, divided by their number, or by kernelH * kernelW
 * with countPadding=1.
 *
 * x [n,h,w,c] -> y [n,oh,ow,c]. Semantics: torch.nn.functional.avg_pool2d with count_include_pad = countPadding.
 * Errors: a kernel larger than the padded input; padding not smaller than the kernel.
 */
export const avgPool2d = defineOp({
  name: 'avg_pool2d',
  inputs: ['x'],
  outputs: ['y'],
  attrs: forwardAttrs,
  infer(inputs, attrs) {
    const check = new ShapeCheck('avg_pool2d', ['x'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    check.integers({ countPadding: attrs.countPadding }, 0, 1);
    return [tensor([n, ...poolOutput(check, [h, w], attrs), c])];
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
    const y = f32(outputs[0]);
    const { shape } = outputs[0]!;
    const c = shape[3]!;
    const windowSize = attrs.kernelH * attrs.kernelW;
    let visited = 0;
    new PoolWindows(inputs[0]!.shape, shape, attrs).forEachPixel((pixel, window, _, first, pixels) => {
      for (let k = 0; k < c; k++) y[window + k] = first ? x[pixel + k]! : y[window + k]! + x[pixel + k]!;
      visited = first ? 1 : visited + 1;
      if (visited < pixels) return;
      const count = fround(attrs.countPadding ? windowSize : pixels);
      for (let k = 0; k < c; k++) y[window + k] = y[window + k]! / count;
    });
  },
});

/**
 * dx[n,ih,iw,c] = sum over the windows that hold (ih,iw) of dy / count, oh then ow ascending, with count as in
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
    const { inH, inW, countPadding } = attrs;
    const [n, , , c] = check.dims(0, 4);
    check.integers({ inH, inW }, 1);
    check.integers({ countPadding }, 0, 1);
    const shape = [n, ...poolOutput(check, [inH, inW], attrs), c];
    check.shape(0, shape, `the output of avg_pool2d on ${inH}x${inW} pixels`);
    return [tensor([n, inH, inW, c])];
  },
  cost: ([dy], _, { kernelH, kernelW }) => ({ flops: 2 * elementCount(dy?.shape ?? []) * kernelH * kernelW }),
  run(inputs, outputs, attrs) {
    const dy = f32(inputs[0]);
    const dx = f32(outputs[0]).fill(0);
    const { shape } = outputs[0]!;
    const c = shape[3]!;
    const windowSize = attrs.kernelH * attrs.kernelW;
    new PoolWindows(shape, inputs[0]!.shape, attrs).forEachWindow((pixel, window, _tap, _first, pixels) => {
      const count = fround(attrs.countPadding ? windowSize : pixels);
      for (let k = 0; k < c; k++) dx[pixel + k] = dx[pixel + k]! + fround(dy[window + k]! / count);
    });
  },
});
