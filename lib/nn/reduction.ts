// Layers that reduce axes of each example to one number: sums and means.

import type { GraphTensor } from '../graph/graph.ts';
import { reduce } from '../ops/binary.ts';
import { type ReduceName, reduceAttrs } from '../ops/reduction-order.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { fail, onlyKnown, show } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

/** Axes of one example: a tensor has at most six, one of them the batch. */
const MAX_AXES = 5;

export interface ReductionOptions extends LayerOptions {
  /** Axes of one example, counted from 0, or from the last with -1, -2, ... `[0, 1]` are the pixels of an image. */
  readonly axes: number | readonly number[];
  /** Whether these axes stay, with size 1. Default false. */
  readonly keepDims?: boolean;
}

function reduction(type: ReduceName & string, options: ReductionOptions): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, ['axes', 'keepDims', 'name']);
  const { keepDims = false } = options;
  const axes: readonly unknown[] = Array.isArray(options.axes) ? options.axes : [options.axes];
  const fits = (axis: unknown) =>
    Number.isInteger(axis) && (axis as number) >= -MAX_AXES && (axis as number) < MAX_AXES;
  if (axes.length === 0 || !axes.every(fits)) {
    fail(layer, `axes must be whole numbers from ${-MAX_AXES} to ${MAX_AXES - 1}, not ${show(options.axes)}`);
  }
  if (typeof keepDims !== 'boolean') fail(layer, `keepDims must be true or false, not ${show(keepDims)}`);
  return defineLayer(type, options, ({ graph }, x) => {
    const rank = x.shape.length - 1;
    const places = (axes as readonly number[]).map((axis) => (axis < 0 ? axis + rank : axis) + 1);
    const beyond = (axes as readonly number[]).find((_, i) => !(places[i]! >= 1 && places[i]! <= rank));
    if (beyond !== undefined) fail(graph.layer, `has axis ${beyond}, an example [${x.shape.slice(1)}] has ${rank}`);
    if (new Set(places).size < places.length) fail(graph.layer, `axes ${show(axes)} name one twice`);
    const [y] = graph.emit(reduce, [x], reduceAttrs(type, places)) as [GraphTensor];
    if (keepDims) return y;
    return graph.emit(reshape, [y], reshapeTo(y.shape.filter((_, d) => !places.includes(d))))[0] as GraphTensor;
  });
}

/** `y = mean of x` over `axes` of each example: `[n, h, w, c]` with `axes: [0, 1]` to `[n, c]` (torch.mean, ONNX ReduceMean). */
export const mean = (options: ReductionOptions): Layer => reduction('mean', options);

/** `y = sum of x` over `axes` of each example: `[n, h, w, c]` with `axes: [0, 1]` to `[n, c]` (torch.sum, ONNX ReduceSum). */
export const sum = (options: ReductionOptions): Layer => reduction('sum', options);
