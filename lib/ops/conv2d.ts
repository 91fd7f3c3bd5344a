// conv2d and its two gradients: the cross-correlation that deep learning calls convolution, with stride, padding on
// four sides, dilation and groups (as many groups as channels: depthwise). The loops are in conv2d-passes.ts.

import { activationAttrs, addBiasAndActivate, checkActivation } from './activation.ts';
import { biasActivationGradient } from './bias_activation_dx.ts';
import { convForward, convInputGradient, convWeightGradient } from './conv2d-passes.ts';
import {
  type AttrSchema,
  type Attrs,
  type Cost,
  defineOp,
  elementCount,
  type OpDefinition,
  type TensorSpec,
} from './op.ts';
import { formatShape, ShapeCheck } from './shape-check.ts';
import { f32, nhwc, tensor } from './tensor-data.ts';
import { convAttrs, windowOutput } from './window.ts';

export type ConvAttrs = Attrs<typeof convAttrs>;

const forwardAttrs = { ...convAttrs, ...activationAttrs } as const satisfies AttrSchema;
const inputGradientAttrs = { ...convAttrs, inH: 'i32', inW: 'i32', ...activationAttrs } as const satisfies AttrSchema;
const weightGradientAttrs = { ...convAttrs, kernelH: 'i32', kernelW: 'i32' } as const satisfies AttrSchema;

const NO_ACTIVATION = { activation: 0, slope: 0 };

/** The geometry alone, for ops with other attributes after it. */
const geometryOf = (attrs: ConvAttrs): ConvAttrs => ({
  strideH: attrs.strideH,
  strideW: attrs.strideW,
  padTop: attrs.padTop,
  padLeft: attrs.padLeft,
  padBottom: attrs.padBottom,
  padRight: attrs.padRight,
  dilationH: attrs.dilationH,
  dilationW: attrs.dilationW,
  groups: attrs.groups,
});

function checkGroups(check: ShapeCheck, groups: number, c: number | undefined, o: number): void {
  check.integers({ groups }, 1);
  if (c !== undefined && c % groups !== 0) check.fail(`${groups} groups do not divide the ${c} channels of x`);
  if (o % groups !== 0) check.fail(`${groups} groups do not divide the ${o} output channels`);
}

/** 2 FLOPs for each output element and each of the weights that feed it. */
function convCost(y: TensorSpec | undefined, w: TensorSpec | undefined): Cost {
  const weightsPerOutput = elementCount(w?.shape ?? []) / (w?.shape[3] ?? 1);
  return { flops: 2 * elementCount(y?.shape ?? []) * weightsPerOutput };
}

/**
 * y[n,oh,ow,o] = act(b[o] + sum over kh, kw, c of x[n, oh*strideH - padTop + kh*dilationH, ow*strideW - padLeft +
 * kw*dilationW, c] * w[kh,kw,c,o]), x being 0 outside its bounds.
 *
 * x [n,h,w,c], w [kh,kw,c/groups,o], b [o] (optional) -> y [n,oh,ow,o] with
 * oh = floor((h + padTop + padBottom - dilationH*(kh-1) - 1) / strideH) + 1, ow likewise. Output channel o reads the
 * channels of group floor(o / (o_total/groups)). Semantics: torch.nn.functional.conv2d, in NHWC.
 *
 * Errors: channels of x and w that do not fit; groups that divide neither; a kernel larger than the padded input; b
 * not [o]; strides or dilations below 1; negative padding.
 */
export const conv2d = defineOp({
  name: 'conv2d',
  inputs: ['x', 'w', 'b?'],
  outputs: ['y'],
  attrs: forwardAttrs,
  epilogue: { bias: 2 },
  linearIn: { weights: 1, bias: 2 },
  infer(inputs, attrs) {
    const check = new ShapeCheck('conv2d', ['x', 'w', 'b?'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    const [kernelH, kernelW, channels, o] = check.dims(1, 4);
    checkGroups(check, attrs.groups, c, o);
    if (channels * attrs.groups !== c) {
      check.fail(
        attrs.groups === 1
          ? `w has ${channels} input channels, x has ${c}`
          : `w has ${channels} input channels for each of ${attrs.groups} groups, x has ${c / attrs.groups}`,
      );
    }
    if (check.has(2)) check.shape(2, [o], 'one value for each output channel of w');
    checkActivation(check, attrs);
    const [oh, ow] = windowOutput(check, [h, w], [kernelH, kernelW], attrs);
    return [tensor([n, oh, ow, o])];
  },
  gradient(context) {
    const { attrs, inputs, outputGradients, outputs } = context;
    const [x, w] = inputs;
    if (!outputGradients[0] || !x || !w) return [];
    const bias = inputs[2] !== undefined && context.needs(2);
    const [dy, db] = biasActivationGradient(context, outputGradients[0], outputs[0], attrs, bias);
    const [, inH, inW] = nhwc(x);
    const [kernelH, kernelW] = nhwc(w);
    const geometry = geometryOf(attrs);
    return [
      context.needs(0)
        ? context.emit(conv2dDx, [dy, w, undefined], { ...geometry, ...NO_ACTIVATION, inH, inW })[0]
        : undefined,
      context.needs(1) ? context.emit(conv2dDw, [x, dy], { ...geometry, kernelH, kernelW })[0] : undefined,
      db,
    ];
  },
  cost: ([, w], [y]) => convCost(y, w),
  run(inputs, outputs, attrs) {
    const [x, w, b] = inputs;
    const [n, h, width, c] = nhwc(x);
    const [kernelH, kernelW, , o] = nhwc(w);
    const [, oh, ow] = nhwc(outputs[0]);
    const sizes = { n, h, w: width, c, kernelH, kernelW, oh, ow, o };
    convForward(f32(x), f32(w), f32(outputs[0]), sizes, attrs);
    addBiasAndActivate(f32(outputs[0]), o, b && f32(b), attrs);
  },
});

/**
 * The gradient of conv2d by x, which is the transposed convolution, with what may follow one:
 * dx[n,ih,iw,c] = act(b[c] + sum over the outputs that read (ih,iw) of dy[n,oh,ow,o] * w[kh,kw,c,o]).
 *
 * dy [n,oh,ow,o], w [kh,kw,c/groups,o], b [c] (optional) -> dx [n,inH,inW,c]; the attributes are those of conv2d, and the
 * size of its input. Semantics: torch.nn.grad.conv2d_input, torch.nn.functional.conv_transpose2d. Its own gradients are
 * conv2d (by dy) and conv2d_dw (by w).
 *
 * Errors: dy is not what conv2d with these attributes would give for an input of inH x inW; b not [c].
 */
export const conv2dDx: OpDefinition<typeof inputGradientAttrs> = defineOp({
  name: 'conv2d_dx',
  inputs: ['dy', 'w', 'b?'],
  outputs: ['dx'],
  attrs: inputGradientAttrs,
  epilogue: { bias: 2 },
  infer(inputs, attrs) {
    const check = new ShapeCheck('conv2d_dx', ['dy', 'w', 'b?'], inputs);
    const [n, , , channels] = check.dims(0, 4);
    const [kernelH, kernelW, c, o] = check.dims(1, 4);
    const { inH, inW } = attrs;
    check.integers({ inH, inW }, 1);
    checkGroups(check, attrs.groups, undefined, o);
    if (channels !== o) check.fail(`w has ${o} output channels, dy has ${channels}`);
    if (check.has(2)) check.shape(2, [c * attrs.groups], 'one value for each channel of dx');
    checkActivation(check, attrs);
    const [oh, ow] = windowOutput(check, [inH, inW], [kernelH, kernelW], attrs);
    check.shape(0, [n, oh, ow, o], `the output of conv2d on ${inH}x${inW} pixels`);
    return [tensor([n, inH, inW, c * attrs.groups])];
  },
  gradient(context) {
    const { attrs, inputs, outputGradients, outputs } = context;
    const [dy, w] = inputs;
    if (!outputGradients[0] || !dy || !w) return [];
    const bias = inputs[2] !== undefined && context.needs(2);
    const [ddx, db] = biasActivationGradient(context, outputGradients[0], outputs[0], attrs, bias);
    const [kernelH, kernelW] = nhwc(w);
    const geometry = geometryOf(attrs);
    return [
      context.needs(0) ? context.emit(conv2d, [ddx, w, undefined], { ...geometry, ...NO_ACTIVATION })[0] : undefined,
      context.needs(1) ? context.emit(conv2dDw, [ddx, dy], { ...geometry, kernelH, kernelW })[0] : undefined,
      db,
    ];
  },
  cost: ([dy, w]) => convCost(dy, w),
  run(inputs, outputs, attrs) {
    const [dy, w, b] = inputs;
    const [n, oh, ow, o] = nhwc(dy);
    const [kernelH, kernelW] = nhwc(w);
    const [, h, width, c] = nhwc(outputs[0]);
    const sizes = { n, h, w: width, c, kernelH, kernelW, oh, ow, o };
    convInputGradient(f32(dy), f32(w), f32(outputs[0]), sizes, attrs);
    addBiasAndActivate(f32(outputs[0]), c, b && f32(b), attrs);
  },
});

/**
 * The gradient of conv2d by w: dw[kh,kw,c,o] = sum over n, oh, ow of x[n, oh*strideH - padTop + kh*dilationH, ...] *
 * dy[n,oh,ow,o].
 *
 * x [n,h,w,c], dy [n,oh,ow,o] -> dw [kernelH,kernelW,c/groups,o]; the attributes are those of conv2d, and the size of
 * its kernel. The sum is cut into blocks by shape alone, see docs/numerics.md. Semantics: torch.nn.grad.conv2d_weight.
 *
 * Errors: dy is not what conv2d with these attributes would give for x and this kernel.
 */
export const conv2dDw = defineOp({
  name: 'conv2d_dw',
  inputs: ['x', 'dy'],
  outputs: ['dw'],
  attrs: weightGradientAttrs,
  infer(inputs, attrs) {
    const check = new ShapeCheck('conv2d_dw', ['x', 'dy'], inputs);
    const [n, h, w, c] = check.dims(0, 4);
    const [, , , o] = check.dims(1, 4);
    const { kernelH, kernelW } = attrs;
    check.integers({ kernelH, kernelW }, 1);
    checkGroups(check, attrs.groups, c, o);
    const [oh, ow] = windowOutput(check, [h, w], [kernelH, kernelW], attrs);
    const expected = [n, oh, ow, o];
    check.shape(1, expected, `the output of conv2d on x with a ${formatShape([kernelH, kernelW])} kernel`);
    return [tensor([kernelH, kernelW, c / attrs.groups, o])];
  },
  cost: ([, dy], [dw]) => convCost(dy, dw),
  run(inputs, outputs, attrs) {
    const [x, dy] = inputs;
    const [n, h, w, c] = nhwc(x);
    const [, oh, ow, o] = nhwc(dy);
    const [kernelH, kernelW] = nhwc(outputs[0]);
    const sizes = { n, h, w, c, kernelH, kernelW, oh, ow, o };
    convWeightGradient(f32(x), f32(dy), f32(outputs[0]), sizes, attrs);
  },
});
