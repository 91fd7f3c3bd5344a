// Layers by type name, for reading an architecture back from a model file.

import * as activations from './activation.ts';
import { branches } from './branches.ts';
import { conv2d } from './conv2d.ts';
import type { Layer } from './layer.ts';
import { flatten, linear } from './linear.ts';
import { avgPool2d, globalAvgPool2d, globalMaxPool2d, maxPool2d } from './pooling.ts';
import { batchNorm2d, dropout } from './regularization.ts';
import { residual } from './residual.ts';
import { permute, reshape } from './structure.ts';

// biome-ignore lint/suspicious/noExplicitAny: each factory checks the options it is given
type Factory = (options: any) => Layer;

const factories: ReadonlyMap<string, Factory> = new Map<string, Factory>([
  ...Object.entries({ conv2d, linear, flatten, ...activations }),
  ...Object.entries({ maxPool2d, avgPool2d, globalAvgPool2d, globalMaxPool2d, batchNorm2d, dropout }),
  ...Object.entries({ reshape, permute }),
  ['residual', ({ body, shortcut, ...options }) => residual(body, shortcut, options)],
  ['branches', ({ bodies, ...options }) => branches(bodies, options)],
]);

/** What makes a layer of `type` from its options; undefined for an unknown one. */
export const layerFactory = (type: unknown): Factory | undefined => factories.get(type as string);
