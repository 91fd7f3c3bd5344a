// What the tests of the native boundary share: the loaded addon, and plans small or long enough to test with.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadNative } from '../../lib/backend/native-loader.ts';
import {
  adam,
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  linear,
  maxPool2d,
  relu,
  residual,
  sequential,
  softmaxCrossEntropy,
} from '../../lib/index.ts';
import { fill } from '../../lib/ops/fill.ts';
import { gemm } from '../../lib/ops/gemm.ts';
import { guardFinite } from '../../lib/ops/guard_finite.ts';
import type { OpDefinition } from '../../lib/ops/op.ts';
import { relu as reluOp } from '../../lib/ops/relu.ts';
import { encodePlan } from '../../lib/plan/encode.ts';
import { compilePlan, type Plan, type PlanOp, type PlanTensor } from '../../lib/plan/plan.ts';
import { StoreLayout } from '../../lib/plan/store-layout.ts';
import { trainingNetwork } from '../../lib/train/network.ts';

export const loaded = loadNative();

/** Why native tests are skipped, undefined when they run. */
export const unavailable = loaded.binding
  ? undefined
  : `no native addon: ${loaded.attempts.map(({ path, error }) => `${path} ${error}`).join('; ')}`;

const tensor = (name: string, shape: number[], offset: number): PlanTensor => ({
  ...{ name, layer: '', shape, dtype: 'f32', region: 'kept', offset, firstOp: 0, lastOp: 9 },
});

const call = (op: unknown, inputs: number[], outputs: number[], attrs: Record<string, number> = {}): PlanOp => ({
  ...{ op: op as OpDefinition, inputs, outputs, attrs, layer: '', cost: { flops: 0, bytes: 0 } },
});

const planOf = (tensors: PlanTensor[], ops: PlanOp[], keptBytes: number): Plan => ({
  ...{ numerics: 'exact', tensors, ops, constantOps: 0, arenaBytes: 0, keptBytes },
  ...{ storeBytes: 0, inputs: {}, outputs: {} },
});

/** `y = relu(x)` and a check that x is finite, over 16 floats; then a fill that only runs when it is. */
export const smallPlan = planOf(
  [tensor('x', [16], 0), tensor('y', [16], 64), tensor('done', [16], 128)],
  [call(reluOp, [0], [1]), call(guardFinite, [0], []), call(fill, [], [2], { value: 1, count: 16 })],
  192,
);

/** Products of `size` x `size` matrices, `repeats` times: work for as long as a test needs. */
export function longPlan(size: number, repeats: number): Plan {
  const bytes = size * size * 4;
  const tensors = ['a', 'b', 'c'].map((name, i) => tensor(name, [size, size], i * bytes));
  const product = call(gemm, [0, 1], [2], { transA: 0, transB: 0 });
  return planOf(tensors, Array<PlanOp>(repeats).fill(product), 3 * bytes);
}

/** A training step of a small network with most kinds of layers. */
export function trainingPlan(): Plan {
  const model = sequential(
    [
      conv2d({ filters: 8, kernelSize: 3, padding: 'same' }),
      batchNorm2d(),
      relu(),
      maxPool2d({ size: 2 }),
      residual([conv2d({ filters: 8, kernelSize: 3, padding: 'same', groups: 8 })]),
      dropout({ rate: 0.25 }),
      flatten(),
      linear({ units: 10 }),
    ],
    { inputShape: [12, 12, 3] },
  );
  const layout = new StoreLayout();
  const network = trainingNetwork(
    model,
    { size: 4, dtypes: ['u8'] },
    [{ output: 'output', loss: softmaxCrossEntropy(), weight: 1 }],
    { optimizer: adam({ learningRate: 0.01 }) },
  );
  return compilePlan(network.builder.graph, { outputs: network.outputs, layout });
}

const folder = mkdtempSync(join(tmpdir(), 'lanewise-native-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A file with the words of `plan`, for a program of its own. */
export function planFile(name: string, plan: Plan): string {
  const path = join(folder, `${name}.plan`);
  const words = encodePlan(plan);
  writeFileSync(path, new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  return path;
}

export interface ProgramResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

/** Runs `programs/<name>.mjs` in a process of its own with the addon's path as first argument: whatever it does to
 * itself cannot touch the tests. */
export function runProgram(
  name: string,
  args: string[],
  nodeOptions: string[] = [],
  addon = loaded.path ?? '',
): ProgramResult {
  const script = fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));
  const start = performance.now();
  const command = [...nodeOptions, script, addon, ...args];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    timeout: 100_000,
  });
  return { status, signal, stdout, stderr, elapsedMs: performance.now() - start };
}
