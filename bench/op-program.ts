// A few ops as a plan of their own, run through the same backends that train. A short op is repeated inside the plan, on
// the same memory, so that the asynchronous call around it does not count: 25 us, and 150 where idle virtual cores must
// be woken.
import type { Backend } from '../lib/backend/backend.ts';
import { Graph, type GraphTensor } from '../lib/graph/graph.ts';
import type { TypedArray } from '../lib/ops/op.ts';
import { compilePlan, type Numerics, type Plan } from '../lib/plan/plan.ts';
import { StoreLayout } from '../lib/plan/store-layout.ts';
import { fillInput, type InputSpec, type Work } from './bench-case.ts';

/** So long, roughly, should a call be. */
const CALL_SECONDS = 10e-3;
/** What an op is taken to reach when its repetitions are counted. */
const TYPICAL_FLOPS = 6e10;
const TYPICAL_BYTES = 1e10;
const MOST_REPETITIONS = 512;

export interface PreparedProgram {
  /** Of one repetition. */
  readonly work: Work;
  readonly repetitions: number;
  /** Runs every repetition. */
  run(): Promise<unknown>;
}

export class OpProgram {
  readonly graph = new Graph();
  readonly #inputs = new Map<string, InputSpec>();
  readonly #outputs: Record<string, GraphTensor> = {};

  /** A tensor that is written before the first run and not changed. */
  input(spec: InputSpec): GraphTensor {
    return this.#tensor('input', spec);
  }

  /** A tensor that ops change in place. */
  state(spec: InputSpec): GraphTensor {
    return this.#tensor('parameter', spec);
  }

  /** Keeps `tensors`, so that nothing is removed or fused because nobody reads it. */
  keep(tensors: readonly GraphTensor[]): void {
    for (const tensor of tensors) this.#outputs[`output${Object.keys(this.#outputs).length}`] = tensor;
  }

  compile(numerics: Numerics = 'fast'): { plan: Plan; layout: StoreLayout; work: Work } {
    const layout = new StoreLayout();
    const plan = compilePlan(this.graph, { outputs: this.#outputs, layout, numerics });
    const sum = (kind: keyof Work) => plan.ops.reduce((total, { cost }) => total + cost[kind], 0);
    return { plan, layout, work: { flops: sum('flops'), bytes: sum('bytes') } };
  }

  prepare(backend: Backend, numerics?: Numerics): PreparedProgram {
    const { plan, layout, work } = this.compile(numerics);
    const guess = Math.max(work.flops / TYPICAL_FLOPS, work.bytes / TYPICAL_BYTES);
    const repetitions = Math.min(MOST_REPETITIONS, Math.max(1, Math.round(CALL_SECONDS / guess)));
    const ops = Array.from({ length: repetitions }, () => plan.ops).flat();
    const store = backend.createStore(layout.bytes);
    const executable = backend.compile({ ...plan, ops }, store);
    let seed = 0;
    for (const [name, spec] of this.#inputs) {
      const data: TypedArray = fillInput(spec, seed++);
      const place = layout.entries.get(name);
      const tensor = plan.inputs[name];
      if (place) store.write(place.offset, data);
      else if (tensor !== undefined) executable.write(tensor, data);
    }
    return { work, repetitions, run: () => executable.run() };
  }

  #tensor(role: 'input' | 'parameter', spec: InputSpec): GraphTensor {
    const name = `input${this.#inputs.size}`;
    this.#inputs.set(name, spec);
    return this.graph.tensor(role, name, spec);
  }
}
