// Layers that rearrange values and compute nothing. The batch axis stays where it is: sizes and axes that options name are
// those of one example, counted from 0.

import type { GraphTensor } from '../graph/graph.ts';
import { elementCount } from '../ops/op.ts';
import { reshape as reshapeOp, reshapeTo } from '../ops/reshape.ts';
import { transposeBy, transpose as transposeOp } from '../ops/transpose.ts';
import { fail, onlyKnown, show, sizes } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

/** Axes of one example: a tensor has at most six, one of them the batch. */
const MAX_AXES = 5;

export interface ReshapeOptions extends LayerOptions {
  /** Sizes of one example, one to five of them. */
  readonly shape: readonly number[];
}

/** `y = x` with each example in row-major order read as `shape`: `[n, ...]` to `[n, ...shape]` (torch.nn.Unflatten, ONNX
 * Reshape); costs nothing. */
export function reshape(options: ReshapeOptions): Layer {
  const layer = options?.name ?? 'reshape';
  onlyKnown(layer, options, ['shape', 'name']);
  const shape = sizes(layer, 'shape', options.shape, MAX_AXES);
  return defineLayer('reshape', options, ({ graph }, x) => {
    const [n = 1, ...rest] = x.shape;
    if (elementCount(rest) !== elementCount(shape)) {
      fail(graph.layer, `an example is [${rest}], which does not fill the shape [${shape}]`);
    }
    return graph.emit(reshapeOp, [x], reshapeTo([n, ...shape]))[0] as GraphTensor;
  });
}

export interface PermuteOptions extends LayerOptions {
  /** Axis `a` of the result is axis `axes[a]` of the input: `[2, 0, 1]` turns h, w, c into c, h, w. */
  readonly axes: readonly number[];
}

/** `y[n, i[axes[0]], i[axes[1]], ...] = x[n, i[0], i[1], ...]`: the axes of each example in another order (torch.permute without
 * the batch, ONNX Transpose). */
export function permute(options: PermuteOptions): Layer {
  const layer = options?.name ?? 'permute';
  onlyKnown(layer, options, ['axes', 'name']);
  const { axes } = options;
  const sorted = Array.isArray(axes) ? axes.toSorted((a, b) => a - b) : [];
  if (sorted.length < 1 || sorted.length > MAX_AXES || sorted.some((axis, position) => axis !== position)) {
    fail(layer, `axes must be a list of the axes from 0 on, each once, not ${show(axes)}`);
  }
  return defineLayer('permute', options, ({ graph }, x) => {
    const rank = x.shape.length - 1;
    if (rank !== axes.length) fail(graph.layer, `an example has ${rank} axes, axes names ${axes.length}`);
    return graph.emit(transposeOp, [x], transposeBy([0, ...axes.map((axis) => axis + 1)]))[0] as GraphTensor;
  });
}
