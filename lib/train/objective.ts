// What training makes small: the loss of one output, or a weighted sum of the losses of several.

import { LanewiseError } from '../errors.ts';
import type { GraphTensor } from '../graph/graph.ts';
import { type Architecture, outputLayer } from '../nn/architecture.ts';
import type { Builder } from '../nn/builder.ts';
import { type Loss, softmaxCrossEntropy } from '../nn/loss.ts';
import { add } from '../ops/add.ts';
import { unary } from '../ops/unary.ts';
import { unaryAttrs } from '../ops/unary-functions.ts';
import { onlyKnown, real } from '../options.ts';

export interface WeightedLoss {
  readonly loss: Loss;
  /** What it is multiplied with in the sum. Default 1. */
  readonly weight?: number;
}

/** The loss of a model's only output, or losses by the names of outputs; outputs may be left out. */
export type Objective = Loss | Readonly<Record<string, Loss | WeightedLoss>>;

export interface OutputLoss {
  readonly output: string;
  readonly loss: Loss;
  readonly weight: number;
}

/** The losses of `objective`, in the order of the outputs of `architecture`. */
export function outputLosses(
  caller: string,
  architecture: Architecture,
  objective: Objective = softmaxCrossEntropy(),
): readonly OutputLoss[] {
  const names = architecture.outputs.map(({ name }) => name);
  const wrong = (message: string): never => {
    throw new LanewiseError('option', `${caller}: ${message}`);
  };
  const losses: OutputLoss[] = [];
  if (isLoss(objective)) {
    if (names.length > 1) wrong(`the model has the outputs ${names.join(', ')}; give the losses by output`);
    losses.push({ output: names[0] as string, loss: objective, weight: 1 });
  } else {
    const stray = Object.keys(objective).find((output) => !names.includes(output));
    if (stray !== undefined) wrong(`there is no output ${stray} to have a loss (there is ${names.join(', ')})`);
    for (const output of names) {
      const given = objective[output];
      if (given !== undefined) losses.push({ output, ...weightedLoss(caller, output, given) });
    }
    if (losses.length === 0) wrong('needs a loss');
  }
  for (const { output, loss } of losses) {
    if (outputLayer(architecture, output)?.type === 'softmax' && loss.type === 'softmaxCrossEntropy')
      wrong('softmaxCrossEntropy takes logits; remove the softmax() layer at the end');
  }
  return losses;
}

const isLoss = (objective: Objective | Loss | WeightedLoss): objective is Loss =>
  typeof (objective as Loss)?.emit === 'function';

function weightedLoss(caller: string, output: string, given: Loss | WeightedLoss): { loss: Loss; weight: number } {
  if (isLoss(given)) return { loss: given, weight: 1 };
  onlyKnown(`${caller}: loss of ${output}`, given, ['loss', 'weight']);
  if (!isLoss(given.loss)) throw new LanewiseError('option', `${caller}: the loss of ${output} is no loss`);
  return { loss: given.loss, weight: real(`${caller}: loss of ${output}`, 'weight', given.weight ?? 1, 0, 1e6) };
}

/** The sum of `values`, the losses, each with its weight; from left to right. */
export function emitTotal(
  { graph }: Builder,
  losses: readonly OutputLoss[],
  values: readonly GraphTensor[],
): GraphTensor {
  graph.layer = 'loss';
  const weighted = values.map((value, i) => {
    const { weight } = losses[i] as OutputLoss;
    return weight === 1 ? value : (graph.emit(unary, [value], unaryAttrs('affine', weight, 0))[0] as GraphTensor);
  });
  return weighted.reduce((sum, value) => graph.emit(add, [sum, value], { activation: 0, slope: 0 })[0] as GraphTensor);
}
