// From layers to the three graphs a network is run as: training, evaluation and prediction.

import { differentiate } from '../graph/differentiate.ts';
import { fuse } from '../graph/fuse.ts';
import { changeEarly, type GraphTensor } from '../graph/graph.ts';
import { Builder, type Mode } from '../nn/builder.ts';
import type { Layer } from '../nn/layer.ts';
import type { Loss } from '../nn/loss.ts';
import { countCorrect } from '../ops/count_correct.ts';
import { guardFinite } from '../ops/guard_finite.ts';
import { normalize } from '../ops/normalize.ts';
import type { DType } from '../ops/op.ts';
import type { Optimizer } from '../optim/optimizer.ts';

/** What a network is, without its weights. */
export interface Architecture {
  /** Sizes of one input, channels last. */
  readonly inputShape: readonly number[];
  readonly layers: readonly Layer[];
}

export interface BatchSpec {
  readonly size: number;
  readonly dtype: Extract<DType, 'u8' | 'f32'>;
}

/** A graph and the tensors to read after a run. */
export interface Network {
  readonly builder: Builder;
  readonly outputs: Readonly<Record<string, GraphTensor>>;
}

/** Constants that turn raw input into what the first layer sees: `x * scale + shift`, per channel. */
export const INPUT_SCALE = 'input.scale';
export const INPUT_SHIFT = 'input.shift';

/** Name of an optimizer slot's tensor. */
export const slotName = (parameter: string, slot: string): string => `${parameter}/${slot}`;

function forward({ inputShape, layers }: Architecture, mode: Mode, { size, dtype }: BatchSpec) {
  const builder = new Builder(mode);
  const { graph } = builder;
  const channels = inputShape.at(-1) ?? 1;
  graph.layer = 'input';
  const images = graph.tensor('input', 'images', { shape: [size, ...inputShape], dtype });
  const scale = builder.constant(INPUT_SCALE, [channels], 1);
  const shift = builder.constant(INPUT_SHIFT, [channels], 0);
  const [x] = graph.emit(normalize, [images, scale, shift], {}) as [GraphTensor];
  return { builder, output: builder.applyAll(layers, x) };
}

function withLoss({ builder, output }: ReturnType<typeof forward>, loss: Loss, size: number) {
  const { graph } = builder;
  graph.layer = 'loss';
  const labels = graph.tensor('input', 'labels', { shape: [size], dtype: 'i32' });
  const value = loss.emit(builder, output, labels);
  const [correct] = graph.emit(countCorrect, [output, labels], {}) as [GraphTensor];
  return { loss: value, correct };
}

/** Forward, loss, backward and update in one graph. Nothing persistent changes unless the loss is finite. */
export function trainingNetwork(
  architecture: Architecture,
  batch: BatchSpec,
  loss: Loss,
  optimizer: Optimizer,
): Network {
  const network = forward(architecture, 'training', batch);
  const { builder } = network;
  const { graph } = builder;
  const outputs = withLoss(network, loss, batch.size);
  graph.emit(guardFinite, [outputs.loss], {});
  builder.emitDeferred();
  // Before differentiation: a fused op's gradient reads less than the gradients of its parts.
  fuse(graph, Object.values(outputs));
  const gradients = differentiate(graph, outputs.loss);
  graph.layer = 'optimizer';
  const hyper = graph.tensor('input', 'hyper', { shape: [optimizer.hyperSize], dtype: 'f32' });
  for (const [parameter, gradient] of gradients) {
    graph.layer = parameter.layer;
    const slots = optimizer.slots.map((slot) => graph.tensor('state', slotName(parameter.name, slot), parameter));
    optimizer.emitStep(graph, parameter, slots, gradient, hyper);
  }
  changeEarly(graph);
  return { builder, outputs };
}

export function evaluationNetwork(architecture: Architecture, batch: BatchSpec, loss: Loss): Network {
  const network = forward(architecture, 'inference', batch);
  return { builder: network.builder, outputs: { ...withLoss(network, loss, batch.size), output: network.output } };
}

export function predictionNetwork(architecture: Architecture, batch: BatchSpec): Network {
  const { builder, output } = forward(architecture, 'inference', batch);
  return { builder, outputs: { output } };
}

/** The training forward pass with every layer's output kept, for finding where numbers went bad. */
export function inspectionNetwork(architecture: Architecture, batch: BatchSpec): Network {
  const { builder } = forward(architecture, 'training', batch);
  // In the order of computation: what a layer contains comes before it.
  const layers = builder.layers.toSorted((a, b) => a.output.id - b.output.id);
  return { builder, outputs: Object.fromEntries(layers.map(({ name, output }) => [name, output])) };
}
