// One node as its operator sees it: inputs as values, attributes that are checked when they are read, and the graph to
// emit ops into. Every error names the node; an attribute that no operator has asked for is an error too.

import { LanewiseError } from '../errors.ts';
import type { Graph, GraphTensor } from '../graph/graph.ts';
import { quoteName } from '../io/file-error.ts';
import { fill } from '../ops/fill.ts';
import { type AttrSchema, type Attrs, type Emitter, elementCount, type OpDefinition } from '../ops/op.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { transpose, transposeBy } from '../ops/transpose.ts';
import { type AttributeValue, MAX_KNOWN, type ProgramNode } from './program.ts';
import {
  inOrder,
  isFloat,
  Known,
  type PersistentRole,
  rearranged,
  Stored,
  storedShape,
  type Value,
  Weight,
} from './value.ts';

/** What ops are emitted into: a `Builder`, as far as operators need one. */
export interface OnnxHost {
  readonly graph: Graph;
  readonly mode: 'training' | 'inference';
  persist(role: PersistentRole, name: string, shape: readonly number[], initial: () => Float32Array): GraphTensor;
  nextStream(): number;
  step(): GraphTensor;
  afterForward(emit: () => void): void;
}

/** What a whole graph may ask for; shared by its nodes. */
export interface Budget {
  /** Known numbers still to be computed. */
  numbers: number;
  /** Ops still to be emitted. */
  ops: number;
}

export const newBudget = (): Budget => ({ numbers: 2 ** 20, ops: 2 ** 14 });

/** Values of one tensor; far beyond any that could be computed with, and what a hostile file asks for ends here. */
const MAX_ELEMENTS = 2 ** 31;

export class NodeCall {
  readonly host: OnnxHost;
  readonly node: ProgramNode;
  readonly opset: number;
  readonly inputs: readonly (Value | undefined)[];
  /** For what emits several ops at once. */
  readonly emitter: Emitter<GraphTensor> = { emit: (op, inputs, attrs) => this.emitAll(op, inputs, attrs) };
  readonly #title: string;
  readonly #budget: Budget;
  readonly #read = new Set<string>();
  #constants = 0;

  constructor(
    host: OnnxHost,
    node: ProgramNode,
    title: string,
    opset: number,
    inputs: readonly (Value | undefined)[],
    budget: Budget = newBudget(),
  ) {
    this.#budget = budget;
    this.host = host;
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.#title = title;
  }

  fail(reason: string): never {
    throw new LanewiseError('file', `${this.#title}: ${reason} (opset ${this.opset})`);
  }

  /** Fails where the file has an attribute that was not asked for. */
  finish(): void {
    for (const key of this.node.attributes.keys()) {
      if (!this.#read.has(key)) this.fail(`the attribute ${quoteName(key)} is not supported`);
    }
  }

  // Attributes

  attribute(name: string): AttributeValue | undefined {
    this.#read.add(name);
    return this.node.attributes.get(name);
  }

  float(name: string, fallback: number): number {
    const value = this.attribute(name) ?? fallback;
    return typeof value === 'number' ? value : this.#wrong(name, 'a number');
  }

  int(name: string, fallback: number): number {
    const value = this.float(name, fallback);
    return Number.isSafeInteger(value) ? value : this.#wrong(name, 'an integer');
  }

  flag(name: string, fallback = 0): boolean {
    const value = this.int(name, fallback);
    return value === 0 || value === 1 ? value === 1 : this.#wrong(name, '0 or 1');
  }

  ints(name: string): readonly number[] | undefined {
    const value = this.attribute(name);
    if (value === undefined) return undefined;
    const fits = Array.isArray(value) && value.every((item) => Number.isSafeInteger(item));
    return fits ? (value as readonly number[]) : this.#wrong(name, 'a list of integers');
  }

  floats(name: string): readonly number[] | undefined {
    const value = this.attribute(name);
    if (value === undefined) return undefined;
    const fits = Array.isArray(value) && value.every((item) => typeof item === 'number');
    return fits ? (value as readonly number[]) : this.#wrong(name, 'a list of numbers');
  }

  word<Word extends string>(name: string, words: readonly Word[], fallback: Word): Word {
    const value = this.attribute(name) ?? fallback;
    return words.find((word) => word === value) ?? this.#wrong(name, words.map(quoteName).join(' or '));
  }

  #wrong(name: string, wanted: string): never {
    const value = this.node.attributes.get(name);
    const found = value instanceof Known ? 'a tensor' : JSON.stringify(value)?.slice(0, 80);
    return this.fail(`the attribute ${quoteName(name)} must be ${wanted}, it is ${found}`);
  }

  // Inputs and outputs

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  /** Whether the graph uses output `index`. */
  wants(index: number): boolean {
    return (this.node.outputs[index] ?? '') !== '';
  }

  input(index: number): Value {
    return this.inputs[index] ?? this.fail(`needs an input ${index}`);
  }

  shape(index: number): readonly number[] {
    return this.input(index).shape;
  }

  /** A float input's shape, of `rank` sizes or at least that many. */
  rank(index: number, least: number, most = least): readonly number[] {
    const shape = this.shape(index);
    if (shape.length >= least && shape.length <= most) return shape;
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    return this.fail(`input ${index} is [${shape}]; it needs ${wanted} dimensions`);
  }

  /** The numbers of an input that must be known when the graph is built. */
  numbers(index: number): readonly number[] {
    const value = this.input(index);
    if (value instanceof Known) return value.data;
    if (value instanceof Stored && value.data) return value.data;
    if (value instanceof Weight && value.data) {
      value.origin.isRead = true;
      return Array.from(value.data);
    }
    return this.fail(`input ${index} ${quoteName(this.node.inputs[index] ?? '')} must be a constant`);
  }

  integers(index: number): readonly number[] {
    const numbers = this.numbers(index);
    if (numbers.every(Number.isSafeInteger)) return numbers;
    return this.fail(`input ${index} must hold integers`);
  }

  number(index: number): number {
    const [number, ...more] = this.numbers(index);
    return number !== undefined && more.length === 0 ? number : this.fail(`input ${index} must be a single number`);
  }

  /** Input `index` as a tensor whose axes stand in the order that it has already. */
  stored(index: number, role: PersistentRole = 'parameter'): Stored {
    const value = this.input(index);
    return this.keep(value, value instanceof Stored ? value.axes : inOrder(value.shape.length), role);
  }

  /** Input `index` as a tensor with its axes in the order `axes`. */
  tensor(index: number, axes: readonly number[], role: PersistentRole = 'parameter'): GraphTensor {
    return this.arrange(this.input(index), axes, role);
  }

  arrange(value: Value, axes: readonly number[], role: PersistentRole = 'parameter'): GraphTensor {
    const stored = this.keep(value, axes, role);
    const key = axes.join();
    const found = stored.forms.get(key) ?? this.#inOtherOrder(stored, axes);
    stored.forms.set(key, found);
    return found;
  }

  #inOtherOrder(stored: Stored, axes: readonly number[]): GraphTensor {
    const { tensor, shape } = stored;
    const long = (order: readonly number[]) => order.filter((axis) => shape[axis] !== 1).join();
    // Axes of size 1 may stand anywhere.
    if (long(axes) === long(stored.axes)) return this.reshape(tensor, storedShape(shape, axes));
    return this.emit(transpose, [tensor], transposeBy(axes.map((axis) => stored.axes.indexOf(axis))));
  }

  /** `value` as a tensor: in the order that it has, and `axes` where it has none yet. */
  keep(value: Value, axes: readonly number[], role: PersistentRole = 'parameter'): Stored {
    if (value instanceof Stored) return value;
    if (value instanceof Known) return new Stored(this.#constant(value, axes), value.shape, axes);
    if (value.stored === undefined) {
      const { name, shape, trained, data } = value;
      const kind = role === 'parameter' && !trained ? 'constant' : role;
      const initial = () => (data ? rearranged(data, shape, axes) : new Float32Array(elementCount(shape)));
      value.stored = new Stored(this.host.persist(kind, name, storedShape(shape, axes), initial), shape, axes);
    }
    return value.stored;
  }

  #constant({ dtype, shape, data }: Known, axes: readonly number[]): GraphTensor {
    if (!isFloat(dtype)) this.fail(`computing with tensors of ${dtype} is not supported, only with F32`);
    const wanted = storedShape(shape, axes);
    const [first] = data;
    if (first === undefined) return this.fail('a tensor without elements is not supported here');
    if (data.every((value) => value === first)) return this.filled(first, wanted);
    // The same name in every build of the same graph.
    const name = `${this.host.graph.layer}.constant${++this.#constants}`;
    return this.host.persist('constant', name, wanted, () => rearranged(data, shape, axes));
  }

  /** Whether all inputs are numbers that are known; those of Constant nodes are, and of parameters are not. */
  isKnown(): boolean {
    return this.inputs.every((value) => {
      if (value instanceof Weight) return !value.trained && value.data !== undefined && elementCount(value.shape) <= 64;
      return value === undefined || value instanceof Known;
    });
  }

  /** Input `index` of a node whose inputs are all known. */
  known(index: number): Known {
    const value = this.input(index);
    return value instanceof Known ? value : new Known('F32', value.shape, this.numbers(index));
  }

  /** Counts numbers that are about to be computed. */
  spend(numbers: number): void {
    if (numbers > MAX_KNOWN) this.fail(`computes ${numbers} known numbers, more than ${MAX_KNOWN}`);
    this.#budget.numbers -= numbers;
    if (this.#budget.numbers < 0) this.fail('the graph computes too many known numbers');
  }

  // Emitting

  emit<S extends AttrSchema>(
    op: OpDefinition<S>,
    inputs: readonly (GraphTensor | undefined)[],
    attrs: Attrs<S>,
  ): GraphTensor {
    return this.emitAll(op, inputs, attrs)[0] as GraphTensor;
  }

  emitAll<S extends AttrSchema>(
    op: OpDefinition<S>,
    inputs: readonly (GraphTensor | undefined)[],
    attrs: Attrs<S>,
  ): readonly GraphTensor[] {
    for (const [name, kind] of Object.entries(op.attrs)) {
      const value = attrs[name];
      if (kind === 'i32' && Math.abs(value as number) >= 2 ** 31) this.fail(`${name} = ${value} is too large`);
    }
    if (--this.#budget.ops < 0) this.fail('the graph takes too many ops');
    const outputs = this.host.graph.emit(op, inputs, attrs);
    for (const { shape } of outputs) {
      if (elementCount(shape) > MAX_ELEMENTS) this.fail(`gives [${shape}], more than ${MAX_ELEMENTS} values`);
    }
    return outputs;
  }

  reshape(tensor: GraphTensor, shape: readonly number[]): GraphTensor {
    const wanted = shape.length === 0 ? [1] : shape;
    return tensor.shape.join() === wanted.join() ? tensor : this.emit(reshape, [tensor], reshapeTo(wanted));
  }

  filled(value: number, shape: readonly number[]): GraphTensor {
    return this.reshape(this.emit(fill, [], { value, count: elementCount(shape) }), shape);
  }

  /** A result whose tensor has its axes in the order of ONNX, under `shape`. */
  plain(tensor: GraphTensor, shape: readonly number[]): Stored {
    return new Stored(this.reshape(tensor, shape), shape, inOrder(shape.length));
  }

  /** `axis` counted from 0; a negative one counts from the end of `rank` axes. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) this.fail(`there is no axis ${axis} of ${rank}`);
    return axis < 0 ? axis + rank : axis;
  }

  /** Several of them, each once. */
  axes(axes: readonly number[], rank: number): number[] {
    const found = axes.map((axis) => this.axis(axis, rank));
    if (new Set(found).size < found.length) this.fail(`the axes [${axes}] name one twice`);
    return found;
  }
}
