// A side of the comparison as a child process. All children end with this program, however it ends: they are killed on
// exit and signals, and one that is missed sees the end of its stdin.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Times } from '../timing.ts';
import type { Description } from './cases.ts';
import type { Hello, Request } from './protocol.ts';

const running = new Set<ChildProcessWithoutNullStreams>();

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
process.on('exit', killAll);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => process.exit(code));
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export class SideProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  #waiting: { resolve(reply: unknown): void; reject(error: Error): void } | undefined;
  #complaints = '';
  #ended: Error | undefined;

  constructor({ program, args, environment }: Command) {
    const child = spawn(program, args, { env: { ...process.env, ...environment } });
    this.#child = child;
    running.add(child);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      try {
        waiting?.resolve(JSON.parse(line));
      } catch {
        waiting?.reject(new Error(`${program} wrote '${line}' where an answer was expected`));
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    // A write to a child that has ended fails here and is reported by its end.
    child.stdin.on('error', () => {});
    child.on('error', (error) => this.#end(error));
    child.on('close', (code, signal) => {
      this.#end(new Error(`${program} ended with ${signal ?? code}: ${this.#complaints.trim()}`));
    });
  }

  /** -1 where it could not be started. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  hello(): Promise<Hello> {
    return this.#ask({ do: 'hello' });
  }

  async prepare(id: string, description: Description, mode: string): Promise<void> {
    await this.#ask({ do: 'prepare', id, case: description, mode });
  }

  sample(id: string, seconds: number): Promise<Times> {
    return this.#ask({ do: 'sample', id, seconds });
  }

  async run(id: string, calls: number): Promise<void> {
    await this.#ask({ do: 'run', id, calls });
  }

  async output(id: string): Promise<number[]> {
    const { values } = await this.#ask<{ values: number[] }>({ do: 'output', id });
    return values;
  }

  async peakMemory(): Promise<number> {
    const { bytes } = await this.#ask<{ bytes: number }>({ do: 'memory' });
    return bytes;
  }

  async release(): Promise<void> {
    await this.#ask({ do: 'release' });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask<Reply>(request: Request): Promise<Reply> {
    if (this.#ended) throw this.#ended;
    const reply = await new Promise<unknown>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    const { error } = reply as { error?: string };
    if (error !== undefined) throw new Error(error);
    return reply as Reply;
  }

  #end(error: Error): void {
    running.delete(this.#child);
    this.#ended ??= error;
    this.#waiting?.reject(this.#ended);
    this.#waiting = undefined;
  }
}
