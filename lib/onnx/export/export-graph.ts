// From a graph of lanewise to an ONNX model. The graph comes twice, for batches of two sizes: a size that differs is a
// multiple of the batch and open in the file, an attribute that differs cannot be written.

import { LanewiseError } from '../../errors.ts';
import { type Graph, type GraphNode, type GraphTensor, isPersistent } from '../../graph/graph.ts';
import { elementCount, type TypedArray } from '../../ops/op.ts';
import type { OnnxModel, OnnxValue } from '../model.ts';
import { FileGraph } from './file-graph.ts';
import { channelsFirst, FileValue } from './file-value.ts';
import { type Dim, type ExportHost, OpCall } from './op-call.ts';
import { exporters } from './table.ts';

const OPSET = 17;
/** The first that has this opset. */
const IR_VERSION = 8;
/** Name of the batch in the shapes of inputs and outputs. */
const BATCH = 'batch';

export interface NamedTensor {
  readonly name: string;
  readonly tensor: GraphTensor;
}

/** A graph for a batch of `size`. */
export interface BatchGraph {
  readonly graph: Graph;
  readonly size: number;
}

export interface ExportSource {
  readonly one: BatchGraph;
  /** The same network for another batch; both sizes are above 1. */
  readonly other: BatchGraph;
  readonly inputs: readonly NamedTensor[];
  readonly outputs: readonly NamedTensor[];
  /** Values of what persists. */
  dataOf(name: string): Float32Array;
}

const SHAPES = new Set(['reshape', 'broadcast', 'slice', 'slice_dx', 'fill']);

const ARRAYS = { f32: Float32Array, i32: Int32Array, u8: Uint8Array } as const;

export function onnxFromGraph(source: ExportSource): OnnxModel {
  return new GraphExport(source).model();
}

class GraphExport implements ExportHost {
  readonly file = new FileGraph();
  readonly #source: ExportSource;
  readonly #values = new Map<number, FileValue>();
  readonly #producers = new Map<number, GraphNode>();
  readonly #read = new Set<number>();
  #inputs: readonly { readonly name: string; readonly value: OnnxValue }[] = [];
  #batchSize: string | undefined;

  constructor(source: ExportSource) {
    this.#source = source;
  }

  model(): OnnxModel {
    const { one, other, inputs, outputs } = this.#source;
    if (one.graph.nodes.length !== other.graph.nodes.length) throw new Error('onnx: the graphs of two batches differ');
    for (const node of one.graph.nodes) for (const input of node.inputs) if (input) this.#read.add(input.id);
    for (const { tensor } of outputs) this.#read.add(tensor.id);
    this.#inputs = inputs.map(({ name, tensor }) => {
      const own = this.file.name(name);
      const order = channelsFirst(tensor.shape.length);
      this.#values.set(tensor.id, new FileValue(this.file, tensor, { order, name: own }));
      return { name: own, value: this.#typed(own, tensor) };
    });
    for (const [at, node] of one.graph.nodes.entries()) this.#export(node, other.graph.nodes[at] as GraphNode);
    const ends = this.#outputs(outputs);
    const { nodes, initializers } = this.file;
    return {
      irVersion: IR_VERSION,
      opsets: [{ domain: '', version: OPSET }],
      producerName: 'lanewise',
      producerVersion: '',
      domain: '',
      modelVersion: 0,
      docString: '',
      metadata: new Map(),
      graph: {
        name: 'lanewise',
        docString: '',
        nodes,
        initializers,
        inputs: this.#inputs.map(({ value }) => value),
        outputs: ends,
        values: [],
      },
    };
  }

  /** The outputs under their own names: those of the nodes that give them, where these give nothing else. */
  #outputs(outputs: readonly NamedTensor[]): OnnxValue[] {
    const wanted = outputs.map(({ tensor }) => this.valueOf(tensor).as(channelsFirst(tensor.shape.length)));
    const given = new Set(this.file.nodes.flatMap((node) => node.outputs));
    return outputs.map(({ name, tensor }, i) => {
      const from = wanted[i] as string;
      const own = this.file.name(name);
      const isAlone = given.has(from) && wanted.indexOf(from) === i && wanted.lastIndexOf(from) === i;
      if (isAlone) this.file.rename(from, own);
      else this.file.copy(from, own);
      return this.#typed(own, tensor);
    });
  }

  #typed(name: string, tensor: GraphTensor): OnnxValue {
    const order = channelsFirst(tensor.shape.length);
    const dims = this.dimsOf(tensor);
    const shape = order.map((axis) => {
      const dim = dims[axis] as Dim;
      if (typeof dim === 'number') return dim;
      return dim.batch === 1 ? BATCH : undefined;
    });
    return { name, type: { dtype: 'F32', shape } };
  }

  #export(node: GraphNode, other: GraphNode): void {
    for (const output of node.outputs) this.#producers.set(output.id, node);
    const call = new OpCall(this, node);
    if (node.op.name !== other.op.name) throw new Error('onnx: the graphs of two batches differ');
    const changed = Object.keys(node.attrs).find((key) => node.attrs[key] !== other.attrs[key]);
    if (changed !== undefined && !SHAPES.has(node.op.name)) call.fail(`has a ${changed} that depends on the batch`);
    if (this.#foldConstant(node)) return;
    const exporter = exporters.get(node.op.name) ?? call.fail('has no counterpart in ONNX and cannot be exported');
    const result = exporter(call);
    const results = Array.isArray(result) ? result : [result];
    node.outputs.forEach((output, i) => {
      const placed = results[i];
      if (placed) this.#values.set(output.id, new FileValue(this.file, output, placed));
      else if (this.isRead(output)) call.fail(`gives ${node.op.outputs[i]}, which cannot be exported`);
    });
  }

  /** What does not depend on the inputs is computed now. */
  #foldConstant({ op, inputs, outputs, attrs }: GraphNode): boolean {
    const isFixed = outputs.every((output) => this.dimsOf(output).every((dim) => typeof dim === 'number'));
    const given = inputs.map((tensor) => tensor && this.valueOf(tensor).data);
    if (!isFixed || given.some((data, i) => inputs[i] !== undefined && data === undefined)) return false;
    const views = inputs.map((tensor, i) => tensor && { ...tensor, data: given[i] as TypedArray });
    const results = outputs.map((output) => ({
      ...output,
      data: new ARRAYS[output.dtype](elementCount(output.shape)),
    }));
    op.run(views, results, attrs);
    const [source] = inputs;
    for (const { data, ...output } of results) {
      // A weight that was only rearranged keeps its name.
      const name = source && isPersistent(source) ? source.name : output.name;
      this.#values.set(
        output.id,
        new FileValue(this.file, { ...output, name, role: source?.role ?? 'constant' }, data),
      );
    }
    return true;
  }

  valueOf(tensor: GraphTensor): FileValue {
    const known = this.#values.get(tensor.id);
    if (known) return known;
    if (!isPersistent(tensor))
      throw new LanewiseError('option', `exportOnnx: nothing gives ${tensor.name} in inference`);
    const value = new FileValue(this.file, tensor, this.#source.dataOf(tensor.name));
    this.#values.set(tensor.id, value);
    return value;
  }

  otherShapeOf = ({ id }: GraphTensor): readonly number[] => this.#source.other.graph.tensors[id]!.shape;

  dimsOf(tensor: GraphTensor): readonly Dim[] {
    const { one, other } = this.#source;
    const there = this.otherShapeOf(tensor);
    return tensor.shape.map((size, axis) => {
      if (size === there[axis]) return size;
      const batch = size / one.size;
      if (Number.isInteger(batch) && batch * other.size === there[axis]) return { batch };
      const name = tensor.name.slice(tensor.layer.length + 1);
      const problem = `axis ${axis} of ${name} is no multiple of the batch`;
      throw new LanewiseError('option', `exportOnnx: ${tensor.layer}: ${problem}`);
    });
  }

  producerOf = (tensor: GraphTensor): GraphNode | undefined => this.#producers.get(tensor.id);

  isRead = (tensor: GraphTensor): boolean => this.#read.has(tensor.id);

  batchSize(): string {
    const [first] = this.#inputs;
    if (!first) throw new LanewiseError('option', 'exportOnnx: the model has no inputs');
    this.#batchSize ??= this.file.node('Shape', BATCH, [first.name], { start: 0, end: 1 })[0] as string;
    return this.#batchSize;
  }
}
