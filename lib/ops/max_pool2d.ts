// max_pool2d and its gradient. Forward records where in its window each maximum was, which is all the gradient needs.

import { type AttrSchema, type DType, defineOp, elementCount } from './op.ts';
import { beats, forEachPixel, forEachWindow, slidingAxes } from './pool-windows.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, nhwc, tensor } from './tensor-data.ts';
import { poolAttrs, poolOutput } from './window.ts';

const gradientAttrs = { ...poolAttrs, inH: 'i32', inW: 'i32' } as const satisfies AttrSchema;

/** A byte is enough for the positions in a window of up to 16x16. */
export const indexType = (kernelH: number, kernelW: number): DType => (kernelH * kernelW <= 256 ? 'u8' : 'i32');

/**
 * y[n,oh,ow,c] = the largest x[n, oh*strideH - padTop + r*dilationH, ow*strideW - padLeft + s*dilationW, c] over
 * r < kernelH, s < kernelW that lie within x; index = r*kernelW + s of the first such element.
 *
 * x [n,h,w,c] -> y [n,oh,ow,c], index [n,oh,ow,c] (u8 up to 256 positions in a window, else i32). A window with NaN
 * gives NaN, at its first NaN. Semantics: torch.nn.functional.max_pool2d; padding never wins.
 *
 * Errors: a kernel larger than the padded input; padding not smaller than the kernel's dilated reach; a window whose
 * taps all miss x.
 */
export const maxPool2d = defineOp({
  name: 'max_pool2d',
  inputs: ['x'],
  outputs: ['y', 'index'],
  attrs: poolAttrs,
  infer(inputs, attrs) {
    const check = new ShapeCheck('max_pool2d', ['x'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    const shape = [n, ...poolOutput(check, [h, w], attrs), c];
    return [tensor(shape), tensor(shape, indexType(attrs.kernelH, attrs.kernelW))];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    const [, inH, inW] = nhwc(context.inputs[0]);
    return [context.emit(maxPool2dDx, [dy, context.outputs[1]], { ...context.attrs, inH, inW })[0]];
  },
  cost: (_, [y], { kernelH, kernelW }) => ({ flops: elementCount(y?.shape ?? []) * kernelH * kernelW }),
  run(inputs, outputs, attrs) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]);
    const index = outputs[1]!.data;
    const [n, h, w, c] = nhwc(inputs[0]);
    const [, oh, ow] = nhwc(outputs[0]);
    forEachPixel(n, c, slidingAxes([h, w], [oh, ow], attrs), (pixel, window, tap, first) => {
      for (let k = 0; k < c; k++) {
        const value = x[pixel + k]!;
        if (first || beats(value, y[window + k]!)) {
          y[window + k] = value;
          index[window + k] = tap;
        }
      }
    });
  },
});

/**
 * dx[n,ih,iw,c] = sum over the windows that hold (ih,iw) and whose maximum was there of dy, oh then ow ascending.
 *
 * dy [n,oh,ow,c], index [n,oh,ow,c] (from max_pool2d) -> dx [n,inH,inW,c].
 * Errors: dy or index not shaped as the output of max_pool2d for an input of inH x inW.
 */
export const maxPool2dDx = defineOp({
  name: 'max_pool2d_dx',
  inputs: ['dy', 'index'],
  outputs: ['dx'],
  attrs: gradientAttrs,
  scatters: true,
  infer(inputs, attrs) {
    const check = new ShapeCheck('max_pool2d_dx', ['dy', 'index'], inputs);
    const { inH, inW } = attrs;
    const [n, , , c] = check.dims(0, 4);
    check.integers({ inH, inW }, 1);
    const shape = [n, ...poolOutput(check, [inH, inW], attrs), c];
    check.shape(0, shape, `the output of max_pool2d on ${inH}x${inW} pixels`);
    check.shape(1, shape, 'the shape of dy', indexType(attrs.kernelH, attrs.kernelW));
    return [tensor([n, inH, inW, c])];
  },
  cost: ([dy]) => ({ flops: elementCount(dy?.shape ?? []) }),
  run(inputs, outputs, attrs) {
    const dy = f32(inputs[0]);
    const index = inputs[1]!.data;
    const dx = f32(outputs[0]).fill(0);
    const [n, oh, ow, c] = nhwc(inputs[0]);
    forEachWindow(n, c, slidingAxes([attrs.inH, attrs.inW], [oh, ow], attrs), (pixel, window, tap) => {
      for (let k = 0; k < c; k++) {
        if (index[window + k] === tap) dx[pixel + k] = dx[pixel + k]! + dy[window + k]!;
      }
    });
  },
});
