// Layers that behave differently in training and inference: batch normalisation and dropout.

import type { GraphTensor } from '../graph/graph.ts';
import {
  batchNorm2dInference as batchNorm2dInferenceOp,
  batchNorm2d as batchNorm2dOp,
  batchNorm2dRunning as batchNorm2dRunningOp,
} from '../ops/batch_norm2d.ts';
import { dropout as dropoutOp } from '../ops/dropout.ts';
import { fail, onlyKnown, real } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

export interface BatchNorm2dOptions extends LayerOptions {
  /** Weight of the newest batch in the running statistics: `running = (1 - momentum) * running + momentum * batch`
   * (PyTorch's convention). Default 0.1. */
  readonly momentum?: number;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta` per channel (Ioffe & Szegedy 2015), with the batch's mean and
 * biased variance in training and the running ones in inference, or where they are frozen. The running variance is unbiased,
 * as in PyTorch.
 */
export function batchNorm2d(options: BatchNorm2dOptions = {}): Layer {
  const layer = options?.name ?? 'batchNorm2d';
  onlyKnown(layer, options, ['momentum', 'epsilon', 'name']);
  const momentum = real(layer, 'momentum', options.momentum ?? 0.1, 0, 1);
  const epsilon = real(layer, 'epsilon', options.epsilon ?? 1e-5, 1e-12, 1);

  return defineLayer('batchNorm2d', options, (builder, x) => {
    const { graph } = builder;
    if (x.shape.length !== 4) fail(graph.layer, `needs images [n, h, w, c], got [${x.shape}]`);
    const [n = 1, h = 1, w = 1, c = 1] = x.shape;
    const fans = { fanIn: 1, fanOut: 1 };
    const gamma = builder.parameter('gamma', [c], 'ones', fans);
    const beta = builder.parameter('beta', [c], 'zeros', fans);
    const runningMean = builder.state('runningMean', [c], 0);
    const runningVariance = builder.state('runningVariance', [c], 1);
    const attrs = { epsilon, activation: 0, slope: 0 };
    if (builder.mode === 'inference' || builder.isFrozen(runningMean)) {
      return graph.emit(
        batchNorm2dInferenceOp,
        [x, gamma, beta, runningMean, runningVariance],
        attrs,
      )[0] as GraphTensor;
    }
    const [y, mean, variance] = graph.emit(batchNorm2dOp, [x, gamma, beta], attrs) as [
      GraphTensor,
      GraphTensor,
      GraphTensor,
    ];
    const rows = n * h * w;
    const unbiased = rows > 1 ? rows / (rows - 1) : 1;
    builder.afterForward(() => {
      graph.emit(batchNorm2dRunningOp, [runningMean, runningVariance, mean, variance], { momentum, unbiased });
    });
    return y;
  });
}

export interface DropoutOptions extends LayerOptions {
  /** Share of values set to zero in training, from 0 to below 1. Default 0.5. */
  readonly rate?: number;
}

/** In training each value is zeroed with probability `rate` and the others are scaled by `1 / (1 - rate)` (Srivastava et
 * al. 2014, inverted form); in inference nothing happens. The pattern depends on seed, layer and step alone. */
export function dropout(options: DropoutOptions = {}): Layer {
  const layer = options?.name ?? 'dropout';
  onlyKnown(layer, options, ['rate', 'name']);
  const rate = real(layer, 'rate', options.rate ?? 0.5, 0, 0.999);
  return defineLayer('dropout', options, (builder, x) => {
    const stream = builder.nextStream();
    if (builder.mode === 'inference' || rate === 0) return x;
    return builder.graph.emit(dropoutOp, [x, builder.step()], { rate, stream })[0] as GraphTensor;
  });
}
