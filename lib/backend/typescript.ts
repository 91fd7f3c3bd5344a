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
  /** The arena of every plan: one run at a time uses it. */
  arena = new ArrayBuffer(0);
  busy = false;

  constructor(bytes: number) {
    this.memory = new ArrayBuffer(bytes);
  }

  write(byteOffset: number, source: TypedArray): void {
    new Uint8Array(this.memory, byteOffset, source.byteLength).set(bytesOf(source));
  }

  reserve(arenaBytes: number): void {
    if (arenaBytes > this.arena.byteLength) this.arena = new ArrayBuffer(arenaBytes);
  }

  read(byteOffset: number, target: TypedArray): void {
    bytesOf(target).set(new Uint8Array(this.memory, byteOffset, target.byteLength));
  }
}

class TypeScriptExecutable implements Executable {
  readonly workspaceBytes = 0;
  readonly #plan: Plan;
  readonly #store: TypeScriptStore;
  readonly #kept: ArrayBuffer;
  readonly #nanoseconds: Float64Array;
  #arena: ArrayBuffer | undefined;
  #calls: readonly (() => boolean | undefined | void)[] = [];

  constructor(plan: Plan, store: TypeScriptStore) {
    this.#plan = plan;
    this.#store = store;
    this.#kept = new ArrayBuffer(plan.keptBytes);
    this.#nanoseconds = new Float64Array(plan.ops.length);
    store.reserve(plan.arenaBytes);
  }

  /** Makes the calls anew where a larger plan has brought another arena. */
  #bind(): void {
    if (this.#arena === this.#store.arena) return;
    this.#arena = this.#store.arena;
    const views = this.#plan.tensors.map((_, index) => this.#view(index));
    this.#calls = this.#plan.ops.map(({ op, inputs, outputs, attrs }) => {
      const inputViews = inputs.map((i) => views[i]);
      const outputViews = outputs.map((i) => views[i] as TensorView);
      return () => op.run(inputViews, outputViews, attrs);
    });
  }

  #view(index: number): TensorView {
    const { shape, dtype, region, offset } = this.#plan.tensors[index]!;
    const memory = region === 'arena' ? this.#store.arena : region === 'kept' ? this.#kept : this.#store.memory;
    return { shape, dtype, data: viewOf(memory, dtype, offset, elementCount(shape)) };
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
    this.#bind();
    try {
      let turnEnd = performance.now() + TURN_MS;
      // Constant ops are run each time: here they cost little beside what they serve.
      for (let i = 0; i < this.#calls.length; i++) {
        const start = performance.now();
        const goOn = this.#calls[i]!();
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
    const known = this.#plan.tensors[tensor];
    if (!known) throw new RangeError(`plan has no tensor ${tensor}`);
    if (known.region === 'arena') throw new RangeError(`tensor ${tensor} exists only during a run`);
    return this.#view(tensor).data;
  }
}

export const typescriptBackend: Backend = {
  name: 'typescript',
  isa: 'javascript',
  threads: 1,
  createStore: (bytes) => new TypeScriptStore(bytes),
  compile: (plan, store) => new TypeScriptExecutable(plan, store as TypeScriptStore),
};
