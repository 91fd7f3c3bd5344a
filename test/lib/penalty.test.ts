// L1 and L2 penalties: what they add to a loss and its gradients, and which parameters they take.

import { describe, expect, it } from 'vitest';
import { selectBackend } from '../../lib/backend/select.ts';
import { differentiate } from '../../lib/graph/differentiate.ts';
import type { GraphTensor } from '../../lib/graph/graph.ts';
import * as nn from '../../lib/index.ts';
import { Builder } from '../../lib/nn/builder.ts';
import { compilePlan } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';

describe('withPenalty', () => {
  const build = (options: nn.PenaltyOptions) => {
    const builder = new Builder('training');
    const { graph } = builder;
    const w = graph.tensor('parameter', 'linear_1.weight', { shape: [2, 3], dtype: 'f32' });
    const b = graph.tensor('parameter', 'linear_1.bias', { shape: [3], dtype: 'f32' });
    const target = graph.tensor('input', 'targets', { shape: [2, 3], dtype: 'f32' });
    const value = nn.withPenalty(nn.meanSquaredError(), options).emit(builder, w, target);
    return { graph, value, w, b };
  };
  const run = async (options: nn.PenaltyOptions) => {
    const { graph, value, w, b } = build(options);
    const gradients = differentiate(graph, value);
    const layout = new StoreLayout();
    const outputs = { value, dw: gradients.get(w) as GraphTensor };
    const db = gradients.get(b);
    const plan = compilePlan(graph, { outputs: { ...outputs, ...(db && { db }) }, layout, numerics: 'exact' });
    const engine = selectBackend({ backend: 'typescript' });
    const store = engine.createStore(layout.bytes);
    const executable = engine.compile(plan, store);
    store.write(layout.place(w.name, w).offset, Float32Array.of(1, -2, 0, 4, -0.5, 3));
    if (db) store.write(layout.place(b.name, b).offset, Float32Array.of(2, -2, 8));
    executable.write(plan.inputs['targets'] as number, Float32Array.of(1, -2, 0, 4, -0.5, 3));
    await executable.run();
    const read = (name: string, count: number) => {
      const values = new Float32Array(count);
      executable.read(plan.outputs[name] as number, values);
      return Array.from(values, (number) => number + 0);
    };
    return { value: read('value', 1)[0], dw: read('dw', 6), db: db && read('db', 3) };
  };

  it('adds both norms of the weights, and their gradients', async () => {
    const { value, dw, db } = await run({ l1: 0.5, l2: 0.25 });
    expect(value).toBe(0.5 * 10.5 + 0.25 * 30.25);
    expect(dw).toEqual([1, -1.5, 0, 2.5, -0.75, 2]);
    expect(db).toBeUndefined();
  });

  it('takes the parameters named, or all of a layer', async () => {
    expect(await run({ l2: 0.5, parameters: ['linear_1.bias'] })).toMatchObject({ value: 36, db: [2, -2, 8] });
    expect(await run({ l1: 1, parameters: ['linear_1'] })).toMatchObject({ value: 22.5, db: [1, -1, 1] });
  });

  it('refuses names that nothing has, and no factor', () => {
    expect(() => build({ l1: 1, parameters: ['linear'] })).toThrow(
      "withPenalty: no parameter or layer is named 'linear'",
    );
    expect(() => nn.withPenalty(nn.hinge(), {})).toThrow('withPenalty: needs l1 or l2 above 0');
  });
});
