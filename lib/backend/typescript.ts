// The TypeScript backend: a loop over the ops' references. It runs wherever JavaScript runs, and it is what the native
// kernels are checked against.

import { setImmediate } from 'node:timers/promises';
import { LanewiseError } from '../errors.ts';
import { type DType, elementCount, type TensorView, type TypedArray } from '../ops/op.ts';
import type { Plan } from '../plan/plan.ts';
import type { Backend, Executable, Store } from './backend.ts';

/** The event loop gets a turn between ops once this much time has passed. */
const TURN_MS = 8;

const viewOf = (memory: ArrayBuffer, dtype: DType, offset: number, count: number): TypedArray => {
  if (dtype === 'f32') return new Float32Array(memory, offset, count);
  return dtype === 'i32' ? new Int32Array(memory, offset, count) : new Uint8Array(memory, offset, count);
};

const bytesOf = (array: TypedArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

class TypeScriptStore implements Store {
  readonly memory: ArrayBuffer;
  busy = false;

  constructor(bytes: number) {
    this.memory = new ArrayBuffer(bytes);
  }

  write(byteOffset: number, source: TypedArray): void {
    new Uint8Array(this.memory, byteOffset, source.byteLength).set(bytesOf(source));
  }

  read(byteOffset: number, target: TypedArray): void {
    bytesOf(target).set(new Uint8Array(this.memory, byteOffset, target.byteLength));
  }
}

class TypeScriptExecutable implements Executable {
  readonly workspaceBytes = 0;
  readonly #store: TypeScriptStore;
  readonly #views: readonly TensorView[];
  readonly #calls: readonly { name: string; run: () => boolean | undefined | void }[];
  readonly #nanoseconds: Float64Array;

  constructor(plan: Plan, store: TypeScriptStore) {
    const arena = new ArrayBuffer(plan.arenaBytes);
    this.#store = store;
    this.#views = plan.tensors.map(({ shape, dtype, region, offset }) => {
      const memory = region === 'arena' ? arena : store.memory;
      return { shape, dtype, data: viewOf(memory, dtype, offset, elementCount(shape)) };
    });
    this.#calls = plan.ops.map(({ op, inputs, outputs, attrs }) => {
      const inputViews = inputs.map((i) => this.#views[i]);
      const outputViews = outputs.map((i) => this.#views[i] as TensorView);
      return { name: op.name, run: () => op.run(inputViews, outputViews, attrs) };
    });
    this.#nanoseconds = new Float64Array(plan.ops.length);
  }

  write(tensor: number, source: TypedArray): void {
    this.#data(tensor).set(source);
  }

  read(tensor: number, target: TypedArray): void {
    target.set(this.#data(tensor));
  }

  async run(): Promise<boolean> {
    if (this.#store.busy)
      throw new LanewiseError('state', 'run: a run on the same store is still in flight; await it first');
    this.#store.busy = true;
    try {
      let turnEnd = performance.now() + TURN_MS;
      for (let i = 0; i < this.#calls.length; i++) {
        const start = performance.now();
        const goOn = this.#calls[i]!.run();
        const now = performance.now();
        this.#nanoseconds[i] = (now - start) * 1e6;
        if (goOn === false) return false;
        if (now > turnEnd) {
          await setImmediate();
          turnEnd = performance.now() + TURN_MS;
        }
      }
      return true;
    } finally {
      this.#store.busy = false;
    }
  }

  profile(): Float64Array {
    return this.#nanoseconds.slice();
  }

  #data(tensor: number): TypedArray {
    const view = this.#views[tensor];
    if (!view) throw new RangeError(`plan has no tensor ${tensor}`);
    return view.data;
  }
}

export const typescriptBackend: Backend = {
  name: 'typescript',
  isa: 'javascript',
  threads: 1,
  createStore: (bytes) => new TypeScriptStore(bytes),
  compile: (plan, store) => new TypeScriptExecutable(plan, store as TypeScriptStore),
};
