// conv2d, conv2d_dx, conv2d_dw.

import { conv2d, conv2dDw, conv2dDx } from '../../../lib/ops/index.ts';
import type { Attrs } from '../../../lib/ops/op.ts';
import { activated, attr, countOf, type Expected, type Formula, input, type Numbers, Sums } from '../formula.ts';
import { CaseList } from '../op-case.ts';

type Shape = readonly number[];

/** Every product of a convolution once: flat indices of x, w and y. */
function eachProduct(
  x: Shape,
  w: Shape,
  y: Shape,
  attrs: Attrs,
  visit: (x: number, w: number, y: number) => void,
): void {
  const [n, h, width, c] = x as [number, number, number, number];
  const [kernelH, kernelW, cg, o] = w as [number, number, number, number];
  const [, oh, ow] = y as [number, number, number, number];
  const og = o / attr(attrs, 'groups');
  for (let image = 0; image < n; image++)
    for (let out = 0; out < o; out++)
      for (let channel = 0; channel < cg; channel++)
        for (let row = 0; row < oh; row++)
          for (let column = 0; column < ow; column++)
            for (let kh = 0; kh < kernelH; kh++)
              for (let kw = 0; kw < kernelW; kw++) {
                const ih = row * attr(attrs, 'strideH') - attr(attrs, 'padTop') + kh * attr(attrs, 'dilationH');
                const iw = column * attr(attrs, 'strideW') - attr(attrs, 'padLeft') + kw * attr(attrs, 'dilationW');
                if (ih < 0 || ih >= h || iw < 0 || iw >= width) continue;
                const source = Math.floor(out / og) * cg + channel;
                visit(
                  ((image * h + ih) * width + iw) * c + source,
                  ((kh * kernelW + kw) * cg + channel) * o + out,
                  ((image * oh + row) * ow + column) * o + out,
                );
              }
}

const at = (data: ArrayLike<number>, index: number): number => data[index] as number;

/** The sums with the bias added, through the activation. */
function ended(sums: Sums, b: Numbers | undefined, attrs: Attrs): Expected {
  if (b) for (let i = 0; i < sums.value.length; i++) sums.add(i, at(b.data, i % b.data.length));
  return activated(sums.expected(), attrs);
}

const forward: Formula = (inputs, outputs, attrs) => {
  const [x, w] = [input(inputs, 0), input(inputs, 1)];
  const y = outputs[0]!;
  const sums = new Sums(countOf(y));
  eachProduct(x.shape, w.shape, y.shape, attrs, (xi, wi, yi) => sums.add(yi, at(x.data, xi) * at(w.data, wi)));
  return [ended(sums, inputs[2], attrs)];
};

const inputGradient: Formula = (inputs, outputs, attrs) => {
  const [dy, w] = [input(inputs, 0), input(inputs, 1)];
  const dx = outputs[0]!;
  const sums = new Sums(countOf(dx));
  eachProduct(dx.shape, w.shape, dy.shape, attrs, (xi, wi, yi) => sums.add(xi, at(dy.data, yi) * at(w.data, wi)));
  return [ended(sums, inputs[2], attrs)];
};

const weightGradient: Formula = (inputs, outputs, attrs) => {
  const [x, dy] = [input(inputs, 0), input(inputs, 1)];
  const dw = outputs[0]!;
  const sums = new Sums(countOf(dw));
  eachProduct(x.shape, dw.shape, dy.shape, attrs, (xi, wi, yi) => sums.add(wi, at(x.data, xi) * at(dy.data, yi)));
  return [sums.expected()];
};

const PLAIN = {
  strideH: 1,
  strideW: 1,
  padTop: 0,
  padLeft: 0,
  padBottom: 0,
  padRight: 0,
  dilationH: 1,
  dilationW: 1,
  groups: 1,
};
type Geometry = Partial<typeof PLAIN>;

const list = new CaseList();
export const { cases } = list;

interface Options {
  geometry?: Geometry;
  bias?: boolean;
  activation?: number;
  /** Taps or pixels that nothing reads give zeros. */
  sparse?: boolean;
}

/** The three ops of one convolution. */
function convolution(title: string, x: Shape, kernel: Shape, o: number, options: Options = {}): void {
  const geometry = { ...PLAIN, ...options.geometry };
  const w = [...kernel, (x[3] as number) / geometry.groups, o];
  const attrs = { ...geometry, activation: options.activation ?? 0, slope: 0.125 };
  const specs = [x, w].map((shape) => ({ shape, dtype: 'f32' as const }));
  const [y] = conv2d.infer(specs, attrs);
  const dy = y!.shape;
  const flags = { exact: true, sparse: options.sparse ?? false };
  const ended = { exact: true, sparse: flags.sparse || attrs.activation === 1 };
  list.add(conv2d, forward, title, options.bias ? [x, w, [o]] : [x, w], attrs, ended);
  const size = { inH: x[1] as number, inW: x[2] as number };
  list.add(
    conv2dDx,
    inputGradient,
    title,
    options.bias ? [dy, w, [x[3] as number]] : [dy, w],
    { ...attrs, ...size },
    ended,
  );
  const kernelSize = { kernelH: kernel[0] as number, kernelW: kernel[1] as number };
  list.add(conv2dDw, weightGradient, title, [x, dy], { ...geometry, ...kernelSize }, flags);
}

const pad = (size: number) => ({ padTop: size, padLeft: size, padBottom: size, padRight: size });

convolution('one pixel, one weight', [1, 1, 1, 1], [1, 1], 1);
convolution('1x1', [2, 5, 6, 7], [1, 1], 9);
convolution('1x1, more channels than two vectors', [1, 3, 5, 37], [1, 1], 35);
convolution('3x3 without padding', [2, 7, 9, 3], [3, 3], 5);
convolution('3x3 same, with bias', [2, 8, 8, 16], [3, 3], 16, { geometry: pad(1), bias: true });
convolution('3x3 same, channels with tails', [3, 6, 7, 17], [3, 3], 33, { geometry: pad(1) });
convolution('5x5 of one channel, bias and relu', [2, 12, 12, 1], [5, 5], 6, {
  geometry: pad(2),
  bias: true,
  activation: 1,
});
convolution('5x5, leaky relu without bias', [2, 9, 9, 6], [5, 5], 16, { activation: 2 });
convolution('kernel as large as the input', [3, 4, 5, 4], [4, 5], 8);
convolution('kernel larger than the input, filled up by padding', [2, 2, 2, 3], [5, 5], 4, {
  geometry: pad(2),
  sparse: true,
});
convolution('wide kernel 1x7', [2, 5, 11, 4], [1, 7], 6, { geometry: { padLeft: 3, padRight: 3 } });
convolution('tall kernel 7x1', [2, 11, 5, 4], [7, 1], 6, { geometry: { padTop: 3, padBottom: 3 } });
convolution('even kernel 2x4', [2, 6, 7, 5], [2, 4], 3, { geometry: { padBottom: 1, padLeft: 1, padRight: 2 } });
convolution('stride 2', [2, 9, 9, 8], [3, 3], 12, { geometry: { ...pad(1), strideH: 2, strideW: 2 } });
convolution('stride 2 that leaves a row over', [2, 8, 8, 5], [3, 3], 7, { geometry: { strideH: 2, strideW: 2 } });
convolution('strides 3 and 2, kernel 2x3', [2, 11, 10, 4], [2, 3], 5, {
  geometry: { strideH: 3, strideW: 2, padTop: 1 },
  sparse: true,
});
convolution('stride larger than the kernel', [2, 10, 11, 3], [2, 2], 4, {
  geometry: { strideH: 3, strideW: 4 },
  sparse: true,
});
convolution('1x1 with stride 2', [2, 8, 9, 10], [1, 1], 20, { geometry: { strideH: 2, strideW: 2 }, sparse: true });
convolution('dilation 2', [2, 9, 10, 6], [3, 3], 8, { geometry: { ...pad(2), dilationH: 2, dilationW: 2 } });
convolution('dilations 3 and 1', [1, 12, 7, 4], [3, 3], 5, { geometry: { dilationH: 3, padLeft: 1, padRight: 1 } });
convolution('dilation 2 with stride 2', [2, 13, 12, 3], [3, 3], 4, {
  geometry: { ...pad(2), strideH: 2, strideW: 2, dilationH: 2, dilationW: 2 },
  sparse: true,
});
convolution('dilation 3 with stride 2', [2, 13, 14, 3], [3, 3], 4, {
  geometry: { ...pad(1), strideH: 2, strideW: 2, dilationH: 3, dilationW: 3 },
  sparse: true,
});
convolution('padding on one side', [2, 6, 6, 4], [3, 3], 5, { geometry: { padTop: 2 } });
convolution('four different paddings', [2, 6, 7, 4], [4, 3], 5, {
  geometry: { padTop: 1, padLeft: 2, padBottom: 3, padRight: 0 },
});
convolution('padding larger than the kernel', [1, 3, 3, 2], [2, 2], 3, { geometry: pad(3), sparse: true });
convolution('2 groups', [2, 6, 6, 8], [3, 3], 12, { geometry: { ...pad(1), groups: 2 }, bias: true });
convolution('3 groups with odd sizes', [2, 5, 6, 9], [3, 2], 15, { geometry: { groups: 3, padLeft: 1 } });
convolution('depthwise', [2, 7, 7, 19], [3, 3], 19, { geometry: { ...pad(1), groups: 19 }, bias: true });
convolution('depthwise with stride 2', [2, 9, 9, 32], [3, 3], 32, {
  geometry: { ...pad(1), groups: 32, strideH: 2, strideW: 2 },
});
convolution('depthwise with two outputs a channel', [1, 6, 7, 10], [3, 3], 20, { geometry: { ...pad(1), groups: 10 } });
convolution('depthwise, dilated', [1, 9, 9, 16], [3, 3], 16, {
  geometry: { ...pad(2), groups: 16, dilationH: 2, dilationW: 2 },
});
convolution('depthwise 5x5 with stride 2', [1, 9, 11, 37], [5, 5], 37, {
  geometry: { ...pad(2), groups: 37, strideH: 2, strideW: 2 },
});
convolution('depthwise on a map smaller than the kernel', [2, 2, 1, 21], [3, 3], 21, {
  geometry: { ...pad(1), groups: 21 },
  activation: 1,
  sparse: true,
});
convolution('depthwise with four different paddings', [1, 5, 23, 33], [2, 3], 33, {
  geometry: { padTop: 1, padLeft: 2, padBottom: 0, padRight: 1, groups: 33 },
});
convolution('depthwise with a stride above the kernel', [1, 8, 8, 5], [2, 2], 5, {
  geometry: { groups: 5, strideH: 3, strideW: 3 },
  sparse: true,
});
convolution('depthwise, dilated, with a stride', [1, 9, 14, 6], [3, 3], 6, {
  geometry: { ...pad(3), groups: 6, dilationH: 2, dilationW: 3, strideH: 2, strideW: 2 },
  sparse: true,
});
convolution('depthwise in blocks of columns', [1, 2, 530, 3], [1, 3], 3, { geometry: { groups: 3, padLeft: 1 } });
convolution('depthwise in blocks of channels and rows', [1, 5, 47, 290], [3, 3], 290, {
  geometry: { ...pad(1), groups: 290 },
});
convolution('depthwise with three outputs a channel and stride 2', [1, 7, 6, 9], [3, 3], 27, {
  geometry: { ...pad(1), groups: 9, strideH: 2, strideW: 2 },
});
convolution('32 groups', [1, 5, 6, 64], [3, 3], 256, { geometry: { ...pad(1), groups: 32 } });
convolution('groups of 8 channels', [2, 7, 9, 32], [3, 3], 32, {
  geometry: { ...pad(1), groups: 4 },
  bias: true,
  activation: 2,
});
convolution('groups with more outputs than a vector, columns dilated, in blocks', [1, 3, 140, 10], [3, 2], 38, {
  geometry: { padTop: 2, padLeft: 3, padBottom: 1, padRight: 0, dilationW: 3, groups: 2 },
  bias: true,
});
convolution('groups in blocks of rows', [1, 140, 9, 34], [3, 3], 20, { geometry: { ...pad(1), groups: 2 } });
convolution('groups on a map of one row', [2, 1, 5, 27], [3, 3], 27, {
  geometry: { ...pad(1), groups: 3 },
  sparse: true,
});
convolution('groups without padding', [1, 4, 5, 48], [3, 3], 48, { geometry: { groups: 3 } });
convolution('groups of 8 channels in blocks of pixels', [5, 23, 21, 16], [3, 3], 16, {
  geometry: { padTop: 1, padLeft: 2, padBottom: 0, padRight: 1, groups: 2 },
});
convolution('groups of 4 channels, 3 outputs each, rows in chunks', [2, 9, 410, 8], [3, 3], 6, {
  geometry: { ...pad(1), groups: 2 },
});
convolution('groups on a map narrower than the kernel', [2, 4, 2, 24], [3, 3], 24, {
  geometry: { ...pad(2), groups: 3 },
  sparse: true,
});
convolution('groups with strides 2 and 3', [2, 9, 11, 10], [5, 4], 14, {
  geometry: { ...pad(2), strideH: 2, strideW: 3, groups: 2 },
});
convolution('groups along rows longer than a block', [1, 1, 1300, 16], [1, 5], 16, {
  geometry: { padLeft: 2, padRight: 2, groups: 2 },
});
// A product of few rows whose transposed weights stay where they are, unless something is added to it.
convolution('1x1 along a row, bias and relu', [1, 1, 32, 80], [1, 1], 40, { bias: true, activation: 1 });
convolution('one output pixel', [4, 5, 5, 16], [5, 5], 24, { bias: true, activation: 1 });
convolution('one row, many columns', [1, 1, 67, 5], [1, 3], 6);
convolution('one column, many rows', [1, 41, 1, 5], [3, 1], 6);
convolution('more pixels than a block of the weight gradient', [3, 27, 29, 2], [3, 3], 3, { geometry: pad(1) });
convolution('rows longer than a block of the weight gradient', [1, 2, 1500, 1], [1, 2], 2, { bias: true });
convolution('blocks that end within an image', [5, 20, 16, 3], [2, 2], 4);
// Few channels: vectorised over the pixels of a row, or over images.
for (let c = 1; c <= 9; c++) {
  convolution(`${c} channels, wide rows`, [1, 5, 29, c], [3, 3], 10 - c, { geometry: pad(1), bias: true });
  convolution(`${c} channels, many images`, [19, 4, 5, c], [3, 3], 10 - c, { geometry: pad(2), activation: 2 });
}
convolution('few channels, rows shorter than a vector', [3, 9, 3, 2], [3, 2], 4, { geometry: pad(1) });
convolution('few channels, strides 2 and 3', [2, 9, 37, 3], [5, 4], 6, {
  geometry: { ...pad(2), strideH: 2, strideW: 3 },
  bias: true,
});
convolution('few channels, strides 2 and 3, many images', [35, 7, 8, 3], [5, 4], 6, {
  geometry: { ...pad(2), strideH: 2, strideW: 3 },
  bias: true,
});
convolution('few channels, dilated', [1, 9, 41, 4], [3, 3], 3, { geometry: { ...pad(2), dilationH: 2, dilationW: 2 } });
convolution('few channels, dilated, many images', [33, 8, 7, 4], [3, 3], 3, {
  geometry: { ...pad(3), dilationH: 2, dilationW: 3 },
});
convolution('few channels in 3 groups', [2, 6, 33, 6], [3, 3], 9, { geometry: { ...pad(1), groups: 3 }, bias: true });
convolution('few channels in 3 groups, many images', [18, 5, 6, 6], [3, 3], 9, {
  geometry: { ...pad(1), groups: 3, strideW: 2 },
  bias: true,
});
convolution('few channels, long rows in blocks', [1, 1, 1500, 48], [1, 9], 2, {
  geometry: { padLeft: 4, padRight: 4 },
});
convolution('few channels, large images in blocks', [17, 30, 26, 24], [3, 3], 1, { geometry: pad(1) });
