// An ONNX graph reduced to what emitting ops takes: nodes, known numbers and the names and shapes of weights. It is made
// from a file, and is what the layer `onnx` holds as its options, so it goes to JSON and comes back checked.

import { LanewiseError } from '../errors.ts';
import { quoteName } from '../io/file-error.ts';
import { isSafetensorsDType, type SafetensorsDType } from '../io/safetensors-dtype.ts';
import { MAX_RANK } from '../ops/axes.ts';
import { elementCount } from '../ops/op.ts';
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from './model.ts';
import { isFloat, Known } from './value.ts';

export type AttributeValue = number | string | readonly number[] | readonly string[] | Known;

export interface ProgramNode {
  /** Of the file; empty where it has none. */
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

export interface ProgramWeight {
  readonly shape: readonly number[];
  /** Whether it may be trained: initializers may, constants of nodes not. */
  readonly trained: boolean;
  readonly data?: ArrayLike<number>;
}

export interface OnnxProgram {
  readonly opset: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly ProgramNode[];
  readonly constants: ReadonlyMap<string, Known>;
  readonly weights: ReadonlyMap<string, ProgramWeight>;
}

/** More numbers than any shape or list of axes has; what is larger is a weight. */
export const MAX_KNOWN = 1 << 16;

/** The part of `model`'s graph that leads to `outputs`. Its weights share their data with the model. */
export function programFromOnnx(model: OnnxModel, outputs: readonly string[]): OnnxProgram {
  const { graph } = model;
  const opset = model.opsets.find(({ domain }) => domain === '')?.version;
  if (opset === undefined) return refuse('the model does not import the operators of ONNX itself');
  const needed = new Set(outputs);
  const nodes: ProgramNode[] = [];
  const constants = new Map<string, Known>();
  const weights = new Map<string, ProgramWeight>();
  const keep = (name: string, tensor: OnnxTensor, trained: boolean, title: string): void => {
    const { shape, data } = tensor;
    const count = elementCount(shape);
    // A single number of a Constant node is an operand or an option; one that stands with the weights may be a bias.
    if (isFloat(tensor.dtype) && count > (trained ? 0 : 1)) {
      weights.set(name, { shape, trained, data: data as Float32Array });
    } else {
      if (count > MAX_KNOWN) refuse(`${title} has ${count} elements of ${tensor.dtype}; weights must be F32`);
      constants.set(name, knownTensor(tensor));
    }
  };
  for (const [index, node] of [...graph.nodes.entries()].reverse()) {
    if (!node.outputs.some((name) => name !== '' && needed.has(name))) continue;
    const title = nodeTitle({ name: node.name, op: node.opType }, index);
    if (node.domain !== '') refuse(`${title}: the operators of ${quoteName(node.domain)} are not supported`);
    if (node.opType === 'Constant') {
      keep(node.outputs[0]!, constantValue(node, title), false, title);
      continue;
    }
    for (const name of node.inputs) needed.add(name);
    nodes.push(programNode(node, title));
  }
  for (const tensor of graph.initializers) {
    if (needed.has(tensor.name)) keep(tensor.name, tensor, true, `initializer ${quoteName(tensor.name)}`);
  }
  const inputs = inputNames(graph).filter((name) => needed.has(name));
  return { opset, inputs, outputs, nodes: nodes.reverse(), constants, weights };
}

/** Inputs that no initializer stands for. */
function inputNames({ inputs, initializers }: OnnxGraph): string[] {
  const given = new Set(initializers.map(({ name }) => name));
  return inputs.map(({ name }) => name).filter((name) => !given.has(name));
}

export function nodeTitle({ name, op }: { readonly name: string; readonly op: string }, index: number): string {
  return `node ${index}${name === '' ? '' : ` ${quoteName(name)}`} (${op.slice(0, 80)})`;
}

function refuse(reason: string): never {
  throw new LanewiseError('file', reason);
}

function programNode({ name, opType, inputs, outputs, attributes }: OnnxNode, title: string): ProgramNode {
  const entries = [...attributes].map(([key, attribute]): [string, AttributeValue] => [
    key,
    attributeValue(attribute, `${title}: the attribute ${quoteName(key)}`),
  ]);
  return { name, op: opType, inputs, outputs, attributes: new Map(entries) };
}

function attributeValue({ type, value }: OnnxAttribute, title: string): AttributeValue {
  if (type === 'graph' || type === 'graphs')
    return refuse(`${title} is a graph; graphs within graphs are not supported`);
  if (type === 'tensors') return refuse(`${title} is a list of tensors, which is not supported`);
  if (type === 'tensor') {
    if (elementCount(value.shape) > MAX_KNOWN) refuse(`${title} has more than ${MAX_KNOWN} elements`);
    return knownTensor(value);
  }
  if (type === 'int') return safe(value);
  return type === 'ints' ? value.map(safe) : value;
}

/** Slices say "up to the end" with the extremes of int64. */
const safe = (value: number): number => Math.min(Number.MAX_SAFE_INTEGER, Math.max(-Number.MAX_SAFE_INTEGER, value));

export function knownTensor({ dtype, shape, data }: OnnxTensor): Known {
  return new Known(
    dtype,
    shape,
    Array.from(data as ArrayLike<number | bigint>, (value) =>
      typeof value === 'bigint' ? safe(Number(value)) : value,
    ),
  );
}

/** The tensor that a Constant node stands for. */
function constantValue({ attributes }: OnnxNode, title: string): OnnxTensor {
  const [[key, attribute] = ['', undefined], ...others] = [...attributes];
  if (!attribute || others.length > 0) return refuse(`${title}: a constant has exactly one attribute`);
  if (key === 'value' && attribute.type === 'tensor') return attribute.value;
  const list = (values: readonly number[], shape: readonly number[]): OnnxTensor =>
    attribute.type.startsWith('float')
      ? { name: '', dtype: 'F32', shape, data: Float32Array.from(values) }
      : { name: '', dtype: 'I64', shape, data: BigInt64Array.from(values, (value) => BigInt(safe(value))) };
  if (key === 'value_float' && attribute.type === 'float') return list([attribute.value], []);
  if (key === 'value_int' && attribute.type === 'int') return list([attribute.value], []);
  if (key === 'value_floats' && attribute.type === 'floats') return list(attribute.value, [attribute.value.length]);
  if (key === 'value_ints' && attribute.type === 'ints') return list(attribute.value, [attribute.value.length]);
  return refuse(`${title}: a constant of ${quoteName(key)} is not supported`);
}

/** As it stands in a model file. Numbers that JSON has not are strings. */
export function programToJson(program: OnnxProgram): Record<string, unknown> {
  const { opset, inputs, outputs, nodes, constants, weights } = program;
  return {
    opset,
    inputs,
    outputs,
    nodes: nodes.map(({ name, op, attributes, ...ends }) => ({
      op,
      ...(name === '' ? {} : { name }),
      ...ends,
      ...(attributes.size > 0 ? { attributes: attributesToJson(attributes) } : {}),
    })),
    constants: [...constants].map(([name, known]) => ({ name, ...knownToJson(known) })),
    weights: [...weights].map(([name, { shape, trained }]) => ({ name, shape, trained })),
  };
}

const attributesToJson = (attributes: ProgramNode['attributes']): Record<string, unknown> =>
  Object.fromEntries([...attributes].map(([key, value]) => [key, attributeToJson(value)]));

const numberToJson = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

function attributeToJson(value: AttributeValue): unknown {
  if (value instanceof Known) return knownToJson(value);
  return typeof value === 'number' ? numberToJson(value) : value;
}

const knownToJson = ({ dtype, shape, data }: Known) => ({ dtype, shape, data: data.map(numberToJson) });

/** What `programToJson` gave, from a file that is not believed. */
export function programFromJson(json: Readonly<Record<string, unknown>>): OnnxProgram {
  const { opset, inputs, outputs, nodes, constants, weights } = json;
  return {
    opset: size(opset, 'opset'),
    inputs: names(inputs, 'inputs'),
    outputs: names(outputs, 'outputs'),
    nodes: list(nodes, 'nodes').map((node, index) => nodeFromJson(node, `nodes[${index}]`)),
    constants: byName(constants, 'constants', knownFromJson),
    weights: byName(weights, 'weights', ({ shape, trained, ...rest }, where) => {
      if (typeof trained !== 'boolean') return wrong(`${where}.trained`, 'true or false');
      nothing(rest, where);
      return { shape: sizes(shape, `${where}.shape`), trained };
    }),
  };
}

function wrong(where: string, wanted: string): never {
  throw new LanewiseError('file', `onnx: ${where} must be ${wanted}`);
}

function nothing(rest: object, where: string): void {
  const [stray] = Object.keys(rest);
  if (stray !== undefined) wrong(where, `without ${quoteName(stray)}`);
}

const list = (value: unknown, where: string): readonly unknown[] =>
  Array.isArray(value) ? value : wrong(where, 'a list');

const record = (value: unknown, where: string): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : wrong(where, 'an object');

const text = (value: unknown, where: string): string => (typeof value === 'string' ? value : wrong(where, 'a string'));

const size = (value: unknown, where: string): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : wrong(where, 'a whole number');

const sizes = (value: unknown, where: string): number[] => {
  const shape = list(value, where).map((item) => size(item, where));
  return shape.length <= MAX_RANK ? shape : wrong(where, `at most ${MAX_RANK} sizes`);
};

const names = (value: unknown, where: string): string[] => list(value, where).map((item) => text(item, where));

type Json = Readonly<Record<string, unknown>>;

function byName<T>(value: unknown, where: string, convert: (rest: Json, where: string) => T): Map<string, T> {
  const entries = list(value, where).map((item, index): [string, T] => {
    const { name, ...rest } = record(item, `${where}[${index}]`);
    return [text(name, `${where}[${index}].name`), convert(rest, `${where}[${index}]`)];
  });
  return new Map(entries);
}

function nodeFromJson(value: unknown, where: string): ProgramNode {
  const { op, name, inputs, outputs, attributes, ...rest } = record(value, where);
  nothing(rest, where);
  return {
    op: text(op, `${where}.op`),
    name: text(name ?? '', `${where}.name`),
    inputs: names(inputs, `${where}.inputs`),
    outputs: names(outputs, `${where}.outputs`),
    attributes: new Map(
      Object.entries(record(attributes ?? {}, `${where}.attributes`)).map(([key, item]) => [
        key,
        attributeFromJson(item, `${where}.attributes[${quoteName(key)}]`),
      ]),
    ),
  };
}

const INFINITE: Readonly<Record<string, number>> = { Infinity, '-Infinity': -Infinity, NaN };

function numberFromJson(value: unknown, where: string): number {
  const number = typeof value === 'string' && Object.hasOwn(INFINITE, value) ? INFINITE[value] : value;
  return typeof number === 'number' ? number : wrong(where, 'a number');
}

function attributeFromJson(value: unknown, where: string): AttributeValue {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return INFINITE[value] ?? value;
  if (!Array.isArray(value)) return knownFromJson(record(value, where), where);
  return value.every((item) => typeof item === 'string')
    ? (value as string[])
    : value.map((item) => numberFromJson(item, where));
}

function knownFromJson({ dtype, shape, data, ...rest }: Json, where: string): Known {
  nothing(rest, where);
  if (typeof dtype !== 'string' || !isSafetensorsDType(dtype)) return wrong(`${where}.dtype`, 'an element type');
  const dims = sizes(shape, `${where}.shape`);
  const numbers = list(data, `${where}.data`).map((item) => numberFromJson(item, `${where}.data`));
  if (numbers.length !== elementCount(dims) || numbers.length > MAX_KNOWN) {
    wrong(`${where}.data`, `${elementCount(dims)} numbers, at most ${MAX_KNOWN}`);
  }
  return new Known(dtype as SafetensorsDType, dims, numbers);
}
