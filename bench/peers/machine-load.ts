// How much of the machine processes other than the given ones take, from /proc/stat: what disturbs a comparison.
// Elsewhere than on Linux nothing is known, and nothing counts as disturbed.

import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100;

const ticksOf = (file: string, first: number, count: number): number[] => {
  // The name of a process may hold spaces; it ends with the last bracket.
  const fields = readFileSync(file, 'utf8').split('\n')[0]!.replace(/^.*\)/, ') )').trim().split(/\s+/);
  return fields.slice(first, first + count).map(Number);
};
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

interface Ticks {
  readonly busy: number;
  readonly own: number;
}

function readTicks(pids: readonly number[]): Ticks {
  // user, nice, system, idle, iowait, irq, softirq, steal
  const [idle = 0, waiting = 0] = ticksOf('/proc/stat', 4, 2);
  const busy = sum(ticksOf('/proc/stat', 1, 8)) - idle - waiting;
  return { busy, own: sum(pids.flatMap((pid) => ticksOf(`/proc/${pid}/stat`, 13, 2))) };
}

/** Call the result later: cores' worth of time that others have taken since now. */
export function meterOthers(pids: readonly number[]): () => number {
  if (process.platform !== 'linux') return () => 0;
  const before = readTicks(pids);
  const start = performance.now();
  return () => {
    const after = readTicks(pids);
    const seconds = (performance.now() - start) / 1000;
    return Math.max(0, after.busy - before.busy - (after.own - before.own)) / TICKS_PER_SECOND / seconds;
  };
}
