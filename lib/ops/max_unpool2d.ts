// max_unpool2d, which puts values back where max pooling found them, and its gradient, which fetches them from there.

import { defineOp, elementCount } from './op.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, i32, nhwc, tensor } from './tensor-data.ts';

/** Calls f(i, at) for every element i of a tensor [n,oh,ow,c] of positions; `at` is the element there of [n,plane,c]. */
function forPositions(
  position: Int32Array,
  [n, oh, ow, c]: readonly [number, number, number, number],
  plane: number,
  f: (i: number, at: number) => void,
): void {
  const image = oh * ow * c;
  for (let i = 0; i < n * image; i++) {
    const pixel = position[i]! % plane;
    f(i, (Math.floor(i / image) * plane + (pixel < 0 ? pixel + plane : pixel)) * c + (i % c));
  }
}

/**
 * y[n,h,w,c] = the sum of the x[n,oh,ow,c] whose position[n,oh,ow,c] is h*outW + w, 0 where there is none.
 *
 * x [n,oh,ow,c], position i32 [n,oh,ow,c] (adaptive_max_pool2d's index, max_pool2d_position) -> y [n,outH,outW,c].
 * Positions count modulo outH * outW, so that those in a whole tensor [n,c,outH,outW] serve as well. Semantics:
 * torch.nn.functional.max_unpool2d and ONNX MaxUnpool for windows that do not overlap; where two values have one position,
 * those keep either, this adds them. Errors: position not shaped as x; outH or outW below 1.
 */
export const maxUnpool2d = defineOp({
  name: 'max_unpool2d',
  inputs: ['x', 'position'],
  outputs: ['y'],
  attrs: { outH: 'i32', outW: 'i32' },
  infer(inputs, { outH, outW }) {
    const check = new ShapeCheck('max_unpool2d', ['x', 'position'], inputs);
    const [n, oh, ow, c] = check.dims(0, 4);
    check.shape(1, [n, oh, ow, c], 'the shape of x', 'i32');
    check.integers({ outH, outW, 'outH * outW': outH * outW }, 1);
    return [tensor([n, outH, outW, c])];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    if (!dy || !context.needs(0)) return [];
    return [context.emit(maxUnpool2dDx, [dy, context.inputs[1]], {})[0]];
  },
  cost: ([x]) => ({ flops: elementCount(x?.shape ?? []) }),
  run(inputs, outputs, { outH, outW }) {
    const x = f32(inputs[0]);
    const y = f32(outputs[0]).fill(0);
    forPositions(i32(inputs[1]), nhwc(inputs[0]), outH * outW, (i, at) => {
      y[at] = y[at]! + x[i]!;
    });
  },
});

/**
 * dx[n,oh,ow,c] = dy[n,h,w,c] at h*W + w = position[n,oh,ow,c], modulo H * W.
 *
 * dy f32 or i32 [n,H,W,c], position i32 [n,oh,ow,c] -> dx of dy's type [n,oh,ow,c]. Errors: position and dy differ in
 * batch or channels.
 */
export const maxUnpool2dDx = defineOp({
  name: 'max_unpool2d_dx',
  inputs: ['dy', 'position'],
  outputs: ['dx'],
  attrs: {},
  infer(inputs) {
    const check = new ShapeCheck('max_unpool2d_dx', ['dy', 'position'], inputs);
    const [n, h, w, c] = check.dims(0, 4, 'f32', 'i32');
    const [, oh, ow] = check.dims(1, 4, 'i32');
    check.shape(1, [n, oh, ow, c], 'with the batch and channels of dy', 'i32');
    check.integers({ 'height * width': h * w }, 1);
    return [tensor([n, oh, ow, c], inputs[0]!.dtype)];
  },
  cost: (_, [dx]) => ({ flops: elementCount(dx?.shape ?? []) }),
  run(inputs, outputs) {
    const dy = inputs[0]!.data;
    const dx = outputs[0]!.data;
    const [, h, w] = nhwc(inputs[0]);
    forPositions(i32(inputs[1]), nhwc(outputs[0]), h * w, (i, at) => {
      dx[i] = dy[at]!;
    });
  },
});
