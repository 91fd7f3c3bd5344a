// Measures a case on both backends in alternating rounds. The clock of a shared machine drifts and its neighbours come
// and go, so only figures from the same round are divided by each other.
import type { Backend } from '../lib/backend/backend.ts';
import type { BenchCase } from './bench-case.ts';
import { Subject } from './benchmark-adapter.ts';
import { type Estimate, estimateMedian, median } from './statistics.ts';

export interface CompareOptions {
  readonly rounds: number;
  /** A sample repeats its call until this much time has passed. */
  readonly minSeconds: number;
  /** With the case's number of threads; undefined where no addon loads. */
  readonly native: Backend | undefined;
  readonly typescript: Backend;
  /** FMA peak of the native backend in FLOP/s, measured now. */
  peakFlops(): number;
}

export interface Measured {
  /** Seconds a call, median over the rounds. */
  readonly seconds: number;
  readonly gigaflops: number | undefined;
  /** Unavoidable traffic a second in GB: every input read once, every output written once. */
  readonly gigabytes: number | undefined;
}

export interface CaseResult {
  readonly name: string;
  readonly threads: number;
  readonly rounds: number;
  readonly native: (Measured & { readonly isa: string; readonly peakShare: number | undefined }) | undefined;
  readonly typescript: Measured | undefined;
  /** TypeScript time over native time, from pairs of the same round. */
  readonly speedup: Estimate | undefined;
}

export async function compareCase(benchCase: BenchCase, options: CompareOptions): Promise<CaseResult> {
  const { name, threads, nativeOnly = false } = benchCase;
  const backend = options.native;
  const native = backend && (await benchCase.prepare(backend));
  const typescript = nativeOnly ? undefined : await benchCase.prepare(options.typescript);
  const nativeSubject = native && new Subject(`${name} native`, () => native.run());
  const typescriptSubject = typescript && new Subject(`${name} typescript`, () => typescript.run());

  const nativeSeconds: number[] = [];
  const typescriptSeconds: number[] = [];
  const peaks: number[] = [];
  // Round -1 warms caches, the JIT and the thread pool up, and is not counted.
  for (let round = -1; round < options.rounds; round++) {
    const peak = nativeSubject ? options.peakFlops() : 0;
    const sampleNative = async () => nativeSubject?.sample(options.minSeconds);
    const sampleTypescript = async () => typescriptSubject?.sample(options.minSeconds);
    let [a, b]: (number | undefined)[] = [];
    // Whoever goes second finds the machine as the first left it, so they take turns.
    if (round % 2 === 0) {
      a = await sampleNative();
      b = await sampleTypescript();
    } else {
      b = await sampleTypescript();
      a = await sampleNative();
    }
    if (round < 0) continue;
    if (a !== undefined) {
      nativeSeconds.push(a);
      peaks.push(peak);
    }
    if (b !== undefined) typescriptSeconds.push(b);
  }

  const { flops, bytes } = (native ?? typescript)?.work ?? { flops: 0, bytes: 0 };
  const giga = (amount: number, seconds: number) => (amount > 0 ? amount / seconds / 1e9 : undefined);
  const measured = (samples: readonly number[]): Measured => {
    const seconds = median(samples);
    return { seconds, gigaflops: giga(flops, seconds), gigabytes: giga(bytes, seconds) };
  };
  const shares = nativeSeconds.map((seconds, i) => flops / seconds / peaks[i]!);
  return {
    name,
    threads,
    rounds: options.rounds,
    native: backend && {
      ...measured(nativeSeconds),
      isa: backend.isa,
      peakShare: flops > 0 ? median(shares) : undefined,
    },
    typescript: typescript && measured(typescriptSeconds),
    speedup:
      native && typescript
        ? estimateMedian(typescriptSeconds.map((seconds, i) => seconds / nativeSeconds[i]!))
        : undefined,
  };
}
