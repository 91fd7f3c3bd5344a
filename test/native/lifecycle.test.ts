// Native work must survive whatever JavaScript does meanwhile: exit, terminate, collect garbage, load a second copy.
// Each case is a process of its own, so that a crash is seen as one.

import { describe, expect, it } from 'vitest';
import { longPlan, planFile, runProgram, unavailable } from './fixtures.ts';

/** Minutes of work: a process that waited for it would run into the limit. */
const endless = planFile('endless', longPlan(256, 20_000));
/** Tens of milliseconds. */
const brief = planFile('brief', longPlan(128, 8));

/** Far more than needed, far less than the work: nobody may wait for it. */
const SOON_MS = 20_000;

describe.skipIf(unavailable)(`lifecycle${unavailable ? ` (${unavailable})` : ''}`, () => {
  it.each(['exit', 'exit at once', 'terminate', 'exit with a busy worker', 'worker exits', 'worker throws'])(
    'with a run in flight: %s',
    (way) => {
      const { status, signal, stderr, elapsedMs } = runProgram('end-in-flight', [endless, way]);
      expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: '' });
      expect(elapsedMs).toBeLessThan(SOON_MS);
    },
  );

  it('with a run in flight: an uncaught error ends the process as usual', () => {
    const { status, signal, stderr, elapsedMs } = runProgram('end-in-flight', [endless, 'throw']);
    expect({ status, signal }).toEqual({ status: 1, signal: null });
    expect(stderr).toContain('Error: expected');
    expect(elapsedMs).toBeLessThan(SOON_MS);
  });

  it('frees dropped stores and executables, and never those in use', () => {
    const { status, signal, stdout, stderr } = runProgram('collect-garbage', [brief], ['--expose-gc']);
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    const { residentGrowth, collected, dropped } = JSON.parse(stdout);
    expect(residentGrowth).toBeLessThan(2 ** 29);
    expect(collected).toBeGreaterThan(dropped / 2);
  });

  it('runs in two copies at once, in the main thread and in workers', () => {
    const { status, signal, stdout, stderr } = runProgram('two-copies', [brief]);
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ codes: [0, 0] });
  });

  it('leaves the event loop as free as plain threads do', () => {
    const { status, stdout, stderr } = runProgram('event-loop-lag', [brief, '2']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { running, spinning } = JSON.parse(stdout);
    console.log(`event loop lag, 99th percentile: ${stdout.trim()}`);
    // Machines are shared: only a loop that is blocked for whole runs fails here.
    expect(running.timersFired).toBeGreaterThan(10);
    expect(running.lag99Ms).toBeLessThan(Math.max(100, 10 * spinning.lag99Ms));
  });
});
