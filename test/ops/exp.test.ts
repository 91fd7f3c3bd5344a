// The polynomials for exp, tanh, sigmoid and log against the library's doubles, over their whole range.

import { describe, expect, it } from 'vitest';
import { exp, log, sigmoid, tanh } from '../../lib/ops/exp.ts';
import { randomBits, uniform } from '../../lib/random.ts';
import { U } from './formula.ts';

/** The largest error of `f` in units of u * |exact|, for fp32 arguments from `low` to `high`. */
function largestError(f: (x: number) => number, exact: (x: number) => number, low: number, high: number): number {
  let worst = 0;
  for (let i = 0; i < 40_000; i++) {
    const x = Math.fround(low + (high - low) * uniform(5, i));
    worst = Math.max(worst, Math.abs(f(x) - exact(x)) / (U * Math.abs(exact(x))));
  }
  return worst;
}

describe('exp', () => {
  it('is within 2 units in the last place', () => {
    expect(largestError(exp, Math.exp, -87.3, 88.7)).toBeLessThan(4);
    expect(largestError(exp, Math.exp, -1, 1)).toBeLessThan(3);
  });
  it('is exact at its ends', () => {
    expect(exp(0)).toBe(1);
    expect(exp(-0)).toBe(1);
    expect(exp(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(exp(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(exp(Math.fround(88.73))).toBe(Number.POSITIVE_INFINITY);
    // The last argument whose power is an fp32 number, and the next.
    expect(exp(88.72283172607422)).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(exp(88.72283935546875)).toBe(Number.POSITIVE_INFINITY);
    expect(exp(Math.fround(-87.4))).toBe(0);
    expect(exp(-87.33654022216797)).toBeGreaterThanOrEqual(2 ** -126);
    expect(exp(Number.NaN)).toBeNaN();
  });
});

describe('tanh', () => {
  it('is within 3 units in the last place', () => {
    expect(largestError(tanh, Math.tanh, -10, 10)).toBeLessThan(6);
    expect(largestError(tanh, Math.tanh, -0.7, 0.7)).toBeLessThan(6);
  });
  it('is odd, bounded and keeps NaN', () => {
    for (const x of [0.1, 0.6, 0.625, 0.7, 3, 9, 50, 3e38].map(Math.fround)) expect(tanh(-x)).toBe(-tanh(x));
    expect(tanh(Number.POSITIVE_INFINITY)).toBe(1);
    expect(tanh(Number.NEGATIVE_INFINITY)).toBe(-1);
    expect(tanh(Number.NaN)).toBeNaN();
  });
});

describe('sigmoid', () => {
  it('is within 3 units in the last place', () => {
    expect(largestError(sigmoid, (x) => 1 / (1 + Math.exp(-x)), -80, 80)).toBeLessThan(6);
  });
  it('reaches 0 and 1', () => {
    expect([-200, 0, 200].map(sigmoid)).toEqual([0, 0.5, 1]);
    expect(sigmoid(Number.NaN)).toBeNaN();
  });
});

describe('log', () => {
  it('agrees with the library to 1e-15', () => {
    for (let i = 0; i < 40_000; i++) {
      const x = (1 + uniform(6, i)) * 2 ** ((randomBits(7, i) % 200) - 100);
      expect(Math.abs(log(x) - Math.log(x))).toBeLessThanOrEqual(1e-15 * (1 + Math.abs(Math.log(x))));
    }
  });
  it('is exact at its ends', () => {
    expect(log(1)).toBe(0);
    expect(log(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(log(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect([log(-1), log(Number.NaN)]).toEqual([Number.NaN, Number.NaN]);
  });
});
