// Parameter groups: settings of an optimizer for some of the parameters.

import type { GraphTensor } from '../graph/graph.ts';
import { fail, onlyKnown, real } from '../options.ts';

export interface ParameterGroup {
  /** Which parameters: those whose name the expression matches, or for which the function answers true. The first group that
   * claims a parameter has it. */
  readonly parameters: RegExp | ((name: string, shape: readonly number[]) => boolean);
  /** Factor on the learning rate. Default 1. */
  readonly learningRateScale?: number;
  /** In place of the optimizer's own. */
  readonly weightDecay?: number;
}

/** What the groups make of one parameter. */
export interface ParameterSettings {
  readonly learningRateScale: number;
  readonly weightDecay: number;
}

/** Weight decay for weights only: biases and what normalisation learns (all that has one axis) are left alone. */
export const noDecayOfVectors: ParameterGroup = { parameters: (_, shape) => shape.length < 2, weightDecay: 0 };

/** Checks `groups` and gives the settings of each parameter. */
export function parameterSettings(
  optimizer: string,
  groups: readonly ParameterGroup[] | undefined,
  weightDecay: number,
): (parameter: Pick<GraphTensor, 'name' | 'shape'>) => ParameterSettings {
  if (groups !== undefined && !Array.isArray(groups)) fail(optimizer, 'groups must be a list');
  const checked = (groups ?? []).map((group, i) => {
    const name = `groups[${i}]`;
    onlyKnown(`${optimizer}: ${name}`, group, ['parameters', 'learningRateScale', 'weightDecay']);
    const { parameters } = group;
    if (!(parameters instanceof RegExp || typeof parameters === 'function'))
      fail(optimizer, `${name}.parameters must be a regular expression or a function of name and shape`);
    return {
      claims: (parameter: Pick<GraphTensor, 'name' | 'shape'>) =>
        parameters instanceof RegExp
          ? parameter.name.search(parameters) >= 0
          : parameters(parameter.name, parameter.shape),
      learningRateScale: real(optimizer, `${name}.learningRateScale`, group.learningRateScale ?? 1, 0, 1e6),
      weightDecay: real(optimizer, `${name}.weightDecay`, group.weightDecay ?? weightDecay, 0, 1e3),
    };
  });
  const own = { learningRateScale: 1, weightDecay };
  return (parameter) => checked.find(({ claims }) => claims(parameter)) ?? own;
}

/** The groups as they stand in a checkpoint, as part of an optimizer's config. */
export const groupsConfig = (groups: readonly ParameterGroup[] | undefined): { readonly groups?: unknown[] } =>
  groups
    ? { groups: groups.map(({ parameters, ...settings }) => ({ parameters: String(parameters), ...settings })) }
    : {};
