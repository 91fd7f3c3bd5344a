// The only file that knows the `benchmark` package. Its traps, and what is done about each:
// - setup and teardown are decompiled and recompiled elsewhere, so closures break in them: neither is used;
// - a rejected deferred test is dropped and the process exits with 0: the rejection is caught and rethrown here;
// - resolving synchronously re-enters the timing loop and distorts short calls: every call is awaited first;
// - a call longer than `minSeconds` runs once per sample: one sample is asked for at a time, and callers take many.
import Benchmark from 'benchmark';

/** One thing to time: `call` is awaited, however long it takes. */
export class Subject {
  readonly name: string;
  readonly #call: () => Promise<unknown>;
  /** Calls per sample, learnt from the last one so that later samples need no calibration. */
  #count = 1;

  constructor(name: string, call: () => Promise<unknown>) {
    this.name = name;
    this.#call = call;
  }

  /** Seconds per call, averaged over as many calls as fill `minSeconds`. */
  sample(minSeconds: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const benchmark = new Benchmark(this.name, {
        defer: true,
        delay: 0,
        initCount: this.#count,
        minSamples: 1,
        maxTime: 0,
        minTime: minSeconds,
        fn: (deferred: Benchmark.Deferred) => {
          this.#call().then(
            () => deferred.resolve(),
            (error: unknown) => {
              benchmark.abort();
              reject(error);
            },
          );
        },
      });
      benchmark.on('error', () => reject(benchmark.error));
      benchmark.on('complete', () => {
        if (benchmark.aborted) return;
        this.#count = benchmark.count;
        resolve(benchmark.stats.mean);
      });
      benchmark.run();
    });
  }
}
