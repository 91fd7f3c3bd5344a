// From an architecture to the three graphs a network is run as: training, evaluation and prediction.

import { differentiate } from '../graph/differentiate.ts';
import { fuse } from '../graph/fuse.ts';
import { changeEarly, type GraphTensor } from '../graph/graph.ts';
import { type Architecture, dependsOnInputs } from '../nn/architecture.ts';
import { Builder, type Mode } from '../nn/builder.ts';
import { countCorrect } from '../ops/count_correct.ts';
import { anyDefined } from '../ops/custom-op.ts';
import { guardFinite } from '../ops/guard_finite.ts';
import type { DType, OpDefinition } from '../ops/op.ts';
import { emitUpdate, type Update } from '../optim/update.ts';
import { fail } from '../options.ts';
import { emitTotal, type OutputLoss } from './objective.ts';

/** What a network is built from. */
export interface NetworkSource {
  readonly architecture: Architecture;
  /** Names of the parameters and statistics that training leaves as they are. */
  readonly frozen?: ReadonlySet<string>;
}

export interface BatchSpec {
  readonly size: number;
  /** Of each input. */
  readonly dtypes: readonly Extract<DType, 'u8' | 'f32'>[];
  /** Names of inputs whose normalisation changes nothing. */
  readonly plain?: ReadonlySet<string>;
}

/** A graph and the tensors to read after a run. */
export interface Network {
  readonly builder: Builder;
  readonly outputs: Readonly<Record<string, GraphTensor>>;
}

/** Names, in graphs, of what belongs to an output: what it is compared with, itself, its loss, and its hits, if its loss has some. */
export const targetTensor = (output: string): string => `targets/${output}`;
export const outputTensor = (output: string): string => `outputs/${output}`;
export const lossTensor = (output: string): string => `loss/${output}`;
export const correctTensor = (output: string): string => `correct/${output}`;

/** Name, in graphs, of the gradient of a parameter. */
export const gradientTensor = (parameter: string): string => `gradients/${parameter}`;

interface Forward {
  readonly builder: Builder;
  /** By the outputs' names. */
  readonly results: ReadonlyMap<string, GraphTensor>;
}

function forward({ architecture, frozen }: NetworkSource, mode: Mode, { size, dtypes, plain }: BatchSpec): Forward {
  const { inputs, nodes, outputs } = architecture;
  const builder = new Builder(mode, frozen);
  const values = inputs.map(({ name, shape }, i) =>
    builder.input(name, { shape: [size, ...shape], dtype: dtypes[i] ?? 'f32' }, plain?.has(name)),
  );
  const hasBatch = dependsOnInputs(inputs.length, nodes);
  for (const { layer, from } of nodes) {
    const value = builder.apply(layer, ...from.map((source) => values[source] as GraphTensor));
    if (hasBatch[values.length] && value.shape[0] !== size) {
      const name = layer.name ?? layer.type;
      fail(name, `gives [${value.shape}] for a batch of ${size}; the first axis must be the batch`);
    }
    values.push(value);
  }
  return { builder, results: new Map(outputs.map(({ name, from }) => [name, values[from] as GraphTensor])) };
}

/** The total loss, and the loss and hits of each output that has one. */
function withLosses({ builder, results }: Forward, losses: readonly OutputLoss[]) {
  const { graph } = builder;
  const measured: Record<string, GraphTensor> = {};
  for (const { output, loss } of losses) {
    const result = results.get(output) as GraphTensor;
    graph.layer = 'loss';
    const targets = graph.tensor('input', targetTensor(output), loss.targets(result));
    measured[lossTensor(output)] = loss.emit(builder, result, targets);
    if (loss.metric === 'accuracy') {
      measured[correctTensor(output)] = graph.emit(countCorrect, [result, targets], {})[0] as GraphTensor;
    }
  }
  const values = losses.map(({ output }) => measured[lossTensor(output)] as GraphTensor);
  return { loss: emitTotal(builder, losses, values), ...measured };
}

/** Forward, loss, backward and update in one graph. Nothing persistent changes unless the loss is finite. */
export function trainingNetwork(
  source: NetworkSource,
  batch: BatchSpec,
  losses: readonly OutputLoss[],
  update: Update,
  completes = true,
): Network {
  const network = forward(source, 'training', batch);
  const { builder } = network;
  const { graph } = builder;
  const outputs = withLosses(network, losses);
  graph.emit(guardFinite, [outputs.loss], {});
  builder.emitDeferred();
  // Before differentiation: a fused op's gradient reads less than the gradients of its parts.
  fuse(graph, Object.values(outputs));
  const gradients = differentiate(graph, outputs.loss);
  if (gradients.size === 0) fail('fit', 'nothing to train: the loss depends on no parameter that is not frozen');
  emitUpdate(graph, gradients, update, completes);
  changeEarly(graph);
  return { builder, outputs };
}

/** The ops of a model's runs, where some may be the user's own. */
export function opsOf(source: NetworkSource, losses: readonly OutputLoss[] = [], update?: Update): OpDefinition[] {
  if (!anyDefined()) return [];
  const batch = { size: 1, dtypes: [] };
  const measured = losses.length > 0 ? [evaluationNetwork(source, batch, losses)] : [predictionNetwork(source, batch)];
  const trained = update ? [trainingNetwork(source, batch, losses, update)] : [];
  return [...measured, ...trained].flatMap(({ builder }) => builder.graph.nodes.map(({ op }) => op));
}

/** Forward, loss and backward in training mode; nothing persistent changes. */
export function gradientNetwork(source: NetworkSource, batch: BatchSpec, losses: readonly OutputLoss[]): Network {
  const network = forward(source, 'training', batch);
  const { graph } = network.builder;
  const outputs = withLosses(network, losses);
  fuse(graph, Object.values(outputs));
  const gradients = [...differentiate(graph, outputs.loss)].map(([{ name }, g]) => [gradientTensor(name), g] as const);
  return { builder: network.builder, outputs: { ...outputs, ...Object.fromEntries(gradients) } };
}

export function evaluationNetwork(source: NetworkSource, batch: BatchSpec, losses: readonly OutputLoss[]): Network {
  const network = forward(source, 'inference', batch);
  const measured = withLosses(network, losses);
  return { builder: network.builder, outputs: { ...measured, ...named(network.results) } };
}

export function predictionNetwork(source: NetworkSource, batch: BatchSpec): Network {
  const { builder, results } = forward(source, 'inference', batch);
  return { builder, outputs: named(results) };
}

const named = (results: Forward['results']) =>
  Object.fromEntries([...results].map(([name, result]) => [outputTensor(name), result]));

/** The training forward pass with every layer's output kept, for finding where numbers went bad. */
export function inspectionNetwork(source: NetworkSource, batch: BatchSpec): Network {
  const { builder } = forward(source, 'training', batch);
  // In the order of computation: what a layer contains comes before it.
  const layers = builder.layers.toSorted((a, b) => a.output.id - b.output.id);
  return { builder, outputs: Object.fromEntries(layers.map(({ name, output }) => [name, output])) };
}
