// Pooling, and what goes back along the positions of its maxima. Positions are those of one channel's plane, as 64-bit
// integers; ONNX's MaxPool counts them in the whole tensor.

import { elementCount } from '../../ops/op.ts';
import { channelsFirst, type Placed } from './file-value.ts';
import type { ExporterTable, OpCall } from './op-call.ts';

const IMAGES = channelsFirst(4);
/** The lowest finite number, which never wins. */
const LOWEST = -(2 - 2 ** -23) * 2 ** 127;
const POOL_SIDES = ['padTop', 'padLeft', 'padBottom', 'padRight'];

const windowAttributes = (call: OpCall) => ({
  kernel_shape: [call.attr('kernelH'), call.attr('kernelW')],
  strides: [call.attr('strideH'), call.attr('strideW')],
  pads: POOL_SIDES.map((side) => call.attr(side)),
});

const isDilated = (call: OpCall): boolean => call.attr('dilationH') !== 1 || call.attr('dilationW') !== 1;

function maxPool(call: OpCall): (Placed | undefined)[] {
  const dilations = isDilated(call) ? { dilations: [call.attr('dilationH'), call.attr('dilationW')] } : {};
  const count = call.isRead(1) ? 2 : 1;
  const { pads, ...window } = windowAttributes(call);
  let x = call.as(0, IMAGES);
  let left = pads;
  // As far as a dilated window reaches; onnxruntime takes no more than one without holes does.
  if (pads.some((side, i) => side >= window.kernel_shape[i % 2]!)) {
    if (count > 1) call.fail('gives positions with padding as wide as the kernel, which cannot be exported');
    const [top = 0, leftSide = 0, bottom = 0, right = 0] = pads;
    const sides = call.integers([0, 0, top, leftSide, 0, 0, bottom, right]);
    x = call.emit('Pad', [x, sides, call.float(LOWEST)]);
    left = [0, 0, 0, 0];
  }
  const [y, index] = call.emitAll('MaxPool', [x], { ...window, pads: left, ...dilations }, count);
  return [y, index].map((name) => (name === undefined ? undefined : { order: IMAGES, name }));
}

/** Windows whose means ONNX does not have in this opset, as a depthwise convolution: dilated ones, and padding of which only a
 * part counts. The factor of each output undoes what the divisor is. */
function avgPoolByWeights(call: OpCall): string {
  const { kernel_shape, strides, pads } = windowAttributes(call);
  const [, h = 1, w = 1, c = 1] = call.shape(0);
  const [, oh = 1, ow = 1] = call.output().shape;
  const dilations = [call.attr('dilationH'), call.attr('dilationW')];
  const ones = call.constant('ones', [c, 1, ...kernel_shape], new Float32Array(c * elementCount(kernel_shape)).fill(1));
  const sums = call.emit('Conv', [call.as(0, IMAGES), ones], { kernel_shape, strides, pads, dilations, group: c });
  const divisor = call.attr('divisor');
  if (divisor === 1) return sums;
  if (divisor > 0) return call.emit('Div', [sums, call.float(divisor)]);
  const counts = [0, 1].map((axis) => {
    const size = [h, w][axis]!;
    const end = size + pads[axis + 2]! - call.attr(axis === 0 ? 'ceilBottom' : 'ceilRight');
    return Array.from({ length: [oh, ow][axis]! }, (_, window) => {
      const taps = Array.from({ length: kernel_shape[axis]! }, (_, tap) => {
        return window * strides[axis]! - pads[axis]! + tap * dilations[axis]!;
      });
      return taps.filter((at) => (call.attr('countPadding') ? at < end : at >= 0 && at < size)).length;
    });
  });
  const data = Float32Array.from(counts[0]!.flatMap((rows) => counts[1]!.map((columns) => rows * columns)));
  return call.emit('Div', [sums, call.constant('counts', [1, 1, oh, ow], data)]);
}

function avgPool(call: OpCall): Placed {
  const isPlain = call.attr('divisor') === 0 && !isDilated(call);
  const cut = call.attr('ceilBottom') > 0 || call.attr('ceilRight') > 0;
  const counted = call.attr('countPadding') === 1;
  if (!isPlain || (cut && counted)) return { order: IMAGES, name: avgPoolByWeights(call) };
  const attributes = { ...windowAttributes(call), count_include_pad: Number(counted) };
  return { order: IMAGES, name: call.emit('AveragePool', [call.as(0, IMAGES)], attributes) };
}

const globalPool =
  (opType: string) =>
  (call: OpCall): Placed => {
    if (call.node.outputs.length > 1 && call.isRead(1)) call.fail('gives positions, which cannot be exported');
    const pooled = call.emit(opType, [call.as(0, IMAGES)]);
    return { order: [0, 1], name: call.emit('Flatten', [pooled], { axis: 1 }) };
  };

/** Where each window of an adaptive axis begins and ends. */
const shares = (size: number, windows: number): [start: number, end: number][] =>
  Array.from({ length: windows }, (_, i) => [Math.floor((i * size) / windows), Math.ceil(((i + 1) * size) / windows)]);

/** Means of rows, then of columns: products with what each position counts in each window. */
function adaptiveAvgPool(call: OpCall): Placed {
  const [, h = 1, w = 1] = call.shape(0);
  const [outH, outW] = [call.attr('outH'), call.attr('outW')];
  const rows = new Float32Array(outH * h);
  for (const [i, [start, end]] of shares(h, outH).entries()) rows.fill(1 / (end - start), i * h + start, i * h + end);
  const columns = new Float32Array(w * outW);
  for (const [i, [start, end]] of shares(w, outW).entries()) {
    for (let at = start; at < end; at++) columns[at * outW + i] = 1 / (end - start);
  }
  const tall = call.emit('MatMul', [call.constant('rows', [outH, h], rows), call.as(0, IMAGES)]);
  return { order: IMAGES, name: call.emit('MatMul', [tall, call.constant('columns', [w, outW], columns)]) };
}

function adaptiveMaxPool(call: OpCall): Placed {
  if (call.isRead(1)) call.fail('gives positions, which cannot be exported');
  const [, h = 1, w = 1] = call.shape(0);
  const along = (x: string, axis: number, size: number, windows: number): string => {
    const parts = shares(size, windows).map(([start, end]) => {
      const part = call.emit('Slice', [x, ...[[start], [end], [axis]].map((list) => call.integers(list))]);
      return call.emit('ReduceMax', [part], { axes: [axis], keepdims: 1 });
    });
    return parts.length === 1 ? parts[0]! : call.emit('Concat', parts, { axis });
  };
  const tall = along(call.as(0, IMAGES), 2, h, call.attr('outH'));
  return { order: IMAGES, name: along(tall, 3, w, call.attr('outW')) };
}

/** The positions that are asked for, from those in the tensor [n, c, h, w] that ONNX's MaxPool gives. */
function maxPoolPosition(call: OpCall): Placed {
  const [inH, inW, depth] = [call.attr('inH'), call.attr('inW'), call.attr('depth')];
  const [, , , c = 1] = call.shape(0);
  const [stepN, stepD, stepH, stepW, stepC] = ['stepN', 'stepD', 'stepH', 'stepW', 'stepC'].map((step) =>
    call.attr(step),
  ) as [number, number, number, number, number];
  const given = call.as(0, IMAGES);
  const area = inH * inW;
  const inPlane = stepH === inW && stepW === 1;
  if (inPlane && depth === 1 && stepC === area && stepN === c * area) return { order: IMAGES, name: given };
  if (stepN !== 0 || stepC !== 0) call.fail('counts positions in the whole tensor in an order that ONNX does not have');
  const integer = (value: number) => call.integers([value]);
  let position = call.emit('Mod', [given, integer(area)]);
  if (!inPlane) {
    const row = call.emit('Div', [position, integer(inW)]);
    const column = call.emit('Mod', [position, integer(inW)]);
    const scaled = [call.emit('Mul', [row, integer(stepH)]), call.emit('Mul', [column, integer(stepW)])];
    position = call.emit('Add', scaled);
  }
  if (depth === 1 || stepD === 0) return { order: IMAGES, name: position };
  const [n, ...rest] = call.dims(call.output(), IMAGES);
  const volumes = typeof n === 'number' ? n / depth : { batch: n!.batch / depth };
  const apart = call.reshape(position, [volumes, depth, ...rest]);
  const planes = call.host.file.integers(
    Array.from({ length: depth }, (_, d) => d * stepD),
    [depth, 1, 1, 1],
  );
  return { order: IMAGES, name: call.reshape(call.emit('Add', [apart, planes]), [n!, ...rest]) };
}

/** [n, c, h * w] of an image in the file. */
function rowsOf(call: OpCall, index: number): string {
  const [n, c, h, w] = call.dims(call.tensor(index), IMAGES) as [ReturnType<OpCall['dims']>[0], number, number, number];
  return call.reshape(call.as(index, IMAGES), [n, c, h * w]);
}

function positionsIn(call: OpCall, plane: number): string {
  return call.emit('Mod', [rowsOf(call, 1), call.integers([plane])]);
}

function maxUnpool(call: OpCall): Placed {
  const dims = call.dims(call.output(), IMAGES);
  const [n, c, h, w] = dims as [(typeof dims)[0], number, number, number];
  const zeros = call.emit('Expand', [call.float(0), call.shapeTensor([n, c, h * w])]);
  const inputs = [zeros, positionsIn(call, h * w), rowsOf(call, 0)];
  const y = call.emit('ScatterElements', inputs, { axis: 2, reduction: 'add' });
  return { order: IMAGES, name: call.reshape(y, dims) };
}

function maxUnpoolBack(call: OpCall): Placed {
  const [, h = 1, w = 1] = call.shape(0);
  const y = call.emit('GatherElements', [rowsOf(call, 0), positionsIn(call, h * w)], { axis: 2 });
  return { order: IMAGES, name: call.reshape(y, call.dims(call.output(), IMAGES)) };
}

export const pooling: ExporterTable = {
  max_pool2d: maxPool,
  avg_pool2d: avgPool,
  global_avg_pool2d: globalPool('GlobalAveragePool'),
  global_max_pool2d: globalPool('GlobalMaxPool'),
  adaptive_avg_pool2d: adaptiveAvgPool,
  adaptive_max_pool2d: adaptiveMaxPool,
  max_pool2d_position: maxPoolPosition,
  max_unpool2d: maxUnpool,
  max_unpool2d_dx: maxUnpoolBack,
};
