// Times of single calls. A call must take long enough for the clock, 10 us or so; shorter work is repeated inside it.

import { performance } from 'node:perf_hooks';
import { median } from './statistics.ts';

/** Milliseconds. */
export interface Times {
  readonly min: number;
  readonly median: number;
  readonly calls: number;
}

/** Duration of each call until `seconds` are over; at least one. */
export async function durations(call: () => Promise<unknown>, seconds: number): Promise<number[]> {
  const times: number[] = [];
  const start = performance.now();
  let now = start;
  while (times.length === 0 || now - start < seconds * 1000) {
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

/** One call to wake everything up, then `seconds` of timed ones, each of which does its work `callsInEach` times. */
export async function sample(call: () => Promise<unknown>, seconds: number, callsInEach = 1): Promise<Times> {
  await call();
  return summarizeTimes(await durations(call, seconds), callsInEach);
}
