// What a network is, without its weights: layers applied to inputs and to each other's values, in an order of computation.
// A chain of layers is the case where each takes what the one before gives.

import { LanewiseError } from '../errors.ts';
import type { Layer } from './layer.ts';
import { Value } from './value.ts';

export interface InputSpec {
  readonly name: string;
  /** Sizes of one example, channels last. */
  readonly shape: readonly number[];
}

/** Values are numbered: first the inputs, then what each node gives. */
export interface ArchitectureNode {
  readonly layer: Layer;
  /** The values it is applied to, all of lower number than its own. */
  readonly from: readonly number[];
}

export interface ArchitectureOutput {
  readonly name: string;
  readonly from: number;
}

export interface Architecture {
  readonly inputs: readonly InputSpec[];
  readonly nodes: readonly ArchitectureNode[];
  readonly outputs: readonly ArchitectureOutput[];
}

/** Names of the input and the output of a network that has one. */
export const INPUT = 'input';
export const OUTPUT = 'output';

/** Each layer on what the one before it gives. */
export function chain(layers: readonly Layer[], inputShape: readonly number[]): Architecture {
  return {
    inputs: [{ name: INPUT, shape: inputShape }],
    nodes: layers.map((layer, i) => ({ layer, from: [i] })),
    outputs: [{ name: OUTPUT, from: layers.length }],
  };
}

/** Whether it is what `chain` makes. */
export function isChain({ inputs, nodes, outputs }: Architecture): boolean {
  const plain = inputs.length === 1 && inputs[0]?.name === INPUT && outputs.length === 1 && outputs[0]?.name === OUTPUT;
  return plain && nodes.every(({ from }, i) => from.join() === `${i}`) && outputs[0]?.from === nodes.length;
}

/** The layer that gives output `name`; undefined where it is an input itself. */
export function outputLayer({ inputs, nodes, outputs }: Architecture, name: string): Layer | undefined {
  const from = outputs.find((output) => output.name === name)?.from ?? 0;
  return nodes[from - inputs.length]?.layer;
}

/** The network from `inputs` to `outputs`, which were made by layers. Every input must lead to an output. */
export function architectureOf(
  inputs: readonly Value[],
  outputs: ReadonlyMap<string, Value>,
): { architecture: Architecture; values: readonly Value[] } {
  const specs = inputs.map((input, i) => inputSpec(input, inputs.length === 1 ? INPUT : `${INPUT}_${i + 1}`));
  const double = specs.find(({ name }, i) => specs.findIndex((other) => other.name === name) < i);
  if (double) throw new LanewiseError('option', `model: two inputs are named ${double.name}; names must differ`);
  for (const [name, output] of outputs) if (!(output instanceof Value)) fail(`output ${name} is no value of a layer`);

  const needed = ancestors([...outputs.values()]);
  const numbers = new Map(inputs.map((input, i) => [input, i]));
  inputs.forEach((input, i) => {
    if (!needed.has(input)) fail(`no output depends on the input ${specs[i]?.name}; leave it out`);
  });
  const nodes: ArchitectureNode[] = [];
  for (const value of [...needed].sort((a, b) => a.order - b.order)) {
    const { layer, inputs: from = [], name } = value.source;
    if (numbers.has(value)) continue;
    if (!layer) fail(`the outputs depend on the input ${name ?? `[${value.shape}]`}, which is not one of \`inputs\``);
    numbers.set(value, inputs.length + nodes.length);
    nodes.push({ layer, from: from.map((source) => numbers.get(source) as number) });
  }
  const fromInputs = dependsOnInputs(inputs.length, nodes);
  const ends = [...outputs].map(([name, value]) => {
    const from = numbers.get(value) as number;
    if (!fromInputs[from]) fail(`the output ${name} depends on no input`);
    return { name, from };
  });
  return { architecture: { inputs: specs, nodes, outputs: ends }, values: [...numbers.keys()] };
}

/** For each value, by number, whether an input leads to it. */
export function dependsOnInputs(inputs: number, nodes: readonly ArchitectureNode[]): boolean[] {
  const reached = new Array<boolean>(inputs).fill(true);
  for (const { from } of nodes) reached.push(from.some((value) => reached[value]));
  return reached;
}

function inputSpec(input: Value, unnamed: string): InputSpec {
  if (!(input instanceof Value) || input.source.layer) return fail('inputs must be what input() gives');
  return { name: input.source.name ?? unnamed, shape: input.shape };
}

/** `values` and all they are made from. */
function ancestors(values: readonly Value[]): Set<Value> {
  const found = new Set<Value>(values);
  for (const value of found) for (const input of value.source.inputs ?? []) found.add(input);
  return found;
}

function fail(message: string): never {
  throw new LanewiseError('option', `model: ${message}`);
}
