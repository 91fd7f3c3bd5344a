// The time of a step op by op, on random data, beside what the machine could do at best.

import { type MachineLimits, measureLimits } from '../backend/limits.ts';
import { elementCount } from '../ops/op.ts';
import { integer } from '../options.ts';
import { type InspectOptions, stepOf } from './inspect.ts';
import type { Model } from './model.ts';

export interface ProfileOptions extends InspectOptions {
  /** Predictions instead of training steps. */
  readonly predict?: boolean;
  /** Steps to take medians over. Default 5. */
  readonly steps?: number;
}

export interface OpProfile {
  readonly op: string;
  readonly layer: string;
  readonly outputShape: readonly number[];
  readonly milliseconds: number;
  /** By the definition of the op: an algorithm with fewer multiplications shows as more than the machine's peak. */
  readonly flops: number;
  /** What must be read and written at least; what is still in a cache does not come from memory. */
  readonly bytes: number;
}

export interface StepProfile {
  readonly backend: string;
  readonly isa: string;
  readonly threads: number;
  readonly batchSize: number;
  /** One step as the caller sees it, data copied in and results out. */
  readonly milliseconds: number;
  /** The part of it that is spent in no op. */
  readonly outsideMilliseconds: number;
  /** Unknown for the TypeScript backend. */
  readonly limits: MachineLimits | undefined;
  /** In the order of execution. */
  readonly ops: readonly OpProfile[];
}

/** Where the time of a training step goes, or of a prediction. The model's weights are not changed. */
export async function profileStep(model: Model, options: ProfileOptions = {}): Promise<StepProfile> {
  const steps = integer('profile', 'steps', options.steps ?? 5, 1);
  const { session, batch } = stepOf(model, options);
  const outputs = [...model.outputShapes.values()].map((shape) => new Float32Array(batch.size * elementCount(shape)));
  const run = (step: number): Promise<unknown> =>
    options.predict
      ? session.predict(batch.inputs, batch.size, outputs)
      : session.train(batch, { seed: 0, step, learningRate: 0 });
  const { plan, executable } = session.compiled(options.predict ? 'predict' : 'train', batch);
  const { name, isa, threads } = session.backend;
  const runs: Float64Array[] = [];
  const times: number[] = [];
  const outside: number[] = [];
  for (let step = 0; step <= steps; step++) {
    const start = performance.now();
    await run(step);
    const elapsed = performance.now() - start;
    if (step === 0) continue; // It touches its memory for the first time.
    const profile = executable.profile();
    runs.push(profile);
    times.push(elapsed);
    outside.push(elapsed - profile.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6);
  }
  const ops = plan.ops.map(({ op, layer, outputs, inputs, cost }, i): OpProfile => {
    const shown = plan.tensors[outputs[0] ?? (inputs[0] as number)];
    const milliseconds = median(runs.map((profile) => profile[i] as number)) / 1e6;
    return { op: op.name, layer, outputShape: shown?.shape ?? [], milliseconds, flops: cost.flops, bytes: cost.bytes };
  });
  return {
    ...{ backend: name, isa, threads, batchSize: batch.size },
    milliseconds: median(times),
    outsideMilliseconds: Math.max(0, median(outside)),
    limits: measureLimits(session.backend),
    ops,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2;
}
