// A session runs one model on one backend: it owns the store with the weights there and the plans compiled so far, one
// per kind of run, batch size and input type. Weights are copied from the model at the start and back on request.

import type { Backend, Store } from '../backend/backend.ts';
import type { Labels } from '../data/dataset.ts';
import { inputTensor } from '../nn/builder.ts';
import { elementCount } from '../ops/op.ts';
import { AVERAGE, slotName, type Update, type UpdateContext, updateInputs, updateSlots } from '../optim/update.ts';
import { compilePlan, type Numerics } from '../plan/plan.ts';
import { StoreLayout } from '../plan/store-layout.ts';
import type { Images } from './batch.ts';
import { CompiledPlan } from './compiled-plan.ts';
import type { Model } from './model.ts';
import {
  type BatchSpec,
  correctTensor,
  evaluationNetwork,
  gradientNetwork,
  gradientTensor,
  inspectionNetwork,
  lossTensor,
  type Network,
  outputTensor,
  predictionNetwork,
  targetTensor,
  trainingNetwork,
} from './network.ts';
import type { OutputLoss } from './objective.ts';

export interface Batch {
  /** In the order of the model's inputs. */
  readonly inputs: readonly Images[];
  /** Labels in the order of the losses. */
  readonly targets: readonly Labels[];
  readonly size: number;
}

export interface Hits {
  readonly correct: number;
  readonly of: number;
}

export interface OutputResult {
  /** Mean loss over the batch, not weighted. */
  readonly loss: number;
  /** Labels at which the output's largest value is, and how many labels there are; absent where the loss has no such thing. */
  readonly hits?: Hits;
}

export interface BatchResult {
  /** The weighted sum of the losses. */
  readonly loss: number;
  /** In the order of the losses. */
  readonly outputs: readonly OutputResult[];
}

export interface StepContext extends UpdateContext {
  readonly seed: number;
}

export interface SessionOptions extends Partial<Update> {
  readonly losses?: readonly OutputLoss[];
  readonly numerics?: Numerics | undefined;
}

/** A step whose batch has been copied to where it reads it. */
export interface PreparedStep {
  /** Runs it, once; undefined when the loss is not finite, in which case nothing has changed. */
  run(context: StepContext): Promise<BatchResult | undefined>;
}

/** `accumulate` adds the gradients of a batch to those before it and changes no weight. */
export type PlanKind = 'train' | 'accumulate' | 'gradients' | 'evaluate' | 'predict' | 'inspect';

/** Plans kept compiled; a prediction service with many batch sizes must not grow without bound. */
const MAX_PLANS = 12;

export class Session {
  readonly backend: Backend;
  /** Empty in a session that only predicts. */
  readonly losses: readonly OutputLoss[];
  readonly #model: Model;
  readonly #frozen: ReadonlySet<string>;
  readonly #options: SessionOptions;
  readonly #layout = new StoreLayout();
  readonly #store: Store;
  readonly #plans = new Map<string, CompiledPlan>();
  #plain: ReadonlySet<string> | undefined;

  constructor(model: Model, backend: Backend, options: SessionOptions) {
    this.backend = backend;
    this.#model = model;
    this.#options = options;
    this.#frozen = new Set(model.frozen);
    this.losses = options.losses ?? [];
    for (const [name, { shape, role }] of model.tensors) {
      this.#layout.place(name, { shape, dtype: 'f32' });
      if (role !== 'parameter' || this.#frozen.has(name)) continue;
      for (const slot of hasOptimizer(options) ? updateSlots(options) : [])
        this.#layout.place(slotName(name, slot), { shape, dtype: 'f32' });
    }
    this.#store = backend.createStore(this.#layout.bytes);
    for (const [name, { data }] of model.tensors) {
      this.write(name, data);
      const average = slotName(name, AVERAGE);
      if (this.#layout.entries.has(average)) this.write(average, data);
    }
  }

  /** Names and shapes of everything that persists, optimizer slots included. */
  get persistent(): ReadonlyMap<string, { readonly shape: readonly number[] }> {
    return this.#layout.entries;
  }

  /** Sizes of the output `name` for one example. */
  outputShape(name: string): readonly number[] {
    return this.#model.outputShapes.get(name) ?? [];
  }

  write(name: string, data: Float32Array): void {
    this.#store.write(offsetIn(this.#layout, name), data);
  }

  read(name: string, target: Float32Array): void {
    this.#store.read(offsetIn(this.#layout, name), target);
  }

  /** Copies the trained weights, or their averages where those are kept, back into the model. */
  download(): void {
    const layout = this.#averages();
    for (const [name, { data }] of this.#model.tensors) this.#store.read(offsetIn(layout, name), data);
    this.#model.weightsChanged();
  }

  /** One training step, or one batch of a step that has more; undefined when the loss is not finite, in which case nothing
   * has changed. */
  train(batch: Batch, context: StepContext, completes = true): Promise<BatchResult | undefined> {
    return this.prepare(batch, completes).run(context);
  }

  /** The same in two parts, of which the first may be done while another step runs. */
  prepare(batch: Batch, completes = true): PreparedStep {
    const compiled = this.compiled(completes ? 'train' : 'accumulate', batch).atRest;
    const counts = this.#writeBatch(compiled, batch);
    const run = async (context: StepContext) => {
      this.#writeContext(compiled, context);
      return (await compiled.run()) ? this.#result(compiled, counts) : undefined;
    };
    return { run };
  }

  /** Losses and hits of `batch` in training mode, with the gradient of each parameter that influences the loss. */
  async gradients(
    batch: Batch,
    context: StepContext,
  ): Promise<{ readonly result: BatchResult; readonly gradients: Map<string, Float32Array> }> {
    const compiled = this.compiled('gradients', batch);
    const counts = this.#writeBatch(compiled, batch);
    this.#writeContext(compiled, context);
    await compiled.run();
    const gradients = new Map<string, Float32Array>();
    for (const [name, { data }] of this.#model.tensors) {
      const output = gradientTensor(name);
      if (compiled.plan.outputs[output] === undefined) continue;
      const values = new Float32Array(data.length);
      compiled.read(output, values);
      gradients.set(name, values);
    }
    return { result: this.#result(compiled, counts), gradients };
  }

  /** Losses and hits of `batch` in inference mode; what the outputs that have a loss give is written to `outputs`, where there
   * is memory for it. */
  async evaluate(batch: Batch, outputs: readonly (Float32Array | undefined)[]): Promise<BatchResult> {
    const compiled = this.compiled('evaluate', batch);
    const counts = this.#writeBatch(compiled, batch);
    await compiled.run();
    for (const [i, { output }] of this.losses.entries()) {
      const memory = outputs[i];
      if (memory) compiled.read(outputTensor(output), memory);
    }
    return this.#result(compiled, counts);
  }

  /** Writes what the network gives for `size` examples to `outputs`, in the order of the model's. */
  async predict(inputs: readonly Images[], size: number, outputs: readonly Float32Array[]): Promise<void> {
    const batch = { inputs, targets: [], size };
    const compiled = this.compiled('predict', batch);
    this.#writeBatch(compiled, batch);
    await compiled.run();
    for (const [i, { name }] of this.#model.architecture.outputs.entries())
      compiled.read(outputTensor(name), outputs[i] as Float32Array);
  }

  /** Every layer's output for `batch` in training mode, in order: for finding where numbers went bad. */
  async inspect(batch: Batch, context: StepContext): Promise<Map<string, Float32Array>> {
    const compiled = this.compiled('inspect', batch);
    this.#writeBatch(compiled, batch);
    this.#writeContext(compiled, context);
    await compiled.run();
    const { plan } = compiled;
    const names = Object.keys(plan.outputs);
    return new Map(
      names.map((name) => {
        const { shape } = plan.tensors[plan.outputs[name] as number] as { shape: readonly number[] };
        const values = new Float32Array(elementCount(shape));
        compiled.read(name, values);
        return [name, values];
      }),
    );
  }

  /** The plan for this kind of run, compiled when it is new. */
  compiled(kind: PlanKind, { inputs, size }: Pick<Batch, 'inputs' | 'size'>): CompiledPlan {
    const dtypes = inputs.map((values) => (values instanceof Uint8Array ? 'u8' : 'f32'));
    const key = `${kind} ${size} ${dtypes}`;
    const known = this.#plans.get(key);
    if (known) return known;
    const { builder, outputs } = this.#network(kind, { size, dtypes, plain: this.#plainInputs() });
    const { numerics = 'fast' } = this.#options;
    const layout = kind === 'evaluate' ? this.#averages() : this.#layout;
    const plan = compilePlan(builder.graph, { outputs, layout, numerics, keepAll: kind === 'inspect' });
    const compiled = new CompiledPlan(this.backend, this.#store, plan, builder.literals);
    if (this.#plans.size >= MAX_PLANS) this.#plans.delete(this.#plans.keys().next().value as string);
    this.#plans.set(key, compiled);
    return compiled;
  }

  #network(kind: PlanKind, batch: BatchSpec): Network {
    const source = { architecture: this.#model.architecture, frozen: this.#frozen };
    if (kind === 'predict') return predictionNetwork(source, batch);
    if (kind === 'inspect') return inspectionNetwork(source, batch);
    if (this.losses.length === 0) throw new Error('session: this kind of run needs a loss');
    if (kind === 'gradients') return gradientNetwork(source, batch, this.losses);
    if (kind === 'evaluate') return evaluationNetwork(source, batch, this.losses);
    if (!hasOptimizer(this.#options)) throw new Error('session: training needs an optimizer');
    return trainingNetwork(source, batch, this.losses, this.#options, kind === 'train');
  }

  /** Returns how many of each output's labels count. */
  #writeBatch(compiled: CompiledPlan, batch: Batch): number[] {
    for (const [i, { name }] of this.#model.architecture.inputs.entries())
      compiled.write(inputTensor(name), batch.inputs[i] as Images);
    return this.losses.map(({ output, loss }, i) => {
      const labels = batch.targets[i];
      if (labels) compiled.write(targetTensor(output), labels);
      return labels ? countLabels(labels, loss.ignoreIndex) : 0;
    });
  }

  #writeContext(compiled: CompiledPlan, context: StepContext): void {
    const { seed, step, accumulated = 0 } = context;
    const { accumulate = 1 } = this.#options;
    // Each batch of a step draws its own random numbers.
    compiled.write('step', Int32Array.of(seed, step * accumulate + accumulated));
    if (!hasOptimizer(this.#options)) return;
    for (const [name, values] of updateInputs(this.#options, context, Object.keys(compiled.plan.inputs)))
      compiled.write(name, values);
  }

  #result(compiled: CompiledPlan, counts: readonly number[]): BatchResult {
    const outputs = this.losses.map(({ output, loss }, i) => {
      const value = compiled.scalar(lossTensor(output));
      if (loss.metric !== 'accuracy') return { loss: value };
      const correct = compiled.scalar(correctTensor(output));
      return { loss: value, hits: { correct, of: counts[i] as number } };
    });
    return { loss: compiled.scalar('loss'), outputs };
  }

  /** Inputs with a scale of 1 and a shift of 0, as they are when the first plan is compiled. */
  #plainInputs(): ReadonlySet<string> {
    const holds = (name: string, value: number) => {
      const values = new Float32Array(elementCount(this.#layout.entries.get(name)?.shape ?? []));
      this.read(name, values);
      return values.every((other) => other === value);
    };
    this.#plain ??= new Set(
      this.#model.architecture.inputs
        .map(({ name }) => name)
        .filter((name) => holds(`${name}.scale`, 1) && holds(`${name}.shift`, 0)),
    );
    return this.#plain;
  }

  /** The layout in which a weight's name stands for its moving average, if there is one. */
  #averages(): StoreLayout {
    return this.#layout.renamed((name) => slotName(name, AVERAGE));
  }
}

/** How many labels count. */
function countLabels(labels: Labels, ignored: number | undefined): number {
  if (ignored === undefined) return labels.length;
  let count = 0;
  for (const label of labels) if (label !== ignored) count++;
  return count;
}

const hasOptimizer = (options: SessionOptions): options is SessionOptions & Update => options.optimizer !== undefined;

function offsetIn(layout: StoreLayout, name: string): number {
  const entry = layout.entries.get(name);
  if (!entry) throw new Error(`session: no tensor ${name}`);
  return entry.offset;
}
