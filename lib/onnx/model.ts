// An ONNX model as plain data: what its protobuf messages say, less what has no bearing on the result (notes of
// attributes and tensors, denotations, quantisation annotations, training information). Absent strings are empty.

import type { SafetensorsDType, SafetensorsTensor } from '../io/safetensors-dtype.ts';

export interface OnnxModel {
  readonly irVersion: number;
  readonly opsets: readonly OnnxOpset[];
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: number;
  readonly docString: string;
  readonly graph: OnnxGraph;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface OnnxOpset {
  /** Empty for the operators of ONNX itself. */
  readonly domain: string;
  readonly version: number;
}

export interface OnnxGraph {
  readonly name: string;
  readonly docString: string;
  /** In an order in which they can be computed. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Types of values in between, as far as the file has them. */
  readonly values: readonly OnnxValue[];
}

export interface OnnxNode {
  readonly name: string;
  readonly docString: string;
  readonly opType: string;
  readonly domain: string;
  /** Names of values; empty for an optional input or output that is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** Integers are exact; the extremes of int64, with which slices say "up to the end", are infinite. */
export type OnnxAttribute =
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'tensor'; readonly value: OnnxTensor }
  | { readonly type: 'graph'; readonly value: OnnxGraph }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensors'; readonly value: readonly OnnxTensor[] }
  | { readonly type: 'graphs'; readonly value: readonly OnnxGraph[] };

/** By the number of the type; each value stands in the field with the next number. */
export const ATTRIBUTE_TYPES = [
  undefined,
  'float',
  'int',
  'string',
  'tensor',
  'graph',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
] as const satisfies readonly (OnnxAttribute['type'] | undefined)[];

/** dtype, shape and data are in memory what they are for safetensors: F16 and BF16 are widened. */
export type OnnxTensor = SafetensorsTensor & { readonly name: string };

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxTensorType | undefined;
}

export interface OnnxTensorType {
  readonly dtype: SafetensorsDType;
  /** Undefined where even the rank is unknown. */
  readonly shape: readonly OnnxDim[] | undefined;
}

/** A size, the name of a size that the model leaves open (`batch`), or nothing. */
export type OnnxDim = number | string | undefined;

/** More than any framework has; a shape is otherwise as long as a file likes. */
export const MAX_RANK = 64;

/** The numbers of the element types that are read and written. */
export const ELEMENT_TYPES: Readonly<Record<SafetensorsDType, number>> = {
  F32: 1,
  U8: 2,
  I8: 3,
  U16: 4,
  I16: 5,
  I32: 6,
  I64: 7,
  BOOL: 9,
  F16: 10,
  F64: 11,
  U32: 12,
  U64: 13,
  BF16: 16,
};
