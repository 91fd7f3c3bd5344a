// The fused multiply-add of fp32, correctly rounded, in double arithmetic: the one operation all sums are made of.
// A product of two fp32 values is exact in double, so `a * b + c` errs by one rounding; rounding that again to fp32
// is wrong only when the double lies exactly between two fp32 neighbours (a tie) and was itself rounded.

const FLOAT_MAX = (2 - 2 ** -23) * 2 ** 127;
/** Halfway from the largest fp32 value to the one that overflows. */
const OVERFLOW_TIE = (2 - 2 ** -24) * 2 ** 127;

/** Brings a double 29 places up and sets its last bit but one beyond fp32's. */
const TIE_FACTOR = 2 ** 29 + 2;

/**
 * Whether the double `s`, whose nearest fp32 value is `r`, may be a tie (or is denormal, infinite or NaN).
 *
 * `u` lies 29 binary places above `s`, so `(u + s) - u` rounds `s` to 24 bits. At a tie `u` is an odd multiple of the
 * last place kept, so the tie goes to the odd neighbour, whereas `fround` goes to the even one: the two differ.
 */
export function mayBeTie(s: number, r: number): boolean {
  const u = s * TIE_FACTOR;
  return u + s - u !== r;
}

/** `a * b + c` rounded once to fp32, for fp32 arguments. */
export function fma(a: number, b: number, c: number): number {
  const s = a * b + c;
  const r = Math.fround(s);
  return mayBeTie(s, r) ? roundTie(a, b, c) : r;
}

/** `fma` for the rare arguments whose double sum may be a tie. */
function roundTie(a: number, b: number, c: number): number {
  const p = a * b;
  const s = p + c;
  const r = Math.fround(s);
  // The error of the double sum, exactly (TwoSum): the true value is s + error.
  const rounded = s - p;
  const error = p - (s - rounded) + (c - rounded);
  if (Math.abs(s) === OVERFLOW_TIE) return error !== 0 && error < 0 === s > 0 ? Math.sign(s) * FLOAT_MAX : r;
  const mirror = s + (s - r);
  const isTie = mirror !== r && Math.fround(mirror) === mirror && Number.isFinite(r);
  return isTie && error !== 0 && error > 0 === mirror > r ? mirror : r;
}
