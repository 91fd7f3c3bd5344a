// What a benchmark case is, and the single-op case: one op as a plan of its own, run through the same backends that
// train.
import type { Backend } from '../lib/backend/backend.ts';
import { Graph } from '../lib/graph/graph.ts';
import { opTable } from '../lib/ops/index.ts';
import { elementCount, type TensorSpec, type TypedArray } from '../lib/ops/op.ts';
import { compilePlan } from '../lib/plan/plan.ts';
import { StoreLayout } from '../lib/plan/store-layout.ts';
import { normal, streamKey } from '../lib/random.ts';

/** Arithmetic and traffic of one call, where they are known. */
export interface Work {
  readonly flops: number;
  readonly bytes: number;
}

export interface PreparedCase {
  readonly work: Work;
  /** Does the work once. */
  run(): Promise<unknown>;
}

export interface BenchCase {
  /** The op's name and the shape, or the network's name; `--only` matches any part of it. */
  readonly name: string;
  readonly threads: number;
  /** Left out of the comparison where the TypeScript backend would need many seconds a call. */
  readonly nativeOnly?: boolean;
  prepare(backend: Backend): Promise<PreparedCase>;
}

/** What fills an input: normal deviates, a constant, or whole numbers 0 .. count - 1 (labels, window positions). */
export type Filling = { readonly constant: number } | { readonly below: number } | 'normal';

export interface InputSpec extends TensorSpec {
  readonly fill: Filling;
}

/** An fp32 input of normal deviates. */
export const random = (...shape: number[]): InputSpec => ({ shape, dtype: 'f32', fill: 'normal' });
export const constant = (value: number, ...shape: number[]): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: { constant: value },
});
export const wholeNumbers = (dtype: 'u8' | 'i32', below: number, ...shape: number[]): InputSpec => ({
  shape,
  dtype,
  fill: { below },
});

/** So many different deviates, a prime, are drawn; after them they repeat. */
const DEVIATES = 65521;

export function fillInput({ shape, dtype, fill }: InputSpec, seed: number): TypedArray {
  const count = elementCount(shape);
  const data =
    dtype === 'f32' ? new Float32Array(count) : dtype === 'u8' ? new Uint8Array(count) : new Int32Array(count);
  if (fill !== 'normal') {
    for (let i = 0; i < count; i++) data[i] = 'constant' in fill ? fill.constant : i % fill.below;
    return data;
  }
  const key = streamKey(1, seed);
  for (let i = 0; i < Math.min(count, DEVIATES); i++) data[i] = normal(key, i);
  for (let i = DEVIATES; i < count; i += DEVIATES) data.copyWithin(i, 0, Math.min(DEVIATES, count - i));
  return data;
}

export interface OpCaseOptions {
  readonly op: string;
  /** Tells this case from others of the same op, such as `3x3 64@56 n1`. */
  readonly shape: string;
  readonly inputs: readonly (InputSpec | undefined)[];
  readonly attrs?: Readonly<Record<string, number>>;
  readonly threads?: number;
  readonly nativeOnly?: boolean;
}

export function opCase({
  op: name,
  shape,
  inputs,
  attrs = {},
  threads = 1,
  nativeOnly = false,
}: OpCaseOptions): BenchCase {
  return {
    name: `${name} ${shape}`,
    threads,
    nativeOnly,
    async prepare(backend) {
      const op = opTable.find((entry) => entry.name === name);
      if (!op) throw new Error(`bench: the op table has no op ${name}`);
      const graph = new Graph();
      const inputName = (index: number) => op.inputs[index] ?? `input${index}`;
      // An input the op changes must persist between runs; every other one is written once and never overwritten.
      const tensors = inputs.map(
        (spec, i) => spec && graph.tensor(op.mutates?.includes(i) ? 'parameter' : 'input', inputName(i), spec),
      );
      const results = graph.emit(op, tensors, attrs);
      const layout = new StoreLayout();
      const outputs = Object.fromEntries(results.map((tensor, i) => [op.outputs[i] ?? `output${i}`, tensor]));
      const plan = compilePlan(graph, { outputs, layout });
      const store = backend.createStore(layout.bytes);
      const executable = backend.compile(plan, store);
      inputs.forEach((spec, i) => {
        if (!spec) return;
        const data = fillInput(spec, i);
        const place = layout.entries.get(inputName(i));
        if (place) store.write(place.offset, data);
        else executable.write(plan.inputs[inputName(i)] as number, data);
      });
      const cost = plan.ops[0]?.cost ?? { flops: 0, bytes: 0 };
      return { work: cost, run: () => executable.run() };
    },
  };
}
