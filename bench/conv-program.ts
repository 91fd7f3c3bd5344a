// One convolution layer given by its sizes: its forward pass, its two gradients, or all three, as a program to time.

import { conv2d, conv2dDw, conv2dDx } from '../lib/ops/conv2d.ts';
import { random } from './bench-case.ts';
import { OpProgram } from './op-program.ts';

export type Pair = readonly [h: number, w: number];

/** Named as in the papers: c input channels, k filters of r x s. */
export interface ConvShape {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly k: number;
  readonly r: number;
  readonly s: number;
  readonly stride: Pair;
  readonly pad: Pair;
  readonly dilation: Pair;
  readonly groups: number;
}

export const convPasses = ['fwd', 'dx', 'dw', 'all'] as const;
export type ConvPass = (typeof convPasses)[number];

/** Rows and columns of the output. */
export function outputSize({ h, w, r, s, stride, pad, dilation }: ConvShape): Pair {
  const size = (input: number, kernel: number, axis: 0 | 1) =>
    Math.floor((input + 2 * pad[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis]) + 1;
  return [size(h, r, 0), size(w, s, 1)];
}

export function convProgram(shape: ConvShape, pass: ConvPass): OpProgram {
  const { n, h, w, c, k, r, s, stride, pad, dilation, groups } = shape;
  const program = new OpProgram();
  const geometry = {
    strideH: stride[0],
    strideW: stride[1],
    padTop: pad[0],
    padBottom: pad[0],
    padLeft: pad[1],
    padRight: pad[1],
    dilationH: dilation[0],
    dilationW: dilation[1],
    groups,
  };
  const x = program.input(random(n, h, w, c));
  const weights = program.input(random(r, s, c / groups, k));
  const dy = program.input(random(n, ...outputSize(shape), k));
  const { graph } = program;
  const does = (one: ConvPass) => pass === one || pass === 'all';
  if (does('fwd')) program.keep(graph.emit(conv2d, [x, weights, undefined], { ...geometry, activation: 0, slope: 0 }));
  if (does('dx'))
    program.keep(graph.emit(conv2dDx, [dy, weights], { ...geometry, activation: 0, slope: 0, inH: h, inW: w }));
  if (does('dw')) program.keep(graph.emit(conv2dDw, [x, dy], { ...geometry, kernelH: r, kernelW: s }));
  return program;
}
