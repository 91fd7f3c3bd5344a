// The polynomials of lib/ops/elementary.ts against doubles, over dense sweeps; the bounds are those of docs/numerics.md.

import { describe, expect, it } from 'vitest';
import { erf, expm1, log1p, log32, normalCdf } from '../../lib/ops/elementary.ts';
import { erf as exactErf, normalCdf as exactNormalCdf } from './error-function.ts';

/** Distance of neighbouring fp32 numbers at `value`. */
const ulp = (value: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(value)))) - 23);

/** The largest error of `f` in units in the last place, for fp32 arguments from `low` to `high`. */
function largestError(f: (x: number) => number, exact: (x: number) => number, low: number, high: number): number {
  const count = 100_000;
  let worst = 0;
  for (let i = 0; i < count; i++) {
    const x = Math.fround(low + ((high - low) * (i + 0.37)) / count);
    const wanted = exact(x);
    const error = Math.abs(f(x) - wanted);
    if (error !== 0) worst = Math.max(worst, error / ulp(wanted));
  }
  return worst;
}

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe('expm1', () => {
  it.each([
    [-20, 88.7],
    [-2, 2],
    [-1e-3, 1e-3],
    [-1e-40, 1e-40],
  ])('is within 1.5 units in the last place from %d to %d', (low, high) => {
    expect(largestError(expm1, Math.expm1, low, high)).toBeLessThan(1.5);
  });
  it('is exact at its ends', () => {
    expect([0, -inf, -18.1, inf, 88.73, nan].map(Math.fround).map(expm1)).toEqual([0, -1, -1, inf, inf, nan]);
    expect(expm1(88.72283172607422)).toBeLessThan(inf);
  });
});

describe('log', () => {
  it.each([
    [1e-6, 1],
    [0.5, 2],
    [0.999, 1.001],
    [1, 3e38],
    [1e-45, 1e-37],
  ])('is within 1 unit in the last place from %d to %d', (low, high) => {
    expect(largestError(log32, Math.log, low, high)).toBeLessThan(1);
  });
  it('is exact at its ends', () => {
    expect([0, -0, 1, inf, -inf, -1, nan].map(log32)).toEqual([-inf, -inf, 0, inf, nan, nan, nan]);
  });
});

describe('log1p', () => {
  it.each([
    [0, 1],
    [0, 1e-3],
  ])('is within 1.5 units in the last place from %d to %d', (low, high) => {
    expect(largestError(log1p, Math.log1p, low, high)).toBeLessThan(1.5);
  });
  it('is exact at 0 and keeps NaN', () => {
    expect([0, 2 ** -140, nan].map(log1p)).toEqual([0, 2 ** -140, nan]);
  });
});

describe('erf', () => {
  it.each([
    [-5, 5],
    [-0.6, 0.6],
    [-1e-3, 1e-3],
  ])('is within 3 units in the last place from %d to %d', (low, high) => {
    expect(largestError(erf, exactErf, low, high)).toBeLessThan(3);
  });
  it('is odd, bounded and keeps NaN', () => {
    for (const x of [0.1, 0.4999, 0.5, 1, 3, 4, 10, 3e38].map(Math.fround)) {
      expect(erf(-x)).toBe(-erf(x));
      expect(erf(x)).toBeLessThanOrEqual(1);
    }
    expect([0, inf, -inf, nan].map(erf)).toEqual([0, 1, -1, nan]);
  });
});

describe('the normal distribution', () => {
  it.each([
    [-13, -5],
    [-5, 5],
    [-0.8, 0.8],
    [5, 14],
  ])('is within 6 units in the last place from %d to %d', (low, high) => {
    expect(largestError(normalCdf, exactNormalCdf, low, high)).toBeLessThan(6);
  });
  it('reaches 0, 1/2 and 1, and keeps NaN', () => {
    expect([-14, 0, 14, nan].map(normalCdf)).toEqual([0, 0.5, 1, nan]);
  });
});
