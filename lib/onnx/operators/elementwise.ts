// Operators on each element: activations, arithmetic with broadcasting, and what passes values on. They keep whatever
// order of axes their input has.

import type { GraphTensor } from '../../graph/graph.ts';
import { add } from '../../ops/add.ts';
import { biasAdd } from '../../ops/bias_add.ts';
import { binary } from '../../ops/binary.ts';
import { type BinaryName, binaryAttrs } from '../../ops/binary-functions.ts';
import { dropout } from '../../ops/dropout.ts';
import { leakyRelu } from '../../ops/leaky_relu.ts';
import { elementCount } from '../../ops/op.ts';
import { prelu } from '../../ops/prelu.ts';
import { relu } from '../../ops/relu.ts';
import { sigmoid } from '../../ops/sigmoid.ts';
import { tanh } from '../../ops/tanh.ts';
import { unary } from '../../ops/unary.ts';
import { type UnaryName, unaryAttrs } from '../../ops/unary-functions.ts';
import type { NodeCall } from '../node-call.ts';
import { inOrder, Known, type PersistentRole, Stored, storedShape, type Value, Weight } from '../value.ts';
import type { Operator, OperatorTable } from './operator.ts';

/** A function of the first input's elements. */
function mapped(call: NodeCall, emit: (x: GraphTensor) => GraphTensor): Stored {
  const { tensor, shape, axes } = call.stored(0);
  return new Stored(emit(tensor), shape, axes);
}

const apply = (call: NodeCall, x: GraphTensor, name: UnaryName, alpha = 0, beta = 0): GraphTensor =>
  call.emit(unary, [x], unaryAttrs(name, alpha, beta));

/** `parameters` reads the function's alpha and beta. */
const unaryOperator =
  (name: UnaryName, parameters: (call: NodeCall) => readonly number[] = () => []): Operator =>
  (call) => {
    const [alpha, beta] = parameters(call);
    return mapped(call, (x) => apply(call, x, name, alpha, beta));
  };

/** The shape that the inputs broadcast to: axes align at the last one, and those of size 1 are repeated. */
export function broadcastShapes(call: NodeCall, shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return inOrder(rank).map((axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = sizes.find((found) => found !== 1) ?? 1;
    const fits = sizes.every((found) => found === size || found === 1);
    return fits ? size : call.fail(`the shapes ${shapes.map((shape) => `[${shape}]`).join(', ')} do not broadcast`);
  });
}

/** `value` with axes of size 1 before its own until it has the rank of `axes`, the order that it will be asked for in. */
function padRank(call: NodeCall, value: Value, axes: readonly number[], role: PersistentRole): Value {
  const missing = axes.length - value.shape.length;
  if (missing === 0) return value;
  const ones = inOrder(missing).map(() => 1);
  const shape = [...ones, ...value.shape];
  if (value instanceof Known) return new Known(value.dtype, shape, value.data);
  const own = axes.filter((axis) => axis >= missing).map((axis) => axis - missing);
  const stored = call.keep(value, own, role);
  const padded = [...inOrder(missing), ...stored.axes.map((axis) => axis + missing)];
  return new Stored(call.reshape(stored.tensor, storedShape(shape, padded)), shape, padded);
}

/** f(a, b) of two values, in the order of axes of the one that decides the shape. */
export function emitBinary(call: NodeCall, name: BinaryName, a: Value, b: Value): Stored {
  const shape = broadcastShapes(call, [a.shape, b.shape]);
  const rank = shape.length;
  const trained = name === 'add' || name === 'multiply';
  // A weight of its own is laid out as its other operand is; so the operand goes first.
  const leading = [a, b].find((value) => value instanceof Stored && value.shape.join() === shape.join());
  const stored = leading ?? [a, b].find((value) => value instanceof Stored && value.shape.length === rank);
  const axes = stored instanceof Stored ? stored.axes : inOrder(rank);
  const arranged = (value: Value): GraphTensor => {
    // One number is a setting; only several are worth training.
    const role = trained && elementCount(value.shape) > 1 ? 'parameter' : 'constant';
    return call.arrange(padRank(call, value, axes, role), axes, role);
  };
  const [left, right] = [arranged(a), arranged(b)];
  return new Stored(emitPair(call, name, left, right), shape, axes);
}

/** Sums of equal shapes and sums with one value a channel are ops of their own, which their producers can take up. */
function emitPair(call: NodeCall, name: BinaryName, a: GraphTensor, b: GraphTensor): GraphTensor {
  if (name === 'add') {
    if (a.shape.join() === b.shape.join()) return call.emit(add, [a, b], { activation: 0, slope: 0 });
    const isBias = (x: GraphTensor, bias: GraphTensor) =>
      elementCount(bias.shape) === bias.shape.at(-1) && bias.shape.at(-1) === x.shape.at(-1);
    if (isBias(a, b)) return call.emit(biasAdd, [a, call.reshape(b, [b.shape.at(-1)!])], {});
    if (isBias(b, a)) return call.emit(biasAdd, [b, call.reshape(a, [a.shape.at(-1)!])], {});
  }
  return call.emit(binary, [a, b], binaryAttrs(name));
}

const binaryOperator =
  (name: BinaryName): Operator =>
  (call) =>
    emitBinary(call, name, call.input(0), call.input(1));

/** A function of any number of inputs, from left to right. */
const folded =
  (name: BinaryName): Operator =>
  (call) => {
    const [first, ...others] = call.inputs.map((_, index) => call.input(index));
    if (!first) return call.fail('needs an input');
    return others.reduce((sum, value) => emitBinary(call, name, sum, value), first);
  };

/** Attributes before opset 11, inputs since. An absent bound is no bound. */
function clip(call: NodeCall): Value {
  const bound = (name: string, index: number, fallback: number): number => {
    const limit = call.opset < 11 ? call.float(name, fallback) : call.has(index) ? call.number(index) : fallback;
    return Number.isNaN(limit) ? call.fail(`${name} is not a number`) : limit;
  };
  const largest = 3.4028234663852886e38;
  const within = (value: number) => Math.min(largest, Math.max(-largest, value));
  if (bound('min', 1, -Infinity) === -Infinity && bound('max', 2, Infinity) === Infinity) return call.input(0);
  const least = within(bound('min', 1, -Infinity));
  const most = within(bound('max', 2, Infinity));
  // Where the bounds cross, the upper one holds.
  return mapped(call, (x) => apply(call, x, 'clip', Math.min(least, most), most));
}

/** Whole exponents by squares and products, which are right for negative numbers too; others by logarithms. */
function pow(call: NodeCall): Value {
  const exponent = call.number(1);
  const size = Math.abs(exponent);
  if (exponent === 0 || size > 64)
    return call.fail(`the exponent ${exponent} is not supported, only those from -64 to 64 other than 0`);
  const raised = (x: GraphTensor, n: number): GraphTensor => {
    if (n === 1) return x;
    const half = raised(x, Math.floor(n / 2));
    const square = apply(call, half, 'square');
    return n % 2 === 0 ? square : call.emit(binary, [square, x], binaryAttrs('multiply'));
  };
  const root = (x: GraphTensor): GraphTensor => (size === 0.5 ? apply(call, x, 'sqrt') : apply(call, x, 'power', size));
  return mapped(call, (x) => {
    const y = Number.isInteger(size) ? raised(x, size) : root(x);
    return exponent < 0 ? apply(call, y, 'reciprocal') : y;
  });
}

/** One slope, or one a channel, as an op of its own; any other shape as max(x, 0) + slope * min(x, 0). */
function preluOperator(call: NodeCall): Value {
  const x = call.stored(0);
  const last = x.axes.at(-1);
  const padded = padRank(call, call.input(1), x.axes, 'parameter');
  const perChannel = padded.shape.every((size, axis) => size === 1 || axis === last);
  const arranged = call.arrange(padded, x.axes, 'parameter');
  if (perChannel) {
    const flat = call.reshape(arranged, [elementCount(arranged.shape)]);
    return new Stored(call.emit(prelu, [x.tensor, flat], {}), x.shape, x.axes);
  }
  const below = new Stored(
    call.emit(binary, [apply(call, x.tensor, 'hard_tanh', -3e38, 0), arranged], binaryAttrs('multiply')),
    x.shape,
    x.axes,
  );
  const above = new Stored(call.emit(relu, [x.tensor], {}), x.shape, x.axes);
  return emitBinary(call, 'add', above, below);
}

function leakyReluOperator(call: NodeCall): Value {
  const slope = call.float('alpha', 0.01);
  return mapped(call, (x) => {
    if (slope > 0) return call.emit(leakyRelu, [x], { slope });
    return slope === 0 ? call.emit(relu, [x], {}) : call.emit(prelu, [x, call.filled(slope, [1])], {});
  });
}

/** In training what PyTorch's does; its random bits follow the model's seed and not the attribute. */
function dropoutOperator(call: NodeCall): Value | Value[] {
  call.int('seed', 0);
  const rate = call.opset < 12 ? call.float('ratio', 0.5) : call.has(1) ? call.number(1) : 0.5;
  if (!(rate >= 0 && rate < 1)) call.fail(`the ratio must be at least 0 and below 1, it is ${rate}`);
  if (call.wants(1)) call.fail('the mask of a dropout is not supported as an output');
  if (call.has(2) && call.number(2) !== 0 && call.host.mode === 'inference' && rate > 0) {
    call.fail('dropout that is random in inference (training_mode) is not supported');
  }
  const stream = call.host.nextStream();
  if (call.host.mode === 'inference' || rate === 0) return call.input(0);
  return mapped(call, (x) => call.emit(dropout, [x, call.host.step()], { rate, stream }));
}

/** Exporters write weights that happen to be equal once, and the others as its identities; trained, each is its own. */
function identity(call: NodeCall): Value {
  const value = call.input(0);
  const name = call.node.outputs[0] ?? '';
  return value instanceof Weight ? new Weight(name, value.shape, value.trained, value.data, value.origin) : value;
}

function cast(call: NodeCall): Value {
  const to = call.int('to', 0);
  call.int('saturate', 1);
  if (to !== 1) call.fail(`tensors can be cast to F32 (1) only, not to type ${to}`);
  return call.input(0);
}

export const elementwise: OperatorTable = {
  Add: binaryOperator('add'),
  Sub: binaryOperator('subtract'),
  Mul: binaryOperator('multiply'),
  Div: binaryOperator('divide'),
  Max: folded('maximum'),
  Min: folded('minimum'),
  Sum: folded('add'),
  Mean(call) {
    const sum = folded('add')(call) as Value;
    const { tensor, shape, axes } = call.keep(sum, inOrder(sum.shape.length));
    return new Stored(apply(call, tensor, 'affine', 1 / call.inputs.length), shape, axes);
  },
  Pow: pow,

  Relu: (call) => mapped(call, (x) => call.emit(relu, [x], {})),
  Sigmoid: (call) => mapped(call, (x) => call.emit(sigmoid, [x], {})),
  Tanh: (call) => mapped(call, (x) => call.emit(tanh, [x], {})),
  LeakyRelu: leakyReluOperator,
  PRelu: preluOperator,
  Clip: clip,
  Elu: unaryOperator('elu', (call) => [call.float('alpha', 1), 1]),
  Selu: unaryOperator('elu', (call) => [
    call.float('alpha', 1.6732631921768188),
    call.float('gamma', 1.0507010221481323),
  ]),
  Celu: unaryOperator('celu', (call) => [call.float('alpha', 1)]),
  Gelu(call) {
    const name = call.word('approximate', ['none', 'tanh'], 'none') === 'tanh' ? 'gelu_tanh' : 'gelu';
    return unaryOperator(name)(call);
  },
  HardSigmoid: unaryOperator('hard_sigmoid', (call) => [call.float('alpha', 0.2), call.float('beta', 0.5)]),
  HardSwish: unaryOperator('hard_swish'),
  Softplus: unaryOperator('softplus', () => [1, 3e38]),
  Softsign: unaryOperator('softsign'),
  Mish: unaryOperator('mish'),
  Swish: unaryOperator('silu', (call) => [call.float('alpha', 1)]),
  Exp: unaryOperator('exp'),
  Log: unaryOperator('log'),
  Sqrt: unaryOperator('sqrt'),
  Reciprocal: unaryOperator('reciprocal'),
  Abs: unaryOperator('abs'),
  Neg: unaryOperator('negate'),
  Erf: unaryOperator('erf'),

  Identity: identity,
  Dropout: dropoutOperator,
  Cast: cast,
};
