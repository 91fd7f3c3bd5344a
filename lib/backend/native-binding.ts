// The surface of the native addon, as native/addon.cpp implements it. Only native-loader.ts obtains one.

import type { TypedArray } from '../ops/op.ts';

declare const kind: unique symbol;

/** Native memory that plans share: zero-filled, 64-byte aligned, freed with this object and the plans that use it. */
export interface NativeStore {
  readonly [kind]: 'store';
}

/** A verified plan with its arena, bound to a store. */
export interface NativeExecutable {
  readonly [kind]: 'executable';
}

export type IsaLevel = 'portable' | 'avx2' | 'avx512' | 'neon';

export interface MachineInfo {
  /** Instruction sets usable here, worst to best. */
  readonly isaLevels: readonly IsaLevel[];
  /** Default number of threads: cores of the affinity mask, at most the quota rounded up. */
  readonly threads: number;
  /** Cores this process may run on. */
  readonly affinity: number;
  /** Cores' worth of time that the container may use, null when unlimited. */
  readonly quota: number | null;
}

/**
 * Every function checks its arguments and throws an Error with a sentence. Typed arrays are copied at once; detached,
 * resizable and shared buffers are refused. While a run is in flight, its store and its executable can be neither read nor
 * written, and no other run on the store can begin; inputs and outputs of other executables can.
 */
export interface NativeBinding {
  /** Fingerprint of the op table the binary was built with. */
  readonly opTableHash: number;
  info(): MachineInfo;
  createStore(bytes: number): NativeStore;
  writeStore(store: NativeStore, byteOffset: number, source: TypedArray): void;
  readStore(store: NativeStore, byteOffset: number, target: TypedArray): void;
  compile(store: NativeStore, plan: Int32Array, options: { isa: IsaLevel; threads: number }): NativeExecutable;
  write(executable: NativeExecutable, tensor: number, source: TypedArray): void;
  read(executable: NativeExecutable, tensor: number, target: TypedArray): void;
  /** Runs all ops in one asynchronous job. False when a guard stopped it. Rejects when the store is in use. */
  run(executable: NativeExecutable): Promise<boolean>;
  /** Nanoseconds per op in the last run. */
  profile(executable: NativeExecutable): Float64Array;
  workspaceBytes(executable: NativeExecutable): number;
  /** The peak of fused multiply-adds in FLOP/s, or memory read bandwidth in bytes/s; blocks for 50 ms, or some more. */
  measure(kind: 'fma' | 'read', isa: IsaLevel, threads: number): number;
  /** Makes runs in flight end soon and lets no other begin, in this thread or everywhere: called when a thread ends. */
  stop(everywhere: boolean): void;
}
