// Regularisation as part of the loss: a cost on the size of parameters.

import type { GraphTensor } from '../../graph/graph.ts';
import { fail, onlyKnown, real, show } from '../../options.ts';
import { combined, type Loss, mapped, reducedToOne } from './definition.ts';

export interface PenaltyOptions {
  /** Factor of `sum(|w|)`. Default 0. */
  readonly l1?: number;
  /** Factor of `sum(w^2)`. Default 0. */
  readonly l2?: number;
  /** Parameters, or layers, meaning all of theirs. Default: every parameter with at least two axes, that is weights but neither
   * biases nor what normalisation learns. */
  readonly parameters?: readonly string[];
}

/**
 * `loss + l1 * sum(|w|) + l2 * sum(w^2)` over the elements of the parameters; the gradient of `|w|` is 0 at 0. For L2 alone the
 * optimizers' `weightDecay` d is cheaper: with `sgd`, and with `adam`, it is the same as l2 = d / 2, but for all parameters.
 * `adamw` decays apart from the gradient, which no penalty does. No counterpart in PyTorch.
 * Errors: a name that no parameter or layer has.
 */
export function withPenalty(loss: Loss, options: PenaltyOptions): Loss {
  const type = 'withPenalty';
  if (typeof loss?.emit !== 'function') fail(type, `needs a loss, not ${show(loss)}`);
  onlyKnown(type, options, ['l1', 'l2', 'parameters']);
  const l1 = real(type, 'l1', options.l1 ?? 0, 0, 1e6);
  const l2 = real(type, 'l2', options.l2 ?? 0, 0, 1e6);
  if (l1 === 0 && l2 === 0) fail(type, 'needs l1 or l2 above 0');
  const { parameters: names } = options;
  if (names !== undefined && !(Array.isArray(names) && names.every((name) => typeof name === 'string'))) {
    fail(type, `parameters must be a list of names, not ${show(names)}`);
  }
  return {
    ...loss,
    targets: (output) => loss.targets(output),
    config: { ...loss.config, penalty: { l1, l2, ...(names && { parameters: [...names] }) } },
    emit(builder, output, targets) {
      const { graph } = builder;
      const parameters = graph.tensors.filter(({ role }) => role === 'parameter');
      const missing = names?.find((name) => !parameters.some((parameter) => belongsTo(parameter, name)));
      if (missing !== undefined) fail(type, `no parameter or layer is named ${show(missing)}`);
      const chosen = parameters.filter((parameter) =>
        names ? names.some((name) => belongsTo(parameter, name)) : parameter.shape.length > 1,
      );
      const value = loss.emit(builder, output, targets);
      graph.layer = 'loss';
      const plus = (sum: GraphTensor, term: GraphTensor, factor: number) =>
        combined(graph, 'add', sum, mapped(graph, 'affine', term, factor, 0));
      return chosen.reduce((sum, w) => {
        const more = l1 > 0 ? plus(sum, reducedToOne(graph, 'sum', mapped(graph, 'abs', w)), l1) : sum;
        return l2 > 0 ? plus(more, reducedToOne(graph, 'sum_squares', w), l2) : more;
      }, value);
    },
  };
}

const belongsTo = (parameter: GraphTensor, name: string): boolean =>
  parameter.name === name || parameter.name.startsWith(`${name}.`);
