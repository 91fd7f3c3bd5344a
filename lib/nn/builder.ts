// Turns layers into a graph: names them, registers their parameters, and prefixes whatever goes wrong with the layer's
// name. A network is built anew for each batch size and mode; names and streams depend on the layers alone.

import { LanewiseError } from '../errors.ts';
import { Graph, type GraphTensor } from '../graph/graph.ts';
import { elementCount } from '../ops/op.ts';
import { streamKey } from '../random.ts';
import { type Fans, type Initializer, initialValues } from './initializer.ts';
import type { Layer } from './layer.ts';

/** `training` uses batch statistics and dropout; `inference` running statistics and no dropout. */
export type Mode = 'training' | 'inference';

/** A tensor that outlives a run, and how it starts. */
export interface PersistentSpec {
  readonly name: string;
  readonly layer: string;
  readonly role: 'parameter' | 'state' | 'constant';
  readonly shape: readonly number[];
  initial(seed: number): Float32Array;
}

/** What one layer became. */
export interface LayerRecord {
  readonly name: string;
  readonly type: string;
  /** Layers around it: 0 for the network's own. */
  readonly depth: number;
  readonly input: GraphTensor;
  readonly output: GraphTensor;
}

const STREAM_INITIAL = 0x1417;

export class Builder {
  readonly graph = new Graph();
  readonly mode: Mode;
  readonly persistent = new Map<string, PersistentSpec>();
  readonly layers: LayerRecord[] = [];
  /** Inputs that are written once, when a plan has been made. */
  readonly literals = new Map<string, Float32Array>();
  readonly #counts = new Map<string, number>();
  readonly #names = new Set<string>();
  readonly #deferred: (() => void)[] = [];
  readonly #reported = new WeakSet<Error>();
  #depth = 0;
  #streams = 0;
  #step: GraphTensor | undefined;

  constructor(mode: Mode) {
    this.mode = mode;
  }

  /** Emits `layer` on `x` under its own or a numbered name. */
  apply(layer: Layer, x: GraphTensor): GraphTensor {
    const outer = this.graph.layer;
    const name = this.#uniqueName(layer);
    const record = { name, type: layer.type, depth: this.#depth, input: x };
    const position = this.layers.length;
    this.graph.layer = name;
    this.#depth++;
    let output: GraphTensor;
    try {
      output = layer.emit(this, x);
    } catch (error) {
      throw this.#named(name, error);
    } finally {
      this.#depth--;
      this.graph.layer = outer;
    }
    this.layers.splice(position, 0, { ...record, output });
    return output;
  }

  applyAll(layers: readonly Layer[], x: GraphTensor): GraphTensor {
    return layers.reduce((value, layer) => this.apply(layer, value), x);
  }

  /** A trained tensor of the current layer. */
  parameter(name: string, shape: readonly number[], initializer: Initializer, fans: Fans): GraphTensor {
    return this.#persist('parameter', `${this.graph.layer}.${name}`, shape, (full, key) =>
      initialValues(initializer, shape, fans, key, full),
    );
  }

  /** A tensor of the current layer that training changes without gradient, such as a running mean. */
  state(name: string, shape: readonly number[], value: number): GraphTensor {
    return this.#persist('state', `${this.graph.layer}.${name}`, shape, () => filled(shape, value));
  }

  constant(name: string, shape: readonly number[], value: number): GraphTensor {
    return this.#persist('constant', name, shape, () => filled(shape, value));
  }

  /** Numbers that a loss or layer was given as an option: [count]. They belong to the plan, not to the model. */
  literal(name: string, values: Float32Array): GraphTensor {
    const unique = `literals/${this.literals.size}/${name}`;
    this.literals.set(unique, values);
    return this.graph.tensor('input', unique, { shape: [values.length], dtype: 'f32' });
  }

  /** Number of the next random stream, the same in every build of the same layers. */
  nextStream(): number {
    return this.#streams++;
  }

  /** Input `[seed, step]` that keys the randomness of a step. */
  step(): GraphTensor {
    this.#step ??= this.graph.tensor('input', 'step', { shape: [2], dtype: 'i32' });
    return this.#step;
  }

  /** Emits after the loss has been found finite: for ops that change persistent tensors in the forward pass. */
  afterForward(emit: () => void): void {
    const { layer } = this.graph;
    this.#deferred.push(() => {
      this.graph.layer = layer;
      emit();
    });
  }

  emitDeferred(): void {
    for (const emit of this.#deferred.splice(0)) emit();
  }

  /** Puts the innermost layer's name before an error of an op. */
  #named(name: string, error: unknown): unknown {
    if (!(error instanceof LanewiseError) || this.#reported.has(error)) return error;
    const named = error.message.startsWith(`${name}: `) || error.message.startsWith(`${name}.`);
    const reported = named ? error : new LanewiseError(error.code, `${name}: ${error.message}`, { cause: error });
    this.#reported.add(reported);
    return reported;
  }

  #persist(
    role: PersistentSpec['role'],
    name: string,
    shape: readonly number[],
    draw: (name: string, key: number) => Float32Array,
  ): GraphTensor {
    const order = this.persistent.size;
    const initial = (seed: number) => draw(name, streamKey(seed, STREAM_INITIAL, order));
    this.persistent.set(name, { name, layer: this.graph.layer, role, shape, initial });
    return this.graph.tensor(role, name, { shape, dtype: 'f32' });
  }

  #uniqueName({ type, name }: Layer): string {
    const count = (this.#counts.get(type) ?? 0) + 1;
    this.#counts.set(type, count);
    const unique = name ?? `${type}_${count}`;
    if (this.#names.has(unique)) throw new LanewiseError('option', `two layers are named ${unique}; names must differ`);
    this.#names.add(unique);
    return unique;
  }
}

const filled = (shape: readonly number[], value: number) => new Float32Array(elementCount(shape)).fill(value);
