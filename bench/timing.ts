// Times of single calls. A call must take long enough for the clock, 10 us or so; shorter work is repeated inside it.

import { performance } from 'node:perf_hooks';
import { median } from './statistics.ts';

/** Milliseconds. */
export interface Times {
  readonly min: number;
  readonly median: number;
  readonly calls: number;
}

export interface TimeOptions {
  readonly seconds: number;
  /** However long they take. */
  readonly leastCalls?: number;
}

/** Duration of each call until `seconds` are over. */
export async function durations(call: () => Promise<unknown>, options: TimeOptions): Promise<number[]> {
  const { seconds, leastCalls = 1 } = options;
  const times: number[] = [];
  const start = performance.now();
  let now = start;
  while (now - start < seconds * 1000 || times.length < leastCalls) {
    await call();
    const end = performance.now();
    times.push(end - now);
    now = end;
  }
  return times;
}

export function summarizeTimes(times: readonly number[], callsInEach = 1): Times {
  const min = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  return { min: min / callsInEach, median: median(times) / callsInEach, calls: times.length * callsInEach };
}
