// What a backend must do: hold persistent memory, take a plan, run it. Two exist: `native.ts` (the addon) and
// `typescript.ts` (a loop over the references); they give the same bits.

import type { TypedArray } from '../ops/op.ts';
import type { Plan } from '../plan/plan.ts';

/** Persistent memory shared by the plans of one session. */
export interface Store {
  write(byteOffset: number, source: TypedArray): void;
  read(byteOffset: number, target: TypedArray): void;
}

/** A plan compiled for a backend. All plans of a store share one arena, so values that live there cannot be written or read;
 * inputs and outputs are the plan's own, whatever runs in between or meanwhile. */
export interface Executable {
  /** Copies `source` into plan tensor `tensor`, an input or persistent. */
  write(tensor: number, source: TypedArray): void;
  /** Copies plan tensor `tensor`, an input, output or persistent, into `target`. */
  read(tensor: number, target: TypedArray): void;
  /** Runs every op in order. False when a guard stopped the run; nothing after the guard was executed. */
  run(): Promise<boolean>;
  /** Nanoseconds each op of the last run took. */
  profile(): Float64Array;
  /** Scratch memory beside the arena, in bytes. */
  readonly workspaceBytes: number;
}

export interface Backend {
  readonly name: 'native' | 'typescript';
  /** Instruction set in use: `avx512`, `avx2`, `neon`, `portable`, or `javascript`. */
  readonly isa: string;
  readonly threads: number;
  createStore(bytes: number): Store;
  compile(plan: Plan, store: Store): Executable;
}

export interface BackendOptions {
  /** `auto` (default) takes the native addon when it loads and TypeScript, with one warning, when it does not. */
  readonly backend?: 'auto' | 'native' | 'typescript' | undefined;
  /** Worker threads of the native backend; default: what affinity and the container's quota allow. */
  readonly threads?: number | undefined;
  /** Forces an instruction set of the native backend. */
  readonly isa?: 'portable' | 'avx2' | 'avx512' | 'neon' | undefined;
}
