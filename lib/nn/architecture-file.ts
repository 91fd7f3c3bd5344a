// An architecture as JSON and back. A chain is written as its input shape and its layers; any other network as inputs, nodes
// and outputs, values numbered as in `Architecture`. A layer that is used again is written as `{ "shared": k }`: number k of
// all layers in the file, counted from 0 where their descriptions end.

import { LanewiseError } from '../errors.ts';
import { identifier, sizes } from '../options.ts';
import {
  type Architecture,
  type ArchitectureNode,
  type ArchitectureOutput,
  chain,
  dependsOnInputs,
  type InputSpec,
  isChain,
} from './architecture.ts';
import { describeLayer, type Layer } from './layer.ts';
import { LayerReader } from './registry.ts';
import { MAX_INPUT_RANK } from './value.ts';

/** `architecture` as an object for JSON. */
export function describeArchitecture(architecture: Architecture): Record<string, unknown> {
  const numbers = new Map<Layer, number>();
  const describe = (layer: Layer): unknown => {
    const shared = numbers.get(layer);
    if (shared !== undefined) return { shared };
    const config = describeLayer(layer, describe);
    numbers.set(layer, numbers.size);
    return config;
  };
  const { inputs, nodes, outputs } = architecture;
  if (isChain(architecture)) return { inputShape: inputs[0]?.shape, layers: nodes.map(({ layer }) => describe(layer)) };
  return { inputs, nodes: nodes.map(({ layer, from }) => ({ layer: describe(layer), from })), outputs };
}

/** The architecture that `described`, untrusted JSON, stands for. */
export function readArchitecture(described: Readonly<Record<string, unknown>>): Architecture {
  const reader = new LayerReader();
  const { inputShape, layers, inputs, nodes, outputs, ...stray } = described;
  const [unknown] = Object.keys(stray);
  if (unknown !== undefined) fail(`${JSON.stringify(unknown)} is no part of it`);
  if (layers !== undefined) {
    if (inputs !== undefined || nodes !== undefined || outputs !== undefined) fail('it has both layers and nodes');
    return chain(
      list('layers', layers).map((layer) => reader.layer(layer)),
      sizes('architecture', 'inputShape', inputShape, MAX_INPUT_RANK),
    );
  }
  if (inputShape !== undefined) fail('inputShape belongs to layers');
  const architecture = {
    inputs: list('inputs', inputs).map(readInput),
    nodes: [] as ArchitectureNode[],
    outputs: [] as ArchitectureOutput[],
  };
  const known = () => architecture.inputs.length + architecture.nodes.length;
  for (const [i, node] of list('nodes', nodes).entries()) {
    const { layer, from } = fields(`node ${i}`, node, ['layer', 'from']);
    const read = reader.layer(layer);
    const sources = list(`node ${i}: from`, from).map((value) =>
      valueBefore(`node ${i} (${read.type})`, value, known()),
    );
    architecture.nodes.push({ layer: read, from: sources });
  }
  for (const output of list('outputs', outputs)) {
    const { name, from } = fields('an output', output, ['name', 'from']);
    const unique = identifier('architecture', 'an output: name', name);
    if (architecture.outputs.some((other) => other.name === unique)) fail(`two outputs are named ${unique}`);
    architecture.outputs.push({ name: unique, from: valueBefore(`output ${unique}`, from, known()) });
  }
  checkEnds(architecture);
  return architecture;
}

function readInput(input: unknown): InputSpec {
  const { name, shape } = fields('an input', input, ['name', 'shape']);
  return {
    name: identifier('architecture', 'an input: name', name),
    shape: sizes('architecture', `input ${name}: shape`, shape, MAX_INPUT_RANK),
  };
}

/** What leads nowhere, or comes from nowhere, is a mistake of whoever made the file. */
function checkEnds({ inputs, nodes, outputs }: Architecture): void {
  if (inputs.length === 0 || outputs.length === 0) fail('it needs inputs and outputs');
  const used = new Set([...nodes.flatMap(({ from }) => from), ...outputs.map(({ from }) => from)]);
  inputs.forEach(({ name }, i) => {
    if (!used.has(i)) fail(`the input ${name} leads to no output`);
  });
  nodes.forEach(({ layer }, i) => {
    if (!used.has(inputs.length + i)) fail(`node ${i} (${layer.type}) leads to no output`);
  });
  const fromInputs = dependsOnInputs(inputs.length, nodes);
  for (const { name, from } of outputs) if (!fromInputs[from]) fail(`the output ${name} depends on no input`);
}

function valueBefore(reader: string, value: unknown, known: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < known) return value;
  return fail(`${reader} takes value ${JSON.stringify(value)}, there are values 0 to ${known - 1} before it`);
}

function list(what: string, value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : fail(`${what} must be a list`);
}

function fields(what: string, value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) fail(`${what} must be an object`);
  const stray = Object.keys(value).find((key) => !names.includes(key));
  if (stray !== undefined) fail(`${what} has ${JSON.stringify(stray)}, it should have ${names.join(', ')}`);
  return value as Record<string, unknown>;
}

function fail(message: string): never {
  throw new LanewiseError('file', `architecture: ${message}`);
}
