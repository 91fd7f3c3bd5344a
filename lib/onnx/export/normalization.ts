// Normalisations, with the channels where ONNX wants them: behind the batch.

import { elementCount } from '../../ops/op.ts';
import { inOrder } from '../value.ts';
import { float } from './file-graph.ts';
import type { Placed } from './file-value.ts';
import type { Dim, ExporterTable, OpCall } from './op-call.ts';

/** An order with the examples first and the channels next. */
function exampleChannels(call: OpCall): readonly number[] {
  const { order, tensor } = call.value(0);
  const rank = tensor.shape.length;
  return order[0] === 0 && order[1] === rank - 1
    ? order
    : [0, rank - 1, ...order.filter((a) => a !== 0 && a !== rank - 1)];
}

function batchNorm(call: OpCall): Placed {
  const order = exampleChannels(call);
  const vectors = [1, 2, 3, 4].map((index) => call.as(index, [0]));
  const inputs = [call.as(0, order), ...vectors];
  const y = call.emit('BatchNormalization', inputs, { epsilon: float(call.attr('epsilon')) });
  return { order, name: call.activated(y) };
}

function groupNorm(call: OpCall): Placed[] {
  if (call.isRead(1) || call.isRead(2)) call.fail('gives mean and rstd, which stand in gradients only');
  const [groups, epsilon] = [call.attr('groups'), float(call.attr('epsilon'))];
  const { shape } = call.output();
  const c = shape.at(-1) as number;
  const order = exampleChannels(call);
  const placed = (y: string): Placed[] => [{ order, name: call.activated(y) }];
  if (groups === 1 && elementCount(shape) === shape[0]! * c) {
    const rows = inOrder(shape.length);
    const inputs = [call.as(0, rows), call.as(1, [0]), call.as(2, [0])];
    const y = call.emit('LayerNormalization', inputs, { axis: -1, epsilon });
    return [{ order: rows, name: call.activated(y) }];
  }
  if (groups === c && shape.length > 2) {
    return placed(
      call.emit('InstanceNormalization', [call.as(0, order), call.as(1, [0]), call.as(2, [0])], { epsilon }),
    );
  }
  const dims = call.dims(call.output(), order);
  const [n] = dims as [Dim];
  const apart = call.reshape(call.as(0, order), [n, groups, elementCount(shape) / shape[0]! / groups]);
  const ones = call.constant('ones', [groups], new Float32Array(groups).fill(1));
  const zeros = call.constant('zeros', [groups], new Float32Array(groups));
  const normal = call.reshape(call.emit('InstanceNormalization', [apart, ones, zeros], { epsilon }), dims);
  const scaled = call.emit('Mul', [normal, call.aligned(1, order)]);
  return placed(call.emit('Add', [scaled, call.aligned(2, order)]));
}

function localResponseNorm(call: OpCall): Placed {
  const [before, after, k] = [call.attr('before'), call.attr('after'), call.attr('k')];
  const [alpha, beta] = [call.attr('alpha'), call.attr('beta')];
  const order = exampleChannels(call);
  const x = call.as(0, order);
  const size = before + after + 1;
  if (before === after && order.length === 4) {
    const attributes = { alpha: float(alpha), beta: float(beta), bias: float(k), size };
    return { order, name: call.emit('LRN', [x], attributes) };
  }
  // The means over neighbouring channels, as those over the rows of one image an example.
  const dims = call.dims(call.output(), order);
  const { shape } = call.output();
  const c = shape.at(-1) as number;
  const [n] = dims as [Dim];
  const rows = call.reshape(call.emit('Mul', [x, x]), [n, 1, c, elementCount(shape) / shape[0]! / c]);
  const window = { kernel_shape: [size, 1], strides: [1, 1], pads: [before, 0, after, 0], count_include_pad: 1 };
  const means = call.reshape(call.emit('AveragePool', [rows], window), dims);
  const scale = call.emit('Add', [call.emit('Mul', [means, call.float(alpha)]), call.float(k)]);
  return { order, name: call.emit('Div', [x, call.emit('Pow', [scale, call.float(beta)])]) };
}

export const normalization: ExporterTable = {
  batch_norm2d_inference: batchNorm,
  group_norm: groupNorm,
  local_response_norm: localResponseNorm,
};
