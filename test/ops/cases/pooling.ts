// max_pool2d, avg_pool2d, their global forms and all gradients.

import {
  avgPool2d,
  avgPool2dDx,
  globalAvgPool2d,
  globalAvgPool2dDx,
  globalMaxPool2d,
  globalMaxPool2dDx,
  maxPool2d,
  maxPool2dDx,
} from '../../../lib/ops/index.ts';
import type { Attrs } from '../../../lib/ops/op.ts';
import { attr, countOf, exactly, type Formula, input, Sums } from '../formula.ts';
import { CaseList, distinct, given, indices, values } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

type Shape = readonly number[];

/** Row and column of a tap of window (row, column), which may be padding. */
function placeOf(attrs: Attrs, row: number, column: number, tap: number): [ih: number, iw: number] {
  const kernelW = attr(attrs, 'kernelW');
  const [r, s] = [Math.floor(tap / kernelW) * attr(attrs, 'dilationH'), (tap % kernelW) * attr(attrs, 'dilationW')];
  return [
    row * attr(attrs, 'strideH') - attr(attrs, 'padTop') + r,
    column * attr(attrs, 'strideW') - attr(attrs, 'padLeft') + s,
  ];
}

/** Every (window, pixel) pair: flat indices of both and the pixel's position in the window. */
function eachPair(x: Shape, y: Shape, attrs: Attrs, visit: (x: number, y: number, tap: number) => void): void {
  const [n, h, w, c] = x as [number, number, number, number];
  const [, oh, ow] = y as [number, number, number, number];
  const kernelW = attr(attrs, 'kernelW');
  for (let i = 0; i < n * oh * ow * c; i++) {
    const column = Math.floor(i / c) % ow;
    const row = Math.floor(i / (c * ow)) % oh;
    const image = Math.floor(i / (c * ow * oh));
    for (let tap = 0; tap < attr(attrs, 'kernelH') * kernelW; tap++) {
      const [ih, iw] = placeOf(attrs, row, column, tap);
      if (ih >= 0 && ih < h && iw >= 0 && iw < w) visit(((image * h + ih) * w + iw) * c + (i % c), i, tap);
    }
  }
}

const at = (data: ArrayLike<number>, index: number): number => data[index] as number;

const maxForward: Formula = (inputs, outputs, attrs) => {
  const { shape, data } = input(inputs, 0);
  const count = countOf(outputs[0]!);
  const best = new Map<number, { value: number; tap: number }>();
  eachPair(shape, outputs[0]!.shape, attrs, (xi, yi, tap) => {
    const found = best.get(yi);
    if (!found || at(data, xi) > found.value) best.set(yi, { value: at(data, xi), tap });
  });
  return [exactly(count, (i) => best.get(i)?.value ?? NaN), exactly(count, (i) => best.get(i)?.tap ?? NaN)];
};
const maxBack: Formula = (inputs, outputs, attrs) => {
  const [dy, index] = [input(inputs, 0), input(inputs, 1)];
  const sums = new Sums(countOf(outputs[0]!));
  eachPair(outputs[0]!.shape, dy.shape, attrs, (xi, yi, tap) => {
    if (at(index.data, yi) === tap) sums.add(xi, at(dy.data, yi));
  });
  return [sums.expected()];
};
/** What each element of y is divided by. */
const divisors = (x: Shape, y: Shape, attrs: Attrs): Float64Array => {
  const counts = new Float64Array(countOf({ shape: y, dtype: 'f32' }));
  if (attr(attrs, 'divisor') > 0) return counts.fill(attr(attrs, 'divisor'));
  if (!attr(attrs, 'countPadding')) {
    eachPair(x, y, attrs, (_, yi) => {
      counts[yi] = at(counts, yi) + 1;
    });
    return counts;
  }
  const [, h, w] = x as [number, number, number];
  const [, oh, ow, c] = y as [number, number, number, number];
  const bottom = h + attr(attrs, 'padBottom') - attr(attrs, 'ceilBottom');
  const right = w + attr(attrs, 'padRight') - attr(attrs, 'ceilRight');
  return counts.map((_, i) => {
    const [row, column] = [Math.floor(i / (c * ow)) % oh, Math.floor(i / c) % ow];
    const taps = Array.from({ length: attr(attrs, 'kernelH') * attr(attrs, 'kernelW') }, (_, tap) => tap);
    return taps.filter((tap) => {
      const [ih, iw] = placeOf(attrs, row, column, tap);
      return ih < bottom && iw < right;
    }).length;
  });
};
const avgForward: Formula = (inputs, outputs, attrs) => {
  const { shape, data } = input(inputs, 0);
  const sizes = divisors(shape, outputs[0]!.shape, attrs);
  const sums = new Sums(countOf(outputs[0]!));
  eachPair(shape, outputs[0]!.shape, attrs, (xi, yi) => sums.add(yi, at(data, xi) / at(sizes, yi)));
  return [sums.expected(1)];
};
const avgBack: Formula = (inputs, outputs, attrs) => {
  const dy = input(inputs, 0);
  const sizes = divisors(outputs[0]!.shape, dy.shape, attrs);
  const sums = new Sums(countOf(outputs[0]!));
  eachPair(outputs[0]!.shape, dy.shape, attrs, (xi, yi) => sums.add(xi, at(dy.data, yi) / at(sizes, yi)));
  return [sums.expected(1)];
};

const PLAIN = {
  ...{ kernelH: 2, kernelW: 2, strideH: 2, strideW: 2, dilationH: 1, dilationW: 1 },
  ...{ padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 },
};
const COUNTING = { countPadding: 0, ceilBottom: 0, ceilRight: 0, divisor: 0 };

function average(title: string, x: Shape, attrs: typeof PLAIN & typeof COUNTING): void {
  const [y] = avgPool2d.infer([{ shape: x, dtype: 'f32' }], attrs);
  const size = { inH: x[1] as number, inW: x[2] as number };
  const { countPadding, ceilBottom, ceilRight, divisor } = attrs;
  const name = `${title}, countPadding=${countPadding}, ceil ${ceilBottom},${ceilRight}, divisor=${divisor}`;
  list.add(avgPool2d, avgForward, name, [x], attrs);
  list.add(avgPool2dDx, avgBack, name, [y!.shape], { ...attrs, ...size }, { sparse: true });
}

function pooling(title: string, x: Shape, geometry: Partial<typeof PLAIN> = {}): void {
  const attrs = { ...PLAIN, ...geometry };
  const taps = attrs.kernelH * attrs.kernelW;
  const [y] = maxPool2d.infer([{ shape: x, dtype: 'f32' }], attrs);
  const size = { inH: x[1] as number, inW: x[2] as number };
  const index = indices(y!.shape, taps, taps <= 256 ? 'u8' : 'i32');
  list.add(maxPool2d, maxForward, title, [distinct(x)], attrs, { exact: true, sparse: true });
  list.add(maxPool2d, maxForward, `${title}, with ties`, [given(x, [1, 3, 3, 2, 3])], attrs, { sparse: true });
  list.add(maxPool2dDx, maxBack, title, [y!.shape, index], { ...attrs, ...size }, { exact: true, sparse: true });
  for (const countPadding of [0, 1]) average(title, x, { ...attrs, ...COUNTING, countPadding });
}

pooling('2x2', [2, 6, 8, 5]);
pooling('2x2 with a row and a column left over', [3, 7, 9, 19]);
pooling('3x3 overlapping', [2, 9, 9, 16], { kernelH: 3, kernelW: 3 });
pooling('3x3, stride 1, padding 1', [2, 5, 6, 33], {
  ...{ kernelH: 3, kernelW: 3, strideH: 1, strideW: 1 },
  ...{ padTop: 1, padLeft: 1, padBottom: 1, padRight: 1 },
});
pooling('different sides', [1, 7, 8, 3], { kernelH: 3, kernelW: 2, strideH: 1, strideW: 3, padTop: 2, padRight: 1 });
pooling('stride larger than the kernel', [2, 8, 8, 4], { strideH: 3, strideW: 3 });
pooling('one window', [2, 4, 5, 7], { kernelH: 4, kernelW: 5, strideH: 1, strideW: 1 });
pooling('1x1', [1, 3, 3, 2], { kernelH: 1, kernelW: 1, strideH: 1, strideW: 1 });
pooling('windows of more than 256 pixels', [1, 20, 19, 2], {
  kernelH: 17,
  kernelW: 16,
  strideH: 2,
  strideW: 1,
  padLeft: 3,
});

pooling('dilated', [2, 9, 10, 5], { kernelH: 2, kernelW: 3, strideH: 1, strideW: 2, dilationH: 3, dilationW: 2 });
pooling('dilated, windows side by side, padded', [1, 11, 12, 17], {
  ...{ kernelH: 2, kernelW: 2, dilationH: 3, dilationW: 4 },
  ...{ padTop: 2, padLeft: 3, padBottom: 1, padRight: 2 },
});
pooling('dilation and stride with a common factor', [2, 13, 12, 3], {
  ...{ kernelH: 3, kernelW: 2, strideH: 4, strideW: 3, dilationH: 6, dilationW: 9 },
  ...{ padTop: 2, padBottom: 6 },
});
/** 3x3 every 2 over 6 + 1 + 1 rows and 7 + 1 columns, rounded up to a fourth window in each direction. */
const ceiled = {
  ...{ ...PLAIN, kernelH: 3, kernelW: 3, padTop: 1, padBottom: 2, padLeft: 0, padRight: 2 },
  ...{ ...COUNTING, countPadding: 1, ceilBottom: 1, ceilRight: 1 },
};
average('ceil mode', [2, 6, 7, 9], ceiled);
average('ceil mode, dilated', [1, 8, 9, 4], { ...ceiled, dilationH: 2, dilationW: 2, padBottom: 3, ceilBottom: 2 });
average('ceil mode, disjoint', [1, 5, 7, 3], { ...ceiled, strideH: 3, strideW: 3 });
average('ceil mode, padding does not count', [1, 6, 7, 2], { ...ceiled, countPadding: 0 });
average('sums', [1, 5, 6, 18], { ...PLAIN, ...COUNTING, strideH: 1, padTop: 1, divisor: 1 });
average('a fixed divisor', [2, 4, 6, 3], { ...PLAIN, ...COUNTING, divisor: 7, countPadding: 1 });

/** The whole image as one window of the formulas above. */
const whole =
  (formula: Formula, imageOf: 'input' | 'output'): Formula =>
  (inputs, outputs) => {
    const image = imageOf === 'input' ? input(inputs, 0).shape : outputs[0]!.shape;
    const [n, h, w, c] = image as [number, number, number, number];
    const attrs = { ...PLAIN, ...COUNTING, kernelH: h, kernelW: w };
    const pixel = [n, 1, 1, c];
    const asImage = <T extends { shape: Shape }>(tensor: T): T =>
      tensor.shape.length === 2 ? { ...tensor, shape: pixel } : tensor;
    return formula(
      inputs.map((tensor) => tensor && asImage(tensor)),
      outputs.map(asImage),
      attrs,
    );
  };

for (const [title, shape] of [
  ['one pixel', [3, 1, 1, 5]],
  ['a small image', [2, 3, 4, 19]],
  ['a large image', [1, 21, 23, 8]],
  ['one channel', [4, 5, 5, 1]],
] as const) {
  const [n, inH, inW, c] = shape;
  const size = { inH, inW };
  list.add(globalAvgPool2d, whole(avgForward, 'input'), title, [shape]);
  list.add(globalAvgPool2dDx, whole(avgBack, 'output'), title, [values([n, c])], size);
  const options = { exact: true, sparse: true };
  list.add(globalMaxPool2d, whole(maxForward, 'input'), title, [distinct(shape)], {}, options);
  const inputs = [values([n, c]), indices([n, c], inH * inW)];
  list.add(globalMaxPool2dDx, whole(maxBack, 'output'), title, inputs, size, options);
}
