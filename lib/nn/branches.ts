// Several bodies of layers on one input, their results joined: Inception blocks, dense blocks, skip connections.

import type { Graph, GraphTensor } from '../graph/graph.ts';
import { add } from '../ops/add.ts';
import { concat } from '../ops/concat.ts';
import { fail, onlyKnown, show } from '../options.ts';
import { defineLayer, type Layer, type LayerOptions } from './layer.ts';

export interface BranchesOptions extends LayerOptions {
  /** `'concat'` puts the results side by side along the last axis, `'add'` sums them. Default `'concat'`. */
  readonly join?: 'concat' | 'add';
}

/** Results that one `concat` can take. */
const MOST = 8;

const joins: Readonly<Record<string, (graph: Graph, results: readonly GraphTensor[], axis: number) => GraphTensor>> = {
  concat: (graph, results, axis) => graph.emit(concat, results, { axis })[0] as GraphTensor,
  add: (graph, [first, ...rest]) =>
    rest.reduce(
      (sum, result) => graph.emit(add, [sum, result], { activation: 0, slope: 0 })[0] as GraphTensor,
      first as GraphTensor,
    ),
};

/**
 * `y = join(bodies[0](x), bodies[1](x), ...)` for two to eight bodies; an empty one passes x on. Joined by `'concat'` as
 * torch.cat over the channels (Szegedy et al. 2014, Huang et al. 2016), by `'add'` from left to right.
 */
export function branches(bodies: readonly (readonly Layer[])[], options: BranchesOptions = {}): Layer {
  const layer = options?.name ?? 'branches';
  onlyKnown(layer, options, ['join', 'name']);
  if (!Array.isArray(bodies) || bodies.length < 2 || bodies.length > MOST || !bodies.every(Array.isArray)) {
    fail(layer, `bodies must be 2 to ${MOST} lists of layers`);
  }
  const how = options.join ?? 'concat';
  const join = Object.hasOwn(joins, how) ? joins[how] : undefined;
  if (!join) return fail(layer, `join must be ${Object.keys(joins).map(show).join(' or ')}, not ${show(how)}`);
  const config = { ...options, bodies: bodies.map((body) => body.map((inner) => inner.config)) };
  return defineLayer('branches', config, (builder, x) => {
    const results = bodies.map((body) => builder.applyAll(body, x));
    const axis = x.shape.length - 1;
    const sizes = results.map(({ shape }) => (how === 'concat' ? shape.toSpliced(axis, 1) : shape).join());
    if (new Set(sizes).size > 1 || results.some(({ shape }) => shape.length !== axis + 1)) {
      const wanted = how === 'concat' ? 'sizes may differ in the last axis only' : 'shapes must be equal';
      fail(builder.graph.layer, `the bodies give ${results.map(({ shape }) => `[${shape}]`).join(', ')}; ${wanted}`);
    }
    return join(builder.graph, results, axis);
  });
}
