// Runs an ONNX graph on a backend as it stands, inputs and outputs in the order of the file: what the operators' tests use.

import type { Backend } from '../../../lib/backend/backend.ts';
import { Builder } from '../../../lib/nn/builder.ts';
import { interpret } from '../../../lib/onnx/interpret.ts';
import type { OnnxAttribute, OnnxModel, OnnxTensor } from '../../../lib/onnx/model.ts';
import type { OnnxHost } from '../../../lib/onnx/node-call.ts';
import { knownTensor, programFromOnnx } from '../../../lib/onnx/program.ts';
import { inOrder, Known, rearranged, Stored, storedShape, type Value } from '../../../lib/onnx/value.ts';
import { elementCount } from '../../../lib/ops/op.ts';
import { compilePlan } from '../../../lib/plan/plan.ts';
import { StoreLayout } from '../../../lib/plan/store-layout.ts';

export interface Result {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** A builder as the host of a graph, and the first values of what persists. */
function hostOf(builder: Builder): { host: OnnxHost; initial: Map<string, () => Float32Array> } {
  const initial = new Map<string, () => Float32Array>();
  const { graph, mode } = builder;
  const host: OnnxHost = {
    graph,
    mode,
    persist(role, name, shape, values) {
      initial.set(name, values);
      return graph.tensor(role, name, { shape, dtype: 'f32' });
    },
    nextStream: () => builder.nextStream(),
    step: () => builder.step(),
    afterForward: (emit) => builder.afterForward(emit),
  };
  return { host, initial };
}

/** Numbers of all inputs are known to operators that ask for them. */
export async function runGraph(
  model: OnnxModel,
  tensors: ReadonlyMap<string, OnnxTensor>,
  backend: Backend,
): Promise<Result[]> {
  const outputs = model.graph.outputs.map(({ name }) => name);
  const builder = new Builder('inference');
  const { host, initial } = hostOf(builder);
  const given = new Map<string, Float32Array | Int32Array>();
  const inputs = new Map<string, Value>();
  for (const { name } of model.graph.inputs) {
    const { dtype, shape, data } = knownTensor(tensors.get(name)!);
    const isFloat = dtype === 'F32';
    // Integers are shapes and axes, which must be known, but for the positions of a MaxUnpool.
    if (elementCount(shape) === 0 || (!isFloat && shape.length < 2)) inputs.set(name, new Known(dtype, shape, data));
    else {
      const axes = inOrder(shape.length);
      const spec = { shape: storedShape(shape, axes), dtype: isFloat ? 'f32' : 'i32' } as const;
      inputs.set(name, new Stored(builder.graph.tensor('input', name, spec), shape, axes, data));
      given.set(name, isFloat ? Float32Array.from(data) : Int32Array.from(data));
    }
  }
  const values = interpret(host, programFromOnnx(model, outputs), inputs);
  const results = outputs.map((output) => values.get(output)!);
  const stored = results.filter((value) => value instanceof Stored);
  const layout = new StoreLayout();
  const plan = compilePlan(builder.graph, {
    outputs: Object.fromEntries(stored.map(({ tensor }, index) => [index, tensor])),
    layout,
    numerics: 'exact',
  });
  const store = backend.createStore(layout.bytes);
  for (const [name, { offset }] of layout.entries) store.write(offset, initial.get(name)!());
  const executable = backend.compile(plan, store);
  for (const [input, data] of given) {
    const tensor = plan.inputs[input];
    if (tensor !== undefined) executable.write(tensor, data);
  }
  await executable.run();
  return results.map((value) => {
    if (value instanceof Known) return value;
    if (!(value instanceof Stored)) throw new Error('not a tensor');
    const { tensor, shape, axes } = value;
    const isFloat = tensor.dtype === 'f32';
    const data = isFloat ? new Float32Array(elementCount(shape)) : new Int32Array(elementCount(shape));
    executable.read(plan.outputs[stored.indexOf(value)]!, data);
    const order = axes.map((_, axis) => axes.indexOf(axis));
    return { dtype: isFloat ? 'F32' : 'I64', shape, data: rearranged(data, tensor.shape, order) };
  });
}

/** A number is an integer where it is whole and a float where it is written as `{ float }`. */
export type Attributes = Readonly<
  Record<
    string,
    number | string | readonly number[] | { readonly float: number } | { readonly floats: readonly number[] }
  >
>;

function attribute(value: Attributes[string]): OnnxAttribute {
  if (typeof value === 'number') return { type: 'int', value };
  if (typeof value === 'string') return { type: 'string', value };
  if (Array.isArray(value)) return { type: 'ints', value };
  return 'float' in value
    ? { type: 'float', value: value.float }
    : { type: 'floats', value: (value as { floats: number[] }).floats };
}

export const floats = (shape: readonly number[], data: readonly number[]): OnnxTensor => ({
  name: '',
  dtype: 'F32',
  shape,
  data: Float32Array.from(data),
});

export const int64 = (...data: readonly number[]): OnnxTensor => ({
  name: '',
  dtype: 'I64',
  shape: [data.length],
  data: BigInt64Array.from(data, BigInt),
});

/** A model of one node: inputs `a`, `b`, ... (undefined for an absent one) and outputs `y0`, `y1`, ... */
export function oneNode(
  opType: string,
  opset: number,
  tensors: readonly (OnnxTensor | undefined)[],
  attributes: Attributes = {},
  outputs = 1,
): { model: OnnxModel; inputs: Map<string, OnnxTensor> } {
  const names = tensors.map((tensor, i) => (tensor ? String.fromCharCode(97 + i) : ''));
  const ends = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const inputs = new Map(tensors.flatMap((tensor, i) => (tensor ? [[names[i]!, tensor] as const] : [])));
  const node = {
    name: '',
    docString: '',
    opType,
    domain: '',
    inputs: names,
    outputs: ends,
    attributes: new Map(Object.entries(attributes).map(([key, value]) => [key, attribute(value)])),
  };
  const type = { dtype: 'F32', shape: undefined } as const;
  const model: OnnxModel = {
    irVersion: 8,
    opsets: [{ domain: '', version: opset }],
    producerName: '',
    producerVersion: '',
    domain: '',
    modelVersion: 0,
    docString: '',
    metadata: new Map(),
    graph: {
      name: '',
      docString: '',
      nodes: [node],
      initializers: [],
      inputs: [...inputs].map(([name, { dtype, shape }]) => ({ name, type: { dtype, shape } })),
      outputs: ends.map((name) => ({ name, type })),
      values: [],
    },
  };
  return { model, inputs };
}
