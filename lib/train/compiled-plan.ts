// A plan ready to run in a session's store, with its inputs and outputs by name.

import type { Backend, Executable, Store } from '../backend/backend.ts';
import type { TypedArray } from '../ops/op.ts';
import type { Plan } from '../plan/plan.ts';

export class CompiledPlan {
  readonly plan: Plan;
  readonly executable: Executable;
  readonly #again: () => CompiledPlan;
  #second: CompiledPlan | undefined;
  #running = false;

  /** `literals` are inputs that stay as they are. */
  constructor(backend: Backend, store: Store, plan: Plan, literals: ReadonlyMap<string, TypedArray>) {
    this.plan = plan;
    this.executable = backend.compile(plan, store);
    this.#again = () => new CompiledPlan(backend, store, plan, literals);
    for (const [name, values] of literals) this.write(name, values);
  }

  /** This one, or while it runs a second one with inputs and outputs of its own. */
  get atRest(): CompiledPlan {
    if (!this.#running) return this;
    this.#second ??= this.#again();
    return this.#second;
  }

  /** Writes an input that the plan reads; one that it does not has no place there. */
  write(name: string, data: TypedArray): void {
    const tensor = this.plan.inputs[name];
    if (tensor !== undefined) this.executable.write(tensor, data);
  }

  async run(): Promise<boolean> {
    this.#running = true;
    try {
      return await this.executable.run();
    } finally {
      this.#running = false;
    }
  }

  read(name: string, target: Float32Array): void {
    this.executable.read(this.plan.outputs[name] as number, target);
  }

  scalar(name: string): number {
    const value = new Float32Array(1);
    this.read(name, value);
    return value[0] as number;
  }
}
