// How resizing weights the positions of an axis: for each position of the result the first position it reads and the
// weights from there on. Positions are computed in doubles, weights rounded once, so both backends have the same.

/** The weights of one axis: position p reads `weights[offsets[p]]` to `weights[offsets[p + 1] - 1]` from `first[p]` on. */
export interface Taps {
  readonly first: Int32Array;
  readonly offsets: Int32Array;
  readonly weights: Float32Array;
}

export interface AxisResize {
  readonly from: number;
  readonly to: number;
  /** Positions of x for each of the result, an fp32 number, where that is not from / to; 0 where it is. */
  readonly step: number;
}

/** `nearest` takes the position that the left edge falls into; `linear` weights the two around the centre; with `corners` the
 * centres of the first and last positions coincide. The place in the list is the attribute `mode`. */
export const RESIZE_MODES = ['nearest', 'linear', 'corners'] as const;
export type ResizeMode = (typeof RESIZE_MODES)[number];

/** Where position `p` of the result lies in x. */
function sourceOf(mode: ResizeMode, p: number, { from, to, step }: AxisResize): number {
  if (mode === 'nearest') return step > 0 ? Math.fround(p * step) : (p * from) / to;
  if (mode === 'corners') return to === 1 ? 0 : (p * (from - 1)) / (to - 1);
  const centre = step > 0 ? (p + 0.5) * step - 0.5 : ((2 * p + 1) * from - to) / (2 * to);
  return Math.max(centre, 0);
}

/** What each position of the result reads. */
export function resizeTaps(mode: ResizeMode, axis: AxisResize): Taps {
  const { from, to } = axis;
  const most = mode === 'nearest' ? 1 : 2;
  const first = new Int32Array(to);
  const offsets = new Int32Array(to + 1);
  const weights = new Float32Array(most * to);
  let used = 0;
  for (let p = 0; p < to; p++) {
    const source = Math.min(sourceOf(mode, p, axis), from - 1);
    const lower = Math.floor(source);
    const fraction = source - lower;
    first[p] = lower;
    if (mode === 'nearest') {
      weights[used++] = 1;
    } else {
      weights[used++] = 1 - fraction;
      if (lower < from - 1) weights[used++] = fraction;
    }
    offsets[p + 1] = used;
  }
  return { first, offsets, weights: weights.subarray(0, used) };
}

/** The same weights seen from x: for each of its positions what the positions of the result that read it, which are
 * neighbours, read it with. */
export function transposedTaps({ first: reads, offsets: at, weights: given }: Taps, from: number): Taps {
  const first = new Int32Array(from);
  const offsets = new Int32Array(from + 1);
  const weights = new Float32Array(given.length);
  const to = reads.length;
  let used = 0;
  for (let i = 0, begin = 0; i < from; i++) {
    while (begin < to && reads[begin]! + at[begin + 1]! - at[begin]! <= i) begin++;
    first[i] = begin;
    for (let p = begin; p < to && reads[p]! <= i; p++) weights[used++] = given[at[p]! + i - reads[p]!]!;
    offsets[i + 1] = used;
  }
  return { first, offsets, weights };
}
