// SIGINT and SIGTERM: the first one asks the work to stop at the next step, the second ends the process at once.

import { constants } from 'node:os';

export type StopSignal = 'SIGINT' | 'SIGTERM';

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM'];

/** What a shell reports for a process that a signal ended: 130 and 143. */
export const exitCodeOf = (signal: StopSignal): number => 128 + constants.signals[signal];

export class StopRequest {
  readonly #controller = new AbortController();
  readonly #onFirst: (signal: StopSignal) => void;
  #received: StopSignal | undefined;

  constructor(onFirst: (signal: StopSignal) => void) {
    this.#onFirst = onFirst;
    for (const signal of SIGNALS) process.on(signal, this.#handle);
  }

  /** Aborted when the first signal has arrived. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get received(): StopSignal | undefined {
    return this.#received;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#handle);
  }

  readonly #handle = (signal: NodeJS.Signals): void => {
    if (this.#received !== undefined) process.exit(exitCodeOf(signal as StopSignal));
    this.#received = signal as StopSignal;
    this.#onFirst(this.#received);
    this.#controller.abort();
  };
}
