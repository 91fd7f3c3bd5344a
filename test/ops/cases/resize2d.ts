// resize2d and resize2d_dx.

import { resize2d, resize2dDx } from '../../../lib/ops/index.ts';
import type { Attrs } from '../../../lib/ops/op.ts';
import { RESIZE_MODES, type ResizeMode } from '../../../lib/ops/resample.ts';
import { attr, countOf, type Formula, input, Sums } from '../formula.ts';
import { CaseList } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

/** The positions that position `p` of `to` reads of `from`, and their weights, as PyTorch's documentation has them. */
function reads(
  mode: ResizeMode,
  p: number,
  from: number,
  to: number,
  given: number,
): [position: number, weight: number][] {
  const step = given === 0 ? from / to : given;
  if (mode === 'nearest')
    return [[Math.min(Math.floor(given === 0 ? (p * from) / to : Math.fround(p * given)), from - 1), 1]];
  const aligned = to > 1 ? (p * (from - 1)) / (to - 1) : 0;
  const at = Math.min(Math.max(mode === 'corners' ? aligned : (p + 0.5) * step - 0.5, 0), from - 1);
  const upper = Math.ceil(at);
  return upper === at
    ? [[at, 1]]
    : [
        [upper - 1, upper - at],
        [upper, at - (upper - 1)],
      ];
}

/** Every product of a resizing once: flat indices of x and y, and the weight. */
function eachRead(
  x: readonly number[],
  y: readonly number[],
  attrs: Attrs,
  visit: (x: number, y: number, weight: number) => void,
) {
  const [n, h, w, c] = x as [number, number, number, number];
  const [, outH, outW] = y as [number, number, number, number];
  const mode = RESIZE_MODES[attr(attrs, 'mode')] as ResizeMode;
  for (let image = 0; image < n; image++)
    for (let p = 0; p < outH; p++)
      for (let q = 0; q < outW; q++)
        for (const [i, down] of reads(mode, p, h, outH, attr(attrs, 'stepH')))
          for (const [j, across] of reads(mode, q, w, outW, attr(attrs, 'stepW')))
            for (let channel = 0; channel < c; channel++) {
              const [from, to] = [(image * h + i) * w + j, (image * outH + p) * outW + q];
              visit(from * c + channel, to * c + channel, down * across);
            }
}

/** Beside the sum's own roundings: those of two weights, and of the two sums it is made of. */
const EXTRA = 4;

const resized: Formula = (inputs, [y], attrs) => {
  const { shape, data } = input(inputs, 0);
  const sums = new Sums(countOf(y!));
  eachRead(shape, y!.shape, attrs, (from, to, weight) => sums.add(to, (data[from] as number) * weight));
  return [sums.expected(EXTRA)];
};
const gathered: Formula = (inputs, [dx], attrs) => {
  const { shape, data } = input(inputs, 0);
  const sums = new Sums(countOf(dx!));
  eachRead(dx!.shape, shape, attrs, (from, to, weight) => sums.add(from, (data[to] as number) * weight));
  return [sums.expected(EXTRA)];
};

const SHAPES: readonly (readonly [string, number[], [number, number], [number, number]?])[] = [
  ['one pixel', [1, 1, 1, 3], [2, 3]],
  ['twice as large', [2, 3, 4, 19], [6, 8]],
  ['three times as high, the same width', [1, 2, 5, 8], [6, 5]],
  ['odd sizes', [2, 4, 5, 7], [7, 11]],
  ['one row of one channel', [3, 1, 6, 1], [1, 15]],
  ['smaller', [1, 9, 7, 5], [4, 3]],
  ['to one pixel', [1, 4, 5, 2], [1, 1]],
  ['given steps', [1, 5, 6, 9], [7, 8], [1 / 1.5, 0.7]],
  ['work for many threads', [1, 31, 35, 17], [62, 70]],
];
for (const [mode, name] of RESIZE_MODES.entries()) {
  for (const [title, x, [outH, outW], [stepH, stepW] = [0, 0]] of SHAPES) {
    if (name === 'corners' && title === 'work for many threads') continue;
    // Weights of quarters are exact, as are whole pixels.
    const exact = name === 'nearest' || (name === 'linear' && outH === 2 * x[1]! && outW === 2 * x[2]!);
    list.add(resize2d, resized, `${name}, ${title}`, [x], { mode, outH, outW, stepH, stepW }, { exact });
    const dy = [x[0]!, outH, outW, x[3]!];
    const back = { mode, inH: x[1]!, inW: x[2]!, stepH, stepW };
    list.add(resize2dDx, gathered, `${name}, ${title}`, [dy], back, { exact, sparse: outH * outW < x[1]! * x[2]! });
  }
}
