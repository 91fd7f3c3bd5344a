// An optimizer adds one step op per parameter to the training graph and computes the few numbers that change from step
// to step. Its slots (momenta) persist beside the parameters and travel in checkpoints.

import type { Graph, GraphTensor } from '../graph/graph.ts';
import { real } from '../options.ts';

/** Where training stands, for learning rates that change. */
export interface Progress {
  /** Steps done before this one. */
  readonly step: number;
  /** Epoch of this step, from 0. */
  readonly epoch: number;
  readonly totalSteps: number;
  readonly epochs: number;
  /** Mean training loss of each epoch done. */
  readonly epochLosses: readonly number[];
}

/** A fixed learning rate, or a function of progress. */
export type LearningRate = number | ((progress: Progress) => number);

export interface Optimizer {
  readonly type: string;
  readonly learningRate: LearningRate;
  /** Everything but a learning-rate function, for checkpoints. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Names of the slots each parameter needs. */
  readonly slots: readonly string[];
  /** Factor on the learning rate of `parameter`. */
  learningRateScale(parameter: Pick<GraphTensor, 'name' | 'shape'>): number;
  /** Length of the input `hyper`. */
  readonly hyperSize: number;
  /** Contents of the input `hyper` for step `step` (from 0). */
  hyper(step: number, learningRate: number): number[];
  emitStep(
    graph: Graph,
    parameter: GraphTensor,
    slots: readonly GraphTensor[],
    gradient: GraphTensor,
    hyper: GraphTensor,
  ): void;
}

export function checkLearningRate(optimizer: string, learningRate: unknown): LearningRate {
  if (typeof learningRate === 'function') return learningRate as LearningRate;
  return real(optimizer, 'learningRate', learningRate, 0, 1e6);
}

/** The rate at `progress`; a function's answer is checked like a number. */
export function learningRateAt(optimizer: Optimizer, progress: Progress): number {
  const { learningRate } = optimizer;
  if (typeof learningRate === 'number') return learningRate;
  return real(optimizer.type, `learningRate at step ${progress.step}`, learningRate(progress), 0, 1e6);
}

/** The learning rate as it stands in a checkpoint. */
export const learningRateConfig = (learningRate: LearningRate): number | 'function' =>
  typeof learningRate === 'number' ? learningRate : 'function';
