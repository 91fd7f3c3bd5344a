// Ops that multiply by weights. Kernels become [out, in, height, width], and what a linear layer reads after a flattening
// is put in the order in which the file flattens, so that nothing is transposed on the way.

import { elementCount } from '../../ops/op.ts';
import { inOrder, rearranged } from '../value.ts';
import { channelsFirst, type FileValue, type Placed } from './file-value.ts';
import type { ExporterTable, OpCall } from './op-call.ts';

const IMAGES = channelsFirst(4);
/** [kh, kw, in, out] to [out, in, kh, kw]; with ConvTranspose it is the other end that goes in. */
const KERNEL = [3, 2, 0, 1];

function windowAttributes(call: OpCall) {
  const [kernelH = 1, kernelW = 1] = call.shape(1);
  return {
    kernel_shape: [kernelH, kernelW],
    strides: [call.attr('strideH'), call.attr('strideW')],
    dilations: [call.attr('dilationH'), call.attr('dilationW')],
    pads: ['padTop', 'padLeft', 'padBottom', 'padRight'].map((side) => call.attr(side)),
    group: call.attr('groups'),
  };
}

const bias = (call: OpCall): string[] => (call.has(2) ? [call.as(2, [0])] : []);

function convolved(call: OpCall, opType: string, more: Readonly<Record<string, readonly number[]>> = {}): Placed {
  const inputs = [call.as(0, IMAGES), call.as(1, KERNEL), ...bias(call)];
  return { order: IMAGES, name: call.activated(call.emit(opType, inputs, { ...windowAttributes(call), ...more })) };
}

/** What x is a flattening of, if each example is flattened alone. */
function flattened(call: OpCall): FileValue | undefined {
  const x = call.tensor(0);
  const source = call.host.producerOf(x)?.op.name === 'reshape' ? call.host.producerOf(x)?.inputs[0] : undefined;
  if (!source || source.shape.length < 3 || call.value(0).data) return undefined;
  const sameBatch = String(call.dims(source, [0])) === String(call.dims(x, [0])) && source.shape[0] === x.shape[0];
  const value = call.host.valueOf(source);
  return sameBatch && !value.data && value.order[0] === 0 ? value : undefined;
}

function linear(call: OpCall): Placed {
  const weights = call.value(1);
  const source = weights.data && flattened(call);
  const product = (x: string, w: string): Placed => ({
    order: [0, 1],
    name: call.activated(call.emit('Gemm', [x, w, ...bias(call)])),
  });
  if (!source || !weights.data) return product(call.as(0, [0, 1]), call.as(1, [0, 1]));
  const { order, tensor } = source;
  const x = source.derived('flat', () => call.emit('Flatten', [source.as(order)], { axis: 1 }));
  const units = weights.tensor.shape[1]!;
  const sizes = tensor.shape.slice(1);
  const rows = [...order.slice(1).map((axis) => axis - 1), sizes.length];
  const w = weights.derived(`rows ${sizes} ${rows}`, () => {
    const data = rearranged(weights.data!, [...sizes, units], rows);
    return weights.known(weights.tensor.name, [elementCount(sizes), units], data);
  });
  return product(x, w);
}

export const products: ExporterTable = {
  conv2d: (call) => convolved(call, 'Conv'),
  conv2d_dx(call) {
    const [, height = 1, width = 1] = call.shape(0);
    const { kernel_shape, strides, dilations, pads } = windowAttributes(call);
    const whole = [call.attr('inH'), call.attr('inW')];
    // What the strides of the convolution leave over.
    const output_padding = [height, width].map((size, axis) => {
      const reach = (size - 1) * strides[axis]! + (kernel_shape[axis]! - 1) * dilations[axis]! + 1;
      return whole[axis]! - reach + pads[axis]! + pads[axis + 2]!;
    });
    return convolved(call, 'ConvTranspose', { output_padding });
  },
  linear,
  gemm(call) {
    const side = (index: number, transposed: number) => call.as(index, transposed ? [1, 0] : inOrder(2));
    const inputs = [side(0, call.attr('transA')), side(1, call.attr('transB'))];
    return { order: inOrder(2), name: call.emit('MatMul', inputs) };
  },
};
