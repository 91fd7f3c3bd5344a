// Pooling without a window of its own: all positions of each channel at once, or as many windows as the output shall have.

import { adaptivePooling, globalPooling } from '../ops/pooling.ts';
import { onlyKnown } from '../options.ts';
import { spatialInput } from './conv2d.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import { type Size1d, type Size2d, type Size3d, spatialSizes } from './window.ts';

function globalPool(type: string, rank: number, kind: 'max' | 'avg', options: LayerOptions): Layer {
  onlyKnown(options?.name ?? type, options, ['name']);
  return defineLayer(type, options, ({ graph }, x) => {
    spatialInput(graph.layer, x, rank);
    return globalPooling(graph, x, kind);
  });
}

/** `y[n,c] = mean over i of x[n,i,c]`: `[n, w, c]` to `[n, c]`. PyTorch's `AdaptiveAvgPool1d` to one position. */
export const globalAvgPool1d = (options: LayerOptions = {}): Layer => globalPool('globalAvgPool1d', 1, 'avg', options);

/** `y[n,c] = mean over i,j of x[n,i,j,c]`: `[n, h, w, c]` to `[n, c]` (ONNX's `GlobalAveragePool`, flattened). PyTorch's
 * `AdaptiveAvgPool2d` to one pixel. */
export const globalAvgPool2d = (options: LayerOptions = {}): Layer => globalPool('globalAvgPool2d', 2, 'avg', options);

/** `y[n,c] = mean over i,j,k of x[n,i,j,k,c]`: `[n, d, h, w, c]` to `[n, c]`. PyTorch's `AdaptiveAvgPool3d` to one position. */
export const globalAvgPool3d = (options: LayerOptions = {}): Layer => globalPool('globalAvgPool3d', 3, 'avg', options);

/** `y[n,c] = max over i of x[n,i,c]`: `[n, w, c]` to `[n, c]`. PyTorch's `AdaptiveMaxPool1d` to one position. */
export const globalMaxPool1d = (options: LayerOptions = {}): Layer => globalPool('globalMaxPool1d', 1, 'max', options);

/** `y[n,c] = max over i,j of x[n,i,j,c]`: `[n, h, w, c]` to `[n, c]` (ONNX's `GlobalMaxPool`, flattened). PyTorch's
 * `AdaptiveMaxPool2d` to one pixel. */
export const globalMaxPool2d = (options: LayerOptions = {}): Layer => globalPool('globalMaxPool2d', 2, 'max', options);

/** `y[n,c] = max over i,j,k of x[n,i,j,k,c]`: `[n, d, h, w, c]` to `[n, c]`. PyTorch's `AdaptiveMaxPool3d` to one position. */
export const globalMaxPool3d = (options: LayerOptions = {}): Layer => globalPool('globalMaxPool3d', 3, 'max', options);

/** `Size` is a number or one for each axis. */
export interface AdaptivePoolOptions<Size> extends LayerOptions {
  /** Positions of the output. */
  readonly outputSize: Size;
}

function adaptivePool<Size>(
  type: string,
  rank: number,
  kind: 'max' | 'avg',
  options: AdaptivePoolOptions<Size>,
): Layer {
  const layer = options?.name ?? type;
  onlyKnown(layer, options, ['outputSize', 'name']);
  const sizes = spatialSizes(layer, 'outputSize', options.outputSize, rank, 1);
  return defineLayer(type, options, ({ graph }, x) => {
    spatialInput(graph.layer, x, rank);
    return adaptivePooling(graph, x, sizes, kind);
  });
}

/**
 * `y[n,i,c] = mean of x[n,w,c] over floor(i*W/outputSize) <= w < ceil((i+1)*W/outputSize)`
 *
 * Input `[n, W, c]`, output `[n, outputSize, c]`, whatever W is. Semantics of PyTorch's `AdaptiveAvgPool1d`.
 */
export const adaptiveAvgPool1d = (options: AdaptivePoolOptions<Size1d>): Layer =>
  adaptivePool('adaptiveAvgPool1d', 1, 'avg', options);

/** `[n, h, w, c]` to `[n, outputSize[0], outputSize[1], c]`: as `adaptiveAvgPool1d` over both axes (PyTorch's
 * `AdaptiveAvgPool2d`). */
export const adaptiveAvgPool2d = (options: AdaptivePoolOptions<Size2d>): Layer =>
  adaptivePool('adaptiveAvgPool2d', 2, 'avg', options);

/** `[n, d, h, w, c]` to `[n, ...outputSize, c]`: as `adaptiveAvgPool1d` over three axes (PyTorch's
 * `AdaptiveAvgPool3d`). */
export const adaptiveAvgPool3d = (options: AdaptivePoolOptions<Size3d>): Layer =>
  adaptivePool('adaptiveAvgPool3d', 3, 'avg', options);

/** The largest value of each window of `adaptiveAvgPool1d` (PyTorch's `AdaptiveMaxPool1d`). */
export const adaptiveMaxPool1d = (options: AdaptivePoolOptions<Size1d>): Layer =>
  adaptivePool('adaptiveMaxPool1d', 1, 'max', options);

/** The largest value of each window of `adaptiveAvgPool2d` (PyTorch's `AdaptiveMaxPool2d`). */
export const adaptiveMaxPool2d = (options: AdaptivePoolOptions<Size2d>): Layer =>
  adaptivePool('adaptiveMaxPool2d', 2, 'max', options);

/** The largest value of each window of `adaptiveAvgPool3d` (PyTorch's `AdaptiveMaxPool3d`). */
export const adaptiveMaxPool3d = (options: AdaptivePoolOptions<Size3d>): Layer =>
  adaptivePool('adaptiveMaxPool3d', 3, 'max', options);
