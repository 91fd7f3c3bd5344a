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
      const ih = row * attr(attrs, 'strideH') - attr(attrs, 'padTop') + Math.floor(tap / kernelW);
      const iw = column * attr(attrs, 'strideW') - attr(attrs, 'padLeft') + (tap % kernelW);
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
const windowSizes = (x: Shape, y: Shape, attrs: Attrs): Float64Array => {
  const sizes = new Float64Array(countOf({ shape: y, dtype: 'f32' }));
  eachPair(x, y, attrs, (_, yi) => {
    sizes[yi] = at(sizes, yi) + 1;
  });
  return attr(attrs, 'countPadding') ? sizes.fill(attr(attrs, 'kernelH') * attr(attrs, 'kernelW')) : sizes;
};
const avgForward: Formula = (inputs, outputs, attrs) => {
  const { shape, data } = input(inputs, 0);
  const sizes = windowSizes(shape, outputs[0]!.shape, attrs);
  const sums = new Sums(countOf(outputs[0]!));
  eachPair(shape, outputs[0]!.shape, attrs, (xi, yi) => sums.add(yi, at(data, xi) / at(sizes, yi)));
  return [sums.expected(1)];
};
const avgBack: Formula = (inputs, outputs, attrs) => {
  const dy = input(inputs, 0);
  const sizes = windowSizes(outputs[0]!.shape, dy.shape, attrs);
  const sums = new Sums(countOf(outputs[0]!));
  eachPair(outputs[0]!.shape, dy.shape, attrs, (xi, yi) => sums.add(xi, at(dy.data, yi) / at(sizes, yi)));
  return [sums.expected(1)];
};

const PLAIN = { kernelH: 2, kernelW: 2, strideH: 2, strideW: 2, padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 };

function pooling(title: string, x: Shape, geometry: Partial<typeof PLAIN> = {}): void {
  const attrs = { ...PLAIN, ...geometry };
  const taps = attrs.kernelH * attrs.kernelW;
  const [y] = maxPool2d.infer([{ shape: x, dtype: 'f32' }], attrs);
  const size = { inH: x[1] as number, inW: x[2] as number };
  const index = indices(y!.shape, taps, taps <= 256 ? 'u8' : 'i32');
  list.add(maxPool2d, maxForward, title, [distinct(x)], attrs, { exact: true, sparse: true });
  list.add(maxPool2d, maxForward, `${title}, with ties`, [given(x, [1, 3, 3, 2, 3])], attrs, { sparse: true });
  list.add(maxPool2dDx, maxBack, title, [y!.shape, index], { ...attrs, ...size }, { exact: true, sparse: true });
  for (const countPadding of [0, 1]) {
    const name = `${title}, countPadding=${countPadding}`;
    list.add(avgPool2d, avgForward, name, [x], { ...attrs, countPadding });
    list.add(avgPool2dDx, avgBack, name, [y!.shape], { ...attrs, countPadding, ...size }, { sparse: true });
  }
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

/** The whole image as one window of the formulas above. */
const whole =
  (formula: Formula, imageOf: 'input' | 'output'): Formula =>
  (inputs, outputs) => {
    const image = imageOf === 'input' ? input(inputs, 0).shape : outputs[0]!.shape;
    const [n, h, w, c] = image as [number, number, number, number];
    const attrs = { ...PLAIN, kernelH: h, kernelW: w, countPadding: 0 };
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
