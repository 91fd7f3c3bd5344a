// Conv and ConvTranspose over one to three axes. Inputs are taken channels last and weights in lanewise's order.

import type { GraphTensor } from '../../graph/graph.ts';
import { convolution } from '../../ops/convolution.ts';
import { transposedConvolution } from '../../ops/transposed-convolution.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, Stored, type Value } from '../value.ts';
import type { OperatorTable } from './operator.ts';
import { type OnnxWindow, windowOf } from './window.ts';

/** The kernel's sizes, from the weights. */
function kernelOf(call: NodeCall): number[] {
  const rank = call.rank(0, 3, 5).length;
  const kernel = call.rank(1, rank).slice(2);
  const given = call.ints('kernel_shape');
  if (given && given.join() !== kernel.join()) call.fail(`kernel_shape is [${given}], the weights have [${kernel}]`);
  return kernel;
}

type Convolve = (x: GraphTensor, w: GraphTensor, b: GraphTensor | undefined) => GraphTensor;

/** ONNX's weights [o, c, ...kernel] are lanewise's [...kernel, c, o]. */
function convolved(call: NodeCall, convolve: Convolve): Value {
  const rank = call.shape(0).length;
  const axes = channelsLast(rank);
  const w = call.tensor(1, [...inOrder(rank).slice(2), 1, 0], 'parameter');
  const x = call.tensor(0, axes);
  const b = call.has(2) ? call.tensor(2, [0], 'parameter') : undefined;
  const y = convolve(x, w, b);
  return new Stored(
    y,
    axes.map((_, axis) => y.shape[axes.indexOf(axis)]!),
    axes,
  );
}

function conv(call: NodeCall): Value {
  const kernel = kernelOf(call);
  const window = { ...windowOf(call, call.shape(0).slice(2), kernel), groups: call.int('group', 1) };
  return convolved(call, (x, w, b) => convolution(call.emitter, x, w, b, window));
}

/** ONNX's weights [c, o, ...kernel] are those of the convolution that goes back. */
function convTranspose(call: NodeCall): Value {
  const kernel = kernelOf(call);
  const window = { ...transposedWindow(call, call.shape(0).slice(2), kernel), groups: call.int('group', 1) };
  return convolved(call, (x, w, b) => transposedConvolution(call.emitter, x, w, b, window));
}

/** The window, and the size that it leads to: given, or what strides, padding and output_padding make of the input. */
function transposedWindow(
  call: NodeCall,
  input: readonly number[],
  kernel: readonly number[],
): OnnxWindow & { readonly size: readonly number[] } {
  const more = call.ints('output_padding') ?? input.map(() => 0);
  const given = call.ints('output_shape');
  const isUpper = call.attribute('auto_pad') === 'SAME_UPPER';
  const isSame = isUpper || call.attribute('auto_pad') === 'SAME_LOWER';
  const window = windowOf(call, input, kernel);
  if (more.length !== input.length || more.some((size) => size < 0)) call.fail(`output_padding is [${more}]`);
  const wanted = given?.slice(-input.length) ?? (isSame ? input.map((size, i) => size * window.stride[i]!) : undefined);
  const whole = input.map((size, i) => {
    return (size - 1) * window.stride[i]! + (kernel[i]! - 1) * window.dilation[i]! + 1 + more[i]!;
  });
  if (!wanted) {
    const size = whole.map((full, i) => full - window.before[i]! - window.after[i]!);
    if (size.some((side) => side < 1)) call.fail(`the padding leaves nothing: [${size}]`);
    return { ...window, size };
  }
  if (wanted.length !== input.length || wanted.some((size) => size < 1)) call.fail(`output_shape is [${wanted}]`);
  // What is too much is cut off on both sides, what is missing is added at the end.
  const cut = whole.map((size, i) => Math.max(0, size - wanted[i]!));
  const before = cut.map((size) => (isUpper ? Math.floor(size / 2) : Math.ceil(size / 2)));
  return { ...window, before, size: wanted };
}

export const convolutions: OperatorTable = { Conv: conv, ConvTranspose: convTranspose };
