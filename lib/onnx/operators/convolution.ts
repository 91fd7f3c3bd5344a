// Conv and ConvTranspose. Inputs are taken channels last and weights in lanewise's order; one spatial axis is two, the
// first of size 1.

import type { GraphTensor } from '../../graph/graph.ts';
import { biasAdd } from '../../ops/bias_add.ts';
import { conv2d, conv2dDx } from '../../ops/conv2d.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, Stored, storedShape, type Value } from '../value.ts';
import type { OperatorTable } from './operator.ts';
import { type OnnxWindow, windowOf } from './window.ts';

const NO_ACTIVATION = { activation: 0, slope: 0 } as const;

/** ONNX's weights [o, c, ...spatial] are lanewise's [...spatial, c, o]. */
const weightAxes = (rank: number): number[] => [...inOrder(rank).slice(2), 1, 0];

/** The kernel's sizes, from the weights. */
function kernelOf(call: NodeCall): number[] {
  const rank = call.rank(0, 3, 4).length;
  const kernel = call.rank(1, rank).slice(2);
  const given = call.ints('kernel_shape');
  if (given && given.join() !== kernel.join()) call.fail(`kernel_shape is [${given}], the weights have [${kernel}]`);
  return kernel;
}

/** `values` of one or two axes as two. */
const two = (values: readonly number[], other: number): [number, number] =>
  (values.length === 1 ? [other, ...values] : [...values]) as [number, number];

function geometryOf({ stride, dilation, before, after }: OnnxWindow, groups: number) {
  const [strideH, strideW] = two(stride, 1);
  const [dilationH, dilationW] = two(dilation, 1);
  const [padTop, padLeft] = two(before, 0);
  const [padBottom, padRight] = two(after, 0);
  return { strideH, strideW, padTop, padLeft, padBottom, padRight, dilationH, dilationW, groups };
}

/** Input and weights with two spatial axes. */
function operands(call: NodeCall): { x: GraphTensor; w: GraphTensor } {
  const rank = call.shape(0).length;
  const w = call.tensor(1, weightAxes(rank), 'parameter');
  const x = call.tensor(0, channelsLast(rank));
  if (rank === 4) return { x, w };
  return { x: call.reshape(x, x.shape.toSpliced(1, 0, 1)), w: call.reshape(w, [1, ...w.shape]) };
}

/** `y` [n, h, w, c] with the bias of input 2, as a value with the spatial axes of input 0. */
function withBias(call: NodeCall, y: GraphTensor): Stored {
  const rank = call.shape(0).length;
  const biased = call.has(2) ? call.emit(biasAdd, [y, call.tensor(2, [0], 'parameter')], {}) : y;
  const [n = 1, h = 1, w = 1, c = 1] = biased.shape;
  const shape = rank === 4 ? [n, c, h, w] : [n, c, w];
  return new Stored(call.reshape(biased, storedShape(shape, channelsLast(rank))), shape, channelsLast(rank));
}

function conv(call: NodeCall): Value {
  const kernel = kernelOf(call);
  const window = windowOf(call, call.shape(0).slice(2), kernel);
  const geometry = geometryOf(window, call.int('group', 1));
  const { x, w } = operands(call);
  return withBias(call, call.emit(conv2d, [x, w, undefined], { ...geometry, ...NO_ACTIVATION }));
}

/** The gradient of a convolution by its input: ONNX's weights [c, o, ...] are those of the convolution that goes back. */
function convTranspose(call: NodeCall): Value {
  const kernel = kernelOf(call);
  const input = call.shape(0).slice(2);
  const window = transposedWindow(call, input, kernel);
  const [inH, inW] = two(window.output, 1);
  const geometry = geometryOf(window, call.int('group', 1));
  const { x, w } = operands(call);
  return withBias(call, call.emit(conv2dDx, [x, w, undefined], { ...geometry, ...NO_ACTIVATION, inH, inW }));
}

/** The window, and the size that it leads to: given, or what strides, padding and output_padding make of the input. */
function transposedWindow(
  call: NodeCall,
  input: readonly number[],
  kernel: readonly number[],
): OnnxWindow & { readonly output: readonly number[] } {
  const more = call.ints('output_padding') ?? input.map(() => 0);
  const given = call.ints('output_shape');
  const isSame = ['SAME_UPPER', 'SAME_LOWER'].includes(String(call.attribute('auto_pad')));
  const upper = call.attribute('auto_pad') === 'SAME_UPPER';
  const window = windowOf(call, input, kernel);
  if (more.length !== input.length || more.some((size) => size < 0)) call.fail(`output_padding is [${more}]`);
  const wanted = given?.slice(-input.length) ?? (isSame ? input.map((size, i) => size * window.stride[i]!) : undefined);
  const whole = input.map((size, i) => {
    return (size - 1) * window.stride[i]! + (kernel[i]! - 1) * window.dilation[i]! + 1 + more[i]!;
  });
  if (!wanted) {
    const output = whole.map((size, i) => size - window.before[i]! - window.after[i]!);
    return { ...window, output };
  }
  if (wanted.length !== input.length || wanted.some((size) => size < 1)) call.fail(`output_shape is [${wanted}]`);
  // Too much is cut off on both sides, too little is added at the end.
  const cut = whole.map((size, i) => Math.max(0, size - wanted[i]!));
  const less = cut.map((size) => Math.floor(size / 2));
  const rest = cut.map((size) => Math.ceil(size / 2));
  return { ...window, before: upper ? less : rest, after: upper ? rest : less, output: wanted };
}

export const convolutions: OperatorTable = { Conv: conv, ConvTranspose: convTranspose };
