// Gradients without a training step: for checking a layer of one's own, comparing with another framework, or an update of
// one's own.

import type { BackendOptions } from '../backend/backend.ts';
import { selectBackend } from '../backend/select.ts';
import type { Dataset } from '../data/dataset.ts';
import { integer, onlyKnown } from '../options.ts';
import type { Numerics } from '../plan/plan.ts';
import { seedOf } from './build-model.ts';
import { Feed } from './feed.ts';
import type { Model } from './model.ts';
import { opsOf } from './network.ts';
import { type Objective, outputLosses } from './objective.ts';
import { Session } from './session.ts';

export interface GradientsOptions extends BackendOptions {
  /** As in `fit`. Default: softmax cross-entropy. */
  readonly loss?: Objective;
  /** Keys dropout, with `step`. Default 0. */
  readonly seed?: number;
  /** Default 0. */
  readonly step?: number;
  /** Default 'fast'. */
  readonly numerics?: Numerics;
}

export interface Gradients {
  readonly loss: number;
  /** By the name of the parameter, in its shape; frozen ones, and those that the loss does not depend on, are left out. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** The loss of `model` in training mode over all of `data` as one batch, and its gradient by each parameter. The model does
 * not change, running statistics included. */
export async function gradients(model: Model, data: Dataset, options: GradientsOptions = {}): Promise<Gradients> {
  onlyKnown('gradients', options, ['loss', 'seed', 'step', 'numerics', 'backend', 'threads', 'isa']);
  const seed = seedOf('gradients', options.seed);
  const step = integer('gradients', 'step', options.step ?? 0, 0);
  const losses = outputLosses('gradients', model.architecture, options.loss);
  const feed = new Feed('gradients', data, model, losses);
  const { numerics } = options;
  const session = new Session(model, selectBackend(options, opsOf(model, losses)), { losses, numerics });
  const { result, gradients: found } = await session.gradients(feed.slice(0, feed.count), {
    seed,
    step,
    learningRate: 0,
  });
  return { loss: result.loss, gradients: found };
}
