// Conv and ConvTranspose. Inputs are taken channels last and weights in lanewise's order; one spatial axis is two, the
// first of size 1.

import { biasAdd } from '../../ops/bias_add.ts';
import { conv2d } from '../../ops/conv2d.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, Stored, storedShape, type Value } from '../value.ts';
import type { OperatorTable } from './operator.ts';
import { windowOf } from './window.ts';

/** ONNX [o, c, ...spatial] to [...spatial, c, o]. */
const weightAxes = (rank: number): number[] => [...inOrder(rank).slice(2), 1, 0];

function conv(call: NodeCall): Value {
  const shape = call.rank(0, 3, 4);
  const rank = shape.length;
  const weights = call.rank(1, rank);
  const kernel = weights.slice(2);
  const groups = call.int('group', 1);
  const given = call.ints('kernel_shape');
  if (given && given.join() !== kernel.join()) call.fail(`kernel_shape is [${given}], the weights have [${kernel}]`);
  const window = windowOf(call, shape.slice(2), kernel);
  const w = call.tensor(1, weightAxes(rank), 'parameter');
  const x = call.tensor(0, channelsLast(rank));
  const two = (values: readonly number[], other: number) => (values.length === 1 ? [other, ...values] : values);
  const [strideH, strideW] = two(window.stride, 1) as [number, number];
  const [dilationH, dilationW] = two(window.dilation, 1) as [number, number];
  const [padTop, padLeft] = two(window.before, 0) as [number, number];
  const [padBottom, padRight] = two(window.after, 0) as [number, number];
  const lifted = (tensor: typeof x, at: number) =>
    rank === 4 ? tensor : call.reshape(tensor, tensor.shape.toSpliced(at, 0, 1));
  let y = call.emit(conv2d, [lifted(x, 1), lifted(w, 0), undefined], {
    strideH,
    strideW,
    padTop,
    padLeft,
    padBottom,
    padRight,
    dilationH,
    dilationW,
    groups,
    activation: 0,
    slope: 0,
  });
  if (call.has(2)) y = call.emit(biasAdd, [y, call.tensor(2, [0], 'parameter')], {});
  const [n = 1, oh = 1, ow = 1, o = 1] = y.shape;
  const result = rank === 4 ? [n, o, oh, ow] : [n, o, ow];
  return new Stored(call.reshape(y, storedShape(result, channelsLast(rank))), result, channelsLast(rank));
}

export const convolutions: OperatorTable = { Conv: conv };
