// A session runs one model on one backend: it owns the store with the weights there and the plans compiled so far, one
// per kind of run, batch size and input type. Weights are copied from the model at the start and back on request.

import type { Backend, Executable, Store } from '../backend/backend.ts';
import type { Loss } from '../nn/loss.ts';
import { elementCount, type TypedArray } from '../ops/op.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { compilePlan, type Numerics, type Plan } from '../plan/plan.ts';
import { StoreLayout } from '../plan/store-layout.ts';
import type { Images, Model } from './model.ts';
import {
  type BatchSpec,
  evaluationNetwork,
  inspectionNetwork,
  type Network,
  predictionNetwork,
  slotName,
  trainingNetwork,
} from './network.ts';

export interface Batch {
  readonly images: Images;
  readonly labels: Int32Array;
  readonly size: number;
}

export interface BatchResult {
  /** Mean loss over the batch. */
  readonly loss: number;
  /** Images whose largest output is their label. */
  readonly correct: number;
}

export interface StepContext {
  readonly seed: number;
  readonly step: number;
  readonly learningRate: number;
}

export interface SessionOptions {
  readonly loss?: Loss;
  readonly optimizer?: Optimizer;
  readonly numerics?: Numerics | undefined;
}

export interface CompiledPlan {
  readonly plan: Plan;
  readonly executable: Executable;
}

export type PlanKind = 'train' | 'evaluate' | 'predict' | 'inspect';

/** Plans kept compiled; a prediction service with many batch sizes must not grow without bound. */
const MAX_PLANS = 12;

export class Session {
  readonly backend: Backend;
  readonly #model: Model;
  readonly #options: SessionOptions;
  readonly #layout = new StoreLayout();
  readonly #store: Store;
  readonly #plans = new Map<string, CompiledPlan>();

  constructor(model: Model, backend: Backend, options: SessionOptions) {
    this.backend = backend;
    this.#model = model;
    this.#options = options;
    for (const [name, { shape, role }] of model.tensors) {
      this.#layout.place(name, { shape, dtype: 'f32' });
      if (role !== 'parameter') continue;
      for (const slot of options.optimizer?.slots ?? [])
        this.#layout.place(slotName(name, slot), { shape, dtype: 'f32' });
    }
    this.#store = backend.createStore(this.#layout.bytes);
    for (const [name, { data }] of model.tensors) this.write(name, data);
  }

  /** Names and shapes of everything that persists, optimizer slots included. */
  get persistent(): ReadonlyMap<string, { readonly shape: readonly number[] }> {
    return this.#layout.entries;
  }

  write(name: string, data: Float32Array): void {
    this.#store.write(this.#offset(name), data);
  }

  read(name: string, target: Float32Array): void {
    this.#store.read(this.#offset(name), target);
  }

  /** Copies the trained weights back into the model. */
  download(): void {
    for (const [name, { data }] of this.#model.tensors) this.read(name, data);
    this.#model.weightsChanged();
  }

  /** One training step; undefined when the loss is not finite, in which case nothing has changed. */
  async train(batch: Batch, context: StepContext): Promise<BatchResult | undefined> {
    const compiled = this.compiled('train', batch);
    this.#writeInputs(compiled, batch, context);
    const finite = await compiled.executable.run();
    return finite ? { loss: scalar(compiled, 'loss'), correct: scalar(compiled, 'correct') } : undefined;
  }

  /** Loss and hits of `batch` in inference mode; its outputs are written to `output`. */
  async evaluate(batch: Batch, output: Float32Array): Promise<BatchResult> {
    const compiled = this.compiled('evaluate', batch);
    this.#writeInputs(compiled, batch);
    await compiled.executable.run();
    readOutput(compiled, 'output', output);
    return { loss: scalar(compiled, 'loss'), correct: scalar(compiled, 'correct') };
  }

  async predict(images: Images, size: number, output: Float32Array): Promise<void> {
    const batch = { images, labels: new Int32Array(0), size };
    const compiled = this.compiled('predict', batch);
    this.#writeInputs(compiled, batch);
    await compiled.executable.run();
    readOutput(compiled, 'output', output);
  }

  /** Every layer's output for `batch` in training mode, in order: for finding where numbers went bad. */
  async inspect(batch: Batch, context: StepContext): Promise<Map<string, Float32Array>> {
    const compiled = this.compiled('inspect', batch);
    this.#writeInputs(compiled, batch, context);
    await compiled.executable.run();
    const { plan } = compiled;
    const names = Object.keys(plan.outputs);
    return new Map(
      names.map((name) => {
        const { shape } = plan.tensors[plan.outputs[name] as number] as { shape: readonly number[] };
        const values = new Float32Array(elementCount(shape));
        readOutput(compiled, name, values);
        return [name, values];
      }),
    );
  }

  /** The plan for this kind of run, compiled when it is new. */
  compiled(kind: PlanKind, batch: Pick<Batch, 'images' | 'size'>): CompiledPlan {
    const dtype = batch.images instanceof Uint8Array ? 'u8' : 'f32';
    const key = `${kind} ${batch.size} ${dtype}`;
    const known = this.#plans.get(key);
    if (known) return known;
    const { builder, outputs } = this.#network(kind, { size: batch.size, dtype });
    const { numerics = 'fast' } = this.#options;
    const plan = compilePlan(builder.graph, { outputs, layout: this.#layout, numerics, keepAll: kind === 'inspect' });
    const compiled = { plan, executable: this.backend.compile(plan, this.#store) };
    if (this.#plans.size >= MAX_PLANS) this.#plans.delete(this.#plans.keys().next().value as string);
    this.#plans.set(key, compiled);
    return compiled;
  }

  #network(kind: PlanKind, batch: BatchSpec): Network {
    const { architecture } = this.#model;
    const { loss, optimizer } = this.#options;
    if (kind === 'predict') return predictionNetwork(architecture, batch);
    if (kind === 'inspect') return inspectionNetwork(architecture, batch);
    if (!loss) throw new Error('session: this kind of run needs a loss');
    if (kind === 'evaluate') return evaluationNetwork(architecture, batch, loss);
    if (!optimizer) throw new Error('session: training needs an optimizer');
    return trainingNetwork(architecture, batch, loss, optimizer);
  }

  #writeInputs({ plan, executable }: CompiledPlan, batch: Batch, context?: StepContext): void {
    const write = (name: string, data: TypedArray) => {
      const tensor = plan.inputs[name];
      if (tensor !== undefined) executable.write(tensor, data);
    };
    write('images', batch.images);
    write('labels', batch.labels);
    if (!context) return;
    const { seed, step, learningRate } = context;
    write('step', Int32Array.of(seed, step));
    write('hyper', Float32Array.from(this.#options.optimizer?.hyper(step, learningRate) ?? []));
  }

  #offset(name: string): number {
    const entry = this.#layout.entries.get(name);
    if (!entry) throw new Error(`session: no tensor ${name}`);
    return entry.offset;
  }
}

function readOutput({ plan, executable }: CompiledPlan, name: string, target: Float32Array): void {
  executable.read(plan.outputs[name] as number, target);
}

function scalar(compiled: CompiledPlan, name: string): number {
  const value = new Float32Array(1);
  readOutput(compiled, name, value);
  return value[0] as number;
}
