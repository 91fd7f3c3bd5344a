// Ops on single elements: any order of axes does, so they take the one their input has.

import { BINARY_NAMES, type BinaryName } from '../../ops/binary-functions.ts';
import { type UnaryName, unaryName } from '../../ops/unary-functions.ts';
import { float } from './file-graph.ts';
import { channelsFirst, type Placed } from './file-value.ts';
import type { ExporterTable, OpCall } from './op-call.ts';

/** An op of one input that is a chain of nodes. */
const alone =
  (f: (call: OpCall, x: string) => string) =>
  (call: OpCall): Placed => {
    const { order } = call.value(0);
    return { order, name: f(call, call.as(0, order)) };
  };

const named = (opType: string) => alone((call, x) => call.emit(opType, [x]));

/** The order that most of the operands of an op with broadcasting are in already. */
function commonOrder(call: OpCall, indices: readonly number[]): readonly number[] {
  const rank = call.output().shape.length;
  const whole = indices
    .map((index) => call.value(index))
    .filter(({ tensor, data }) => !data && tensor.shape.length === rank);
  const orders = whole.map(({ order }) => order);
  const usual = channelsFirst(rank);
  return orders.find((order) => order.join() === usual.join()) ?? orders[0] ?? usual;
}

function joined(opType: string) {
  return (call: OpCall): Placed => {
    const order = commonOrder(call, [0, 1]);
    return { order, name: call.emit(opType, [call.aligned(0, order), call.aligned(1, order)]) };
  };
}

const binaries: Readonly<Record<BinaryName, ((call: OpCall) => Placed) | undefined>> = {
  add: joined('Add'),
  subtract: joined('Sub'),
  multiply: joined('Mul'),
  divide: joined('Div'),
  maximum: joined('Max'),
  minimum: joined('Min'),
  equal(call) {
    const { order, name } = joined('Equal')(call);
    return { order, name: call.emit('Cast', [name as string], { to: 1 }) };
  },
  // Stands in gradients alone.
  maximum_share: undefined,
};

/** Above this ln(1 + e^x) is x in fp32. */
const SOFTPLUS_IS_X = 17;

type Unary = (call: OpCall, x: string, alpha: number, beta: number) => string;
const direct =
  (opType: string): Unary =>
  (call, x) =>
    call.emit(opType, [x]);
const times = (call: OpCall, x: string, factor: number): string =>
  factor === 1 ? x : call.emit('Mul', [x, call.float(factor)]);

const clipped: Unary = (call, x, alpha, beta) => {
  const ends = [alpha, beta].map((end) => (Number.isFinite(end) ? call.float(end) : ''));
  return call.emit('Clip', ends[1] === '' ? [x, ends[0]!] : [x, ...ends]);
};

const unaries: Readonly<Record<UnaryName, Unary>> = {
  hard_tanh: clipped,
  clip: clipped,
  elu: (call, x, alpha, beta) =>
    beta === 1
      ? call.emit('Elu', [x], { alpha: float(alpha) })
      : call.emit('Selu', [x], { alpha: float(alpha), gamma: float(beta) }),
  celu: (call, x, alpha) => call.emit('Celu', [x], { alpha: float(alpha) }),
  gelu(call, x) {
    const erf = call.emit('Erf', [times(call, x, Math.SQRT1_2)]);
    return call.emit('Mul', [times(call, x, 0.5), call.emit('Add', [erf, call.float(1)])]);
  },
  gelu_tanh(call, x) {
    const cube = call.emit('Mul', [call.emit('Mul', [x, x]), x]);
    const z = times(call, call.emit('Add', [x, times(call, cube, 0.044715)]), Math.sqrt(2 / Math.PI));
    return call.emit('Mul', [times(call, x, 0.5), call.emit('Add', [call.emit('Tanh', [z]), call.float(1)])]);
  },
  silu: (call, x, alpha) => call.emit('Mul', [x, call.emit('Sigmoid', [times(call, x, alpha)])]),
  mish: (call, x) => call.emit('Mul', [x, call.emit('Tanh', [call.emit('Softplus', [x])])]),
  hard_sigmoid: (call, x, alpha, beta) => call.emit('HardSigmoid', [x], { alpha: float(alpha), beta: float(beta) }),
  hard_swish: direct('HardSwish'),
  softplus(call, x, alpha, beta) {
    const z = times(call, x, alpha);
    const y = times(call, call.emit('Softplus', [z]), 1 / alpha);
    if (beta >= SOFTPLUS_IS_X) return y;
    return call.emit('Where', [call.emit('Greater', [z, call.float(beta)]), x, y]);
  },
  softsign: direct('Softsign'),
  exp: direct('Exp'),
  log: direct('Log'),
  sqrt: direct('Sqrt'),
  reciprocal: direct('Reciprocal'),
  abs: direct('Abs'),
  negate: direct('Neg'),
  square: (call, x) => call.emit('Mul', [x, x]),
  erf: direct('Erf'),
  affine(call, x, alpha, beta) {
    const scaled = times(call, x, alpha);
    return beta === 0 ? scaled : call.emit('Add', [scaled, call.float(beta)]);
  },
  huber(call, x, alpha) {
    // m * (|x| - m / 2) with m = min(|x|, alpha).
    const size = call.emit('Abs', [x]);
    const least = call.emit('Min', [size, call.float(alpha)]);
    return call.emit('Mul', [least, call.emit('Sub', [size, times(call, least, 0.5)])]);
  },
  power: (call, x, alpha) => call.emit('Pow', [x, call.float(alpha)]),
};

/** Softmax and its logarithm along the last axis, wherever the file has it. */
const alongLast =
  (opType: string) =>
  (call: OpCall): Placed => {
    const { order } = call.value(0);
    return { order, name: call.emit(opType, [call.as(0, order)], { axis: order.indexOf(order.length - 1) }) };
  };

export const elementwise: ExporterTable = {
  relu: named('Relu'),
  sigmoid: named('Sigmoid'),
  tanh: named('Tanh'),
  leaky_relu: alone((call, x) => call.emit('LeakyRelu', [x], { alpha: float(call.attr('slope')) })),
  softmax: alongLast('Softmax'),
  log_softmax: alongLast('LogSoftmax'),
  unary: alone((call, x) => unaries[unaryName(call.attr('kind'))](call, x, call.attr('alpha'), call.attr('beta'))),
  prelu(call) {
    const { order } = call.value(0);
    return { order, name: call.emit('PRelu', [call.as(0, order), call.aligned(1, order)]) };
  },
  bias_add(call) {
    const { order } = call.value(0);
    return { order, name: call.emit('Add', [call.as(0, order), call.aligned(1, order)]) };
  },
  normalize(call) {
    const value = call.value(0);
    const { order } = value;
    const isAll = (index: number, number: number) => call.value(index).data?.every((v) => v === number) === true;
    if (isAll(1, 1) && isAll(2, 0)) return { order, name: () => value.as(order) };
    const scaled = call.emit('Mul', [call.as(0, order), call.aligned(1, order)]);
    return { order, name: call.emit('Add', [scaled, call.aligned(2, order)]) };
  },
  add(call) {
    if (call.has(2)) call.fail('with a gate stands in gradients only and cannot be exported');
    const { order, name } = joined('Add')(call);
    return { order, name: call.activated(name as string) };
  },
  binary(call) {
    const name = BINARY_NAMES[call.attr('kind')] as BinaryName;
    const exporter = binaries[name] ?? call.fail(`of the kind ${name} cannot be exported`);
    return exporter(call);
  },
};
