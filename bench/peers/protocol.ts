// How a side of the comparison is spoken to: one JSON request a line on its stdin, one JSON answer a line on its stdout.
// bench/peers/peer_protocol.py speaks the same. A side ends when its stdin does, so none outlives the program.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Times } from '../timing.ts';
import type { Description } from './cases.ts';

export type Request =
  | { readonly do: 'hello' }
  | { readonly do: 'prepare'; readonly id: string; readonly case: Description; readonly mode: string }
  | { readonly do: 'sample'; readonly id: string; readonly seconds: number }
  | { readonly do: 'run'; readonly id: string; readonly calls: number }
  /** What the last run computed, where that is a prediction. */
  | { readonly do: 'output'; readonly id: string }
  /** The process's peak so far. */
  | { readonly do: 'memory' }
  | { readonly do: 'release' };

export interface Hello {
  readonly name: string;
  readonly version: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A case that one side has made ready. */
export interface Prepared {
  sample(seconds: number): Promise<Times>;
  run(): Promise<unknown>;
  readonly output?: () => Float32Array;
}

export interface Side {
  hello(): Hello;
  prepare(description: Description, mode: string): Promise<Prepared>;
}

/** Answers requests until stdin ends. */
export async function serve(side: Side): Promise<void> {
  const prepared = new Map<string, Prepared>();
  const find = (id: string): Prepared => {
    const found = prepared.get(id);
    if (!found) throw new Error(`nothing is prepared as ${id}`);
    return found;
  };
  const answer = async (request: Request): Promise<unknown> => {
    switch (request.do) {
      case 'hello':
        return side.hello();
      case 'prepare':
        prepared.set(request.id, await side.prepare(request.case, request.mode));
        return {};
      case 'sample':
        return find(request.id).sample(request.seconds);
      case 'run':
        for (let call = 0; call < request.calls; call++) await find(request.id).run();
        return {};
      case 'output':
        return { values: [...(find(request.id).output?.() ?? [])] };
      case 'memory':
        return { bytes: peakMemory() };
      case 'release':
        prepared.clear();
        (globalThis as { gc?: () => void }).gc?.();
        return {};
    }
  };
  for await (const line of createInterface({ input: process.stdin })) {
    let reply: unknown;
    try {
      reply = await answer(JSON.parse(line));
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

/** Most memory the process ever had, in bytes; Linux only. */
function peakMemory(): number {
  const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error('/proc/self/status has no VmHWM');
  return Number(kibibytes) * 1024;
}
