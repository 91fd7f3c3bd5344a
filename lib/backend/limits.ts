// What the machine could do at best, measured on the spot: the yardstick that profiles hold ops against.

import type { Backend } from './backend.ts';
import type { IsaLevel } from './native-binding.ts';
import { loadNative } from './native-loader.ts';

export interface MachineLimits {
  /** Fused multiply-adds at full speed, in FLOP/s. */
  readonly flopsPerSecond: number;
  /** Reading memory far larger than the caches, in bytes/s. */
  readonly bytesPerSecond: number;
}

/** For the instruction set and threads of `backend`; blocks for some 0.2 s. Undefined for the TypeScript backend. */
export function measureLimits({ name, isa, threads }: Backend): MachineLimits | undefined {
  const { binding } = loadNative();
  if (name !== 'native' || binding === undefined) return undefined;
  const measure = (kind: 'fma' | 'read') => binding.measure(kind, isa as IsaLevel, threads);
  return { flopsPerSecond: measure('fma'), bytesPerSecond: measure('read') };
}
