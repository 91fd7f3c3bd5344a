// Runs a loss on an output that is a parameter: its value, and the gradient by that output.

import { expect } from 'vitest';
import { selectBackend } from '../../lib/backend/select.ts';
import { differentiate } from '../../lib/graph/differentiate.ts';
import type { GraphTensor } from '../../lib/graph/graph.ts';
import type * as nn from '../../lib/index.ts';
import { Builder } from '../../lib/nn/builder.ts';
import { elementCount } from '../../lib/ops/op.ts';
import { compilePlan } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';

/** Loss and gradient by the output, which is a parameter here. */
export async function measured(
  loss: nn.Loss,
  shape: readonly number[],
  output: readonly number[],
  targets: readonly number[],
  backend: nn.BackendOptions = { backend: 'typescript' },
) {
  const builder = new Builder('training');
  const { graph } = builder;
  const x = graph.tensor('parameter', 'net.output', { shape, dtype: 'f32' });
  const spec = loss.targets(x);
  const target = graph.tensor('input', 'targets', spec);
  const value = loss.emit(builder, x, target);
  expect(value.shape).toEqual([1]);
  const gradient = differentiate(graph, value).get(x) as GraphTensor;
  const layout = new StoreLayout();
  const plan = compilePlan(graph, { outputs: { value, gradient }, layout, numerics: 'exact' });
  const engine = selectBackend(backend);
  const store = engine.createStore(layout.bytes);
  const executable = engine.compile(plan, store);
  store.write(layout.place('net.output', x).offset, Float32Array.from(output));
  const data = spec.dtype === 'i32' ? Int32Array.from(targets) : Float32Array.from(targets);
  expect(data.length).toBe(elementCount(spec.shape));
  executable.write(plan.inputs['targets'] as number, data);
  for (const [name, values] of builder.literals) executable.write(plan.inputs[name] as number, values);
  await executable.run();
  const results = { value: new Float32Array(1), gradient: new Float32Array(output.length) };
  executable.read(plan.outputs['value'] as number, results.value);
  executable.read(plan.outputs['gradient'] as number, results.gradient);
  return results;
}
