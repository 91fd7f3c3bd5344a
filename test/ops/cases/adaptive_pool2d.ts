// adaptive_max_pool2d, adaptive_avg_pool2d, max_unpool2d, max_pool2d_position and the gradients.

import {
  adaptiveAvgPool2d,
  adaptiveAvgPool2dDx,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dDx,
  maxPool2dPosition,
  maxUnpool2d,
  maxUnpool2dDx,
} from '../../../lib/ops/index.ts';
import { attr, countOf, exactly, type Formula, input, Sums } from '../formula.ts';
import { CaseList, distinct, indices, type Source } from '../op-case.ts';

const list = new CaseList();
export const { cases } = list;

type Shape = readonly number[];
type Size4 = [number, number, number, number];

const at = (data: ArrayLike<number>, index: number): number => data[index] as number;

/** Every pair of a pixel and a window that holds it: flat indices of both, the pixel's place and the window's area. */
function eachPair(x: Shape, y: Shape, visit: (x: number, y: number, place: number, area: number) => void): void {
  const [n, h, w, c] = x as Size4;
  const [, oh, ow] = y as Size4;
  for (let i = 0; i < n * oh * ow * c; i++) {
    const [image, row, column] = [Math.floor(i / (c * ow * oh)), Math.floor(i / (c * ow)) % oh, Math.floor(i / c) % ow];
    const [top, bottom] = [Math.floor((row * h) / oh), Math.ceil(((row + 1) * h) / oh)];
    const [left, right] = [Math.floor((column * w) / ow), Math.ceil(((column + 1) * w) / ow)];
    for (let ih = top; ih < bottom; ih++) {
      for (let iw = left; iw < right; iw++) {
        const place = ih * w + iw;
        visit((image * h * w + place) * c + (i % c), i, place, (bottom - top) * (right - left));
      }
    }
  }
}

const maxForward: Formula = (inputs, outputs) => {
  const { shape, data } = input(inputs, 0);
  const best = new Map<number, { value: number; place: number }>();
  eachPair(shape, outputs[0]!.shape, (xi, yi, place) => {
    const found = best.get(yi);
    if (!found || at(data, xi) > found.value) best.set(yi, { value: at(data, xi), place });
  });
  const count = countOf(outputs[0]!);
  return [exactly(count, (i) => best.get(i)?.value ?? NaN), exactly(count, (i) => best.get(i)?.place ?? NaN)];
};
const maxBack: Formula = (inputs, outputs) => {
  const [dy, index] = [input(inputs, 0), input(inputs, 1)];
  const sums = new Sums(countOf(outputs[0]!));
  eachPair(outputs[0]!.shape, dy.shape, (xi, yi, place) => {
    if (at(index.data, yi) === place) sums.add(xi, at(dy.data, yi));
  });
  return [sums.expected()];
};
const avgForward: Formula = (inputs, outputs) => {
  const { shape, data } = input(inputs, 0);
  const sums = new Sums(countOf(outputs[0]!));
  eachPair(shape, outputs[0]!.shape, (xi, yi, _, area) => sums.add(yi, at(data, xi) / area));
  return [sums.expected(1)];
};
const avgBack: Formula = (inputs, outputs) => {
  const dy = input(inputs, 0);
  const sums = new Sums(countOf(outputs[0]!));
  eachPair(outputs[0]!.shape, dy.shape, (xi, yi, _, area) => sums.add(xi, at(dy.data, yi) / area));
  return [sums.expected(1)];
};

for (const [title, x, outH, outW] of [
  ['sizes that do not divide', [2, 7, 9, 5], 3, 4],
  ['sizes that divide', [1, 6, 8, 17], 3, 2],
  ['larger than the image', [1, 3, 4, 3], 5, 4],
  ['one window', [2, 5, 4, 33], 1, 1],
  ['one pixel', [3, 1, 1, 2], 2, 1],
] as const) {
  const [n, inH, inW, c] = x;
  const y = [n, outH, outW, c];
  const exact = { exact: true, sparse: true };
  list.add(adaptiveAvgPool2d, avgForward, title, [x], { outH, outW });
  list.add(adaptiveAvgPool2dDx, avgBack, title, [y], { inH, inW });
  list.add(adaptiveMaxPool2d, maxForward, title, [distinct(x)], { outH, outW }, exact);
  list.add(adaptiveMaxPool2dDx, maxBack, title, [y, indices(y, inH * inW)], { inH, inW }, exact);
}

/** Element of the image [n,plane,c] that element `i` of a tensor of positions names. */
const namedBy = (position: { shape: Shape; data: ArrayLike<number> }, plane: number, i: number): number => {
  const [, oh, ow, c] = position.shape as Size4;
  const pixel = ((at(position.data, i) % plane) + plane) % plane;
  return (Math.floor(i / (oh * ow * c)) * plane + pixel) * c + (i % c);
};
const scattered: Formula = (inputs, outputs, attrs) => {
  const [x, position] = [input(inputs, 0), input(inputs, 1)];
  const sums = new Sums(countOf(outputs[0]!));
  const plane = attr(attrs, 'outH') * attr(attrs, 'outW');
  Array.from(x.data).forEach((value, i) => {
    sums.add(namedBy(position, plane, i), value);
  });
  return [sums.expected()];
};
const fetched: Formula = (inputs, outputs) => {
  const [dy, position] = [input(inputs, 0), input(inputs, 1)];
  const [, h, w] = dy.shape as Size4;
  return [exactly(countOf(outputs[0]!), (i) => at(dy.data, namedBy(position, h * w, i)))];
};

/** Every position at most once in each image and channel, which is what windows that do not overlap give. */
const positions = (shape: Shape, plane: number): Source => {
  const [, oh, ow, c] = shape as Size4;
  return {
    ...indices(shape, plane),
    draw: (key, i) => ((Math.floor(i / c) % (oh * ow)) * 7919 + (key % plane) + 3 * (i % c)) % plane,
  };
};
for (const [title, x, outH, outW] of [
  ['a small image', [2, 2, 3, 5], 5, 7],
  ['many channels', [1, 3, 3, 130], 6, 5],
  ['one pixel', [3, 1, 1, 2], 1, 1],
] as const) {
  const [n, , , c] = x;
  const exact = { exact: true, sparse: true };
  list.add(maxUnpool2d, scattered, title, [x, positions(x, outH * outW)], { outH, outW }, exact);
  list.add(maxUnpool2d, scattered, `${title}, values that meet`, [x, indices(x, 2)], { outH, outW }, exact);
  list.add(maxUnpool2dDx, fetched, title, [[n, outH, outW, c], indices(x, 3 * outH * outW)], {}, exact);
  const numbers = indices([n, outH, outW, c], 1000);
  list.add(maxUnpool2dDx, fetched, `${title}, whole numbers`, [numbers, indices(x, outH * outW)], {}, exact);
}

const placed: Formula = (inputs, outputs, attrs) => {
  const index = input(inputs, 0);
  const [, oh, ow, c] = index.shape as Size4;
  const a = (name: string) => attr(attrs, name);
  return [
    exactly(countOf(outputs[0]!), (i) => {
      const tap = at(index.data, i);
      const [image, row, column] = [
        Math.floor(i / (c * ow * oh)),
        Math.floor(i / (c * ow)) % oh,
        Math.floor(i / c) % ow,
      ];
      const h = row * a('strideH') - a('padTop') + Math.floor(tap / a('kernelW')) * a('dilationH');
      const w = column * a('strideW') - a('padLeft') + (tap % a('kernelW')) * a('dilationW');
      const slice = Math.floor(image / a('depth')) * a('stepN') + (image % a('depth')) * a('stepD');
      return slice + h * a('stepH') + w * a('stepW') + (i % c) * a('stepC');
    }),
  ];
};
const WINDOW = {
  ...{ kernelH: 2, kernelW: 3, strideH: 2, strideW: 1, dilationH: 1, dilationW: 2 },
  ...{ padTop: 1, padLeft: 1, padBottom: 0, padRight: 1, inH: 5, inW: 6 },
};
const STEPS = { depth: 1, stepN: 0, stepD: 0, stepH: 6, stepW: 1, stepC: 0 };
const index = indices([6, 3, 4, 5], 6, 'u8');
list.add(maxPool2dPosition, placed, 'in the image', [index], { ...WINDOW, ...STEPS }, { sparse: true });
const whole = { stepN: 150, stepC: 30, stepH: 1, stepW: 5 };
list.add(maxPool2dPosition, placed, 'in the tensor, column-major', [index], { ...WINDOW, ...STEPS, ...whole });
const volume = { depth: 3, stepD: 30, stepN: 450, stepC: 90 };
list.add(maxPool2dPosition, placed, 'in volumes', [index], { ...WINDOW, ...STEPS, ...volume });
const large = {
  kernelH: 17,
  kernelW: 17,
  strideH: 1,
  padTop: 0,
  padLeft: 0,
  padRight: 0,
  dilationW: 1,
  inH: 19,
  inW: 20,
};
list.add(maxPool2dPosition, placed, 'windows of more than 256 pixels', [indices([1, 3, 4, 2], 289)], {
  ...WINDOW,
  ...STEPS,
  ...large,
  stepH: 20,
});
