// From gradients to changed weights: clipping, accumulation over several batches, the optimizer's step, moving averages.
// Each is a few ops behind the gradients; what changes from step to step are inputs of the plan.

import type { Graph, GraphTensor } from '../graph/graph.ts';
import { binary, reduce } from '../ops/binary.ts';
import { binaryAttrs } from '../ops/binary-functions.ts';
import { blend } from '../ops/blend.ts';
import { fill } from '../ops/fill.ts';
import { reduceAttrs } from '../ops/reduction-order.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { unary } from '../ops/unary.ts';
import { unaryAttrs } from '../ops/unary-functions.ts';
import type { Optimizer } from './optimizer.ts';

export interface ClipOptions {
  /** Gradients are scaled down together when the root of the sum of all their squares is above this. */
  readonly norm?: number;
  /** Each element of each gradient is kept between minus this and this. */
  readonly value?: number;
}

export interface Update {
  readonly optimizer: Optimizer;
  readonly clip?: ClipOptions | undefined;
  /** Batches whose gradients are averaged for a step. Default 1. */
  readonly accumulate?: number | undefined;
  /** Decay of the moving average of the weights; undefined: none is kept. */
  readonly averageDecay?: number | undefined;
}

/** Where an update stands. */
export interface UpdateContext {
  /** Steps done before this one. */
  readonly step: number;
  readonly learningRate: number;
  /** Batches of this step before this one. Default 0. */
  readonly accumulated?: number;
}

const ACCUMULATED = 'gradient';
export const AVERAGE = 'average';
const SHARES = 'update/gradient-shares';
const FACTOR = 'update/gradient-factor';
const AVERAGE_SHARES = 'update/average-shares';

/** Name of what an update keeps of a parameter. */
export const slotName = (parameter: string, slot: string): string => `${parameter}/${slot}`;

/** What is kept of each trained parameter from step to step. */
export const updateSlots = ({ optimizer, accumulate = 1, averageDecay }: Update): string[] => [
  ...optimizer.slots,
  ...(accumulate > 1 ? [ACCUMULATED] : []),
  ...(averageDecay === undefined ? [] : [AVERAGE]),
];

const HYPER = 'update/hyper*';

/** The input with the optimizer's numbers for parameters whose learning rate is scaled by `scale`. */
const hyperName = (scale: number): string => `${HYPER}${scale}`;

/** Emits what `gradients` do: the whole update or, when more batches are to come for this step, their addition to the sum. */
export function emitUpdate(
  graph: Graph,
  gradients: ReadonlyMap<GraphTensor, GraphTensor>,
  update: Update,
  completes: boolean,
): void {
  graph.layer = 'optimizer';
  const { optimizer, accumulate = 1, averageDecay } = update;
  const inputs = new Map<string, GraphTensor>();
  const input = (name: string, size: number): GraphTensor => {
    const known = inputs.get(name) ?? graph.tensor('input', name, { shape: [size], dtype: 'f32' });
    inputs.set(name, known);
    return known;
  };
  const slot = (parameter: GraphTensor, name: string) =>
    graph.tensor('state', slotName(parameter.name, name), parameter);
  let sums = new Map(gradients);
  if (accumulate > 1) {
    for (const [parameter, gradient] of gradients) {
      graph.layer = parameter.layer;
      const sum = slot(parameter, ACCUMULATED);
      graph.emit(blend, [sum, gradient, input(SHARES, 2)], {});
      sums.set(parameter, sum);
    }
    if (!completes) return;
    sums = scaled(graph, sums, input(FACTOR, 1));
  }
  for (const [parameter, gradient] of clipped(graph, sums, update.clip)) {
    graph.layer = parameter.layer;
    const hyper = input(hyperName(optimizer.learningRateScale(parameter)), optimizer.hyperSize);
    const slots = optimizer.slots.map((name) => slot(parameter, name));
    optimizer.emitStep(graph, parameter, slots, gradient, hyper);
    if (averageDecay !== undefined)
      graph.emit(blend, [slot(parameter, AVERAGE), parameter, input(AVERAGE_SHARES, 2)], {});
  }
}

/** Contents of the plan's inputs, of those that `names` has. */
export function updateInputs(
  update: Update,
  context: UpdateContext,
  names: readonly string[],
): Map<string, Float32Array> {
  const { optimizer, averageDecay = 0 } = update;
  const { step, learningRate, accumulated = 0 } = context;
  const values = new Map<string, number[]>([
    [SHARES, [accumulated > 0 ? 1 : 0, 1]],
    [FACTOR, [1 / (accumulated + 1)]],
    [AVERAGE_SHARES, [averageDecay, 1 - averageDecay]],
  ]);
  for (const name of names) {
    if (!name.startsWith(HYPER)) continue;
    values.set(name, optimizer.hyper(step, learningRate * Number(name.slice(HYPER.length))));
  }
  return new Map(
    names.flatMap((name) => (values.has(name) ? [[name, Float32Array.from(values.get(name) ?? [])]] : [])),
  );
}

function scaled(graph: Graph, gradients: ReadonlyMap<GraphTensor, GraphTensor>, factor: GraphTensor) {
  return mapped(gradients, graph, (g) => graph.emit(binary, [g, factor], binaryAttrs('multiply'))[0] as GraphTensor);
}

function mapped(
  gradients: ReadonlyMap<GraphTensor, GraphTensor>,
  graph: Graph,
  change: (gradient: GraphTensor) => GraphTensor,
): Map<GraphTensor, GraphTensor> {
  return new Map(
    [...gradients].map(([parameter, gradient]) => {
      graph.layer = parameter.layer;
      return [parameter, change(gradient)];
    }),
  );
}

/**
 * `norm`: g * min(1, norm / (n + 1e-6)), n being the root of the sum of the squares of all gradients, as PyTorch's
 * `clip_grad_norm_`; `value`: min(max(g, -value), value), as `clip_grad_value_`, before the norm is taken.
 */
function clipped(graph: Graph, gradients: Map<GraphTensor, GraphTensor>, clip: ClipOptions = {}) {
  const { norm, value } = clip;
  let result = gradients;
  if (value !== undefined) {
    result = mapped(result, graph, (g) => graph.emit(unary, [g], unaryAttrs('clip', -value, value))[0] as GraphTensor);
  }
  if (norm === undefined) return result;
  let total: GraphTensor | undefined;
  for (const [parameter, gradient] of result) {
    graph.layer = parameter.layer;
    const axes = gradient.shape.map((_, axis) => axis);
    const [sum] = graph.emit(reduce, [gradient], reduceAttrs('sum_squares', axes)) as [GraphTensor];
    const [square] = graph.emit(reshape, [sum], reshapeTo([1])) as [GraphTensor];
    total = total ? (graph.emit(binary, [total, square], binaryAttrs('add'))[0] as GraphTensor) : square;
  }
  graph.layer = 'optimizer';
  const constant = (number: number) => graph.emit(fill, [], { value: number, count: 1 })[0] as GraphTensor;
  const [length] = graph.emit(unary, [total], unaryAttrs('sqrt')) as [GraphTensor];
  const [safe] = graph.emit(binary, [length, constant(1e-6)], binaryAttrs('add')) as [GraphTensor];
  const [ratio] = graph.emit(binary, [constant(norm), safe], binaryAttrs('divide')) as [GraphTensor];
  const [factor] = graph.emit(binary, [ratio, constant(1)], binaryAttrs('minimum')) as [GraphTensor];
  return scaled(graph, result, factor);
}
