// Several bodies of layers on one input, their results joined: Inception blocks, dense blocks, skip connections.

import type { GraphTensor } from '../graph/graph.ts';
import { fail, onlyKnown, show } from '../options.ts';
import type { Builder } from './builder.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';
import { addAll, concatAll, multiplyAll } from './merge.ts';

export interface BranchesOptions extends LayerOptions {
  /** `'concat'` puts the results side by side along the last axis, `'add'` sums them, `'multiply'` multiplies them. Default
   * `'concat'`. */
  readonly join?: 'concat' | 'add' | 'multiply';
}

const joins: Readonly<Record<string, (builder: Builder, results: readonly GraphTensor[]) => GraphTensor>> = {
  concat: (builder, results) => concatAll(builder, results, -1),
  add: addAll,
  multiply: multiplyAll,
};

/**
 * `y = join(bodies[0](x), bodies[1](x), ...)` for two bodies or more; an empty one passes x on. Joined by `'concat'` as
 * torch.cat over the channels (Szegedy et al. 2014, Huang et al. 2016), by `'add'` from left to right,
 * by `'multiply'` likewise, one value of a channel for all its pixels where a body gives `[c]`: squeeze-and-excitation (Hu et al. 2018).
 */
export function branches(bodies: readonly (readonly Layer[])[], options: BranchesOptions = {}): Layer {
  const layer = options?.name ?? 'branches';
  onlyKnown(layer, options, ['join', 'name']);
  if (!Array.isArray(bodies) || bodies.length < 2 || !bodies.every(Array.isArray)) {
    fail(layer, 'bodies must be lists of layers, two or more');
  }
  const how = options.join ?? 'concat';
  const join = Object.hasOwn(joins, how) ? joins[how] : undefined;
  if (!join) return fail(layer, `join must be ${Object.keys(joins).map(show).join(' or ')}, not ${show(how)}`);
  return defineLayer('branches', { ...options, bodies }, (builder, x) =>
    join(
      builder,
      bodies.map((body) => builder.applyAll(body, x)),
    ),
  );
}
