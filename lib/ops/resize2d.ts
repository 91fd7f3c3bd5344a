// resize2d and its gradient: images of another size, by the nearest pixel or by linear interpolation.

import { fma } from './fma.ts';
import { type AttrSchema, type Attrs, defineOp, elementCount } from './op.ts';
import { RESIZE_MODES, type ResizeMode, resizeTaps, type Taps, transposedTaps } from './resample.ts';
import { ShapeCheck } from './shape-check.ts';
import { f32, nhwc, tensor } from './tensor-data.ts';

const steps = { stepH: 'f32', stepW: 'f32' } as const;
const forwardAttrs = { mode: 'i32', outH: 'i32', outW: 'i32', ...steps } as const satisfies AttrSchema;
const gradientAttrs = { mode: 'i32', inH: 'i32', inW: 'i32', ...steps } as const satisfies AttrSchema;

/** Largest map, so that every position is exact in doubles. */
const LARGEST = 2 ** 24;

function checkResize(
  check: ShapeCheck,
  attrs: Attrs<typeof steps> & { mode: number },
  sizes: Record<string, number>,
): void {
  check.integers({ mode: attrs.mode }, 0, RESIZE_MODES.length - 1);
  check.integers(sizes, 1, LARGEST);
  for (const name of ['stepH', 'stepW'] as const) {
    check.number(name, attrs[name], 'a finite number, at least 0', (value) => value >= 0);
  }
}

const modeOf = ({ mode }: { mode: number }): ResizeMode => RESIZE_MODES[mode] as ResizeMode;

/** y[n,p,q,c] = sum over the taps j of q of wj * (sum over the taps i of p of wi * x[n,i,j,c]). */
function resample(x: Float32Array, y: Float32Array, n: number, h: number, w: number, rows: Taps, columns: Taps): void {
  const width = x.length / (n * h);
  const c = width / w;
  const blended = new Float32Array(width);
  let to = 0;
  for (let image = 0; image < n; image++) {
    for (let p = 0; p < rows.first.length; p++) {
      blended.fill(0);
      for (let tap = rows.offsets[p]!, row = image * h + rows.first[p]!; tap < rows.offsets[p + 1]!; tap++, row++) {
        for (let i = 0; i < width; i++) blended[i] = fma(rows.weights[tap]!, x[row * width + i]!, blended[i]!);
      }
      for (let q = 0; q < columns.first.length; q++, to += c) {
        for (let channel = 0; channel < c; channel++) {
          let sum = 0;
          for (let tap = columns.offsets[q]!, j = columns.first[q]!; tap < columns.offsets[q + 1]!; tap++, j++) {
            sum = fma(columns.weights[tap]!, blended[j * c + channel]!, sum);
          }
          y[to + channel] = sum;
        }
      }
    }
  }
}

/**
 * y = x resized to outH x outW, channel by channel. Position p of an axis reads x at s: `mode` 0 nearest, x[floor(s)] with
 * s = p * in / out; 1 linear, between the two positions around s = (p + 1/2) * in / out - 1/2, held inside x; 2 linear with
 * s = p * (in - 1) / (out - 1), so that the corners coincide. A step other than 0 stands for in / out in the first two.
 *
 * x [n,h,w,c] -> y [n,outH,outW,c]. Rows are blended first, then columns; see docs/numerics.md. Semantics:
 * torch.nn.functional.interpolate, modes nearest and bilinear, align_corners for mode 2, the steps being 1 / scale_factor where that
 * is given; positions are computed in doubles. Errors: maps of more than 2^24 pixels along an axis; a negative step.
 */
export const resize2d = defineOp({
  name: 'resize2d',
  inputs: ['x'],
  outputs: ['y'],
  attrs: forwardAttrs,
  infer(inputs, attrs) {
    const check = new ShapeCheck('resize2d', ['x'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    const { outH, outW } = attrs;
    checkResize(check, attrs, { h, w, outH, outW });
    return [tensor([n, outH, outW, c])];
  },
  gradient(context) {
    const dy = context.outputGradients[0];
    const [x] = context.inputs;
    if (!x || !dy || !context.needs(0)) return [];
    const [, inH, inW] = nhwc(x);
    const { mode, stepH, stepW } = context.attrs;
    return [context.emit(resize2dDx, [dy], { mode, inH, inW, stepH, stepW })[0]];
  },
  cost: (_, [y]) => ({ flops: 8 * elementCount(y?.shape ?? []) }),
  run(inputs, outputs, attrs) {
    const [n, h, w] = nhwc(inputs[0]);
    const rows = resizeTaps(modeOf(attrs), { from: h, to: attrs.outH, step: attrs.stepH });
    const columns = resizeTaps(modeOf(attrs), { from: w, to: attrs.outW, step: attrs.stepW });
    resample(f32(inputs[0]), f32(outputs[0]), n, h, w, rows, columns);
  },
});

/**
 * The gradient of resize2d: dx[n,i,j,c] = sum over the columns q of y that read j, ascending, of their weight times (sum
 * over the rows p that read i, ascending, of their weight times dy[n,p,q,c]).
 *
 * dy [n,h,w,c] -> dx [n,inH,inW,c]; mode and steps are those of resize2d. Errors: those of resize2d.
 */
export const resize2dDx = defineOp({
  name: 'resize2d_dx',
  inputs: ['dy'],
  outputs: ['dx'],
  attrs: gradientAttrs,
  infer(inputs, attrs) {
    const check = new ShapeCheck('resize2d_dx', ['dy'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    const { inH, inW } = attrs;
    checkResize(check, attrs, { h, w, inH, inW });
    return [tensor([n, inH, inW, c])];
  },
  cost: ([dy]) => ({ flops: 8 * elementCount(dy?.shape ?? []) }),
  run(inputs, outputs, attrs) {
    const [n, h, w] = nhwc(inputs[0]);
    const { inH, inW } = attrs;
    const rows = resizeTaps(modeOf(attrs), { from: inH, to: h, step: attrs.stepH });
    const columns = resizeTaps(modeOf(attrs), { from: inW, to: w, step: attrs.stepW });
    const [back, across] = [transposedTaps(rows, inH), transposedTaps(columns, inW)];
    resample(f32(inputs[0]), f32(outputs[0]), n, h, w, back, across);
  },
});
