// Layers that make the spatial axes of an image longer or shorter without computing anything, over any number of axes.

import type { GraphTensor } from '../graph/graph.ts';
import { padSpatially } from '../ops/convolution.ts';
import { slice, sliceOf } from '../ops/slice.ts';
import { fail, integer, onlyKnown, real, show } from '../options.ts';
import { type PaddingMode, paddingModeOf } from './conv2d.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

/** Positions at the ends of the axes between batch and channels: one number for all, or for each axis a number or
 * `[before, after]`. */
export type Ends = number | readonly (number | readonly [before: number, after: number])[];

export interface PadOptions extends LayerOptions {
  /** Positions to add. */
  readonly padding: Ends;
  /** What they show. Default `'zeros'`. */
  readonly mode?: PaddingMode;
  /** What they show instead of zeros, in the mode `'zeros'`. Default 0. */
  readonly value?: number;
}

export interface CropOptions extends LayerOptions {
  /** Positions to take away. */
  readonly cropping: Ends;
}

/** Reads `Ends`; what it returns gives the ends of each of `rank` axes. */
function endsOf(
  layer: string,
  option: string,
  ends: unknown,
): (name: string, rank: number) => { before: number[]; after: number[] } {
  const axes = Array.isArray(ends) ? ends : undefined;
  const pairs = (axes ?? [ends]).map((axis: unknown, index): [number, number] => {
    const where = axes ? `${option}[${index}]` : option;
    if (!Array.isArray(axis)) {
      const both = integer(layer, where, axis, 0);
      return [both, both];
    }
    if (axis.length !== 2) fail(layer, `${where} must be a number or [before, after], not ${show(axis)}`);
    return [integer(layer, `${where}[0]`, axis[0], 0), integer(layer, `${where}[1]`, axis[1], 0)];
  });
  return (name, rank) => {
    if (rank < 1) fail(name, 'needs at least one axis between batch and channels');
    if (axes && axes.length !== rank) fail(name, `${option} names ${axes.length} axes, the input has ${rank}`);
    const all = axes ? pairs : Array.from({ length: rank }, () => pairs[0]!);
    return { before: all.map(([before]) => before), after: all.map(([, after]) => after) };
  };
}

/**
 * `y[n,i,c] = x[n, i - before, c]`, and outside of x what `mode` says, along each axis between batch and channels:
 * `[n, ...sizes, c]` to `[n, ...(before + size + after), c]`; zeros or `value` around the input, the input mirrored
 * (`'reflect'`), its outermost positions (`'replicate'`) or its other end (`'circular'`). `padding: 1` adds one position to every
 * end, `padding: [[0, 1], 2]` none above, one below, two on either side. Semantics of PyTorch's `ZeroPad2d`, `ConstantPad2d`,
 * `ReflectionPad2d`, `ReplicationPad2d` and `CircularPad2d`, and of those for other numbers of axes. Errors: a mirror or other
 * end that is too short.
 */
export function pad(options: PadOptions): Layer {
  const layer = options?.name ?? 'pad';
  onlyKnown(layer, options, ['padding', 'mode', 'value', 'name']);
  const ends = endsOf(layer, 'padding', options.padding);
  const mode = paddingModeOf(layer, options.mode ?? 'zeros');
  const value = real(layer, 'value', options.value ?? 0, -3e38, 3e38);
  if (options.value !== undefined && mode !== 'zeros') fail(layer, `value has no meaning with mode '${mode}'`);
  return defineLayer('pad', options, ({ graph }, x) => {
    const { before, after } = ends(graph.layer, x.shape.length - 2);
    return padSpatially(graph, x, before, after, mode === 'zeros' ? 'constant' : mode, value);
  });
}

/**
 * `y[n,i,c] = x[n, i + before, c]` along each axis between batch and channels: `[n, ...sizes, c]` to
 * `[n, ...(size - before - after), c]`, positions taken away from the ends. `cropping` is given as `padding` of `pad`. Keras'
 * `Cropping1D` to `Cropping3D`; PyTorch's `ZeroPad2d` and its like with negative numbers. Errors: nothing is left.
 */
export function crop(options: CropOptions): Layer {
  const layer = options?.name ?? 'crop';
  onlyKnown(layer, options, ['cropping', 'name']);
  const ends = endsOf(layer, 'cropping', options.cropping);
  return defineLayer('crop', options, ({ graph }, x) => {
    const { before, after } = ends(graph.layer, x.shape.length - 2);
    const sizes = before.map((cut, axis) => x.shape[axis + 1]! - cut - after[axis]!);
    if (sizes.some((size) => size < 1))
      fail(graph.layer, `the cropping leaves [${sizes}] of [${x.shape.slice(1, -1)}]`);
    const attrs = sliceOf([0, ...before, 0], [x.shape[0]!, ...sizes, x.shape.at(-1)!]);
    return graph.emit(slice, [x], attrs)[0] as GraphTensor;
  });
}
