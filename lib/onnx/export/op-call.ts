// One op of a graph as its exporter sees it: attributes, inputs in the order of axes that is wanted, and the nodes that
// stand for it. Sizes may depend on the batch, which is open in the file.

import { LanewiseError } from '../../errors.ts';
import type { GraphNode, GraphTensor } from '../../graph/graph.ts';
import { inOrder, rearranged } from '../value.ts';
import type { FileGraph, NodeAttributes } from './file-graph.ts';
import type { FileValue, Placed } from './file-value.ts';

/** A size, or how many times the batch it is. */
export type Dim = number | { readonly batch: number };

/** What all ops of an export share. */
export interface ExportHost {
  readonly file: FileGraph;
  valueOf(tensor: GraphTensor): FileValue;
  dimsOf(tensor: GraphTensor): readonly Dim[];
  /** The shape for a batch of another size. */
  otherShapeOf(tensor: GraphTensor): readonly number[];
  producerOf(tensor: GraphTensor): GraphNode | undefined;
  isRead(tensor: GraphTensor): boolean;
  /** Name of the batch's size, a list of one number. */
  batchSize(): string;
}

export class OpCall {
  readonly node: GraphNode;
  readonly host: ExportHost;

  constructor(host: ExportHost, node: GraphNode) {
    this.host = host;
    this.node = node;
  }

  fail(reason: string): never {
    const { layer, op } = this.node;
    throw new LanewiseError('option', `exportOnnx: ${layer}: op ${op.name} ${reason}`);
  }

  attr(name: string): number {
    const value = this.node.attrs[name];
    if (value === undefined) throw new Error(`${this.node.op.name} has no attribute ${name}`);
    return value;
  }

  has(index: number): boolean {
    return this.node.inputs[index] !== undefined;
  }

  tensor(index: number): GraphTensor {
    return this.node.inputs[index] ?? this.fail(`needs the input ${index}`);
  }

  value(index: number): FileValue {
    return this.host.valueOf(this.tensor(index));
  }

  /** The shape of an input for the batch that the graph was made for. */
  shape(index: number): readonly number[] {
    return this.tensor(index).shape;
  }

  /** The output, or the output `index`. */
  output(index = 0): GraphTensor {
    return this.node.outputs[index] as GraphTensor;
  }

  /** Whether anything reads the output `index`. */
  isRead(index: number): boolean {
    return this.host.isRead(this.output(index));
  }

  /** Input `index` with its axes in `order`. */
  as(index: number, order: readonly number[]): string {
    return this.value(index).as(order);
  }

  /** Input `index` as a tensor of `rank` axes, by default its own, in the order of the file: 1s in front, as in NumPy. */
  aligned(index: number, order: readonly number[]): string {
    const value = this.value(index);
    const { shape, name } = value.tensor;
    const missing = order.length - shape.length;
    if (missing === 0) return value.as(order);
    return value.derived(`aligned ${order}`, () => {
      const whole = [...Array<number>(missing).fill(1), ...shape];
      if (value.data) {
        const sizes = order.map((axis) => whole[axis]!);
        const first = sizes.findIndex((size) => size !== 1);
        const data = rearranged(value.data, whole, order);
        return value.known(name, first < 0 ? [1] : sizes.slice(first), data);
      }
      const axes = this.integers(inOrder(missing));
      const longer = this.emit('Unsqueeze', [value.as(inOrder(shape.length)), axes]);
      return order.join() === inOrder(order.length).join()
        ? longer
        : this.emit('Transpose', [longer], { perm: [...order] });
    });
  }

  integers(values: readonly number[]): string {
    return this.host.file.integers(values);
  }

  /** One number as an operand. */
  float(value: number): string {
    return this.host.file.float(Math.fround(value));
  }

  /** A constant of the exporter's own. */
  constant(name: string, shape: readonly number[], data: Float32Array): string {
    return this.host.file.constant(`${this.node.layer}/${name}`, shape, data);
  }

  /** A node with one output. */
  emit(opType: string, inputs: readonly string[], attributes: NodeAttributes = {}): string {
    return this.emitAll(opType, inputs, attributes, 1)[0]!;
  }

  emitAll(opType: string, inputs: readonly string[], attributes: NodeAttributes, count: number): string[] {
    return this.host.file.node(opType, this.node.layer, inputs, attributes, count);
  }

  /** `x` as `dims`, of which one may depend on the batch. */
  reshape(x: string, dims: readonly Dim[]): string {
    const open = dims.filter((dim) => typeof dim !== 'number').length;
    if (open > 1) this.fail('makes two sizes depend on the batch');
    return this.emit('Reshape', [x, this.integers(dims.map((dim) => (typeof dim === 'number' ? dim : -1)))]);
  }

  /** Sizes as a tensor, where some may depend on the batch. */
  shapeTensor(dims: readonly Dim[]): string {
    if (dims.every((dim) => typeof dim === 'number')) return this.integers(dims as number[]);
    const parts = dims.map((dim) => {
      if (typeof dim === 'number') return this.integers([dim]);
      const size = this.host.batchSize();
      return dim.batch === 1 ? size : this.emit('Mul', [size, this.integers([dim.batch])]);
    });
    return this.emit('Concat', parts, { axis: 0 });
  }

  /** The sizes of a tensor in the order of the file. */
  dims(tensor: GraphTensor, order: readonly number[] = inOrder(tensor.shape.length)): Dim[] {
    const dims = this.host.dimsOf(tensor);
    return order.map((axis) => dims[axis]!);
  }

  /** `y` through the activation that the op ends in. */
  activated(y: string): string {
    const activation = this.attr('activation');
    if (activation === 0) return y;
    if (activation === 1) return this.emit('Relu', [y]);
    return this.emit('LeakyRelu', [y], { alpha: { type: 'float', value: this.attr('slope') } });
  }
}

export type Exporter = (call: OpCall) => Placed | readonly (Placed | undefined)[];

/** By the names of ops. */
export type ExporterTable = Readonly<Record<string, Exporter>>;
