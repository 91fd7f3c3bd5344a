// What a name of an ONNX graph stands for while ops are emitted: numbers that are known, a weight of the file that no op
// has asked for yet, or a tensor of the graph. A tensor keeps the order of its axes beside it, so that a chain of
// convolutions runs channels last without a single transposition.

import type { GraphTensor, TensorRole } from '../graph/graph.ts';
import type { SafetensorsDType } from '../io/safetensors-dtype.ts';
import { forPositions, stridesOf } from '../ops/axes.ts';
import { elementCount } from '../ops/op.ts';

export type Value = Known | Weight | Stored;

/** Numbers that do not depend on the data: shapes, axes, and what is computed from them. 64-bit integers that no number
 * holds exactly are the nearest that one does. */
export class Known {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly data: readonly number[];

  constructor(dtype: SafetensorsDType, shape: readonly number[], data: readonly number[]) {
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }
}

/** A float tensor of the file. It becomes a persistent tensor in the layout of the first op that reads it. */
export class Weight {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether it is a parameter, unless an operator reads it as something else. */
  readonly trained: boolean;
  /** In the order of the file; absent when the model's tensors are assigned later. */
  readonly data: ArrayLike<number> | undefined;
  /** The weight of the file that it is a copy of. */
  readonly origin: Weight;
  /** What it has become. */
  stored: Stored | undefined;
  /** Whether an operator has asked for its numbers. */
  isRead = false;

  constructor(name: string, shape: readonly number[], trained: boolean, data?: ArrayLike<number>, origin?: Weight) {
    this.name = name;
    this.shape = shape;
    this.trained = trained;
    this.data = data;
    this.origin = origin ?? this;
  }
}

/** A tensor of the graph. Its axis `i` is the ONNX axis `axes[i]`; a scalar is a tensor of one element. */
export class Stored {
  /** As ONNX has it. */
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  readonly tensor: GraphTensor;
  /** The same values in the orders that have been asked for, by the axes. */
  readonly forms = new Map<string, GraphTensor>();
  /** Values of a graph input that are known all the same. */
  readonly data: readonly number[] | undefined;

  constructor(tensor: GraphTensor, shape: readonly number[], axes: readonly number[], data?: readonly number[]) {
    const wanted = storedShape(shape, axes);
    if (tensor.shape.join() !== wanted.join()) {
      throw new Error(`onnx: a value [${shape}] in the order ${axes} cannot be a tensor [${tensor.shape}]`);
    }
    this.tensor = tensor;
    this.shape = shape;
    this.axes = axes;
    this.data = data;
    this.forms.set(axes.join(), tensor);
  }
}

/** The shape of the tensor that holds a value of `shape`. */
export const storedShape = (shape: readonly number[], axes: readonly number[]): number[] =>
  axes.length === 0 ? [1] : axes.map((axis) => shape[axis]!);

export const inOrder = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis);

/** ONNX's axis 1, the channels, behind the others. */
export const channelsLast = (rank: number): number[] => [0, ...inOrder(rank).slice(2), 1].slice(0, rank);

export const isFloat = (dtype: SafetensorsDType): boolean => ['F32', 'F16', 'BF16', 'F64'].includes(dtype);

/** `data` of `shape` with its axes in the order `axes`. */
export function rearranged(data: ArrayLike<number>, shape: readonly number[], axes: readonly number[]): Float32Array {
  const result = new Float32Array(elementCount(shape));
  const strides = stridesOf(shape);
  const walked = axes.map((axis) => strides[axis]!);
  forPositions(storedShape(shape, axes), axes.length === 0 ? [0] : walked, 0, (i, at) => {
    result[i] = data[at]!;
  });
  return result;
}

export type PersistentRole = Extract<TensorRole, 'parameter' | 'state' | 'constant'>;
