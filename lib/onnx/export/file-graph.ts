// The graph of an ONNX file while it is being written: nodes in the order they are emitted, weights, and names that are
// taken. Knows nothing of lanewise's ops.

import { elementCount } from '../../ops/op.ts';
import type { OnnxAttribute, OnnxNode, OnnxTensor } from '../model.ts';

/** A whole number stands for an `int`, a list for `ints`. */
export type NodeAttributes = Readonly<Record<string, number | readonly number[] | string | OnnxAttribute>>;

/** An attribute that is a `float`. */
export const float = (value: number): OnnxAttribute => ({ type: 'float', value });

function attributeOf(given: NodeAttributes[string]): OnnxAttribute {
  if (typeof given === 'number') return { type: 'int', value: given };
  if (typeof given === 'string') return { type: 'string', value: given };
  return 'type' in given ? given : { type: 'ints', value: given };
}

export class FileGraph {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #numbers = new Map<string, string>();

  /** `wanted`, or with a number behind it where it is taken. */
  name(wanted: string): string {
    let name = wanted;
    while (this.#taken.has(name)) {
      const count = (this.#counts.get(wanted) ?? 1) + 1;
      this.#counts.set(wanted, count);
      name = `${wanted}_${count}`;
    }
    this.#taken.add(name);
    return name;
  }

  /** Emits a node of `layer` and returns the names of its outputs. */
  node(opType: string, layer: string, inputs: readonly string[], attributes: NodeAttributes, count = 1): string[] {
    const name = this.name(`${layer}/${opType}`);
    const outputs = Array.from({ length: count }, (_, i) => this.name(`${name}/y${i === 0 ? '' : i}`));
    const entries = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
    this.nodes.push({ name, docString: '', opType, domain: '', inputs, outputs, attributes: new Map(entries) });
    return outputs;
  }

  /** A tensor that stands with the weights: who reads the file may train it. */
  weight(wanted: string, shape: readonly number[], data: Float32Array): string {
    const name = this.name(wanted);
    this.initializers.push({ name, dtype: 'F32', shape: [...shape], data });
    return name;
  }

  /** A tensor that is no weight. */
  constant(wanted: string, shape: readonly number[], data: Float32Array): string {
    const name = this.name(wanted);
    const value = { type: 'tensor', value: { name: '', dtype: 'F32', shape: [...shape], data } } as const;
    const attributes = new Map([['value', value]]);
    this.nodes.push({ name, docString: '', opType: 'Constant', domain: '', inputs: [], outputs: [name], attributes });
    return name;
  }

  /** One number as a scalar; the same for all who need it. */
  float(value: number): string {
    return this.#once(`number/${value}`, (name) => this.constant(name, [], Float32Array.of(value)));
  }

  /** Whole numbers, such as a shape; the same for all who need them. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    if (elementCount(shape) !== values.length) throw new Error(`onnx: ${values.length} numbers of shape [${shape}]`);
    const make = (wanted: string): string => {
      const name = this.name(wanted);
      this.initializers.push({ name, dtype: 'I64', shape: [...shape], data: BigInt64Array.from(values, BigInt) });
      return name;
    };
    const isShort = shape.length === 1 && values.length <= 12;
    return isShort ? this.#once(`integers/${values.join('_')}`, make) : make('integers');
  }

  #once(key: string, make: (name: string) => string): string {
    const name = this.#numbers.get(key) ?? make(key);
    this.#numbers.set(key, name);
    return name;
  }

  /** Gives a value a second name. */
  copy(from: string, to: string): void {
    const name = this.name(`${to}/Identity`);
    this.nodes.push({
      name,
      docString: '',
      opType: 'Identity',
      domain: '',
      inputs: [from],
      outputs: [to],
      attributes: new Map(),
    });
  }

  /** Gives a value another name, wherever it stands. */
  rename(from: string, to: string): void {
    const renamed = (names: readonly string[]) => names.map((name) => (name === from ? to : name));
    this.nodes.forEach((node, at) => {
      if (![...node.inputs, ...node.outputs].includes(from)) return;
      this.nodes[at] = { ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) };
    });
  }
}
