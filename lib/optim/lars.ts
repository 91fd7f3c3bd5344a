// LARS: stochastic gradient descent for large batches, with a learning rate of each layer's own.

import type { Graph, GraphTensor } from '../graph/graph.ts';
import { binary, reduce } from '../ops/binary.ts';
import { type BinaryName, binaryAttrs } from '../ops/binary-functions.ts';
import { fill } from '../ops/fill.ts';
import { reduceAttrs } from '../ops/reduction-order.ts';
import { reshape, reshapeTo } from '../ops/reshape.ts';
import { sgdStep } from '../ops/sgd_step.ts';
import { unary } from '../ops/unary.ts';
import { unaryAttrs } from '../ops/unary-functions.ts';
import { onlyKnown, real } from '../options.ts';
import { groupsConfig, type ParameterGroup, parameterSettings } from './groups.ts';
import { checkLearningRate, type LearningRate, learningRateConfig, type Optimizer } from './optimizer.ts';

export interface LarsOptions {
  readonly learningRate: LearningRate;
  /** Share of the previous update that is kept, 0 to below 1. Default 0.9. */
  readonly momentum?: number;
  /** L2 penalty added to the gradient of weights. Default 0. */
  readonly weightDecay?: number;
  /** Length of an update at rate 1, as a share of the weights' length. Default 0.001. */
  readonly trust?: number;
  /** Settings for some of the parameters. */
  readonly groups?: readonly ParameterGroup[];
}

/** Keeps the ratio finite where a gradient is zero. */
const EPSILON = 1e-9;

/**
 * `r = trust * |w| / (|g| + weightDecay * |w| + 1e-9); v = momentum * v + r * (g + weightDecay * w); w = w - learningRate * v`,
 * |.| being the root of the sum of squares over one parameter (You et al. 2017, "Large Batch Training of Convolutional
 * Networks"). Parameters of one axis (biases, normalisation) take steps of SGD with momentum and without decay, as usual.
 * No counterpart in PyTorch.
 */
export function lars(options: LarsOptions): Optimizer {
  onlyKnown('lars', options, ['learningRate', 'momentum', 'weightDecay', 'trust', 'groups']);
  const learningRate = checkLearningRate('lars', options.learningRate);
  const momentum = real('lars', 'momentum', options.momentum ?? 0.9, 0, 0.9999);
  const weightDecay = real('lars', 'weightDecay', options.weightDecay ?? 0, 0, 1e3);
  const trust = real('lars', 'trust', options.trust ?? 0.001, 0, 1e3);
  const { groups } = options;
  const settings = parameterSettings('lars', groups, weightDecay);
  const config = { learningRate: learningRateConfig(learningRate), momentum, weightDecay, trust };
  return {
    type: 'lars',
    learningRate,
    config: { ...config, ...groupsConfig(groups) },
    slots: momentum > 0 ? ['velocity'] : [],
    learningRateScale: (parameter) => settings(parameter).learningRateScale,
    hyperSize: 1,
    hyper: (_, rate) => [rate],
    emitStep(graph, parameter, [velocity], gradient, hyper) {
      const weight = parameter.shape.length > 1;
      const update = weight
        ? scaledGradient(graph, parameter, gradient, trust, settings(parameter).weightDecay)
        : gradient;
      graph.emit(sgdStep, [parameter, velocity, update, hyper], { momentum, nesterov: 0, weightDecay: 0 });
    },
  };
}

/** r * (g + weightDecay * w). */
function scaledGradient(graph: Graph, w: GraphTensor, g: GraphTensor, trust: number, weightDecay: number): GraphTensor {
  const only = (outputs: readonly GraphTensor[]) => outputs[0] as GraphTensor;
  const constant = (value: number) => only(graph.emit(fill, [], { value, count: 1 }));
  const both = (name: BinaryName, a: GraphTensor, b: GraphTensor) =>
    only(graph.emit(binary, [a, b], binaryAttrs(name)));
  const length = (x: GraphTensor) => {
    const axes = x.shape.map((_, axis) => axis);
    const sum = only(graph.emit(reduce, [x], reduceAttrs('sum_squares', axes)));
    return only(graph.emit(unary, [only(graph.emit(reshape, [sum], reshapeTo([1])))], unaryAttrs('sqrt')));
  };
  const [ofW, ofG] = [length(w), length(g)];
  const decayed = both('add', ofG, both('multiply', ofW, constant(weightDecay)));
  const ratio = both('divide', both('multiply', ofW, constant(trust)), both('add', decayed, constant(EPSILON)));
  const penalised = weightDecay === 0 ? g : both('add', g, both('multiply', w, constant(weightDecay)));
  return both('multiply', penalised, ratio);
}
