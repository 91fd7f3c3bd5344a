// The memory plan: values that are needed at the same time never share memory, whatever the graph.

import { describe, expect, it } from 'vitest';
import { Graph, type GraphTensor } from '../../lib/graph/graph.ts';
import * as nn from '../../lib/index.ts';
import { softmaxCrossEntropy } from '../../lib/nn/loss.ts';
import { reshape, reshapeTo } from '../../lib/ops/reshape.ts';
import { tanh } from '../../lib/ops/tanh.ts';
import { transpose, transposeBy } from '../../lib/ops/transpose.ts';
import { sgd } from '../../lib/optim/sgd.ts';
import { compilePlan, type Plan } from '../../lib/plan/plan.ts';
import { StoreLayout, tensorBytes } from '../../lib/plan/store-layout.ts';
import { sequential } from '../../lib/train/build-model.ts';
import { trainingNetwork } from '../../lib/train/network.ts';

const networks = {
  lenet: () => [
    nn.conv2d({ filters: 6, kernelSize: 5, padding: 2 }),
    nn.relu(),
    nn.maxPool2d({ size: 2 }),
    nn.flatten(),
    nn.linear({ units: 10 }),
  ],
  branches: () => [
    nn.conv2d({ filters: 4, kernelSize: 3, padding: 1 }),
    nn.branches([[], [nn.conv2d({ filters: 5, kernelSize: 1 }), nn.relu()], [nn.tanh()]]),
    nn.permute({ axes: [2, 0, 1] }),
    nn.reshape({ shape: [13 * 144] }),
    nn.branches([[nn.relu()], [nn.tanh()]], { join: 'add' }),
    nn.linear({ units: 10 }),
  ],
  residual: () => [
    nn.conv2d({ filters: 8, kernelSize: 3, padding: 'same', bias: false }),
    nn.batchNorm2d(),
    nn.relu(),
    nn.residual([nn.conv2d({ filters: 8, kernelSize: 3, padding: 1 }), nn.relu(), nn.dropout()]),
    nn.relu(),
    nn.residual(
      [nn.conv2d({ filters: 16, kernelSize: 3, padding: 1, stride: 2 }), nn.tanh()],
      [nn.conv2d({ filters: 16, kernelSize: 1, stride: 2 })],
    ),
    nn.globalAvgPool2d(),
    nn.linear({ units: 10 }),
  ],
};

function planFor(layers: nn.Layer[], keepAll: boolean): Plan {
  const { architecture } = sequential(layers, { inputShape: [12, 12, 1] });
  const optimizer = sgd({ learningRate: 0.1, momentum: 0.9 });
  const { builder, outputs } = trainingNetwork(
    { architecture },
    { size: 4, dtypes: ['u8'] },
    [{ output: 'output', loss: softmaxCrossEntropy(), weight: 1 }],
    { optimizer },
  );
  return compilePlan(builder.graph, { outputs, layout: new StoreLayout(), keepAll });
}

/** Executes the plan symbolically: every read must find the value its writer left. */
function checkNoValueIsLost(plan: Plan): number {
  const owner = new Map<string, number>(); // 64-byte line of a region -> tensor that wrote it last
  const lines = (tensor: number) => {
    const { region, offset, shape, dtype } = plan.tensors[tensor]!;
    const bytes = tensorBytes({ shape, dtype });
    return Array.from({ length: Math.ceil(bytes / 64) }, (_, i) => `${region}${offset / 64 + i}`);
  };
  const sameMemory = (a: number, b: number) => {
    const [x, y] = [plan.tensors[a]!, plan.tensors[b]!];
    return x.region === y.region && x.offset === y.offset;
  };
  const write = (tensor: number) => {
    for (const line of lines(tensor)) owner.set(line, tensor);
  };
  const written = new Set<number>();
  for (const tensor of Object.values(plan.inputs)) {
    write(tensor);
    written.add(tensor);
  }
  let checks = 0;
  for (const { op, inputs, outputs } of plan.ops) {
    for (const input of inputs) {
      if (input < 0 || plan.tensors[input]!.region === 'store') continue;
      for (const line of lines(input)) {
        const last = owner.get(line);
        // A view reads its source's memory under another index.
        const intact = last === input || (last !== undefined && !written.has(input) && sameMemory(last, input));
        expect(intact, `${op.name} reads tensor ${input} after its memory went to ${last}`).toBe(true);
        checks++;
      }
    }
    for (const output of outputs) {
      write(output);
      written.add(output);
    }
  }
  for (const output of Object.values(plan.outputs)) {
    for (const line of lines(output)) expect(owner.get(line)).toBe(output);
  }
  return checks;
}

describe('memory plan', () => {
  for (const [name, layers] of Object.entries(networks)) {
    it(`never overwrites a value that is still needed: ${name}`, () => {
      expect(checkNoValueIsLost(planFor(layers(), false))).toBeGreaterThan(100);
    });
  }

  it('adds the gradients of a value that is used twice in place', () => {
    const { ops, tensors } = planFor(networks.residual(), false);
    const loss = ops.findIndex(({ op }) => op.guard);
    const sums = ops.slice(loss).filter(({ op }) => op.name === 'add');
    expect(sums).toHaveLength(2);
    for (const { inputs, outputs } of sums) {
      expect(tensors[outputs[0] as number]?.offset).toBe(tensors[inputs[0] as number]?.offset);
    }
  });

  it('changes weights as soon as nothing reads them any more, and after the guard', () => {
    const { ops } = planFor(networks.residual(), false);
    const guard = ops.findIndex(({ op }) => op.guard);
    const steps = ops.flatMap(({ op }, at) => (op.name === 'sgd_step' ? [at] : []));
    expect(steps.length).toBeGreaterThan(8);
    for (const at of steps) {
      expect(at).toBeGreaterThan(guard);
      const tensors = ops[at]!.inputs;
      const others = ops.flatMap(({ op, inputs, outputs }, other) =>
        op.name !== 'sgd_step' && [...inputs, ...outputs].some((t) => t !== tensors[3] && tensors.includes(t))
          ? [other]
          : [],
      );
      const last = Math.max(guard, ...others.filter((other) => other < at));
      expect(ops.slice(last + 1, at).every(({ op }) => op.name === 'sgd_step')).toBe(true);
      expect(others.every((other) => other < at)).toBe(true);
    }
  });

  it('reuses memory', () => {
    const reused = planFor(networks.residual(), false).arenaBytes;
    expect(reused).toBeLessThan(0.7 * planFor(networks.residual(), true).arenaBytes);
  });

  it('aligns every tensor to a cache line', () => {
    for (const { offset } of planFor(networks.residual(), false).tensors) expect(offset % 64).toBe(0);
  });
});

it('a view of a parameter, and a view of that view, lie where the parameter does', () => {
  const graph = new Graph();
  const parameter = graph.tensor('parameter', 'w', { shape: [4, 6], dtype: 'f32' });
  const flat = graph.emit(reshape, [parameter], reshapeTo([24]))[0] as GraphTensor;
  const wide = graph.emit(reshape, [flat], reshapeTo([2, 12]))[0] as GraphTensor;
  const y = graph.emit(tanh, [wide], {})[0] as GraphTensor;
  const layout = new StoreLayout();
  layout.place('before', { shape: [100], dtype: 'f32' });
  const plan = compilePlan(graph, { outputs: { y }, layout });
  const source = plan.tensors[plan.ops[0]?.inputs[0] as number];
  expect(source).toMatchObject({ region: 'store', shape: [2, 12], offset: layout.place('w', parameter).offset });
});

it('a view of what is computed once from parameters lies where that result does', () => {
  const graph = new Graph();
  const parameter = graph.tensor('parameter', 'w', { shape: [4, 6], dtype: 'f32' });
  const turned = graph.emit(transpose, [parameter], transposeBy([1, 0]))[0] as GraphTensor;
  const flat = graph.emit(reshape, [turned], reshapeTo([24]))[0] as GraphTensor;
  const y = graph.emit(tanh, [flat], {})[0] as GraphTensor;
  const plan = compilePlan(graph, { outputs: { y }, layout: new StoreLayout() });
  const [once, each] = plan.ops.map(({ inputs, outputs }) => ({ from: inputs[0] as number, to: outputs[0] as number }));
  const result = plan.tensors[once?.to ?? -1];
  expect(result?.region).toBe('kept');
  expect(plan.tensors[each?.from ?? -1]).toMatchObject({ region: 'kept', offset: result?.offset, shape: [24] });
});
