// The loops of conv2d and its two gradients, on the tile of tile.ts. Nothing is unfolded (no im2col): the rows of the
// image that an output row reads are copied, padded with zeros, into a small scratch, where every kernel row is one run
// of consecutive terms.

import { blockEnd } from './conv2d-blocks.ts';
import type { Attrs } from './op.ts';
import { createPanels, multiplyRows, type Panels, packPanels, type Runs } from './tile.ts';
import type { convAttrs } from './window.ts';

/** x [n,h,w,c], w [kernelH,kernelW,c/groups,o], y [n,oh,ow,o]. */
export interface ConvSizes {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly oh: number;
  readonly ow: number;
  readonly o: number;
}

type ConvAttrs = Attrs<typeof convAttrs>;

/** `count` pixels of a row of `pixels` from `first` (which may lie outside the row) into scratch, zeros outside. */
function copyRow(
  scratch: Float64Array,
  to: number,
  source: Float32Array,
  from: number,
  [first, count, pixels, channels]: readonly [number, number, number, number],
): void {
  const begin = Math.min(Math.max(0, -first), count);
  const end = Math.max(begin, Math.min(count, pixels - first));
  scratch.fill(0, to, to + begin * channels);
  const shift = from + first * channels - to;
  for (let i = to + begin * channels; i < to + end * channels; i++) scratch[i] = source[i + shift]!;
  scratch.fill(0, to + end * channels, to + count * channels);
}

/** y = the convolution's sums, without bias and activation. */
export function convForward(
  x: Float32Array,
  w: Float32Array,
  y: Float32Array,
  sizes: ConvSizes,
  attrs: ConvAttrs,
): void {
  const { n, h, c, kernelH, kernelW, oh, ow, o } = sizes;
  const { strideH, strideW, padTop, padLeft, dilationH, dilationW, groups } = attrs;
  const [cg, og] = [c / groups, o / groups];
  const terms = kernelH * kernelW * cg;
  const panels: Panels[] = [];
  for (let group = 0; group < groups; group++) {
    const packed = createPanels(terms, og);
    packPanels(packed, 0, terms, w, group * og, o, 1);
    panels.push(packed);
  }
  const scratchW = (ow - 1) * strideW + (kernelW - 1) * dilationW + 1;
  const scratch = new Float64Array(kernelH * scratchW * c);
  const runs = forwardRuns(sizes, attrs, scratchW);
  const target = { data: y, start: 0, rowStride: o, accumulate: false };
  for (let row = 0; row < n * oh; row++) {
    const image = Math.floor(row / oh);
    for (let kh = 0; kh < kernelH; kh++) {
      const ih = (row % oh) * strideH - padTop + kh * dilationH;
      // A row outside the image is zeros: it has no pixels.
      const pixels = ih >= 0 && ih < h ? sizes.w : 0;
      copyRow(scratch, kh * scratchW * c, x, (image * h + ih) * sizes.w * c, [-padLeft, scratchW, pixels, c]);
    }
    panels.forEach((packed, group) => {
      target.start = row * ow * o + group * og;
      multiplyRows(scratch, group * cg, strideW * c, ow, packed, runs, target);
    });
  }
}

/** One run for each kernel row where its pixels are adjacent, else one for each tap. */
function forwardRuns({ c, kernelH, kernelW }: ConvSizes, { dilationW, groups }: ConvAttrs, scratchW: number): Runs {
  const adjacent = groups === 1 && dilationW === 1;
  const [perRow, length] = adjacent ? [1, kernelW * c] : [kernelW, c / groups];
  const count = kernelH * perRow;
  return {
    count,
    length,
    aOffsets: Int32Array.from(
      { length: count },
      (_, r) => (Math.floor(r / perRow) * scratchW + (r % perRow) * dilationW) * c,
    ),
    bTerms: Int32Array.from({ length: count }, (_, r) => r * length),
  };
}

/**
 * dx = the gradient by x. An input pixel at iw is read by output ow through tap kw where iw + padLeft = ow * strideW +
 * kw * dilationW; so the pixels fall into strideW phases, each with its own taps, and within a phase both iw and ow
 * advance evenly: each phase is a plain convolution of dy.
 */
export function convInputGradient(
  dy: Float32Array,
  w: Float32Array,
  dx: Float32Array,
  sizes: ConvSizes,
  attrs: ConvAttrs,
): void {
  const { n, h, c, kernelH, kernelW, oh, ow, o } = sizes;
  const { strideH, strideW, padTop, padLeft, dilationH, dilationW, groups } = attrs;
  const [cg, og] = [c / groups, o / groups];
  const panels: Panels[] = [];
  for (let group = 0; group < groups; group++) {
    const packed = createPanels(kernelH * kernelW * og, cg);
    for (let tap = 0; tap < kernelH * kernelW; tap++)
      packPanels(packed, tap * og, og, w, tap * cg * o + group * og, 1, o);
    panels.push(packed);
  }
  // The scratch begins at the output pixel -left, so that no tap of any pixel falls before it.
  const left = Math.ceil(((kernelW - 1) * dilationW) / strideW);
  const scratchW = left + Math.floor((sizes.w - 1 + padLeft) / strideW) + 1;
  const scratch = new Float64Array(kernelH * scratchW * o);
  const taps = kernelH * kernelW;
  const runs = { count: 0, length: og, aOffsets: new Int32Array(taps), bTerms: new Int32Array(taps) };
  const target = { data: dx, start: 0, rowStride: strideW * c, accumulate: false };
  const rowOf = new Int32Array(kernelH);
  for (let row = 0; row < n * h; row++) {
    const image = Math.floor(row / h);
    for (let kh = 0; kh < kernelH; kh++) {
      const at = (row % h) + padTop - kh * dilationH;
      const hit = at >= 0 && at % strideH === 0 && at / strideH < oh;
      rowOf[kh] = hit ? 1 : 0;
      if (!hit) continue;
      copyRow(scratch, kh * scratchW * o, dy, (image * oh + at / strideH) * ow * o, [-left, scratchW, ow, o]);
    }
    for (let first = 0; first < Math.min(strideW, sizes.w); first++) {
      const phase = (first + padLeft) % strideW;
      const firstOutput = Math.floor((first + padLeft) / strideW);
      runs.count = 0;
      for (let kh = 0; kh < kernelH; kh++) {
        for (let kw = 0; kw < kernelW && rowOf[kh]; kw++) {
          const shift = phase - kw * dilationW;
          if (shift % strideW !== 0) continue;
          runs.aOffsets[runs.count] = (kh * scratchW + shift / strideW) * o;
          runs.bTerms[runs.count] = (kh * kernelW + kw) * og;
          runs.count += 1;
        }
      }
      const pixels = Math.ceil((sizes.w - first) / strideW);
      panels.forEach((packed, group) => {
        target.start = (row * sizes.w + first) * c + group * cg;
        multiplyRows(scratch, (firstOutput + left) * o + group * og, o, pixels, packed, runs, target);
      });
    }
  }
}

/** Rows of dw computed at a time. */
const ROWS_AT_ONCE = 32;

/** dw = the gradient by w: the sum over output pixels, block by block, the blocks added left to right. */
export function convWeightGradient(
  x: Float32Array,
  dy: Float32Array,
  dw: Float32Array,
  sizes: ConvSizes,
  attrs: ConvAttrs,
): void {
  const { n, c, kernelH, kernelW, oh, ow, o } = sizes;
  const [cg, og] = [c / attrs.groups, o / attrs.groups];
  const weightRows = kernelH * kernelW * cg;
  const rowsAtOnce = Math.min(weightRows, ROWS_AT_ONCE);
  let scratch = new Float64Array(0);
  for (let start = 0, end = 0; start < n * oh * ow; start = end) {
    end = blockEnd(start, n * oh, ow);
    const pixels = end - start;
    if (scratch.length < rowsAtOnce * pixels) scratch = new Float64Array(rowsAtOnce * pixels);
    const runs = { count: 1, length: pixels, aOffsets: new Int32Array(1), bTerms: new Int32Array(1) };
    for (let group = 0; group < attrs.groups; group++) {
      const packed = createPanels(pixels, og);
      packPanels(packed, 0, pixels, dy, start * o + group * og, o, 1);
      for (let row = 0; row < weightRows; row += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, weightRows - row);
        for (let i = 0; i < rows; i++) {
          const tap = Math.floor((row + i) / cg);
          const channel = group * cg + ((row + i) % cg);
          gatherPixels(scratch, i * pixels, x, start, end, tap, channel, sizes, attrs);
        }
        const target = { data: dw, start: row * o + group * og, rowStride: o, accumulate: start > 0 };
        multiplyRows(scratch, 0, pixels, rows, packed, runs, target);
      }
    }
  }
}

/** One channel of x as tap `tap` sees it from the output pixels [start, end), zeros where the tap lies outside x. */
function gatherPixels(
  scratch: Float64Array,
  to: number,
  x: Float32Array,
  start: number,
  end: number,
  tap: number,
  channel: number,
  { h, w, c, kernelW, oh, ow }: ConvSizes,
  { strideH, strideW, padTop, padLeft, dilationH, dilationW }: ConvAttrs,
): void {
  const down = Math.floor(tap / kernelW) * dilationH - padTop;
  const right = (tap % kernelW) * dilationW - padLeft;
  for (let pixel = start; pixel < end; ) {
    const row = Math.floor(pixel / ow);
    const rowEnd = Math.min(end, (row + 1) * ow);
    const ih = (row % oh) * strideH + down;
    const inside = ih >= 0 && ih < h;
    const rowStart = (Math.floor(row / oh) * h + ih) * w;
    for (let iw = (pixel - row * ow) * strideW + right; pixel < rowEnd; pixel++, iw += strideW, to++) {
      scratch[to] = inside && iw >= 0 && iw < w ? x[(rowStart + iw) * c + channel]! : 0;
    }
  }
}
