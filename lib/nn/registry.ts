// Layers by type name, for reading an architecture back from a model file.

import { LanewiseError } from '../errors.ts';
import * as activations from './activation.ts';
import { bias } from './bias.ts';
import { branches } from './branches.ts';
import { constantLayer, parameterLayer } from './constant.ts';
import * as transposed from './conv-transpose.ts';
import { conv1d, conv2d, conv3d } from './conv2d.ts';
import * as globalPoolings from './global-pooling.ts';
import type { Layer } from './layer.ts';
import { flatten, linear } from './linear.ts';
import { add, concat, divide, maximum, minimum, multiply, slice, subtract } from './merge.ts';
import * as normalizations from './normalization.ts';
import { onnx, onnxOutput } from './onnx.ts';
import { crop, pad } from './padding.ts';
import * as poolings from './pooling.ts';
import { mean, sum } from './reduction.ts';
import * as regularizations from './regularization.ts';
import { residual } from './residual.ts';
import * as resizing from './resizing.ts';
import { depthwiseConv2d, separableConv2d } from './separable-conv.ts';
import { permute, reshape } from './structure.ts';

// biome-ignore lint/suspicious/noExplicitAny: each factory checks the options it is given
type Factory = (options: any) => Layer;

/** Lists and objects within each other. */
const MAX_NESTING = 200;

const factories = new Map<string, Factory>([
  ...Object.entries({ conv1d, conv2d, conv3d, ...transposed, depthwiseConv2d, separableConv2d }),
  ...Object.entries({ linear, bias, flatten, ...activations, ...normalizations }),
  ...Object.entries({ ...poolings, ...globalPoolings, ...regularizations }),
  ...Object.entries({ reshape, permute, concat, slice, pad, crop, mean, sum, ...resizing, onnx, onnxOutput }),
  ...Object.entries({ add, subtract, multiply, divide, maximum, minimum }),
  ['constant', constantLayer],
  ['parameter', parameterLayer],
  ['residual', ({ body, shortcut, ...options }) => residual(body, shortcut, options)],
  ['branches', ({ bodies, ...options }) => branches(bodies, options)],
]);

/** Every type that files can name, those of the user's own included. */
export const layerTypes = (): string[] => [...factories.keys()];

/** Lets files name layers of `type`. */
export function registerLayer(type: string, factory: Factory): void {
  if (factories.has(type)) throw new LanewiseError('option', `defineLayer: there is a layer ${type} already`);
  factories.set(type, factory);
}

/** Reads layers that are described in one file, which may share some. */
export class LayerReader {
  /** In the order in which their descriptions end. */
  readonly #read: Layer[] = [];

  layer(config: unknown, depth = 0): Layer {
    if (typeof config !== 'object' || config === null || Array.isArray(config)) fail('a layer must be an object');
    if ('shared' in config) return this.#shared(config);
    const { type, ...options } = config as Record<string, unknown>;
    const factory = factories.get(type as string);
    if (!factory) {
      const fix = 'a layer of your own must be defined before the file is read';
      fail(`unknown layer type ${JSON.stringify(type)}; ${fix}`);
    }
    const layer = factory(this.#options(options, depth + 1));
    this.#read.push(layer);
    return layer;
  }

  #shared(config: object): Layer {
    const { shared, ...stray } = config as Record<string, unknown>;
    if (Object.keys(stray).length > 0) fail('a shared layer must have no other properties');
    const layer = typeof shared === 'number' ? this.#read[shared] : undefined;
    return layer ?? fail(`shared layer ${JSON.stringify(shared)} is none of the ${this.#read.length} before it`);
  }

  /** Options with layers in place of what describes them: objects with a type. */
  #options(options: object, depth: number): Record<string, unknown> {
    return Object.fromEntries(Object.entries(options).map(([key, option]) => [key, this.#option(option, depth)]));
  }

  #option(option: unknown, depth: number): unknown {
    if (typeof option !== 'object' || option === null) return option;
    if (depth > MAX_NESTING) fail(`it is nested more than ${MAX_NESTING} deep`);
    if (Array.isArray(option)) return option.map((element) => this.#option(element, depth + 1));
    return 'type' in option || 'shared' in option ? this.layer(option, depth) : this.#options(option, depth + 1);
  }
}

/** The layers that `configs` describes. */
export function layersFromConfig(configs: unknown): Layer[] {
  if (!Array.isArray(configs)) fail('layers must be a list');
  const reader = new LayerReader();
  return configs.map((config) => reader.layer(config));
}

function fail(message: string): never {
  throw new LanewiseError('file', `architecture: ${message}`);
}
