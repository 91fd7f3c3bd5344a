// Layers by type name, for reading an architecture back from a model file.

import { LanewiseError } from '../errors.ts';
import * as activations from './activation.ts';
import { branches } from './branches.ts';
import { conv2d } from './conv2d.ts';
import type { Layer, LayerConfig } from './layer.ts';
import { flatten, linear } from './linear.ts';
import { avgPool2d, globalAvgPool2d, globalMaxPool2d, maxPool2d } from './pooling.ts';
import { mean, sum } from './reduction.ts';
import { batchNorm2d, dropout } from './regularization.ts';
import { residual } from './residual.ts';
import { permute, reshape } from './structure.ts';

// biome-ignore lint/suspicious/noExplicitAny: each factory checks the options it is given
type Factory = (options: any) => Layer;

const MAX_NESTING = 64;

const factories: ReadonlyMap<string, Factory> = new Map<string, Factory>([
  ...Object.entries({ conv2d, linear, flatten, ...activations }),
  ...Object.entries({ maxPool2d, avgPool2d, globalAvgPool2d, globalMaxPool2d, batchNorm2d, dropout }),
  ...Object.entries({ reshape, permute, mean, sum }),
]);

/** The layers that `configs` (untrusted, from a file) describes. */
export function layersFromConfig(configs: unknown, depth = 0): Layer[] {
  if (!Array.isArray(configs)) throw new LanewiseError('file', 'architecture: layers must be a list');
  if (depth > MAX_NESTING)
    throw new LanewiseError('file', `architecture: layers are nested more than ${MAX_NESTING} deep`);
  return configs.map((config: LayerConfig | null) => {
    if (typeof config !== 'object' || config === null)
      throw new LanewiseError('file', 'architecture: a layer must be an object');
    const { type, ...options } = config;
    if (type === 'residual') {
      const { body, shortcut, ...rest } = options;
      return residual(layersFromConfig(body, depth + 1), layersFromConfig(shortcut ?? [], depth + 1), rest);
    }
    if (type === 'branches') {
      const { bodies, ...rest } = options;
      if (!Array.isArray(bodies)) throw new LanewiseError('file', 'architecture: branches need a list of bodies');
      return branches(
        bodies.map((body) => layersFromConfig(body, depth + 1)),
        rest,
      );
    }
    const factory = factories.get(type);
    if (!factory) throw new LanewiseError('file', `architecture: unknown layer type ${JSON.stringify(type)}`);
    return factory(options);
  });
}
