// Resize and its predecessor Upsample, over one or two spatial axes, channels last. Of the many rules for where a pixel comes
// from those are supported that exporters of convolutional networks use.

import { RESIZE_MODES, type ResizeMode } from '../../ops/resample.ts';
import { resize2d } from '../../ops/resize2d.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, Stored, storedShape, type Value } from '../value.ts';
import type { OperatorTable } from './operator.ts';

interface Sizes {
  readonly output: readonly number[];
  /** Of each axis, as the file says, which may not be the ratio of the sizes. */
  readonly scales: readonly number[];
}

const COORDINATES = [
  'half_pixel',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'half_pixel_symmetric',
] as const;
const ROUNDING = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;

function resize(call: NodeCall): Value {
  const shape = call.rank(0, 3, 4);
  const isNew = call.opset >= 11;
  const mode = call.word('mode', ['nearest', 'linear'], 'nearest');
  const coordinates = isNew ? call.word('coordinate_transformation_mode', COORDINATES, 'half_pixel') : 'asymmetric';
  const rounding = isNew ? call.word('nearest_mode', ROUNDING, 'round_prefer_floor') : 'floor';
  call.word('keep_aspect_ratio_policy', ['stretch'], 'stretch');
  // These two are read by modes that are not supported.
  call.float('cubic_coeff_a', -0.75);
  call.float('extrapolation_value', 0);
  if (call.flag('exclude_outside')) call.fail('exclude_outside is not supported');
  const sizes = isNew ? sizesOf(call, shape) : fromScales(call, shape, call.numbers(1));
  if (call.flag('antialias') && sizes.output.some((size, axis) => size < shape[axis]!)) {
    call.fail('making images smaller with antialias is not supported');
  }
  return emitResize(call, shape, sizes, ruleOf(call, shape, sizes.output, mode, coordinates, rounding));
}

/** Scales as an attribute before opset 9. */
function upsample(call: NodeCall): Value {
  const shape = call.rank(0, 3, 4);
  const isLinear = ['linear', 'bilinear'].includes(call.word('mode', ['nearest', 'linear', 'bilinear'], 'nearest'));
  const scales = call.opset < 9 ? (call.floats('scales') ?? call.fail('needs scales')) : call.numbers(1);
  const sizes = fromScales(call, shape, scales);
  return emitResize(
    call,
    shape,
    sizes,
    ruleOf(call, shape, sizes.output, isLinear ? 'linear' : 'nearest', 'asymmetric', 'floor'),
  );
}

function sizesOf(call: NodeCall, shape: readonly number[]): Sizes {
  const axes = call.axes(call.ints('axes') ?? inOrder(shape.length), shape.length);
  const given = (index: number) => {
    const numbers = call.has(index) ? call.numbers(index) : [];
    if (numbers.length === 0) return undefined;
    if (numbers.length !== axes.length)
      call.fail(`input ${index} has ${numbers.length} numbers for ${axes.length} axes`);
    return shape.map((size, axis) => (axes.includes(axis) ? numbers[axes.indexOf(axis)]! : index === 2 ? 1 : size));
  };
  const [scales, output] = [given(2), given(3)];
  if (scales && !output) return fromScales(call, shape, scales);
  if (!output || scales) return call.fail('needs either scales or sizes');
  return { output, scales: output.map((size, axis) => size / shape[axis]!) };
}

function fromScales(call: NodeCall, shape: readonly number[], scales: readonly number[]): Sizes {
  if (scales.length !== shape.length || !scales.every((scale) => scale > 0)) {
    call.fail(`the scales [${scales}] do not fit [${shape}]`);
  }
  return { output: shape.map((size, axis) => Math.floor(size * scales[axis]!)), scales };
}

/** The mode of op resize2d that gives the same. */
function ruleOf(
  call: NodeCall,
  from: readonly number[],
  to: readonly number[],
  mode: 'nearest' | 'linear',
  coordinates: (typeof COORDINATES)[number],
  rounding: (typeof ROUNDING)[number],
): ResizeMode {
  const whole = to.every((size, axis) => size % from[axis]! === 0);
  const isSame = to.join() === from.join();
  if (mode === 'nearest') {
    // Where each pixel becomes a whole number of them, its centre falls into the same one as its edge.
    const centres = ['half_pixel', 'pytorch_half_pixel', 'half_pixel_symmetric'].includes(coordinates);
    if (coordinates === 'asymmetric' && rounding === 'floor') return 'nearest';
    if (isSame || (centres && whole && rounding.startsWith('round'))) return 'nearest';
  } else if (coordinates === 'align_corners') {
    return 'corners';
  } else {
    const single = coordinates === 'pytorch_half_pixel' && to.some((size, axis) => size === 1 && from[axis] !== 1);
    const exact = coordinates !== 'half_pixel_symmetric' || whole;
    if (isSame || (coordinates !== 'asymmetric' && !single && exact)) return 'linear';
  }
  const rule = mode === 'nearest' ? `${coordinates} and ${rounding}` : coordinates;
  return call.fail(`resizing [${from}] to [${to}] by mode ${mode} with ${rule} is not supported`);
}

function emitResize(call: NodeCall, shape: readonly number[], { output, scales }: Sizes, mode: ResizeMode): Value {
  if (output[0] !== shape[0] || output[1] !== shape[1]) call.fail('the batch and the channels cannot be resized');
  const axes = channelsLast(shape.length);
  const x = call.tensor(0, axes);
  const lifted = shape.length === 4 ? x : call.reshape(x, x.shape.toSpliced(1, 0, 1));
  const spatial = (values: readonly number[], one: number) => [one, ...values.slice(2)].slice(-2) as [number, number];
  const [outH, outW] = spatial(output, 1);
  // Zero stands for the ratio of the sizes, which is exact.
  const [stepH, stepW] = spatial(
    scales.map((scale, axis) => (scale === output[axis]! / shape[axis]! ? 0 : 1 / scale)),
    0,
  );
  const y = call.emit(resize2d, [lifted], { mode: RESIZE_MODES.indexOf(mode), outH, outW, stepH, stepW });
  return new Stored(call.reshape(y, storedShape(output, axes)), output, axes);
}

export const resizing: OperatorTable = { Resize: resize, Upsample: upsample };
