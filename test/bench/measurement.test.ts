// The measuring tools themselves: a benchmark that cannot fail or that distorts would make every figure worthless.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Subject } from '../../bench/benchmark-adapter.ts';
import { estimateMedian, median } from '../../bench/statistics.ts';

describe('Subject', () => {
  it('times an asynchronous call', async () => {
    const subject = new Subject('sleep', () => sleep(20));
    const seconds = await subject.sample(0.05);
    expect(seconds).toBeGreaterThan(0.018);
  });

  it('times a call that is over at once as many calls', async () => {
    let calls = 0;
    const subject = new Subject('nothing', async () => {
      calls++;
    });
    const seconds = await subject.sample(0.02);
    expect(calls).toBeGreaterThan(1000);
    expect(seconds).toBeLessThan(0.02 / 10); // the time of one call, not of all
  });

  it('passes a rejection on', async () => {
    const subject = new Subject('broken', async () => {
      throw new Error('kernel refused');
    });
    await expect(subject.sample(0.01)).rejects.toThrow('kernel refused');
  });

  it('passes on a rejection that comes late', async () => {
    let calls = 0;
    const subject = new Subject('breaks later', async () => {
      if (++calls > 50) throw new Error('broke on call 51');
    });
    await expect(subject.sample(0.05)).rejects.toThrow('broke on call 51');
    await sleep(20);
    expect(calls).toBe(51);
  });
});

describe('estimateMedian', () => {
  it('takes the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('spans order statistics whose coverage is at least the wanted one', () => {
    // Tabulated: for n = 9 the second and eighth cover 96.1 %, for n = 20 the sixth and fifteenth 95.9 %.
    const count = (n: number) => Array.from({ length: n }, (_, i) => n - i);
    expect(estimateMedian(count(9))).toMatchObject({ median: 5, low: 2, high: 8 });
    expect(estimateMedian(count(9)).coverage).toBeCloseTo(0.961, 3);
    expect(estimateMedian(count(20))).toMatchObject({ median: 10.5, low: 6, high: 15 });
    expect(estimateMedian(count(20)).coverage).toBeCloseTo(0.959, 3);
  });

  it('admits when there are too few samples', () => {
    expect(estimateMedian([1, 2, 3])).toEqual({ median: 2, low: 1, high: 3, coverage: 0.75 });
  });
});
