// The contract of an op: the unit that both backends implement.
// One file per op family in this folder defines it completely: attributes, shapes, gradient, cost, and `run`, the
// reference that the native kernels are compared with bit for bit. `graph/` and `plan/` read the properties declared
// here and never an op's name.

/** Element types a tensor can have. `f32` is the only one that is computed with; `u8` holds pixels and pooling
 * positions, `i32` labels and counters. */
export type DType = 'f32' | 'u8' | 'i32';

export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = { f32: 4, u8: 1, i32: 4 };

export type TypedArray = Float32Array | Uint8Array | Int32Array;

/** Shape and element type of a tensor. Activations are NHWC: `[n, h, w, c]`, or `[n, features]`. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A tensor with its memory, as `run` sees it. `data` holds exactly `shape`'s elements, row-major. */
export interface TensorView extends TensorSpec {
  readonly data: TypedArray;
}

/** How an attribute crosses to C++: as a 32-bit integer, or as the bits of a 32-bit float. */
export type AttrKind = 'i32' | 'f32';
export type AttrSchema = Readonly<Record<string, AttrKind>>;
export type Attrs<S extends AttrSchema = AttrSchema> = { readonly [K in keyof S]: number };

/** Emits ops into a graph during differentiation; `T` is the graph's tensor type, opaque to ops. */
export interface Emitter<T extends TensorSpec = TensorSpec> {
  emit<S extends AttrSchema>(op: OpDefinition<S>, inputs: readonly (T | undefined)[], attrs: Attrs<S>): readonly T[];
}

/** What an op needs to emit its gradient. */
export interface GradientContext<S extends AttrSchema, T extends TensorSpec = TensorSpec> extends Emitter<T> {
  readonly inputs: readonly (T | undefined)[];
  readonly outputs: readonly T[];
  /** Gradient of the loss by each output; undefined where nothing depends on that output. */
  readonly outputGradients: readonly (T | undefined)[];
  readonly attrs: Attrs<S>;
  /** Whether the gradient by input `index` is needed. Nothing should be emitted for one that is not. */
  needs(index: number): boolean;
}

/** Arithmetic and traffic of one execution, for profiles and summaries. A multiply-add counts as 2 FLOPs. */
export interface Cost {
  readonly flops: number;
  /** Unavoidable traffic: every input read once, every output written once. Derived when absent. */
  readonly bytes?: number;
}

/** An activation that a producer's last step can apply, or take the gradient of, while the value is still in registers. */
export interface EpilogueActivation {
  /** Value of the producer's `activation` attribute; 0 means none. */
  readonly code: number;
  /** Value of the producer's `slope` attribute. */
  slope(attrs: Attrs): number;
}

/** An activation is absorbed as attributes `activation` and `slope`. With a `gate` they mean its gradient, from its result. */
export interface Epilogue {
  readonly bias?: number;
  readonly sum?: number;
  readonly gate?: number;
}

export interface OpDefinition<S extends AttrSchema = AttrSchema> {
  /** snake_case; the same word in C++, tests, profiles and errors. */
  readonly name: string;
  /** Input names in order; a trailing `?` marks an optional one. */
  readonly inputs: readonly string[];
  /** Output names in order. */
  readonly outputs: readonly string[];
  /** Attribute names in the order of the C++ struct. */
  readonly attrs: S;
  /** Indices of inputs that `run` changes in place (parameters, optimizer slots, running statistics). */
  readonly mutates?: readonly number[];
  /** The output is the input's memory under another shape; no code runs. */
  readonly view?: true;
  /** `[input, output]`: the output may take the input's memory when nothing reads that input later. */
  readonly inPlace?: readonly [input: number, output: number];
  /** The plan stops here, with nothing after it executed, when `run` returns false. */
  readonly guard?: true;
  /** This op is a bias addition: a producer with `epilogue` may absorb it as its input of that index. */
  readonly absorbAsBias?: true;
  /** This op is an activation that a producer with `epilogue` may absorb. */
  readonly absorbAsActivation?: EpilogueActivation;
  /** This op is a plain sum: a producer of either term with `epilogue` may absorb it, the other term as an input. */
  readonly absorbAsSum?: true;
  /** This op is the gradient of an activation, from its result: a producer with `epilogue` may absorb it. */
  readonly absorbAsGate?: EpilogueActivation;
  /** Output 0 is input 0, a gradient, times a function of input 1 at the same place; further outputs are sums of it over
   * all but the last axis. */
  readonly scalesGradient?: true;
  /** Output 0 has input 0, a gradient, at the places where a maximum was found, and zeros elsewhere. Input 1 is output 1 of
   * the op that found them; its input 0 at these places is its output 0. */
  readonly scatters?: true;
  /** The op ends in what it can absorb, in this order; the numbers are the inputs to put it at. */
  readonly epilogue?: Epilogue;
  /** Output channels are linear in the last axis of input `weights`, with the input `bias` added: an affine map of each
   * channel that follows can be put into these two. */
  readonly linearIn?: { readonly weights: number; readonly bias: number };
  /** This op is an affine map of each channel of its first input, then its activation. Emits the weights and bias with which
   * an op with `linearIn` gives the mapped channels at once. Other roundings: only with `numerics: 'fast'`. */
  foldInto?<T extends TensorSpec>(
    emitter: Emitter<T>,
    weights: T,
    bias: T | undefined,
    inputs: readonly (T | undefined)[],
    attrs: Attrs<S>,
  ): readonly T[];
  /** Output shapes; throws an Error that starts with the op's name and states the shapes when inputs do not fit. */
  infer(inputs: readonly (TensorSpec | undefined)[], attrs: Attrs<S>): TensorSpec[];
  /** Gradient by each input (undefined where not needed or not differentiable). Absent: not differentiable. */
  gradient?<T extends TensorSpec>(context: GradientContext<S, T>): (T | undefined)[];
  cost?(inputs: readonly (TensorSpec | undefined)[], outputs: readonly TensorSpec[], attrs: Attrs<S>): Cost;
  /** The reference. Writes every element of every output. Returns false only from a `guard`. */
  run(
    inputs: readonly (TensorView | undefined)[],
    outputs: readonly TensorView[],
    attrs: Attrs<S>,
  ): boolean | undefined | void;
}

/** Fixes an op's attribute names in its type. */
export function defineOp<const S extends AttrSchema>(definition: OpDefinition<S>): OpDefinition<S> {
  return definition;
}

export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
