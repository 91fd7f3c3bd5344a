// expm1, log, log1p, erf and the normal distribution in fp32, as polynomials: the same operations in the same order as
// native/kernels/elementary.inl. docs/numerics.md states their errors.

import { exp, LN2_HIGH, LN2_LOW, LOG2_E, ROUNDER } from './exp.ts';
import { fma } from './fma.ts';

const { fround } = Math;

/** `(e^r - 1 - r) / r^2` for |r| <= ln 2 / 2, highest power first; so are all lists of coefficients here. */
const EXPM1_COEFFICIENTS = [1.9845877e-4, 1.39406254e-3, 8.33338965e-3, 4.16663624e-2, 1.66666657e-1, 5.0e-1].map(
  fround,
);

/** `p` followed by more coefficients: ((p x + c0) x + c1) ... */
function horner(coefficients: readonly number[], x: number): number {
  let p = coefficients[0] as number;
  for (let i = 1; i < coefficients.length; i++) p = fma(p, x, coefficients[i] as number);
  return p;
}

/** e^x - 1 in fp32, accurate near 0 too. */
export function expm1(x: number): number {
  if (x > 88.72283935546875) return Infinity;
  if (x < -18) return -1;
  if (Number.isNaN(x)) return x;
  const n = fround(fma(x, LOG2_E, ROUNDER) - ROUNDER);
  let r = fma(-n, LN2_HIGH, x);
  r = fma(-n, LN2_LOW, r);
  const p = fma(horner(EXPM1_COEFFICIENTS, r), fround(r * r), r);
  if (n === 0) return p;
  // 2^n p + (2^n - 1), halved until the end: 2^128 is no fp32 number.
  const s = 2 ** (n - 1);
  return fround(2 * fma(s, p, fround(s - 0.5)));
}

/** Cephes' `logf`: `(ln(1 + f) - f + f^2 / 2) / f^3` for 1 + f from sqrt(1/2) to sqrt(2). */
const LOG_COEFFICIENTS = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(fround);
const SQRT2 = fround(Math.SQRT2);

/** ln(1 + f) + e ln 2. */
function logOf(f: number, e: number): number {
  const z = fround(f * f);
  let y = fround(fround(f * z) * horner(LOG_COEFFICIENTS, f));
  y = fma(e, LN2_LOW, y);
  y = fma(-0.5, z, y);
  return fma(e, LN2_HIGH, fround(f + y));
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Natural logarithm in fp32. */
export function log32(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? Infinity : NaN;
  const denormal = x < 2 ** -126;
  float[0] = denormal ? x * 2 ** 23 : x;
  let e = (bits[0]! >> 23) - 127;
  bits[0] = (bits[0]! & 0x7fffff) | 0x3f800000;
  let m = float[0]!;
  if (m >= SQRT2) {
    m *= 0.5;
    e += 1;
  }
  if (denormal) e -= 23;
  return logOf(m - 1, e);
}

/** ln(1 + x) in fp32 for x from 0 to 1. */
export function log1p(x: number): number {
  return x > fround(Math.SQRT2 - 1) ? logOf(fma(x, 0.5, -0.5), 1) : logOf(x, 0);
}

/** Up to here erf is a polynomial. */
const ERF_CENTRE = 0.5;
/** `erf(x) / x - 1` as a polynomial in x^2, up to x = ERF_CENTRE. */
const ERF_COEFFICIENTS = [4.71799029e-3, -2.67571844e-2, 1.12828225e-1, -3.76126081e-1, 1.28379167e-1].map(fround);
/** `e^(a^2) erfc(a)` from ERF_CENTRE to 10, as t times a polynomial in t = 1 / (a + 2). */
const ERFCX_COEFFICIENTS = [
  -3.1357357e1, 7.58587494e1, -6.55582199e1, 1.95846901e1, -1.43393981, 3.35625148, 1.9319315, 1.13028753,
  5.64153194e-1,
].map(fround);

/** `e^(a^2) erfc(a)` for a of at least ERF_CENTRE. */
function erfcx(a: number): number {
  const t = fround(1 / fround(a + 2));
  return fround(horner(ERFCX_COEFFICIENTS, t) * t);
}

/** The error function in fp32. */
export function erf(x: number): number {
  const a = Math.abs(x);
  const z = fround(a * a);
  if (a < ERF_CENTRE) return fma(x, horner(ERF_COEFFICIENTS, z), x);
  const t = fround(1 - fround(exp(-z) * erfcx(a)));
  return x < 0 ? -t : t;
}

const SQRT_HALF = fround(Math.SQRT1_2);
const HALF_SQRT_HALF = fround(Math.SQRT1_2 / 2);

/** The share of a standard normal distribution below x, for |x| <= 14, with a small relative error even where it is
 * small itself: `(1 + erf(x / sqrt 2)) / 2`. */
export function normalCdf(x: number): number {
  const a = fround(Math.abs(x) * SQRT_HALF);
  if (a < ERF_CENTRE) {
    const half = fround(x * HALF_SQRT_HALF);
    return fround(0.5 + fma(half, horner(ERF_COEFFICIENTS, fround(a * a)), half));
  }
  // e^(-x^2 / 2) with what x^2 lost in rounding put back as a factor.
  const square = fround(x * x);
  const lost = fma(x, x, -square);
  const density = fround(exp(-0.5 * square) * fma(lost, -0.5, 1));
  const tail = fround(fround(density * 0.5) * erfcx(a));
  return x < 0 ? tail : fround(1 - tail);
}
