// Predictions: any number of examples through a network in inference mode, some at a time.

import type { BackendOptions } from '../backend/backend.ts';
import { selectBackend } from '../backend/select.ts';
import { elementCount } from '../ops/op.ts';
import { integer, onlyKnown } from '../options.ts';
import { checkedInputs, type Inputs } from './batch.ts';
import type { Model } from './model.ts';
import { opsOf } from './network.ts';
import { Session } from './session.ts';

export interface PredictOptions extends BackendOptions {
  /** Examples per run. Default 64. */
  readonly batchSize?: number;
}

const PREDICT_BATCH = 64;

/** Keeps the session of the backend that was used last. */
export class Predictor {
  readonly #model: Model;
  #inference: { session: Session; key: string } | undefined;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Weights have changed. */
  forget(): void {
    this.#inference = undefined;
  }

  async run(caller: string, given: Inputs, options: PredictOptions): Promise<Record<string, Float32Array>> {
    onlyKnown(caller, options, ['batchSize', 'backend', 'threads', 'isa']);
    const { inputs, count } = checkedInputs(caller, given, this.#model.architecture);
    const batchSize = integer(caller, 'batchSize', options.batchSize ?? PREDICT_BATCH, 1);
    const session = this.#session(options);
    const outputs = [...this.#model.outputShapes].map(([name, shape]) => ({ name, size: elementCount(shape) }));
    const results = outputs.map(({ size }) => new Float32Array(count * size));
    for (let start = 0; start < count; start += batchSize) {
      const end = Math.min(start + batchSize, count);
      const part = inputs.map((values) =>
        values.subarray((start * values.length) / count, (end * values.length) / count),
      );
      const rows = outputs.map(({ size }, i) => (results[i] as Float32Array).subarray(start * size, end * size));
      await session.predict(part, end - start, rows);
    }
    return Object.fromEntries(outputs.map(({ name }, i) => [name, results[i] as Float32Array]));
  }

  #session(options: BackendOptions): Session {
    const key = JSON.stringify([options.backend, options.threads, options.isa]);
    if (this.#inference?.key !== key) {
      this.#inference = { key, session: new Session(this.#model, selectBackend(options, opsOf(this.#model)), {}) };
    }
    return this.#inference.session;
  }
}
