// Turns layers into a graph: names them, registers their parameters, and prefixes whatever goes wrong with the layer's
// name. A network is built anew for each batch size and mode; names and streams depend on the layers alone.

import { LanewiseError } from '../errors.ts';
import { Graph, type GraphTensor } from '../graph/graph.ts';
import { normalize } from '../ops/normalize.ts';
import { type AttrSchema, type Attrs, elementCount, type OpDefinition, type TensorSpec } from '../ops/op.ts';
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
  readonly inputs: readonly GraphTensor[];
  readonly output: GraphTensor;
}

const STREAM_INITIAL = 0x1417;
const NO_FANS: Fans = { fanIn: 1, fanOut: 1 };

export class Builder {
  readonly graph = new Graph();
  readonly mode: Mode;
  readonly persistent = new Map<string, PersistentSpec>();
  readonly layers: LayerRecord[] = [];
  /** Inputs that are written once, when a plan has been made. */
  readonly literals = new Map<string, Float32Array>();
  readonly #frozen: ReadonlySet<string>;
  readonly #counts = new Map<string, number>();
  readonly #names = new Map<Layer, string>();
  readonly #taken = new Set<string>();
  readonly #types = new Map<string, string>();
  /** Tensors of `persistent`, for layers that are applied again. */
  readonly #tensors = new Map<string, GraphTensor>();
  /** Name of the current layer; `graph.layer` says also which application of it this is. */
  #owner = '';
  readonly #inside = new Map<string, string[]>();
  /** Whether the current layer was applied before, and how many layers it has applied so far. */
  #repeating = false;
  #position = 0;
  readonly #deferred: (() => void)[] = [];
  readonly #reported = new WeakSet<Error>();
  #depth = 0;
  #streams = 0;
  #step: GraphTensor | undefined;

  /** `frozen` are names of parameters and statistics that training must not change. */
  constructor(mode: Mode, frozen: ReadonlySet<string> = new Set()) {
    this.mode = mode;
    this.#frozen = frozen;
  }

  /** The name of each layer, under which its tensors stand. */
  get layerNames(): ReadonlyMap<Layer, string> {
    return this.#names;
  }

  /** For each layer, by name, the names of those it applied within itself, in order; for '' the network's own. */
  get namesInside(): ReadonlyMap<string, readonly string[]> {
    return this.#inside;
  }

  /** Raw input `name`, normalised: `x * scale + shift` per channel, both being constants of the network. As it is when it is
   * `plain`, for a scale of 1 and a shift of 0. */
  input(name: string, spec: TensorSpec, plain = false): GraphTensor {
    this.#take(name);
    return this.#within(name, name, () => {
      const raw = this.graph.tensor('input', inputTensor(name), spec);
      const channels = [spec.shape.at(-1) ?? 1];
      const [scale, shift] = [this.constant('scale', channels, 1), this.constant('shift', channels, 0)];
      if (plain && spec.dtype === 'f32') return raw;
      return this.graph.emit(normalize, [raw, scale, shift], {})[0] as GraphTensor;
    });
  }

  /** Emits `layer` on `inputs` under its own or a numbered name. The same layer again shares what persists of it. */
  apply(layer: Layer, ...inputs: readonly GraphTensor[]): GraphTensor {
    const known = this.#names.get(layer) ?? this.#nameInside(layer);
    const name = known ?? this.#newName(layer);
    if (this.#position++ === 0 && !this.#repeating) this.#inside.set(this.#owner, []);
    if (!this.#repeating) this.#inside.get(this.#owner)?.push(name);
    this.#names.set(layer, name);
    return this.applyAs(known === undefined ? name : this.#nextCall(name), layer, inputs);
  }

  /** The same, called `call` in records and errors. */
  applyAs(call: string, layer: Layer, inputs: readonly GraphTensor[]): GraphTensor {
    const owner = this.#names.get(layer) ?? call;
    const record = { name: call, type: layer.type, depth: this.#depth, inputs };
    const position = this.layers.length;
    this.#names.set(layer, owner);
    this.#depth++;
    let output: GraphTensor;
    try {
      output = this.#within(owner, call, () => {
        checkArity(call, layer, inputs.length);
        return layer.emit(this, ...inputs);
      });
    } catch (error) {
      throw this.#named(call, error);
    } finally {
      this.#depth--;
    }
    this.layers.splice(position, 0, { ...record, output });
    return output;
  }

  applyAll(layers: readonly Layer[], x: GraphTensor): GraphTensor {
    return layers.reduce((value, layer) => this.apply(layer, value), x);
  }

  /** The result of `op`; attributes that are missing count as 0. */
  emit<S extends AttrSchema>(
    op: OpDefinition<S>,
    inputs: readonly (GraphTensor | undefined)[],
    attrs: Partial<Attrs<S>> = {},
  ): GraphTensor {
    const given = Object.keys(op.attrs).map((key) => [key, attrs[key] ?? 0]);
    return this.graph.emit(op, inputs, Object.fromEntries(given) as Attrs<S>)[0] as GraphTensor;
  }

  /** A trained tensor of the current layer. By default its last axis counts the outputs, all others the inputs. */
  parameter(name: string, shape: readonly number[], initializer: Initializer, fans = fansOf(shape)): GraphTensor {
    return this.#persist('parameter', name, shape, (full, key) => initialValues(initializer, shape, fans, key, full));
  }

  /** A tensor of the current layer that training changes without gradient, such as a running mean. */
  state(name: string, shape: readonly number[], value: number): GraphTensor {
    return this.#persist('state', name, shape, () => filled(shape, value));
  }

  /** A tensor of the current layer that nothing changes; it is stored with the model. */
  constant(name: string, shape: readonly number[], values: number | ArrayLike<number>): GraphTensor {
    const init = typeof values === 'number' ? { constant: values } : { values };
    return this.#persist('constant', name, shape, (full, key) => initialValues(init, shape, NO_FANS, key, full));
  }

  /** Whether `tensor` is of the current layer's and training must not change it. */
  isFrozen(tensor: GraphTensor): boolean {
    return this.#frozen.has(tensor.name);
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
    ownName: string,
    shape: readonly number[],
    draw: (name: string, key: number) => Float32Array,
  ): GraphTensor {
    const name = `${this.#owner}.${ownName}`;
    const known = this.#tensors.get(name);
    if (known) {
      if (known.shape.join() === shape.join()) return known;
      const problem = `would need ${name} as [${shape}], it is [${known.shape}]`;
      throw new LanewiseError(
        'shape',
        `${this.graph.layer}: ${problem}; use another layer for inputs of another shape`,
      );
    }
    const order = this.persistent.size;
    const initial = (seed: number) => draw(name, streamKey(seed, STREAM_INITIAL, order));
    this.persistent.set(name, { name, layer: this.#owner, role, shape, initial });
    const tensor = this.graph.tensor(this.#frozen.has(name) ? 'constant' : role, name, { shape, dtype: 'f32' });
    this.#tensors.set(name, tensor);
    return tensor;
  }

  #within<T>(owner: string, call: string, emit: () => T): T {
    const outer = [this.#owner, this.graph.layer, this.#repeating, this.#position] as const;
    this.#owner = owner;
    this.graph.layer = call;
    this.#repeating = owner !== call;
    this.#position = 0;
    try {
      return emit();
    } finally {
      [this.#owner, this.graph.layer, this.#repeating, this.#position] = outer;
    }
  }

  /** A layer that is made anew each time its outer layer is applied stands for the one that was made the first time. */
  #nameInside({ type }: Layer): string | undefined {
    const name = this.#repeating ? this.#inside.get(this.#owner)?.[this.#position] : undefined;
    return name !== undefined && this.#types.get(name) === type ? name : undefined;
  }

  #newName(layer: Layer): string {
    const numbered = `${layer.type}_${this.#count(layer.type)}`;
    const name = layer.name ?? numbered;
    this.#take(name);
    this.#types.set(name, layer.type);
    return name;
  }

  /** `#` is in no layer's name. */
  #nextCall(name: string): string {
    return `${name}#${this.#count(`${name}#`) + 1}`;
  }

  #take(name: string): void {
    if (this.#taken.has(name)) throw new LanewiseError('option', `two layers are named ${name}; names must differ`);
    this.#taken.add(name);
  }

  #count(type: string): number {
    const count = (this.#counts.get(type) ?? 0) + 1;
    this.#counts.set(type, count);
    return count;
  }
}

function checkArity(name: string, { arity: [least, most] }: Layer, count: number): void {
  if (count >= least && count <= most) return;
  const wanted = least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  throw new LanewiseError('option', `${name}: takes ${wanted} input${wanted === '1' ? '' : 's'}, got ${count}`);
}

/** Name of the graph's tensor for the raw input `name`. */
export const inputTensor = (name: string): string => `inputs/${name}`;

function fansOf(shape: readonly number[]): Fans {
  const fanOut = shape.at(-1) ?? 1;
  return { fanIn: elementCount(shape) / fanOut, fanOut };
}

const filled = (shape: readonly number[], value: number) => new Float32Array(elementCount(shape)).fill(value);
