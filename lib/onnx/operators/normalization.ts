// Batch, instance, group and layer normalisation and the local response, channels last.

import type { GraphTensor } from '../../graph/graph.ts';
import { batchNorm2d, batchNorm2dInference, batchNorm2dRunning } from '../../ops/batch_norm2d.ts';
import { broadcast, broadcastTo } from '../../ops/binary.ts';
import { groupNorm } from '../../ops/group_norm.ts';
import { localResponseNorm } from '../../ops/local_response_norm.ts';
import { elementCount } from '../../ops/op.ts';
import { unary } from '../../ops/unary.ts';
import { unaryAttrs } from '../../ops/unary-functions.ts';
import type { NodeCall } from '../node-call.ts';
import { channelsLast, inOrder, type PersistentRole, Stored, type Value } from '../value.ts';
import { emitBinary } from './elementwise.ts';
import type { OperatorTable } from './operator.ts';

const NO_ACTIVATION = { activation: 0, slope: 0 } as const;

/** Input `index`, one value for each of `count` channels. */
function vector(call: NodeCall, index: number, count: number, role: PersistentRole = 'parameter'): GraphTensor {
  const shape = call.shape(index);
  if (elementCount(shape) !== count) call.fail(`input ${index} is [${shape}]; it needs ${count} values`);
  return call.reshape(call.tensor(index, inOrder(shape.length), role), [count]);
}

/**
 * With the statistics of the file, or of the batch: where the node says training_mode, and whenever the model is trained, as
 * PyTorch's does. The running ones then move on after each step.
 */
function batchNormalization(call: NodeCall): Value | Value[] {
  const epsilon = call.float('epsilon', 1e-5);
  const momentum = call.float('momentum', 0.9);
  const saysTraining = call.opset >= 14 && call.flag('training_mode');
  if (call.opset < 9 && !call.flag('spatial', 1))
    call.fail('statistics for each pixel (spatial = 0) are not supported');
  if (!saysTraining && [1, 2, 3, 4].some((output) => call.wants(output))) {
    call.fail('statistics as outputs are supported with training_mode = 1 only');
  }
  const { shape } = call.input(0);
  const c = shape[1] ?? 1;
  if (shape.length === 0) call.fail('needs an axis of the batch');
  const axes = channelsLast(shape.length);
  const x = call.tensor(0, axes);
  const [gamma, beta] = [vector(call, 1, c), vector(call, 2, c)];
  const [mean, variance] = [vector(call, 3, c, 'state'), vector(call, 4, c, 'state')];
  const attrs = { epsilon, ...NO_ACTIVATION };
  const moves = call.host.mode === 'training' && mean.role === 'state' && variance.role === 'state';
  if (!saysTraining && !moves) {
    return new Stored(call.emit(batchNorm2dInference, [x, gamma, beta, mean, variance], attrs), shape, axes);
  }
  const [y, batchMean, batchVariance] = call.emitAll(batchNorm2d, [x, gamma, beta], attrs) as [
    GraphTensor,
    GraphTensor,
    GraphTensor,
  ];
  if (moves) {
    const rows = elementCount(shape) / c;
    const unbiased = rows > 1 ? rows / (rows - 1) : 1;
    call.host.afterForward(() => {
      call.emit(batchNorm2dRunning, [mean, variance, batchMean, batchVariance], { momentum: 1 - momentum, unbiased });
    });
  }
  const blend = (old: GraphTensor, batch: GraphTensor): Stored => {
    const part = (tensor: GraphTensor, share: number) =>
      call.plain(call.emit(unary, [tensor], unaryAttrs('affine', share, 0)), [c]);
    return emitBinary(call, 'add', part(old, momentum), part(batch, 1 - momentum));
  };
  const result = new Stored(y, shape, axes);
  if (!call.wants(1) && !call.wants(2)) return result;
  return [result, blend(mean, batchMean), blend(variance, batchVariance)];
}

/** y of op group_norm over the channels of input 0. */
function overGroups(call: NodeCall, groups: number, gamma: GraphTensor, beta: GraphTensor): Value {
  const epsilon = call.float('epsilon', 1e-5);
  const { shape } = call.input(0);
  const axes = channelsLast(shape.length);
  const attrs = { groups, epsilon, ...NO_ACTIVATION };
  return new Stored(call.emit(groupNorm, [call.tensor(0, axes), gamma, beta], attrs), shape, axes);
}

function instanceNormalization(call: NodeCall): Value {
  const [, c = 1] = call.rank(0, 3, 5);
  return overGroups(call, c, vector(call, 1, c), vector(call, 2, c));
}

/** Scale and bias are one a channel since opset 21; before, one a group. */
function groupNormalization(call: NodeCall): Value {
  const [, c = 1] = call.rank(0, 2, 5);
  const groups = call.int('num_groups', 0);
  if (call.opset >= 21) {
    if (call.int('stash_type', 1) !== 1) call.fail('statistics in another type than F32 are not supported');
    return overGroups(call, groups, vector(call, 1, c), vector(call, 2, c));
  }
  if (groups < 1 || c % groups !== 0) call.fail(`${groups} groups do not divide ${c} channels`);
  const spread = (index: number) => {
    const each = call.reshape(vector(call, index, groups), [groups, 1]);
    return call.reshape(call.emit(broadcast, [each], broadcastTo([groups, c / groups])), [c]);
  };
  return overGroups(call, groups, spread(1), spread(2));
}

/** Over all axes from `axis` on, each of whose elements has a scale of its own. */
function layerNormalization(call: NodeCall): Value | Value[] {
  const { shape } = call.input(0);
  const rank = shape.length;
  const axis = call.axis(call.int('axis', -1), rank);
  const epsilon = call.float('epsilon', 1e-5);
  if (call.int('stash_type', 1) !== 1) call.fail('statistics in another type than F32 are not supported');
  const columns = elementCount(shape.slice(axis));
  const rows = call.reshape(call.tensor(0, inOrder(rank)), [elementCount(shape) / columns, columns]);
  const gamma = vector(call, 1, columns);
  const beta = call.has(2) ? vector(call, 2, columns) : call.filled(0, [columns]);
  const attrs = { groups: 1, epsilon, ...NO_ACTIVATION };
  const [y, mean, rstd] = call.emitAll(groupNorm, [rows, gamma, beta], attrs) as [
    GraphTensor,
    GraphTensor,
    GraphTensor,
  ];
  const kept = shape.map((size, d) => (d < axis ? size : 1));
  return [call.plain(y, shape), call.plain(mean, kept), call.plain(rstd, kept)];
}

function localResponse(call: NodeCall): Value {
  const shape = call.rank(0, 3, 5);
  const size = call.int('size', 0);
  if (size < 1) call.fail(`the window of ${size} channels is none`);
  const axes = channelsLast(shape.length);
  const attrs = {
    before: Math.floor((size - 1) / 2),
    after: Math.ceil((size - 1) / 2),
    alpha: call.float('alpha', 1e-4),
    beta: call.float('beta', 0.75),
    k: call.float('bias', 1),
  };
  return new Stored(call.emit(localResponseNorm, [call.tensor(0, axes)], attrs), shape, axes);
}

export const normalizations: OperatorTable = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  LRN: localResponse,
};
