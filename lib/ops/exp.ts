// exp, tanh and log as polynomials, because library functions differ between machines by a bit: these are the same
// operations in the same order as native/kernels, so both backends agree bit for bit.

import { fma } from './fma.ts';

const { fround } = Math;

export const LOG2_E = fround(Math.LOG2E);
/** Adding and subtracting 1.5 * 2^23 rounds to a whole number. */
export const ROUNDER = 12582912;
/** ln 2 in two parts; the first has few bits, so that `n * LN2_HIGH` is exact. */
export const LN2_HIGH = 0.693359375;
export const LN2_LOW = fround(-2.1219444e-4);
const EXP_COEFFICIENTS = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
].map(fround) as [number, number, number, number, number, number];
const [E0, E1, E2, E3, E4, E5] = EXP_COEFFICIENTS;

/** e^x in fp32, within 2 units in the last place (Cephes' `expf`). Results below 2^-126 are 0. */
export function exp(x: number): number {
  if (x > 88.72283935546875) return Infinity;
  if (x < -87.33654022216797) return 0;
  if (Number.isNaN(x)) return x;
  const n = fround(fma(x, LOG2_E, ROUNDER) - ROUNDER);
  let r = fma(-n, LN2_HIGH, x);
  r = fma(-n, LN2_LOW, r);
  let p = fma(E0, r, E1);
  p = fma(p, r, E2);
  p = fma(p, r, E3);
  p = fma(p, r, E4);
  p = fma(p, r, E5);
  const e = fround(fma(p, fround(r * r), r) + 1);
  // 2^n in two factors: 2^128 is no fp32 number, though e^x may still be one.
  const half = n >> 1;
  return fround(fround(e * 2 ** half) * 2 ** (n - half));
}

const TANH_COEFFICIENTS = [
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
].map(fround) as [number, number, number, number, number];
const [T0, T1, T2, T3, T4] = TANH_COEFFICIENTS;

/** Hyperbolic tangent in fp32 (Cephes' `tanhf`). */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a < 0.625) {
    const z = fround(x * x);
    let p = fma(T0, z, T1);
    p = fma(p, z, T2);
    p = fma(p, z, T3);
    p = fma(p, z, T4);
    return fma(fround(p * z), x, x);
  }
  const t = fround(1 - fround(2 / fround(exp(2 * a) + 1)));
  return x < 0 ? -t : t;
}

/** 1 / (1 + e^-x) in fp32. */
export function sigmoid(x: number): number {
  return fround(1 / fround(1 + exp(-x)));
}

const ODD_RECIPROCALS = Float64Array.from({ length: 11 }, (_, k) => 1 / (2 * k + 1));
const bits = new DataView(new ArrayBuffer(8));

/** Natural logarithm of a positive normal double, by 2 artanh((m - 1) / (m + 1)); within 1e-15 relative. */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? Infinity : NaN;
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  let exponent = (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = bits.getFloat64(0);
  if (m >= Math.SQRT2) {
    m /= 2;
    exponent += 1;
  }
  const z = (m - 1) / (m + 1);
  const z2 = z * z;
  let s = ODD_RECIPROCALS[10] as number;
  for (let k = 9; k >= 0; k--) s = s * z2 + (ODD_RECIPROCALS[k] as number);
  return 2 * z * s + exponent * Math.LN2;
}
