// max_pool2d_position: from the places in their windows that max_pool2d notes to places in a whole tensor.

import { indexType } from './max_pool2d.ts';
import { type AttrSchema, defineOp } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { i32, nhwc, tensor } from './tensor-data.ts';
import { poolAttrs, poolOutput } from './window.ts';

const attrSchema = {
  ...poolAttrs,
  inH: 'i32',
  inW: 'i32',
  depth: 'i32',
  stepN: 'i32',
  stepD: 'i32',
  stepH: 'i32',
  stepW: 'i32',
  stepC: 'i32',
} as const satisfies AttrSchema;

/**
 * position[i,oh,ow,c] = floor(i / depth) * stepN + (i mod depth) * stepD + h * stepH + w * stepW + c * stepC, where (h,w) is
 * the pixel at tap index[i,oh,ow,c] of the window (oh,ow) of max_pool2d.
 *
 * index u8 or i32 [n,oh,ow,c] (from max_pool2d on inH x inW pixels) -> position i32 [n,oh,ow,c]. With stepH = inW,
 * stepW = 1 and the others 0 these are the indices of torch.nn.functional.max_pool2d(return_indices=True); with the strides
 * of a tensor [n,c,inH,inW] those of ONNX MaxPool; with depth images a volume and stepD = inH * inW places in a volume.
 *
 * Errors: index not shaped as max_pool2d gives it; depth does not divide n; a position of 2^31 or more.
 */
export const maxPool2dPosition = defineOp({
  name: 'max_pool2d_position',
  inputs: ['index'],
  outputs: ['position'],
  attrs: attrSchema,
  infer(inputs, attrs) {
    const check = new ShapeCheck('max_pool2d_position', ['index'], inputs);
    const { inH, inW, depth, stepN, stepD, stepH, stepW, stepC } = attrs;
    const dtype = indexType(attrs.kernelH, attrs.kernelW);
    const [n, , , c] = check.dims(0, 4, dtype);
    check.integers({ inH, inW, depth }, 1);
    check.integers({ stepN, stepD, stepH, stepW, stepC }, 0);
    const shape = [n, ...poolOutput(check, [inH, inW], attrs), c];
    check.shape(0, shape, `the output of max_pool2d on ${inH}x${inW} pixels`, dtype);
    if (n % depth !== 0) check.fail(`depth (${depth}) must divide the number of images`);
    const last =
      (n / depth - 1) * stepN + (depth - 1) * stepD + (inH - 1) * stepH + (inW - 1) * stepW + (c - 1) * stepC;
    if (last >= 2 ** 31) check.fail(`the last position, ${last}, is 2^31 or more`);
    return [tensor(shape, 'i32')];
  },
  cost: () => ({ flops: 0 }),
  run(inputs, outputs, attrs) {
    const index = inputs[0]!.data;
    const position = i32(outputs[0]);
    const { kernelW, strideH, strideW, padTop, padLeft, dilationH, dilationW } = attrs;
    const { depth, stepN, stepD, stepH, stepW, stepC } = attrs;
    const [, oh, ow, c] = nhwc(outputs[0]);
    for (let i = 0; i < position.length; i++) {
      const tap = index[i]!;
      const window = Math.floor(i / c);
      const image = Math.floor(window / (oh * ow));
      const h = (Math.floor(window / ow) % oh) * strideH - padTop + Math.floor(tap / kernelW) * dilationH;
      const w = (window % ow) * strideW - padLeft + (tap % kernelW) * dilationW;
      const volume = Math.floor(image / depth);
      position[i] = volume * stepN + (image % depth) * stepD + h * stepH + w * stepW + (i % c) * stepC;
    }
  },
});
