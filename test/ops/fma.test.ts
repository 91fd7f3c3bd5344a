// fma against exact rational arithmetic, on arguments made to hit what could go wrong: ties whose double sum was rounded,
// denormals, overflow, cancellation.

import { describe, expect, it } from 'vitest';
import { fma } from '../../lib/ops/fma.ts';
import { randomBits } from '../../lib/random.ts';

const view = new DataView(new ArrayBuffer(8));

/** A finite double as mantissa * 2^exponent. */
function parts(value: number): [mantissa: bigint, exponent: number] {
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n);
  return [bits >> 63n ? -mantissa : mantissa, Math.max(exponent, 1) - 1075];
}

/** a * b + c, exactly, then rounded once to fp32, ties to even. */
function exactFma(a: number, b: number, c: number): number {
  if (![a, b, c].every(Number.isFinite)) return Math.fround(a * b + c);
  const [[ma, ea], [mb, eb], [mc, ec]] = [parts(a), parts(b), parts(c)];
  const exponent = Math.min(ea + eb, ec);
  const sum = ((ma * mb) << BigInt(ea + eb - exponent)) + (mc << BigInt(ec - exponent));
  if (sum === 0n) return 0;
  const size = sum < 0n ? -sum : sum;
  const lastPlace = Math.max(size.toString(2).length + exponent - 24, -149);
  const shift = lastPlace - exponent;
  let kept = shift <= 0 ? size << BigInt(-shift) : size >> BigInt(shift);
  if (shift > 0) {
    const rest = size - (kept << BigInt(shift));
    const half = 1n << BigInt(shift - 1);
    if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  }
  const value = Number(kept) * 2 ** lastPlace;
  const rounded = value >= 2 ** 128 ? Number.POSITIVE_INFINITY : value;
  return sum < 0n ? -rounded : rounded;
}

let counter = 0;
const bits = (): number => randomBits(77, counter++);
const pick = <T>(list: readonly T[]): T => list[bits() % list.length] as T;
const ofBits = (word: number): number => {
  view.setUint32(0, word);
  return view.getFloat32(0);
};

const KINDS = {
  any: () => ofBits(bits()),
  near1: () => ofBits((bits() & 0x807fffff) | ((120 + (bits() % 16)) << 23)),
  fewBits: () => ((bits() & 0xfff) - 2048) * 2 ** ((bits() % 60) - 30),
  tiny: () => ofBits((bits() & 0x807fffff) | ((bits() % 30) << 23)),
  corner: () =>
    pick([
      0,
      1,
      -1,
      3.4028234663852886e38,
      2 ** -149,
      2 ** -126,
      2 ** -75,
      1 + 2 ** -23,
      1 - 2 ** -24,
      2 ** 127,
      2 ** 64,
    ]),
};

const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[];

/** c and a product of half its last place, give or take little: the sum lies at a tie or just beside it. */
function nearTie(): [number, number, number] {
  const c = KINDS.near1();
  const half = 2 ** (Math.floor(Math.log2(Math.abs(c))) - 24);
  const a = Math.fround(half * (1 + ((bits() % 3) - 1) * 2 ** -23)) * pick([1, -1, 3, -3]);
  const b = 1 + ((bits() % 5) - 2) * 2 ** -23;
  const scale = pick([1, 1, 2 ** -110, 2 ** 119]);
  return [Math.fround(a * scale), Math.fround(b), Math.fround(c * scale)];
}

const same = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));

describe('fma', () => {
  it.each(kinds)('%s numbers', (kind) => {
    for (let i = 0; i < 20_000; i++) {
      const [a, b, c] = [KINDS[pick(kinds)](), KINDS[kind](), KINDS[pick(kinds)]()];
      const [got, wanted] = [fma(a, b, c), exactFma(a, b, c)];
      if (!same(got, wanted)) throw new Error(`fma(${a}, ${b}, ${c}) is ${got}, not ${wanted}`);
    }
  });

  it('sums near ties, some of which plain rounding gets wrong', () => {
    let wrongWithout = 0;
    for (let i = 0; i < 50_000; i++) {
      const [a, b, c] = nearTie();
      const wanted = exactFma(a, b, c);
      if (!same(Math.fround(a * b + c), wanted)) wrongWithout += 1;
      const got = fma(a, b, c);
      if (!same(got, wanted)) throw new Error(`fma(${a}, ${b}, ${c}) is ${got}, not ${wanted}`);
    }
    expect(wrongWithout).toBeGreaterThan(100);
  });

  it('overflows only from the last tie on', () => {
    const largest = 3.4028234663852886e38;
    expect(fma(2 ** 52, 2 ** 51, largest)).toBe(Number.POSITIVE_INFINITY);
    expect(fma(2 ** 80 * (1 - 2 ** -24), 2 ** 23, largest)).toBe(largest);
    // 2^103 - 2^57 more than the largest number: in double the sum is rounded to the tie itself.
    const [a, b] = [2 ** 52 * (1 + 2 ** -23), 2 ** 51 * (1 - 2 ** -23)];
    expect(Math.fround(a * b + largest)).toBe(Number.POSITIVE_INFINITY);
    expect(fma(a, b, largest)).toBe(largest);
    expect(fma(-a, b, -largest)).toBe(-largest);
  });

  it('keeps NaN and infinities', () => {
    expect(fma(Number.NaN, 1, 1)).toBeNaN();
    expect(fma(1, 1, Number.NaN)).toBeNaN();
    expect(fma(Number.POSITIVE_INFINITY, 0, 1)).toBeNaN();
    expect(fma(Number.POSITIVE_INFINITY, 1, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(fma(1, 1, Number.NEGATIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY);
  });
});
